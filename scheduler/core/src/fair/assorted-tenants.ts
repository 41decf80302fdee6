/**
 * Tenants whose tasks are not all alike, or that have a quota, queues or room of their own: a backlog
 * (`backlog.ts`) decides within each, and how they compete is in `assorted-lanes.ts`. Before and after that a
 * tenant is a plain one.
 *
 * Q2  whoever is taken was within the quota of its tenant.
 */
import { assert, type Quota } from '@troupe/model';
import { type Assorted, assortedOf, isPlain } from './assorted.ts';
import { AssortedLanes } from './assorted-lanes.ts';
import type { Lane, QueuedTimes } from './backlog.ts';
import type { Charges } from './charges.ts';
import type { Contest } from './contest.ts';
import { none, type Slot } from './contest-tables.ts';
import type { PlainTenants } from './plain-tenants.ts';
import { sameQuota } from './quota.ts';
import type { Shapes } from './shapes.ts';
import type { StartBudget } from './start-budget.ts';
import type { FairRules, Picked, TenantTask } from './tenant-task.ts';

/** What starts, and what its tenant is charged for it. */
interface Start<T, N> {
  readonly task: T;
  readonly cost: number;
  readonly weight: number;
  readonly place: N;
}

export const noQuota: Quota = {};

/** A quota, and what is left of its rate, where somebody knows. */
export interface QuotaPut {
  readonly quota: Quota;
  readonly budget?: StartBudget | undefined;
}

export class AssortedTenants<T extends TenantTask, N> {
  readonly #rules: FairRules<T, N>;
  readonly #contest: Contest;
  readonly #shapes: Shapes;
  readonly #charges: Charges<T>;
  readonly #plain: PlainTenants<T, N>;
  readonly #lanes: AssortedLanes<T>;
  readonly #states = new Map<Slot, Assorted<T>>();

  constructor(
    rules: FairRules<T, N>,
    given: {
      readonly contest: Contest;
      readonly shapes: Shapes;
      readonly charges: Charges<T>;
      readonly plain: PlainTenants<T, N>;
    },
  ) {
    this.#rules = rules;
    this.#contest = given.contest;
    this.#shapes = given.shapes;
    this.#charges = given.charges;
    this.#plain = given.plain;
    this.#lanes = new AssortedLanes<T>(given);
  }

  get(tenant: Slot): Assorted<T> | undefined {
    return this.#states.get(tenant);
  }

  /** Makes it one of these: what waits of it moves from its file into a backlog; its place in the contest
   *  stays. */
  assort(name: string, tenant: Slot, now: number): Assorted<T> {
    const known = this.#states.get(tenant);
    if (known !== undefined) return known;
    const state = assortedOf<T>({ name, tenant }, this.#rules, this.#charges.accounts);
    this.#states.set(tenant, state);
    const { shapeSlot, contestSlot, tasks } = this.#plain.handOver(tenant);
    if (shapeSlot === none) return state;
    const shape = this.#shapes.shape(shapeSlot);
    const lane: Lane = { shape, shapeSlot, contestSlot, waiting: 0 };
    for (const [task, since] of tasks) state.backlog.push(task, lane, { since });
    this.#lanes.inherit(state, lane);
    if (contestSlot !== none) this.#lanes.face(state, now);
    return state;
  }

  putQuota(name: string, tenant: Slot, { quota, budget }: QuotaPut, now: number): void {
    if (sameQuota(this.#states.get(tenant)?.use.quota ?? noQuota, quota)) return;
    const state = this.assort(name, tenant, now);
    state.use.set(quota, now, budget);
    this.#lanes.rouse(state);
    this.#lanes.unpark(state, now);
    this.#foldIfPlain(state);
  }

  setApart(name: string, tenant: Slot, apart: boolean): void {
    const known = this.#states.get(tenant);
    if ((known?.shapes !== undefined) === apart) return;
    const state = known ?? this.assort(name, tenant, 0);
    this.#lanes.setApart(state, apart);
    this.#foldIfPlain(state);
  }

  keepQueues(tenant: Slot, queues: ReadonlyMap<string, number>): void {
    const state = this.#states.get(tenant);
    if (state === undefined) return;
    state.backlog.keepQueues(queues);
    this.#foldIfPlain(state);
  }

  push(state: Assorted<T>, task: T, now: number, times: QueuedTimes): void {
    const lane = this.#lanes.of(state, task.shape);
    const alone = lane.waiting === 0;
    const mayBeNext = state.backlog.push(task, lane, times);
    if (alone) this.#lanes.compete(state, lane, now);
    else if (mayBeNext && state.competing > 0) this.#lanes.face(state, now);
  }

  /** False when it does not wait. */
  remove(state: Assorted<T>, task: T, now: number): boolean {
    if (!state.backlog.remove(task.id)) return false;
    const lane = this.#lanes.of(state, task.shape);
    if (lane.waiting === 0) this.#lanes.retire(state, lane);
    if (state.competing > 0) this.#lanes.face(state, now);
    this.#foldIfPlain(state);
    return true;
  }

  /** A task of the tenant whose turn it is by this lane; undefined when none can start, or it is not its
   *  turn. */
  take(tenant: Slot, next: Slot, now: number): Picked<T, N> | undefined {
    const state = this.#states.get(tenant);
    assert(state !== undefined, 'Q4: who is assorted is known');
    if (this.#lanes.rests(state, now)) return undefined;
    const lane = this.#lanes.at(next);
    if (lane !== undefined && !state.use.allows(lane.shape)) {
      this.#lanes.park(state, lane);
      return undefined;
    }
    const { use, backlog } = state;
    const chosen = backlog.choose(now, ({ shape, shapeSlot }) => {
      return this.#contest.isOpen(shapeSlot) && use.allows(shape);
    });
    if (chosen === undefined) {
      assert(lane === undefined, 'Q3: a lane that competes has a task');
      this.#lanes.closeCrowd(state);
      return undefined;
    }
    const { task } = chosen;
    const cost = this.#rules.costOf(task);
    const weight = this.#charges.weightOf(tenant, task);
    if (this.#charges.isOutdated(tenant, weight, cost)) return undefined;
    const place = this.#rules.place(chosen.lane.shape, task);
    if (place === undefined) {
      this.#shapes.close(chosen.lane.shapeSlot);
      return undefined;
    }
    this.#start(state, chosen.lane, { task, cost, weight, place }, now);
    return { task, place, cost, tenant };
  }

  /** One of its tasks has landed, and cost so much more than was charged. */
  landed(tenant: Slot, task: T, more: number, now: number): void {
    const state = this.#states.get(tenant);
    if (state === undefined) return;
    if (more !== 0) state.backlog.charge(task, more);
    this.#lanes.unpark(state, now);
  }

  wake(now: number): void {
    this.#lanes.wake(now);
  }

  /** When a rate next lets something start. */
  wakeAt(): number | undefined {
    return this.#lanes.wakeAt();
  }

  check({ lanes, parked }: Assorted<T>): void {
    for (const lane of lanes.values()) {
      const stands = lane.contestSlot !== none || parked.has(lane);
      assert(stands === lane.waiting > 0, 'R1: what waits competes or is parked');
    }
  }

  #start(state: Assorted<T>, lane: Lane, start: Start<T, N>, now: number): void {
    const { task, cost, weight } = start;
    const { tenant, backlog, use } = state;
    backlog.take({ task, lane }, cost, now);
    use.started(task.shape, now);
    this.#charges.started(tenant, task, cost, now);
    const hasMore = lane.waiting > 0 || state.competing > 1;
    const next = hasMore ? this.#lanes.head(state, now) : undefined;
    if (next !== undefined) this.#contest.serve(tenant, cost / weight, ...next);
    else this.#contest.charge(tenant, cost / weight);
    if (lane.waiting > 0) return;
    this.#lanes.retire(state, lane);
    this.#foldIfPlain(state);
  }

  /** Nothing of it waits and nothing else sets it apart: its next tasks wait in a file again. What its
   *  queues and priorities owed each other ends here, since none of them waits for another. */
  #foldIfPlain(state: Assorted<T>): void {
    if (!isPlain(state)) return;
    this.#lanes.dropAll(state);
    this.#states.delete(state.tenant);
    this.#plain.takeBack(state.tenant);
  }
}
