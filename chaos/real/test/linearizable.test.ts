/** The search for an order, with histories that have one and histories that have none. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { linearizable } from '../src/checkers/linearizable.ts';
import type { Operation } from '../src/history/history.ts';
import { final, operations } from './histories.ts';

const breaks = (history: readonly Operation[], last: unknown) =>
  linearizable('p', { operations: history, finals: [final('k', last)] }).findings;

const at = (from: number, until: number) => ({ from, until });
const read = (id: string, output: number, when = {}) => ({ id, action: 'read', output, ...when });
const write = (id: string, to: number, when = {}) => ({
  id,
  action: 'write',
  input: { to },
  ...when,
});

it('operations one after another have their order', () => {
  const swap = { id: 'c', action: 'swap', input: { from: 1, to: 2 }, output: true };
  const history = operations('k', read('a', 0), write('b', 1), swap, read('d', 2));
  expect(breaks(history, 2)).toEqual([]);
});

it('concurrent operations may have any order', () => {
  const history = operations(
    'k',
    write('a', 1, at(0, 100)),
    write('b', 2, at(0, 100)),
    read('c', 2, at(10, 20)),
    read('d', 1, at(30, 40)),
  );
  expect(breaks(history, 1)).toEqual([]);
});

it('a stale read is found out, with the operations that show it', () => {
  const history = operations('k', write('a', 1), read('b', 0), write('c', 3), read('d', 3));
  expect(breaks(history, 3)).toMatchObject([{ kind: 'out-of-order', operations: ['a', 'b'] }]);
});

it('two swaps that both won from one value are found out', () => {
  const swap = { action: 'swap', input: { from: 0, to: 1 }, output: true };
  const history = operations(
    'k',
    { id: 'a', ...swap, ...at(0, 9) },
    { id: 'b', ...swap, ...at(0, 9) },
  );
  expect(breaks(history, 1)).toHaveLength(1);
});

it('a swap that was refused although the value was there is found out', () => {
  const swap = { id: 'a', action: 'swap', input: { from: 0, to: 1 }, output: false };
  expect(breaks(operations('k', swap), 0)).toHaveLength(1);
});

it('an unknown write may take effect late, or never, but not before it was asked', () => {
  const lost = { ...write('a', 7, at(10, 15)), outcome: 'unknown' as const };
  const early = operations('k', read('r', 7, at(0, 5)), lost);
  const late = operations('k', lost, read('r', 0, at(20, 25)), read('s', 7, at(30, 35)));
  expect(breaks(late, 7)).toEqual([]);
  expect(breaks(early, 7)).toHaveLength(1);
});

it('an acknowledged write that vanishes is found out', () => {
  const history = operations('k', write('a', 7), read('b', 7), read('c', 0));
  expect(breaks(history, 0)).toHaveLength(1);
});

it('an acknowledged write that nobody read is found out when it is not there at the end', () => {
  const history = operations('k', write('a', 7), write('b', 8));
  expect(breaks(history, 8)).toEqual([]);
  expect(breaks(history, 7)).toMatchObject([{ operations: ['a', 'b', 'the last read'] }]);
  expect(breaks(history, undefined)).toMatchObject([{ what: 'its final state was not read' }]);
});

it('whatever a real register answers has an order', () => {
  const step = fc.record({
    action: fc.constantFrom('read', 'write', 'swap'),
    from: fc.integer({ min: 0, max: 2 }),
    to: fc.integer({ min: 0, max: 2 }),
    early: fc.integer({ min: 0, max: 30 }),
    late: fc.integer({ min: 0, max: 30 }),
    told: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let value = 0;
      const history = steps.map(({ action, from, to, early, late, told }, index) => {
        const output = action === 'read' ? value : action === 'swap' ? value === from : null;
        if (action === 'write' || (action === 'swap' && value === from)) value = to;
        const moment = index * 10;
        const outcome = told ? ('ok' as const) : ('unknown' as const);
        const when = at(moment - early, moment + late);
        return { id: `o${index}`, action, input: { from, to }, output, outcome, ...when };
      });
      const real = operations('k', ...history);
      expect(real.length === 0 ? [] : breaks(real, value)).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
