/**
 * Dates and bytes in a state. They cannot be frozen, so a change in place would go unseen into the
 * live state but not into its deltas. A copy of each leaf is kept and compared when a turn ends.
 *
 * L1  a leaf that was changed in place is put back as it was, and the turn that did it fails.
 */

export type Leaf = Date | Uint8Array;

export class Leaves {
  readonly #copies = new Map<Leaf, number | Uint8Array>();

  /** How many there may be before those that left the state are looked for. */
  #sizeMax = 64;

  get size(): number {
    return this.#copies.size;
  }

  get crowded(): boolean {
    return this.#copies.size > this.#sizeMax;
  }

  /** Takes up every leaf in a value that has become part of the state. */
  add(value: unknown): void {
    visitLeaves(value, (leaf) => {
      this.#copies.set(leaf, leaf instanceof Date ? leaf.getTime() : Uint8Array.from(leaf));
    });
  }

  /** Puts every leaf that was changed in place back as it was, and says which they are. */
  restore(): Leaf[] {
    const changed: Leaf[] = [];
    for (const [leaf, copy] of this.#copies) {
      if (isAsBefore(leaf, copy)) continue;
      changed.push(leaf);
      if (leaf instanceof Date) leaf.setTime(Number(copy));
      else if (typeof copy !== 'number') leaf.set(copy);
    }
    return changed;
  }

  /** Starts again with the leaves of this state: those that left it are forgotten. */
  reset(state: unknown): void {
    this.#copies.clear();
    this.add(state);
    this.#sizeMax = 64 + 2 * this.#copies.size;
  }
}

/** Where in a state one of the leaves lies; undefined when none is in it. */
export function pathOfLeaf(
  state: unknown,
  leaves: readonly Leaf[],
): readonly (string | number)[] | undefined {
  let found: readonly (string | number)[] | undefined;
  visitLeaves(state, (leaf, path) => {
    if (leaves.includes(leaf)) found ??= [...path];
  });
  return found;
}

function isAsBefore(leaf: Leaf, copy: number | Uint8Array): boolean {
  if (leaf instanceof Date) return leaf.getTime() === copy;
  return typeof copy !== 'number' && Buffer.compare(leaf, copy) === 0;
}

function visitLeaves(
  value: unknown,
  onLeaf: (leaf: Leaf, path: readonly (string | number)[]) => void,
  path: (string | number)[] = [],
): void {
  if (typeof value !== 'object' || value === null) return;
  if (value instanceof Date || value instanceof Uint8Array) {
    onLeaf(value, path);
    return;
  }
  const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [key, inner] of entries) {
    if (typeof inner !== 'object' || inner === null) continue;
    path.push(key);
    visitLeaves(inner, onLeaf, path);
    path.pop();
  }
}
