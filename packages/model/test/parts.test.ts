/** K4 */
import { decode, encode, encodeParts } from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const sizes = [1, 15, 16, 17, 65_535, 65_536];
const all = Number.MAX_SAFE_INTEGER;

describe('what is packed in parts', () => {
  test.each(sizes)('has the bytes of a map with the list, for %d items in one part', (size) => {
    const items = Array.from({ length: size }, (_, number) => ({ number, name: `n${number}` }));
    const [plain, ...none] = encodeParts(['all'], items, all);
    expect(Buffer.compare(plain ?? new Uint8Array(), encode({ all: items }))).toBe(0);
    const [below] = encodeParts(['in', 'all'], items, all);
    expect(Buffer.compare(below ?? new Uint8Array(), encode({ in: { all: items } }))).toBe(0);
    expect(none).toEqual([]);
  });

  test('is the list again, whatever the items and however long the parts are', () => {
    const item = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.string({ unit: 'binary' }));
    const run = fc.property(fc.array(item), fc.integer({ min: 1, max: 300 }), (items, bytes) => {
      const carried = decode<unknown[]>(encode(items));
      const parts = [...encodeParts(['in', 'all'], carried, bytes)];
      const read = parts.flatMap((part) => decode<{ in: { all: unknown[] } }>(part).in.all);
      expect(read).toEqual(carried);
    });
    fc.assert(run, { numRuns: 200 });
  });

  test('is as many parts as its bytes ask for, and an item that is longer is one by itself', () => {
    const items = [10, 10, 10, 200, 10].map((length) => new Uint8Array(length));
    const parts = [...encodeParts(['all'], items, 30)];
    const lengths = parts.map((part) =>
      decode<{ all: Uint8Array[] }>(part).all.map(({ length }) => length),
    );
    expect(lengths).toEqual([[10, 10], [10], [200], [10]]);
    expect([...encodeParts(['all'], [], 30)]).toEqual([]);
  });
});
