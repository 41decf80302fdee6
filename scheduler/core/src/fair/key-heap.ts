/**
 * A 4-ary heap of small numbers with a key each, in typed arrays. Where each item stands is written
 * into a table that several heaps may share, since an item is in one of them at a time.
 *
 * K1  an item's place is its index in the heap that it is in.
 * K2  the least key is first; of equal keys the least item, so that order never depends on history.
 *
 * Here, and in what stands around it, an element of a typed array is said to be a number and not made
 * one by a default: each is within bounds, and what is asked millions of times a second must be short.
 */
import { assert } from '@troupe/model';

/** The place of each item, in the records of their owner: of items from 0 on, and of those from -2 down. */
export interface Places {
  /** The place of item 0, and of each further one so many later. */
  at: Int32Array;
  /** The place of item -2, and of each further one so many later. */
  further: Int32Array;
}

export const placesApart = 16;
export const furtherPlacesApart = 8;

const nobody = -1;
const sizeFirst = 4;
/** Node 0 lies so far in, that the four children of a node lie side by side in one line of a processor's
 *  cache, or in two where the allocator puts its own words before an array. */
const rootAt = 6;

export class KeyHeap {
  readonly #places: Places;
  /** Of each node its key and its item, side by side. The root says so when there is none. */
  #nodes = new Float64Array(rootAt + 2 * sizeFirst);
  #size = 0;

  constructor(places: Places) {
    this.#places = places;
    this.#empty();
  }

  get size(): number {
    return this.#size;
  }

  /** -1 when empty. */
  get first(): number {
    return this.#nodes[rootAt + 1] as number;
  }

  /** Infinity when empty. */
  get firstKey(): number {
    return this.#nodes[rootAt] as number;
  }

  push(item: number, key: number): void {
    if (rootAt + 2 * this.#size === this.#nodes.length) this.#grow();
    this.#rise(this.#size++, item, key);
  }

  remove(item: number): void {
    const hole = placeOf(this.#places, item);
    const isThere = hole < this.#size && this.#nodes[rootAt + 2 * hole + 1] === item;
    assert(isThere, 'K1: an item leaves the heap that it is in');
    const at = rootAt + 2 * --this.#size;
    if (this.#size === 0) this.#empty();
    else if (rootAt + 2 * hole < at) {
      this.#settle(hole, this.#nodes[at + 1] as number, this.#nodes[at] as number);
    }
  }

  removeFirst(): void {
    assert(this.#size > 0, 'K1: there is a first item to leave');
    const at = rootAt + 2 * --this.#size;
    if (this.#size === 0) this.#empty();
    else this.#sink(0, this.#nodes[at + 1] as number, this.#nodes[at] as number);
  }

  /** This item for the first one, which leaves: one sift instead of two. */
  replaceFirst(item: number, key: number): void {
    assert(this.#size > 0, 'K1: there is a first item to replace');
    this.#sink(0, item, key);
  }

  /** The key of this item has changed. */
  moved(item: number, key: number): void {
    const place = placeOf(this.#places, item);
    const isThere = place < this.#size && this.#nodes[rootAt + 2 * place + 1] === item;
    assert(isThere, 'K1: an item moves in the heap that it is in');
    this.#settle(place, item, key);
  }

  /** Writes the key and the item of each to there, in any order, and forgets them. */
  drain(into: Float64Array): void {
    into.set(this.#nodes.subarray(rootAt, rootAt + 2 * this.#size));
    this.#size = 0;
    this.#empty();
  }

  #empty(): void {
    this.#nodes[rootAt] = Number.POSITIVE_INFINITY;
    this.#nodes[rootAt + 1] = nobody;
  }

  #settle(place: number, item: number, key: number): void {
    const above = rootAt + 2 * ((place - 1) >> 2);
    const nodes = this.#nodes;
    if (place > 0 && before(key, item, nodes[above] as number, nodes[above + 1] as number)) {
      this.#rise(place, item, key);
    } else this.#sink(place, item, key);
  }

  #rise(from: number, item: number, key: number): void {
    const nodes = this.#nodes;
    const places = this.#places;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 2;
      const aboveKey = nodes[rootAt + 2 * parent] as number;
      const above = nodes[rootAt + 2 * parent + 1] as number;
      if (!before(key, item, aboveKey, above)) break;
      nodes[rootAt + 2 * place] = aboveKey;
      nodes[rootAt + 2 * place + 1] = above;
      setPlace(places, above, place);
      place = parent;
    }
    nodes[rootAt + 2 * place] = key;
    nodes[rootAt + 2 * place + 1] = item;
    setPlace(places, item, place);
  }

  #sink(from: number, item: number, key: number): void {
    const nodes = this.#nodes;
    const places = this.#places;
    const end = rootAt + 2 * this.#size;
    let at = rootAt + 2 * from;
    for (;;) {
      // Of a node at r + 2p the children are at r + 2(4p + 1).
      let child = 4 * at - 3 * rootAt + 2;
      if (child >= end) break;
      const endOfChildren = Math.min(child + 8, end);
      let least = nodes[child] as number;
      for (let other = child + 2; other < endOfChildren; other += 2) {
        const otherKey = nodes[other] as number;
        if (otherKey > least) continue;
        if (otherKey === least && (nodes[other + 1] as number) > (nodes[child + 1] as number)) {
          continue;
        }
        child = other;
        least = otherKey;
      }
      const childItem = nodes[child + 1] as number;
      if (!before(least, childItem, key, item)) break;
      nodes[at] = least;
      nodes[at + 1] = childItem;
      setPlace(places, childItem, (at - rootAt) >> 1);
      at = child;
    }
    nodes[at] = key;
    nodes[at + 1] = item;
    setPlace(places, item, (at - rootAt) >> 1);
  }

  #grow(): void {
    const nodes = new Float64Array(rootAt + 4 * this.#size);
    nodes.set(this.#nodes);
    this.#nodes = nodes;
  }
}

export function placeOf({ at, further }: Places, item: number): number {
  const place = item >= 0 ? at[placesApart * item] : further[furtherPlacesApart * (-2 - item)];
  return place as number;
}

export function setPlace({ at, further }: Places, item: number, place: number): void {
  if (item >= 0) at[placesApart * item] = place;
  else further[furtherPlacesApart * (-2 - item)] = place;
}

function before(key: number, item: number, otherKey: number, otherItem: number): boolean {
  return key < otherKey || (key === otherKey && item < otherItem);
}
