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

/** Letters to a door and to a gate are tried without a bound: their sender says so, or the gate does. */
const Gate = actor('Gate', {
  state: () => ({ opened: [] as string[] }),
  methods: {
    knock(c, name: string, failures: number) {
      c.state.opened.push(opensAfter(name, failures));
    },
  },
  reads: { opened: (c) => [...c.state.opened] },
  letters: { methods: { knock: { retries: 'unlimited', backoffMs: 0 } } },
});
const Porter = actor('Porter', {
  state: () => ({}),
  methods: {
    rings(c, said: boolean) {
      const options = said ? ({ retries: 'unlimited', backoffMs: [0, 5_000] } as const) : {};
      c.send(Gate, said ? 'said' : 'declared', options).knock(said ? 'said' : 'declared', 1_005);
      c.send(Gate, said ? 'said' : 'declared', options).knock('next', 0);
    },
  },
});

let cluster: TestCluster;

beforeEach(async () => {
  tries.clear();
  cluster = await TestCluster.start({ bundle: { Door, Gate, Porter, knock, once, knocking } });
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

test.each([
  ['declared', false],
  ['said', true],
] as const)(
  'a letter without a bound (%s) is tried until it ends well, and the next one waits',
  async (name, said) => {
    const troupe = cluster.connect({ deadlineMs: 300_000 });
    await troupe.actor(Porter, 'p').rings(said);
    // A second apart at least, though its waits say less.
    await cluster.advance('10s');
    expect(tries.get(name)).toBeLessThan(12);
    await cluster.crash('scheduler');
    await cluster.advance('2h');
    const opened = await troupe.actor(Gate, name).opened();
    expect(opened).toEqual([`${name} at 1006`, 'next at 1']);
    expect((await troupe.deadLetters({ type: 'Gate' })).actors).toEqual([]);
  },
);

test('a step without a bound ends with the time limit of its turn', async () => {
  const never = cluster.connect().actor(Door, 'b').never();
  await expect(never).rejects.toMatchObject({ code: 'TIME_LIMIT' });
  expect(tries.get('never')).toBeLessThan(20);
});
