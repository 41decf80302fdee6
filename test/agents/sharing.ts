/** Actors that share few permits; who is at work leaves a line in a file when it begins and ends. */
import { appendFileSync } from 'node:fs';
import { actor, Semaphore, withPermit } from '@troupe/sdk';

export { Semaphore };

export const Worker = actor('Worker', {
  state: () => ({ done: [] as string[] }),
  waitsMs: 600_000,
  methods: {
    async work(c, id: string, file: string) {
      await withPermit(c, 'few', 2, async () => {
        await c.step('begins', () => appendFileSync(file, `begins ${id}\n`));
        await c.waitFor('enough', { limitMs: 300 }).catch(() => undefined);
        await c.step('ends', () => appendFileSync(file, `ends ${id}\n`));
      });
      c.state.done.push(id);
      return c.state.done.length;
    },
  },
  reads: { done: (c) => [...c.state.done] },
});
