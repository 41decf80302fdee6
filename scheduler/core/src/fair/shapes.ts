/**
 * The shapes of what waits, by number. One that fits nowhere is closed until something is freed. What a
 * tenant has of many shapes stands in the contest as one, a **crowd**, which is closed while all of its
 * shapes are.
 *
 * H1  a shape is kept while a tenant has a lane of it, and up to `idleShapesMax` beyond that.
 * H2  a crowd is open whenever one of its shapes may have been opened.
 */
import { assert } from '@troupe/model';
import type { Shape } from '../resources.ts';
import type { Contest } from './contest.ts';
import type { Slot } from './contest-tables.ts';

export interface ShapeState {
  readonly slot: Slot;
  readonly shape: Shape;
  /** The tenant that stands apart, if it is only that one's. */
  readonly owner: string | undefined;
  lanes: number;
}

/** Shapes of all tenants, or of one that stands apart. */
export type ShapeSet = Map<string, ShapeState>;

/** Kept though empty, because the next task is likely of this shape. */
const idleShapesMax = 1_024;

export class Shapes {
  /** Those of all who do not stand apart. */
  readonly common: ShapeSet = new Map();
  readonly #contest: Contest;
  readonly #bySlot: (ShapeState | undefined)[] = [];
  readonly #free: Slot[] = [];
  readonly #closed = new Set<ShapeState>();
  readonly #closedCrowds = new Set<Slot>();

  constructor(contest: Contest) {
    this.#contest = contest;
  }

  /** One more lane is of this shape. */
  join(set: ShapeSet, shape: Shape, owner?: string): Slot {
    const known = set.get(shape.key);
    if (known !== undefined) {
      known.lanes++;
      return known.slot;
    }
    const slot = this.addCrowd();
    const state = { slot, shape, owner, lanes: 1 };
    set.set(shape.key, state);
    this.#bySlot[slot] = state;
    return slot;
  }

  /** A shape of nothing but the number that a crowd competes by. */
  addCrowd(): Slot {
    return this.#free.pop() ?? this.#contest.addShape();
  }

  dropCrowd(slot: Slot): void {
    this.openCrowd(slot);
    this.#free.push(slot);
  }

  openCrowd(slot: Slot): void {
    this.#closedCrowds.delete(slot);
    this.#contest.reopen(slot);
  }

  closeCrowd(slot: Slot): void {
    this.#closedCrowds.add(slot);
    this.#contest.close(slot);
  }

  /** A lane of this shape is gone. */
  leave(set: ShapeSet, slot: Slot): void {
    const state = this.#at(slot);
    if (--state.lanes > 0 || set.size <= idleShapesMax) return;
    set.delete(state.shape.key);
    this.drop(state);
  }

  /** Nobody has lanes of it any more. */
  drop(state: ShapeState): void {
    this.#closed.delete(state);
    this.#contest.reopen(state.slot);
    this.#bySlot[state.slot] = undefined;
    this.#free.push(state.slot);
  }

  shape(slot: Slot): Shape {
    return this.#at(slot).shape;
  }

  close(slot: Slot): void {
    this.#closed.add(this.#at(slot));
    this.#contest.close(slot);
  }

  /** Those that have room now are open again. */
  unblock(hasRoom: (shape: Shape, owner: string | undefined) => boolean): void {
    const before = this.#closed.size;
    for (const state of this.#closed) {
      if (!hasRoom(state.shape, state.owner)) continue;
      this.#closed.delete(state);
      this.#contest.reopen(state.slot);
    }
    if (this.#closed.size === before) return;
    for (const slot of this.#closedCrowds) this.openCrowd(slot);
  }

  #at(slot: Slot): ShapeState {
    const state = this.#bySlot[slot];
    assert(state !== undefined, 'H1: a shape is kept while a tenant has a lane of it');
    return state;
  }
}
