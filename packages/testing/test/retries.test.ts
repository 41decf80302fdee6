/** What is tried again without a bound, in a test cluster. */
import { actor, task, workflow } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** How often each was tried. */
const tries = new Map<string, number>();

function opensAfter(name: string, failures: number): string {
  const count = (tries.get(name) ?? 0) + 1;
  tries.set(name, count);
  if (count <= failures) throw new Error(`${name} is shut`);
  return `${name} at ${count}`;
}

const knock = task('knock', () => opensAfter('task', 30), { retries: 'unlimited', backoffMs: 0 });
const once = task('once', () => opensAfter('block', 30), { retries: 0 });
const knocking = workflow('knocking', (w, input: null) =>
  w.task('knock', once, input, { retries: 'unlimited', backoffMs: 1_000 }),
);
const Door = actor('Door', {
  state: () => ({}),
  turnLimitMs: 600_000,
  methods: {
    open: (c) =>
      c.step('knock', () => opensAfter('step', 30), { retries: 'unlimited', backoffMs: 1_000 }),
    never: (c) =>
      c.step('knock', () => opensAfter('never', 1_000), {
        retries: 'unlimited',
        backoffMs: 60_000,
      }),
  },
});

let cluster: TestCluster;

beforeEach(async () => {
  tries.clear();
  cluster = await TestCluster.start({ bundle: { Door, knock, once, knocking } });
});

afterEach(async () => {
  await cluster.stop();
});

test('a task, a block and a step without a bound are tried until they end well', async () => {
  const troupe = cluster.connect({ deadlineMs: 300_000 });
  const opened = [
    troupe.task(knock, undefined),
    troupe.start(knocking, null).then((run) => run.result()),
    troupe.actor(Door, 'a').open(),
  ];
  await cluster.advance('20s');
  await cluster.crash('scheduler');
  await cluster.advance('2m');
  expect(await Promise.all(opened)).toEqual(['task at 31', 'block at 31', 'step at 31']);
});

test('a step without a bound ends with the time limit of its turn', async () => {
  const never = cluster.connect().actor(Door, 'b').never();
  await expect(never).rejects.toMatchObject({ code: 'TIME_LIMIT' });
  expect(tries.get('never')).toBeLessThan(20);
});
