/**
 * A tournament of keys: which slot has the greatest, how many take part, and which is the n-th. Blocks
 * of 32 keep their greatest key and their number, so an update looks at one block a level and a
 * question walks down from the root: at 100,000 slots that is four levels.
 *
 * K1  a block's key is the greatest of its children, its count the sum of theirs.
 * K2  among equal keys the lowest slot wins.
 */

/** The key of a slot that takes no part. */
export const absent: number = Number.NEGATIVE_INFINITY;

const fan = 32;
const fanBits = 5;

interface Level {
  readonly keys: Float64Array;
  /** Slots below that take part; at the leaves, one or none. */
  readonly counts: Uint32Array;
}

export class Ranking {
  readonly capacity: number;
  /** From the leaves to the root. */
  readonly #levels: readonly Level[];
  readonly #root: Level;

  constructor(capacity: number) {
    this.capacity = capacity;
    const levels: Level[] = [level(capacity)];
    for (let size = capacity; size > 1; ) {
      size = Math.ceil(size / fan);
      levels.push(level(size));
    }
    this.#levels = levels;
    this.#root = levels.at(-1) ?? level(1);
  }

  /** Slots that take part. */
  get count(): number {
    return this.#root.counts[0] ?? 0;
  }

  get bestKey(): number {
    return this.#root.keys[0] ?? absent;
  }

  keyOf(slot: number): number {
    return this.#levels[0]?.keys[slot] ?? absent;
  }

  set(slot: number, key: number): void {
    const before = this.keyOf(slot);
    if (before === key) return;
    const change = (key === absent ? 0 : 1) - (before === absent ? 0 : 1);
    let was = before;
    let is = key;
    let at = slot;
    for (let depth = 0; depth < this.#levels.length; depth++) {
      const here = this.#levels[depth];
      if (here === undefined) return;
      if (depth > 0) {
        const best = here.keys[at] ?? absent;
        if (is < best && was === best) is = this.#bestChild(depth, at);
        else if (is < best) is = best;
        if (is === best && change === 0) return;
        was = best;
      }
      here.keys[at] = is;
      here.counts[at] = (here.counts[at] ?? 0) + change;
      at >>= fanBits;
    }
  }

  /** Sets every leaf at once; cheaper than one after the other. */
  fill(keyOf: (slot: number) => number, slots: number): void {
    const leaves = this.#levels[0];
    if (leaves === undefined) return;
    leaves.keys.fill(absent);
    leaves.counts.fill(0);
    for (let slot = 0; slot < slots; slot++) {
      const key = keyOf(slot);
      leaves.keys[slot] = key;
      leaves.counts[slot] = key === absent ? 0 : 1;
    }
    for (let depth = 1; depth < this.#levels.length; depth++) this.#sum(depth);
  }

  /** The lowest slot with the greatest key, or -1. */
  best(): number {
    if (this.bestKey === absent) return -1;
    let at = 0;
    for (let depth = this.#levels.length - 2; depth >= 0; depth--) {
      const keys = this.#levels[depth]?.keys;
      if (keys === undefined) return -1;
      const wanted = this.#levels[depth + 1]?.keys[at];
      at <<= fanBits;
      while (keys[at] !== wanted) at++;
    }
    return at;
  }

  /** The n-th slot that takes part, from 0, or -1. */
  nth(n: number): number {
    if (n >= this.count) return -1;
    let at = 0;
    let left = n;
    for (let depth = this.#levels.length - 2; depth >= 0; depth--) {
      const counts = this.#levels[depth]?.counts;
      if (counts === undefined) return -1;
      at <<= fanBits;
      for (let here = counts[at] ?? 0; left >= here; here = counts[++at] ?? 0) left -= here;
    }
    return at;
  }

  /**
   * The best slot that is allowed, when keys are raised by at most `bonusMax`. Blocks that cannot win
   * are not looked into.
   */
  bestWhere(
    allowed: (slot: number) => boolean,
    bonus: (slot: number) => number = noBonus,
    bonusMax = 0,
  ): number {
    const found = { slot: -1, key: absent };
    this.#search(this.#levels.length - 1, 0, (slot, key) => {
      const raised = key + bonus(slot);
      if (raised <= found.key || !allowed(slot)) return found.key - bonusMax;
      found.slot = slot;
      found.key = raised;
      return raised - bonusMax;
    });
    return found.slot;
  }

  /** Calls with every slot that takes part, in order, as long as asked for. */
  each(visit: (slot: number) => boolean): void {
    for (let n = 0; n < this.count; n++) if (!visit(this.nth(n))) return;
  }

  /** Visits leaves above the bar; a visit answers with the new bar. */
  #search(depth: number, at: number, visit: (slot: number, key: number) => number): void {
    let bar = absent;
    const walk = (below: number, index: number): void => {
      const keys = this.#levels[below]?.keys;
      if (keys === undefined) return;
      const key = keys[index] ?? absent;
      if (key === absent || key <= bar) return;
      if (below === 0) {
        bar = Math.max(bar, visit(index, key));
        return;
      }
      const end = Math.min((index + 1) << fanBits, this.#levels[below - 1]?.keys.length ?? 0);
      for (let child = index << fanBits; child < end; child++) walk(below - 1, child);
    };
    walk(depth, at);
  }

  #bestChild(depth: number, at: number): number {
    const keys = this.#levels[depth - 1]?.keys;
    if (keys === undefined) return absent;
    const end = Math.min((at + 1) << fanBits, keys.length);
    let best = absent;
    for (let child = at << fanBits; child < end; child++) {
      const key = keys[child] ?? absent;
      if (key > best) best = key;
    }
    return best;
  }

  #sum(depth: number): void {
    const here = this.#levels[depth];
    const below = this.#levels[depth - 1];
    if (here === undefined || below === undefined) return;
    for (let at = 0; at < here.keys.length; at++) {
      here.keys[at] = this.#bestChild(depth, at);
      let count = 0;
      const end = Math.min((at + 1) << fanBits, below.keys.length);
      for (let child = at << fanBits; child < end; child++) count += below.counts[child] ?? 0;
      here.counts[at] = count;
    }
  }
}

function level(size: number): Level {
  return { keys: new Float64Array(size).fill(absent), counts: new Uint32Array(size) };
}

function noBonus(): number {
  return 0;
}
