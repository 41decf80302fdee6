/**
 * A binary heap whose items know their place in it, so that any item moves or leaves in O(log n).
 *
 * H1  an item's `slot` is its index in the heap, or -1 when it is in none.
 */
import { assert } from '@troupe/model';

export interface HeapItem {
  /** Written by the heap alone. */
  slot: number;
}

interface Seen<T> extends HeapItem {
  readonly item: T;
}

export class Heap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #before: (left: T, right: T) => boolean;

  /** `before` must be a strict total order, or the order of pops depends on history. */
  constructor(before: (left: T, right: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  /** The first in order that is wanted: looks at those before it and at what is next to them. */
  firstWhere(isWanted: (item: T) => boolean): T | undefined {
    const [first] = this.#items;
    if (first === undefined || isWanted(first)) return first;
    const seen = new Heap<Seen<T>>((left, right) => this.#before(left.item, right.item));
    for (let item = first; ; ) {
      for (const child of [2 * item.slot + 1, 2 * item.slot + 2]) {
        const next = this.#items[child];
        if (next !== undefined) seen.push({ slot: -1, item: next });
      }
      const least = seen.first;
      if (least === undefined || isWanted(least.item)) return least?.item;
      seen.remove(least);
      item = least.item;
    }
  }

  /** In no order. */
  items(): IterableIterator<T> {
    return this.#items.values();
  }

  push(item: T): void {
    assert(item.slot === -1, 'H1: an item enters a heap only when it is in none');
    this.#items.push(item);
    item.slot = this.#items.length - 1;
    this.#rise(item);
  }

  remove(item: T): void {
    assert(this.#items[item.slot] === item, 'H1: an item leaves only the heap it is in');
    const last = this.#items.pop();
    const hole = item.slot;
    item.slot = -1;
    if (last === undefined || last === item) return;
    this.#items[hole] = last;
    last.slot = hole;
    this.moved(last);
  }

  /** The order of this item has changed: puts it where it belongs. */
  moved(item: T): void {
    this.#rise(item);
    this.#sink(item);
  }

  #rise(item: T): void {
    while (item.slot > 0) {
      const parent = this.#items[(item.slot - 1) >> 1];
      if (parent === undefined || !this.#before(item, parent)) return;
      this.#swap(item, parent);
    }
  }

  #sink(item: T): void {
    for (;;) {
      const left = this.#items[2 * item.slot + 1];
      const right = this.#items[2 * item.slot + 2];
      const least =
        right !== undefined && left !== undefined && this.#before(right, left) ? right : left;
      if (least === undefined || !this.#before(least, item)) return;
      this.#swap(item, least);
    }
  }

  #swap(left: T, right: T): void {
    const slot = left.slot;
    left.slot = right.slot;
    right.slot = slot;
    this.#items[left.slot] = left;
    this.#items[right.slot] = right;
  }
}
