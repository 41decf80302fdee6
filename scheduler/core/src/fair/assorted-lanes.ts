/**
 * How assorted tenants stand in the contest: by a lane for each shape of which something waits and that the
 * quota lets start; lanes that it does not are **parked**. Of a tenant with many shapes all but a few compete
 * as one, its **crowd**, since each start moves all of its lanes.
 *
 * R1  what waits competes or is parked.
 * R2  a tenant competes while it has a lane that does.
 */
import { assert } from '@troupe/model';
import { Heap } from '../heap.ts';
import type { Shape } from '../resources.ts';
import { type Assorted, wakesBefore } from './assorted.ts';
import type { Lane } from './backlog.ts';
import type { Charges } from './charges.ts';
import type { Contest } from './contest.ts';
import { none, type Slot } from './contest-tables.ts';
import type { Shapes } from './shapes.ts';
import type { TenantTask } from './tenant-task.ts';

/** Kept though empty, because the next task is likely of this shape. */
const idleLanesMax = 32;
/** Of a tenant with more shapes the others are its crowd. */
const ownLanesMax = 8;

export class AssortedLanes<T extends TenantTask> {
  readonly #contest: Contest;
  readonly #shapes: Shapes;
  readonly #charges: Charges<T>;
  /** By their numbers in the contest. */
  readonly #lanes = new Map<Slot, Lane>();
  readonly #resting = new Heap<Assorted<T>>(wakesBefore);

  constructor(given: {
    readonly contest: Contest;
    readonly shapes: Shapes;
    readonly charges: Charges<T>;
  }) {
    this.#contest = given.contest;
    this.#shapes = given.shapes;
    this.#charges = given.charges;
  }

  /** Undefined for that of a crowd. */
  at(contestSlot: Slot): Lane | undefined {
    return this.#lanes.get(contestSlot);
  }

  /** The lane of the tenant for this shape. */
  of(state: Assorted<T>, shape: Shape): Lane {
    const known = state.lanes.get(shape.key);
    if (known !== undefined) return known;
    const { shapes = this.#shapes.common } = state;
    const owner = state.shapes === undefined ? undefined : state.name;
    const shapeSlot = this.#shapes.join(shapes, shape, owner);
    const lane = { shape, shapeSlot, contestSlot: none, waiting: 0 };
    state.lanes.set(shape.key, lane);
    return lane;
  }

  /** It has a lane of this shape already, and competes by it if it has a number there. */
  inherit(state: Assorted<T>, lane: Lane): void {
    state.lanes.set(lane.shape.key, lane);
    if (lane.contestSlot === none) return;
    this.#lanes.set(lane.contestSlot, lane);
    state.competing = 1;
  }

  /** What it would start next may be something else. */
  face(state: Assorted<T>, now: number): void {
    const head = this.head(state, now);
    if (head !== undefined) this.#contest.face(state.tenant, ...head);
  }

  /** Weight and span of what it would start next if everything fitted. */
  head(
    { tenant, backlog }: Assorted<T>,
    now: number,
  ): readonly [weight: number, span: number] | undefined {
    const chosen = backlog.choose(now, competes);
    if (chosen === undefined) return undefined;
    const weight = this.#charges.weightOf(tenant, chosen.task);
    return [weight, this.#charges.prices.costOf(chosen.task) / weight];
  }

  /** A lane has tasks again, or may start them again. */
  compete(state: Assorted<T>, lane: Lane, now: number): void {
    const { tenant } = state;
    if (state.slot >= 0 || !state.use.allows(lane.shape)) {
      state.parked.add(lane);
      return;
    }
    state.parked.delete(lane);
    if (state.competing - state.crowd.lanes < ownLanesMax) {
      lane.contestSlot = this.#contest.addLane(tenant, lane.shapeSlot);
      this.#lanes.set(lane.contestSlot, lane);
    } else this.#joinCrowd(state, lane);
    state.competing++;
    if (state.competing > 1) return this.face(state, now);
    const head = this.head(state, now);
    assert(head !== undefined, 'R1: a lane that competes has a task');
    this.#contest.enter(tenant, ...head);
  }

  /** The tenant stands apart from now on, or does no longer: its shapes are others. */
  setApart(state: Assorted<T>, apart: boolean): void {
    const { tenant, name } = state;
    const before = state.shapes;
    state.shapes = apart ? new Map() : undefined;
    const owner = apart ? name : undefined;
    for (const lane of state.lanes.values()) {
      const old = lane.shapeSlot;
      lane.shapeSlot = this.#shapes.join(state.shapes ?? this.#shapes.common, lane.shape, owner);
      if (lane.contestSlot !== none && !isInCrowd(state, lane)) this.#move(tenant, lane);
      if (before === undefined) this.#shapes.leave(this.#shapes.common, old);
    }
    for (const shape of before?.values() ?? []) this.#shapes.drop(shape);
    if (state.crowd.lanes > 0) this.#shapes.openCrowd(state.crowd.shapeSlot);
  }

  park(state: Assorted<T>, lane: Lane): void {
    this.#withdraw(state, lane);
    state.parked.add(lane);
  }

  unpark(state: Assorted<T>, now: number): void {
    if (state.slot >= 0 || state.parked.size === 0) return;
    for (const lane of [...state.parked]) {
      if (state.use.allows(lane.shape)) this.compete(state, lane, now);
    }
  }

  /** Nothing of this lane waits any more. */
  retire(state: Assorted<T>, lane: Lane): void {
    if (lane.contestSlot !== none) this.#withdraw(state, lane);
    state.parked.delete(lane);
    if (state.lanes.size > idleLanesMax) this.#drop(state, lane);
  }

  /** It has no lanes any more. */
  dropAll(state: Assorted<T>): void {
    for (const lane of [...state.lanes.values()]) this.#drop(state, lane);
  }

  /** Nothing of it fits, or is within the quota: what is not waits for that. */
  closeCrowd(state: Assorted<T>): void {
    for (const lane of state.lanes.values()) {
      if (isInCrowd(state, lane) && !state.use.allows(lane.shape)) this.park(state, lane);
    }
    if (state.crowd.lanes > 0) this.#shapes.closeCrowd(state.crowd.shapeSlot);
  }

  /** True when its rate makes it wait: all its lanes do then. */
  rests(state: Assorted<T>, now: number): boolean {
    const until = state.use.startsFrom(now);
    if (until <= now) return false;
    for (const lane of state.lanes.values()) {
      if (lane.contestSlot !== none) this.park(state, lane);
    }
    state.restsUntil = until;
    this.#resting.push(state);
    return true;
  }

  /** It rests no longer, if it does. */
  rouse(state: Assorted<T>): void {
    if (state.slot >= 0) this.#resting.remove(state);
  }

  /** Those whose rate lets them start again by now. */
  wake(now: number): void {
    for (;;) {
      const { first } = this.#resting;
      if (first === undefined || first.restsUntil > now) return;
      this.#resting.remove(first);
      this.unpark(first, now);
    }
  }

  /** When a rate next lets something start. */
  wakeAt(): number | undefined {
    return this.#resting.first?.restsUntil;
  }

  /** It competes by another shape, as which its tasks are known now. */
  #move(tenant: Slot, lane: Lane): void {
    const old = lane.contestSlot;
    lane.contestSlot = this.#contest.addLane(tenant, lane.shapeSlot);
    this.#lanes.set(lane.contestSlot, lane);
    this.#contest.dropLane(old);
    this.#lanes.delete(old);
  }

  #withdraw(state: Assorted<T>, lane: Lane): void {
    if (state.competing === 1) this.#contest.leave(state.tenant);
    if (isInCrowd(state, lane)) this.#leaveCrowd(state);
    else {
      this.#contest.dropLane(lane.contestSlot);
      this.#lanes.delete(lane.contestSlot);
    }
    lane.contestSlot = none;
    state.competing--;
  }

  #drop(state: Assorted<T>, lane: Lane): void {
    state.lanes.delete(lane.shape.key);
    this.#shapes.leave(state.shapes ?? this.#shapes.common, lane.shapeSlot);
  }

  #joinCrowd({ tenant, crowd }: Assorted<T>, lane: Lane): void {
    if (crowd.lanes++ === 0) {
      crowd.shapeSlot = this.#shapes.addCrowd();
      crowd.contestSlot = this.#contest.addLane(tenant, crowd.shapeSlot);
    }
    this.#shapes.openCrowd(crowd.shapeSlot);
    lane.contestSlot = crowd.contestSlot;
  }

  #leaveCrowd({ crowd }: Assorted<T>): void {
    if (--crowd.lanes > 0) return;
    this.#contest.dropLane(crowd.contestSlot);
    this.#shapes.dropCrowd(crowd.shapeSlot);
    crowd.contestSlot = none;
  }
}

function competes({ contestSlot }: Lane): boolean {
  return contestSlot !== none;
}

function isInCrowd<T extends TenantTask>({ crowd }: Assorted<T>, lane: Lane): boolean {
  return crowd.lanes > 0 && lane.contestSlot === crowd.contestSlot;
}
