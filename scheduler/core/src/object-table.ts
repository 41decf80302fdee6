/**
 * Large outputs in the object store, durably: who still refers to them, and which node made them. A
 * run or a finished task holds what it refers to; what nobody holds any more is dropped, and the
 * leader has it deleted (`objects.ts`).
 *
 * B1  an object comes with the end of the attempt that made it, and is held or dropped at once.
 * B2  what is held is in the store: nothing is dropped that anybody holds.
 */
import { assert, type Incarnation, type StoredObject } from '@troupe/model';

interface HeldObject {
  readonly stored: StoredObject;
  /** The node that made it, which may still have it in memory. */
  readonly node: Incarnation;
  holders: number;
}

export type ObjectsImage = readonly {
  readonly stored: StoredObject;
  readonly node: Incarnation;
}[];

/** Dropped objects that wait for a leader; what is more is found by a search of the store. */
const droppedMax = 10_000;

export class ObjectTable {
  readonly #objects = new Map<number, HeldObject>();
  #dropped: number[] = [];

  get(object: number): { readonly node: Incarnation } | undefined {
    return this.#objects.get(object);
  }
  get size(): number {
    return this.#objects.size;
  }

  /** An attempt has ended with these; `settled` follows once it is known who holds them. */
  came(objects: readonly StoredObject[], node: Incarnation): void {
    for (const stored of objects) {
      this.#objects.set(stored.object, { stored, node, holders: 0 });
    }
  }

  settled(objects: readonly StoredObject[]): void {
    for (const { object } of objects) this.#dropUnheld(object);
  }

  hold(objects: Iterable<StoredObject>): void {
    for (const { object } of objects) {
      const held = this.#objects.get(object);
      assert(held !== undefined, 'B2: what is held is in the store');
      held.holders++;
    }
  }

  letGo(objects: Iterable<StoredObject>): void {
    for (const { object } of objects) {
      const held = this.#objects.get(object);
      assert(held !== undefined && held.holders > 0, 'B2: only what is held is let go of');
      held.holders--;
      this.#dropUnheld(object);
    }
  }

  /** What was dropped since this was asked last. */
  takeDropped(): readonly number[] {
    if (this.#dropped.length === 0) return nothing;
    const dropped = this.#dropped;
    this.#dropped = [];
    return dropped;
  }

  image(): ObjectsImage {
    return Array.from(this.#objects.values(), ({ stored, node }) => ({ stored, node }));
  }

  /** Before whoever holds them is restored. */
  restore(image: ObjectsImage): void {
    for (const { stored, node } of image) this.came([stored], node);
  }

  /** `held` counts the holders of each object. */
  check(held: ReadonlyMap<number, number>): void {
    assert(held.size === this.#objects.size, 'B1: what nobody holds is dropped');
    for (const [object, { holders }] of this.#objects) {
      assert(held.get(object) === holders, 'B2: holders are counted');
    }
  }

  #dropUnheld(object: number): void {
    if (this.#objects.get(object)?.holders !== 0) return;
    this.#objects.delete(object);
    if (this.#dropped.length < droppedMax) this.#dropped.push(object);
  }
}

const nothing: readonly number[] = [];
