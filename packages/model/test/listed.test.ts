/** K4 */
import { encode, encodeListed, Listed, opened } from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const listed = <T>(items: readonly T[]) => new Listed(items.length, () => items);
const sizes = [0, 1, 15, 16, 17, 65_535, 65_536];

describe('what is packed item by item', () => {
  test.each(sizes)('has the bytes of the same with arrays, for %d items', (size) => {
    const items = Array.from({ length: size }, (_, number) => ({ number, name: `n${number}` }));
    const rest = { format: 1, empty: [], nothing: null, some: new Uint8Array([1, 2]) };
    const bytes = encodeListed({
      ...rest,
      all: listed(items),
      in: { lost: 3, all: listed(items) },
    });
    const plain = { ...rest, all: items, in: { lost: 3, all: items } };
    expect(Buffer.compare(bytes, encode(plain))).toBe(0);
  });

  test('has the bytes of the same with arrays, whatever the items are', () => {
    const long = fc.constantFrom(
      new Uint8Array(65_535),
      new Uint8Array(65_537),
      new Uint8Array(200_000),
    );
    const item = fc.oneof(
      { arbitrary: long, weight: 1 },
      { arbitrary: fc.jsonValue({ maxDepth: 3 }), weight: 9 },
      { arbitrary: fc.uint8Array(), weight: 9 },
      { arbitrary: fc.string({ unit: 'binary' }), weight: 9 },
    );
    const fields = fc.dictionary(fc.string({ minLength: 1 }), fc.array(item), { maxKeys: 40 });
    const run = fc.property(fields, fields, (top, below) => {
      const unopened = (of: Record<string, readonly unknown[]>) =>
        Object.fromEntries(Object.entries(of).map(([name, items]) => [name, listed(items)]));
      const bytes = encodeListed({ ...unopened(top), $: { ...unopened(below), $: below } });
      expect(Buffer.compare(bytes, encode({ ...top, $: { ...below, $: below } }))).toBe(0);
    });
    fc.assert(run, { numRuns: 30 });
  });

  test('is refused when a list holds more than it says', () => {
    expect(() => encodeListed({ all: new Listed(2, () => [1, 2, 3]) })).toThrow('K4');
  });

  test('opens into the same with arrays', () => {
    const fields = { format: 1, all: listed([1, 2]), in: { lost: 3, all: listed(['a']) } };
    expect(opened(fields)).toEqual({ format: 1, all: [1, 2], in: { lost: 3, all: ['a'] } });
  });
});
