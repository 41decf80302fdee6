import {
  type ActorId,
  actorId,
  clockChanges,
  compareClocks,
  emptyClock,
  isTracked,
  limits,
  mergeClocks,
  tickClock,
  untrackedClock,
  type VectorClock,
  withoutEnded,
} from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const actors = ['t/A/1', 't/A/2', 't/B/1'] as ActorId[];
const actor = fc.constantFrom(...actors);
const clock: fc.Arbitrary<VectorClock> = fc
  .uniqueArray(fc.tuple(actor, fc.integer({ min: 1, max: 5 })), { selector: ([id]) => id })
  .map((entries) => Object.fromEntries(entries));

const mirrored = { equal: 'equal', before: 'after', after: 'before', concurrent: 'concurrent' };

describe('a vector clock', () => {
  test('C2: merges the same way whatever the order and however often', () => {
    fc.assert(
      fc.property(clock, clock, clock, (a, b, c) => {
        expect(mergeClocks(a, b)).toEqual(mergeClocks(b, a));
        expect(mergeClocks(mergeClocks(a, b), c)).toEqual(mergeClocks(a, mergeClocks(b, c)));
        expect(mergeClocks(a, a)).toBe(a);
        expect(mergeClocks(a, emptyClock)).toBe(a);
      }),
    );
  });

  test('C1: never goes back in any component, by merging or by a turn', () => {
    fc.assert(
      fc.property(clock, clock, actor, (a, b, id) => {
        const merged = mergeClocks(a, b);
        const ticked = tickClock(merged, id, (merged[id] ?? 0) + 1);
        for (const each of actors) {
          expect(merged[each] ?? 0).toBe(Math.max(a[each] ?? 0, b[each] ?? 0));
          expect(ticked[each] ?? 0).toBe((merged[each] ?? 0) + (each === id ? 1 : 0));
        }
        expect(compareClocks(merged, ticked)).toBe('before');
      }),
    );
  });

  test('is made whole again by what another one adds to it', () => {
    fc.assert(
      fc.property(clock, clock, (a, b) => {
        expect(mergeClocks(a, clockChanges(a, b))).toEqual(mergeClocks(a, b));
      }),
    );
  });

  test('C3: says that it is not tracked any more when its scope has grown too large', () => {
    let large: VectorClock = emptyClock;
    for (let n = 0; n < limits.clockActorsMax; n++) {
      large = tickClock(large, actorId('default', 'Many', String(n)), 1);
    }
    expect(isTracked(large)).toBe(true);
    const larger = tickClock(large, actorId('default', 'Many', 'one more'), 1);
    expect(isTracked(larger)).toBe(false);
    expect(mergeClocks(emptyClock, clockChanges(emptyClock, larger))).toBe(untrackedClock);
    expect(tickClock(larger, actorId('default', 'Many', '0'), 9)).toBe(untrackedClock);
  });

  test('forgets of actors that have ended what is known up to their ends, and nothing else', () => {
    fc.assert(
      fc.property(clock, clock, (a, ended) => {
        const left = withoutEnded(a, ended);
        for (const each of actors) {
          const [known, end] = [a[each], ended[each] ?? 0];
          expect(left[each]).toBe(known !== undefined && known > end ? known : undefined);
        }
        expect(withoutEnded(left, ended)).toBe(left);
        expect(withoutEnded(untrackedClock, ended)).toBe(untrackedClock);
      }),
    );
  });

  test('is not changed by what is made of it', () => {
    fc.assert(
      fc.property(clock, clock, actor, (a, b, id) => {
        const before = { ...a };
        mergeClocks(a, b);
        tickClock(a, id, 99);
        withoutEnded(a, b);
        expect(a).toEqual(before);
      }),
    );
  });

  test('orders two pasts alike from both sides, and knows when neither saw the other', () => {
    fc.assert(
      fc.property(clock, clock, (a, b) => {
        const order = compareClocks(a, b);
        expect(compareClocks(b, a)).toBe(mirrored[order]);
        const merged = mergeClocks(a, b);
        const aHasAll = compareClocks(merged, a) === 'equal';
        const bHasAll = compareClocks(merged, b) === 'equal';
        expect(order === 'equal').toBe(aHasAll && bHasAll);
        expect(order === 'after').toBe(aHasAll && !bHasAll);
        expect(order === 'concurrent').toBe(!aHasAll && !bHasAll);
      }),
    );
  });
});
