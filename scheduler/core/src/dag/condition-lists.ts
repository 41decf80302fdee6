/**
 * Lists that a condition makes: `map` and `filter` add one item after the other. The library's own sum is a list
 * of two lists, which after a few thousand sums can be gone through neither fast nor at all. Here the items lie
 * in one array, which a sum makes longer where nothing was added to it before; each list knows how many are its.
 */
import { CelScalar, celFunc, type celList, listType } from '@bufbuild/cel';

type CelList = ReturnType<typeof celList>;
type Item = CelList extends Iterable<infer I> ? I : never;

const list = listType(CelScalar.DYN);

/** The sum of two lists. */
export const listSum = celFunc('_+_', [list, list], list, (left, right) => {
  const grown: unknown = left;
  const isLast = grown instanceof Grown && grown.items.length === grown.size;
  const items = isLast ? grown.items : [...left];
  for (const item of right) items.push(item);
  return new Grown(items, items.length) as unknown as CelList;
});

/** By this the library knows a list. */
const listMark = Symbol.for('@bufbuild/cel/list');

class Grown {
  readonly [listMark] = {};
  readonly items: Item[];
  readonly size: number;

  constructor(items: Item[], size: number) {
    this.items = items;
    this.size = size;
  }

  get(index: number): Item | undefined {
    return index >= 0 && index < this.size ? this.items[index] : undefined;
  }

  *values(): IterableIterator<Item> {
    for (let index = 0; index < this.size; index++) yield this.items[index] as Item;
  }

  [Symbol.iterator](): IterableIterator<Item> {
    return this.values();
  }
}
