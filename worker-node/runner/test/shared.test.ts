/** Several tenants in one runner process. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureText, RunnerProcess, replyOf } from './harness.ts';

const bundle = `
export const Busy = actor('Busy', {
  state: () => 0,
  methods: {
    holds(c, ms) { const to = performance.now() + ms; while (performance.now() < to); return ++c.state; },
  },
  reads: {
    looks(c, ms) { const to = performance.now() + ms; while (performance.now() < to); return c.state; },
  },
});
`;

let runner: RunnerProcess;
beforeAll(async () => {
  runner = await RunnerProcess.start(bundle);
  await runner.next('loaded');
});
afterAll(() => runner.stop());

const busy = (tenant: string, key: string) =>
  runner.activate('Busy', key, undefined, [], {}, tenant);

test.each([false, true])(
  'a tenant waits for a few of the turns and reads that another has there, not for all (reads: %s)',
  async (read) => {
    const method = read ? 'looks' : 'holds';
    const crowd = await Promise.all(
      Array.from({ length: 100 }, (_, i) => busy('crowd', `${method}${i}`)),
    );
    const lone = await busy('lone', method);
    const theirs = crowd.map((actor) => runner.turn(actor, method, [10], { read }));
    const own = runner.turn(lone, method, [1], { read });
    const ended: number[] = [];
    await Promise.all(
      [...theirs, own].map(async (work) => {
        const { outcome } = await runner.done(work);
        replyOf(outcome);
        ended.push(work);
      }),
    );
    expect(ended).toHaveLength(101);
    // Some were begun before its frame was there.
    expect(ended.indexOf(own)).toBeLessThan(50);
    expect(ended.filter((work) => work !== own)).toEqual(theirs);
  },
);

test.each([false, true])(
  'what waits for its turn there is cancelled before it begins (read: %s)',
  async (read) => {
    const method = read ? 'looks' : 'holds';
    const actor = await busy('crowd', `cancelled-${method}`);
    const other = await busy('crowd', `other-${method}`);
    const first = runner.turn(actor, method, [200], { read });
    const second = runner.turn(other, method, [200], { read });
    const third = runner.turn(actor, method, [1], { read });
    runner.send({ kind: 'cancel', work: third });
    expect(failureText((await runner.done(third)).outcome)).toMatch(
      new RegExp(`^CANCELLED: ${read ? 'read' : 'turn'} Busy/.* was cancelled before it began`),
    );
    for (const work of [first, second]) replyOf((await runner.done(work)).outcome);
  },
);

test('a read that was sent after a turn of its actor sees it, also when both had to wait', async () => {
  const actor = await busy('crowd', 'ordered');
  const before = runner.turn(await busy('crowd', 'before'), 'holds', [100]);
  const turn = runner.turn(actor, 'holds', [0]);
  const read = runner.turn(actor, 'looks', [0], { read: true });
  expect(replyOf((await runner.done(read)).outcome)).toBe(1);
  for (const work of [before, turn]) replyOf((await runner.done(work)).outcome);
});
