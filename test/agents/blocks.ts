/** A workflow whose blocks call actors by their tasks; `folder` is where it leaves its traces. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { actor, type Ref, task, workflow } from '@troupe/sdk';

/** Remembers each call by its id. */
export const Shelf = actor('Shelf', {
  state: () => ({ calls: [] as string[] }),
  methods: {
    put(c) {
      c.state.calls.push(c.callId);
      return c.callId;
    },
    /** Is at work until the test says so. */
    async hold(c, folder: string) {
      await c.step('hold', async () => {
        writeFileSync(join(folder, 'holding'), '');
        while (!existsSync(join(folder, 'go'))) await pause(20);
      });
      c.state.calls.push(c.callId);
      return c.callId;
    },
  },
  reads: { calls: (c) => [...c.state.calls] },
});

const small = { resources: { cpu: 0.01 } };

/** Puts so many, and answers the ids of its calls. */
export const put = task(
  'put',
  async (c, { shelf, times }: { shelf: string; times: number }) => {
    const ids: string[] = [];
    for (let time = 0; time < times; time++) ids.push(await c.actor(Shelf, shelf).put());
    return ids;
  },
  small,
);

export const idle = task('idle', () => 'no call', small);

type Input = Ref<{ folder: string; shelves: string[] }>;

export const stock = workflow('stock', (w, { folder, shelves }: Input) => {
  const early = w.task('early', put, { shelf: 'near', times: 1 });
  const opened = w.pause('open', 'go on?', { after: [early] });
  const each = w.each('each', shelves, put, (shelf) => ({ shelf, times: 2 }), { after: [opened] });
  const one = w.call('one', Shelf, 'near', 'put', [], { after: [each] });
  const none = w.task('none', idle, undefined, { after: [each] });
  const held = w.call('held', Shelf, 'far', 'hold', [folder], { after: [one, none] });
  return { early, each, one, held };
});
