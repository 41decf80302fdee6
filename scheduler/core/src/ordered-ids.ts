/**
 * Ids in their order, so that a page of them is found without looking at the others: blocks of
 * bounded length, the block found by halving, the place in it likewise.
 *
 * I1  every id stands once, before all that are greater.
 */
import { assert } from '@troupe/model';

const blockLengthMax = 512;

export class OrderedIds<Id extends string = string> {
  readonly #blocks: Id[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(id: Id): void {
    const at = this.#blockOf(id);
    const block = this.#blocks[at];
    if (block === undefined) {
      this.#blocks.push([id]);
      this.#size += 1;
      return;
    }
    const place = placeIn(block, id);
    if (block[place] === id) return;
    block.splice(place, 0, id);
    this.#size += 1;
    if (block.length <= blockLengthMax) return;
    this.#blocks.splice(at + 1, 0, block.splice(blockLengthMax / 2));
  }

  delete(id: Id): void {
    const at = this.#blockOf(id);
    const block = this.#blocks[at];
    const place = block === undefined ? 0 : placeIn(block, id);
    if (block?.[place] !== id) return;
    block.splice(place, 1);
    this.#size -= 1;
    if (block.length === 0) this.#blocks.splice(at, 1);
  }

  has(id: Id): boolean {
    const block = this.#blocks[this.#blockOf(id)];
    return block?.[placeIn(block, id)] === id;
  }

  /** Those at or after `start`, in order. */
  *from(start: string): Generator<Id> {
    let at = this.#blockOf(start);
    let place = placeIn(this.#blocks[at] ?? [], start);
    for (; at < this.#blocks.length; at++) {
      const block = this.#blocks[at] ?? [];
      for (; place < block.length; place++) {
        const id = block[place];
        if (id !== undefined) yield id;
      }
      place = 0;
    }
  }

  /** How many there are before `end`, by the lengths of the blocks. */
  countBefore(end: string): number {
    const at = this.#blockOf(end);
    let count = 0;
    for (let before = 0; before < at; before++) count += this.#blocks[before]?.length ?? 0;
    return count + placeIn(this.#blocks[at] ?? [], end);
  }

  check(): void {
    let before = '';
    let size = 0;
    for (const block of this.#blocks) {
      for (const id of block) {
        assert(before < id, 'I1: ids stand in their order');
        before = id;
        size += 1;
      }
    }
    assert(size === this.#size, 'I1: every id stands once');
  }

  /** The last block that begins at or before the id, or the first. */
  #blockOf(id: string): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#blocks[middle]?.[0] ?? '') <= id) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Where the id stands in the block, or would. */
function placeIn(block: readonly string[], id: string): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((block[middle] ?? '') < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
