/** What turns and attempts say of how far they have come, as whoever looks sees it. */
import { actor, task, workflow } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const Reader = actor('Reader', {
  state: () => ({ pages: 0 }),
  methods: {
    async read(c) {
      c.progress(0.4, 'page 12');
      c.state.pages += await c.waitFor<number>('more');
      return c.state.pages;
    },
    tooFar(c) {
      c.progress(1.4);
    },
  },
});

const scan = task('scan', async (c) => {
  c.progress(0.25, 'first quarter');
  c.progress(0.5, 'half of it');
  return await c.actor(Reader, 'gate').read();
});

const scanning = workflow('scanning', (w, input: null) => w.task('scan', scan, input));

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start({ bundle: { Reader, scan, scanning } });
});

afterEach(async () => {
  await cluster.stop();
});

describe('progress', () => {
  test('of a turn is seen with its actor while the turn goes on, and not after it', async () => {
    const troupe = cluster.connect();
    const reading = troupe.actor(Reader, 'a').read();
    await cluster.advance('2s');
    const shown = await troupe.actors.show(Reader, 'a');
    const progress = { share: 0.4, text: 'page 12', agoMs: expect.any(Number) };
    expect(shown?.activity).toEqual({
      inMemory: true,
      queued: 0,
      turn: { method: 'read', progress },
    });
    await troupe.signal(Reader, 'a', 'more', 3);
    expect(await reading).toBe(3);
    const after = (await troupe.actors.show(Reader, 'a'))?.activity;
    expect(after).toMatchObject({ inMemory: true, queued: 0, use: { turns: 1 } });
    expect(after?.turn).toBeUndefined();
  });

  test('of a task and of a block is seen with them, the last word', async () => {
    const troupe = cluster.connect();
    const run = await troupe.start(scanning, null);
    await cluster.advance('2s');
    const progress = { share: 0.5, text: 'half of it', agoMs: expect.any(Number) };
    const { tasks } = await troupe.tasks({ activity: true });
    expect(tasks).toMatchObject([{ name: 'scan', state: 'running', progress }]);
    const { blocks } = await run.view(0, { activity: true });
    expect(blocks).toMatchObject([{ block: 'scan', state: 'running', progress }]);
    expect((await run.view()).blocks[0]?.progress).toBeUndefined();
    await troupe.signal(Reader, 'gate', 'more', 7);
    expect(await run.result()).toBe(7);
  });

  test('outside of 0 to 1 is refused', async () => {
    const late = cluster.connect().actor(Reader, 'a').tooFar();
    await expect(late).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
