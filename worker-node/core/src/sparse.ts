/**
 * A map and a set that cost next to nothing while nothing is in them. A node hosts a hundred thousand actors
 * of which few do anything: of theirs almost all are empty, and an empty `Map` holds 200 bytes.
 */
export class SparseMap<K, V> {
  #map: Map<K, V> | undefined;

  get size(): number {
    return this.#map?.size ?? 0;
  }

  get(key: K): V | undefined {
    return this.#map?.get(key);
  }

  has(key: K): boolean {
    return this.#map?.has(key) === true;
  }

  set(key: K, value: V): void {
    this.#map ??= new Map();
    this.#map.set(key, value);
  }

  delete(key: K): boolean {
    return this.#map?.delete(key) === true;
  }

  clear(): void {
    this.#map = undefined;
  }

  /** Gives its room back if it is empty: while it comes and goes it is kept. */
  rest(): void {
    if (this.#map?.size === 0) this.#map = undefined;
  }

  keys(): Iterable<K> {
    return this.#map?.keys() ?? [];
  }

  *[Symbol.iterator](): Generator<[K, V], void, undefined> {
    if (this.#map !== undefined) yield* this.#map;
  }
}

export class SparseSet<T> {
  #set: Set<T> | undefined;

  get size(): number {
    return this.#set?.size ?? 0;
  }

  add(value: T): void {
    this.#set ??= new Set();
    this.#set.add(value);
  }

  delete(value: T): boolean {
    return this.#set?.delete(value) === true;
  }

  clear(): void {
    this.#set = undefined;
  }

  rest(): void {
    if (this.#set?.size === 0) this.#set = undefined;
  }

  *[Symbol.iterator](): Generator<T, void, undefined> {
    if (this.#set !== undefined) yield* this.#set;
  }
}
