/** The least of a few numbered keys, kept up to date in O(log n): a tournament in a typed array. */
export class Least {
  /** Leaves in the second half; each inner node holds the slot that won below it. */
  #winners = new Int32Array(2);
  #keys = new Float64Array(1).fill(Number.POSITIVE_INFINITY);

  /** Infinity when there is none. */
  get key(): number {
    return this.#keys[this.slot] ?? Number.POSITIVE_INFINITY;
  }

  /** Of equal keys the first slot. */
  get slot(): number {
    return this.#winners[1] as number;
  }

  set(slot: number, key: number): void {
    if (slot >= this.#keys.length) this.#grow(slot);
    if (this.#keys[slot] === key) return;
    this.#keys[slot] = key;
    for (let at = (slot + this.#keys.length) >> 1; at >= 1; at >>= 1) this.#play(at);
  }

  #play(at: number): void {
    const left = this.#winners[2 * at] as number;
    const right = this.#winners[2 * at + 1] as number;
    const leftWins = (this.#keys[left] as number) <= (this.#keys[right] as number);
    this.#winners[at] = leftWins ? left : right;
  }

  #grow(slot: number): void {
    let size = this.#keys.length;
    while (size <= slot) size *= 2;
    const keys = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
    keys.set(this.#keys);
    this.#keys = keys;
    this.#winners = new Int32Array(2 * size);
    for (let leaf = 0; leaf < size; leaf++) this.#winners[size + leaf] = leaf;
    for (let at = size - 1; at >= 1; at--) this.#play(at);
  }
}
