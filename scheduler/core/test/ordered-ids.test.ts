import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderedIds } from '../src/ordered-ids.ts';

describe('ids in their order', () => {
  it('are those of a sorted list, whatever was added and deleted (I1)', () => {
    const id = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', 'z', '/') });
    const change = fc.record({ add: fc.boolean(), id });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 300 }), fc.array(id), (changes, filled) => {
        const ids = new OrderedIds();
        const list = new Set(filled);
        for (const one of list) ids.add(one);
        for (const { add, id: one } of changes) {
          if (add) ids.add(one);
          else ids.delete(one);
          if (add) list.add(one);
          else list.delete(one);
        }
        ids.check();
        const sorted = [...list].sort();
        expect([...ids.from('')]).toEqual(sorted);
        expect([...ids.from('b')]).toEqual(sorted.filter((one) => one >= 'b'));
        expect(ids.countBefore('b')).toBe(sorted.filter((one) => one < 'b').length);
        expect(sorted.every((one) => ids.has(one))).toBe(true);
        expect(ids.size).toBe(sorted.length);
      }),
    );
  });

  it('are a hundred thousand after one another without any being lost', () => {
    const ids = new OrderedIds();
    for (let n = 0; n < 100_000; n++) ids.add(`k${(n * 7_919) % 100_003}`);
    ids.check();
    expect(ids.size).toBe(100_000);
  });
});
