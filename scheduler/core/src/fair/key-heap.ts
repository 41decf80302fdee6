/**
 * A 4-ary heap of small numbers with a key each, in typed arrays. Where each item stands is written
 * into a table that several heaps may share, since an item is in one of them at a time.
 *
 * K1  an item's place is its index in the heap that it is in.
 * K2  the least key is first; of equal keys the least item, so that order never depends on history.
 */
import { assert } from '@troupe/model';

/** The place of each item in its heap. */
export interface Places {
  at: Int32Array;
}

const sizeFirst = 4;

export class KeyHeap {
  readonly #places: Places;
  #keys = new Float64Array(sizeFirst);
  #items = new Int32Array(sizeFirst);
  #size = 0;

  constructor(places: Places) {
    this.#places = places;
  }

  get size(): number {
    return this.#size;
  }

  /** -1 when empty. */
  get first(): number {
    return this.#size === 0 ? -1 : (this.#items[0] ?? -1);
  }

  /** Infinity when empty. */
  get firstKey(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#keys[0] ?? 0);
  }

  push(item: number, key: number): void {
    if (this.#size === this.#items.length) this.#grow();
    this.#rise(this.#size++, item, key);
  }

  remove(item: number): void {
    const hole = this.#places.at[item] ?? -1;
    assert(this.#items[hole] === item, 'K1: an item leaves the heap that it is in');
    const last = --this.#size;
    if (hole === last) return;
    this.#settle(hole, this.#items[last] ?? 0, this.#keys[last] ?? 0);
  }

  /** This item for the first one, which leaves: one sift instead of two. */
  replaceFirst(item: number, key: number): void {
    assert(this.#size > 0, 'K1: there is a first item to replace');
    this.#sink(0, item, key);
  }

  /** The key of this item has changed. */
  moved(item: number, key: number): void {
    const at = this.#places.at[item] ?? -1;
    assert(this.#items[at] === item, 'K1: an item moves in the heap that it is in');
    this.#settle(at, item, key);
  }

  #settle(at: number, item: number, key: number): void {
    const parent = (at - 1) >> 2;
    if (at > 0 && before(key, item, this.#keys[parent] ?? 0, this.#items[parent] ?? 0)) {
      this.#rise(at, item, key);
    } else this.#sink(at, item, key);
  }

  #rise(from: number, item: number, key: number): void {
    const keys = this.#keys;
    const items = this.#items;
    const places = this.#places.at;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      const above = keys[parent] ?? 0;
      const aboveItem = items[parent] ?? 0;
      if (!before(key, item, above, aboveItem)) break;
      keys[at] = above;
      items[at] = aboveItem;
      places[aboveItem] = at;
      at = parent;
    }
    keys[at] = key;
    items[at] = item;
    places[item] = at;
  }

  #sink(from: number, item: number, key: number): void {
    const keys = this.#keys;
    const items = this.#items;
    const places = this.#places.at;
    const size = this.#size;
    let at = from;
    for (;;) {
      let child = 4 * at + 1;
      if (child >= size) break;
      const end = Math.min(child + 4, size);
      let least = keys[child] ?? 0;
      for (let other = child + 1; other < end; other++) {
        const otherKey = keys[other] ?? 0;
        if (otherKey > least) continue;
        if (otherKey === least && (items[other] ?? 0) > (items[child] ?? 0)) continue;
        child = other;
        least = otherKey;
      }
      const childItem = items[child] ?? 0;
      if (!before(least, childItem, key, item)) break;
      keys[at] = least;
      items[at] = childItem;
      places[childItem] = at;
      at = child;
    }
    keys[at] = key;
    items[at] = item;
    places[item] = at;
  }

  #grow(): void {
    const keys = new Float64Array(2 * this.#items.length);
    keys.set(this.#keys);
    this.#keys = keys;
    const items = new Int32Array(keys.length);
    items.set(this.#items);
    this.#items = items;
  }
}

function before(key: number, item: number, otherKey: number, otherItem: number): boolean {
  return key < otherKey || (key === otherKey && item < otherItem);
}
