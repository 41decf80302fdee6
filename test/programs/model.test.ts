/** What random programs come to is told from everything else. */
import { expect, test } from 'vitest';
import { comesTo, differences, isDone, type Kept, type Told } from './model.ts';
import type { Errand, Part } from './program.ts';

const done: Told = { kind: 'done' };

const errand = (id: string, agent: number, ...parts: readonly Part[]): Errand => ({
  agent,
  program: { id, parts },
  signals: [],
});

/** Agent 0 writes, calls agent 1 and sends to it, once at once and once later. */
const first = errand(
  'a',
  0,
  ['write', 3],
  ['call', 1, { id: 'a.1', parts: [['write', 2]] }, false],
  ['send', 1, { id: 'a.2', parts: [] }, 0],
  ['send', 1, { id: 'a.3', parts: [] }, 50],
);
const second = errand('b', 0, ['send', 1, { id: 'b.0', parts: [['wait', 'b.0.0']] }, 0]);
/** Fails after its call, and has sent nothing. */
const failing = errand(
  'c',
  0,
  ['send', 1, { id: 'c.0', parts: [] }, 0],
  ['call', 1, { id: 'c.1', parts: [] }, true],
  ['step', 'c.2', 3, 2],
);

const outcomes = [first, second, failing].map((one) => ({
  errand: one,
  told: isDone(one) ? done : ({ kind: 'failed' } as const),
}));

function differing(zero: Kept, one: Kept): readonly string[] {
  return differences(
    comesTo(outcomes),
    new Map([
      ['agent-0', zero],
      ['agent-1', one],
    ]),
  );
}

const zero: Kept = { ids: ['a', 'b'], sum: 3 };
const one: Kept = { ids: ['a.1', 'c.1', 'a.2', 'b.0', 'a.3'], sum: 2 };

test('what was done is there once, in the order of its senders; what is delayed keeps none', () => {
  expect(isDone(failing)).toBe(false);
  expect(differing(zero, one)).toEqual([]);
  expect(differing(zero, { ...one, ids: ['a.1', 'a.3', 'a.2', 'b.0', 'c.1'] })).toEqual([]);
});

test.each<[string, Kept, Kept, string]>([
  ['a letter is lost', zero, { ...one, ids: ['a.1', 'c.1', 'b.0', 'a.3'] }, 'agent-1 lacks a.2'],
  [
    'a delayed letter is lost',
    zero,
    { ...one, ids: ['a.1', 'c.1', 'a.2', 'b.0'] },
    'agent-1 lacks a.3',
  ],
  ['a call is doubled', { ids: ['a', 'b', 'a'], sum: 6 }, one, 'agent-0 applied a 2 times'],
  [
    'what failed has sent',
    zero,
    { ...one, ids: [...one.ids, 'c.0'] },
    'agent-1 applied c.0, which it must not',
  ],
  [
    'letters change places',
    zero,
    { ...one, ids: ['a.1', 'c.1', 'b.0', 'a.2', 'a.3'] },
    'agent-1 applied letters of agent-0 in another order than they were sent',
  ],
  ['a write is lost', { ...zero, sum: 0 }, one, 'agent-0 has 0, and what it applied wrote 3'],
])('it is noticed when %s', (_what, agent0, agent1, difference) => {
  expect(differing(agent0, agent1)).toEqual([difference]);
});

test('what nobody knows of may be there or not, and once at most', () => {
  const unknown = [{ errand: first, told: { kind: 'unknown' } as const }];
  const kept = (ids: readonly string[], sum: number) =>
    differences(comesTo(unknown), new Map([['agent-0', { ids, sum }]]));
  expect(kept([], 0)).toEqual([]);
  expect(kept(['a'], 3)).toEqual([]);
  expect(kept(['a', 'a'], 6)).toEqual(['agent-0 applied a 2 times']);
});
