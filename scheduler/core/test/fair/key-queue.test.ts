import fc from 'fast-check';
import { expect, it } from 'vitest';
import { furtherPlacesApart, type Places, placesApart } from '../../src/fair/key-heap.ts';
import { KeyQueue } from '../../src/fair/key-queue.ts';

const itemMax = 3_000;
/** Items have numbers from 0 on, and from -2 down. */
const itemOf = (number: number) => (number % 3 === 0 ? -2 - number : number);

/** What the queue is to do, by a look at all each time. */
class Naive {
  readonly keys = new Map<number, number>();
  get first(): number {
    let [first, least] = [-1, Number.POSITIVE_INFINITY];
    for (const [item, key] of this.keys) {
      if (key < least || (key === least && item < first)) [first, least] = [item, key];
    }
    return first;
  }
}

function made() {
  const places: Places = {
    at: new Int32Array(placesApart * itemMax),
    further: new Int32Array(furtherPlacesApart * itemMax),
  };
  const touched: number[] = [];
  const queue = new KeyQueue(places, (entries, count) => {
    for (let i = 0; i < count; i++) touched.push(entries[2 * i + 1] ?? Number.NaN);
  });
  return { queue, touched };
}

/** Many of one kind at a time, so that the queue grows past what its front takes, and shrinks again. */
const burst = fc.record({
  kind: fc.constantFrom('push', 'push', 'remove', 'serve', 'serve', 'moved', 'take'),
  count: fc.integer({ min: 1, max: 500 }),
  from: fc.nat(itemMax - 1),
  /** Of keys: how far they lie apart, and how many are equal. */
  spread: fc.constantFrom(0, 1e-9, 1, 100, 1e12),
  steps: fc.constantFrom(1, 3, 1_000),
  base: fc.constantFrom(-50, 0, 1, 1e6),
});

it('the least key is first, of equal ones the least item, whatever came, moved and left', () => {
  fc.assert(
    fc.property(fc.array(burst, { maxLength: 25, size: 'max' }), (bursts) => {
      const { queue } = made();
      const naive = new Naive();
      for (const { kind, count, from, spread, steps, base } of bursts) {
        for (let i = 0; i < count; i++) {
          const item = itemOf((from + i * 7) % itemMax);
          const key = base + (spread * ((i * 7_919) % steps)) / steps;
          if (kind === 'push' && !naive.keys.has(item)) {
            queue.push(item, key);
            naive.keys.set(item, key);
          } else if (kind === 'moved' && naive.keys.has(item)) {
            queue.moved(item, key);
            naive.keys.set(item, key);
          } else if (kind === 'remove' && naive.keys.has(item)) {
            queue.remove(item);
            naive.keys.delete(item);
          } else if (kind === 'take' && queue.size > 0) {
            naive.keys.delete(queue.first);
            queue.removeFirst();
          } else if (kind === 'serve' && queue.size > 0) {
            // Another in its place, or itself with a later key.
            const first = queue.first;
            const other = naive.keys.has(item) ? first : item;
            const later = queue.firstKey + key - base;
            naive.keys.delete(first);
            queue.replaceFirst(other, later);
            naive.keys.set(other, later);
          }
          if (i % 5 === 0) expect(queue.first).toBe(naive.first);
        }
        expect(queue.size).toBe(naive.keys.size);
        expect(queue.firstKey).toBe(naive.keys.get(queue.first) ?? Number.POSITIVE_INFINITY);
      }
      const order = [...naive.keys].sort(([a, x], [b, y]) => x - y || a - b).map(([item]) => item);
      for (const item of order) {
        expect(queue.first).toBe(item);
        queue.removeFirst();
      }
      expect([queue.size, queue.first]).toEqual([0, -1]);
    }),
    { numRuns: 100 },
  );
});

it('whose turn is near was touched before it comes, once', () => {
  const { queue, touched } = made();
  for (let item = 0; item < 2_000; item++) queue.push(item, (item * 7_919) % 2_003);
  const near = new Set<number>();
  let first = 0;
  for (; queue.size > 0; first++) {
    for (const item of touched.splice(0)) {
      expect(near.has(item)).toBe(false);
      near.add(item);
    }
    // Those of the first front were in it from the beginning.
    if (first > 600) expect(near).toContain(queue.first);
    queue.removeFirst();
  }
  expect(near.size).toBeGreaterThan(1_400);
});

it('a few who come near again and again do not have all others laid out anew each time', () => {
  const [far, near, rounds] = [20_000, 1_000, 15];
  let written = 0;
  const at = new Proxy(new Int32Array(placesApart * (far + near)), {
    set(target, index, place) {
      written++;
      return Reflect.set(target, index, place);
    },
  });
  const queue = new KeyQueue({ at, further: new Int32Array(0) }, () => undefined);
  for (let item = 0; item < far; item++) queue.push(item, item / far);
  written = 0;
  for (let round = 0; round < rounds; round++) {
    for (let one = 0; one < near; one++) queue.push(far + one, -1 + (0.5 * one) / near);
    for (let one = 0; one < near; one++) queue.removeFirst();
  }
  // A heap of so many writes a few places for each that comes or goes.
  expect(written / (2 * rounds * near)).toBeLessThan(8);
});
