/**
 * Ready tasks of all tenants, served fairly by cost: `contest.ts` decides between tenants. Tasks of a
 * tenant that are all alike wait in a single file, which is numbers in typed arrays; with the first that
 * differs, or with a quota, queues or room of its own, the tenant is **assorted** and `backlog.ts`
 * decides within it, until nothing of it waits. Cost is charged by an estimate when a task is taken and
 * corrected when it has landed. A tenant's weight is its base × the priority of the task at hand × the
 * demand coefficient, if on.
 *
 * Tasks wait by **shape** (what they reserve): a shape that fits on no node now is passed over until
 * something is freed, and stops neither other shapes nor other tenants. A tenant with room of its own
 * stands **apart**: its shapes are its own, and what finds no room for others is open to it. A pick looks
 * at shapes, tenants and tasks by trees, and at the queues of one tenant one by one. Of a tenant with
 * many shapes all but a few compete as one, its **crowd**, since each start moves all of its lanes.
 *
 * Q1  a tenant competes while it has a task that its quota lets start.
 * Q2  whoever is taken was within the quota of its tenant.
 * Q3  work-conserving: nothing is taken only if no waiting task fits and is within its quota.
 * Q4  a tenant waits in a single file or is assorted, never both; which of the two changes no decision.
 */
import { assert, type Quota } from '@troupe/model';
import { Heap } from '../heap.ts';
import type { Shape } from '../resources.ts';
import { Accounts } from './accounts.ts';
import { type Assorted, assortedOf, isPlain, wakesBefore } from './assorted.ts';
import type { Lane, Prices, Queued, QueuedTimes } from './backlog.ts';
import { Contest } from './contest.ts';
import { none, type Slot } from './contest-tables.ts';
import { priorities, priorityWeight } from './priority.ts';
import { sameQuota } from './quota.ts';
import { Shapes } from './shapes.ts';
import { SingleFiles } from './single-files.ts';

export interface TenantTask extends Queued {
  readonly tenant: string;
}

export interface FairRules<T extends TenantTask, N> extends Prices<T> {
  /** Where a task of this shape starts now: what is answered is taken. */
  place(shape: Shape, task: T): N | undefined;
}

export interface Picked<T, N> {
  readonly task: T;
  readonly place: N;
  /** What the tenant was charged; `landed` wants it back. */
  readonly cost: number;
}

/** How a tenant stands. */
export interface TenantShare {
  readonly weight: number;
  readonly quota: Quota;
  readonly waiting: number;
  readonly inFlight: number;
  /** All that it was charged, corrections included. */
  readonly charged: number;
  /** Cost that it is owed, against an ideal fluid server; below nought what it owes. */
  readonly lag: number;
}

/** What starts, and what its tenant is charged for it. */
interface Start<T, N> {
  readonly task: T;
  readonly cost: number;
  readonly weight: number;
  readonly place: N;
}

/** Kept though empty, because the next task is likely of this shape. */
const idleLanesMax = 32;
/** Of a tenant with more shapes the others are its crowd. */
const ownLanesMax = 8;
/** In a file of so many a task is looked for one by one. */
const searchedMax = 8;
/** Of the largest cost, after each further task: one that never comes again is forgotten. */
const costMaxKept = 0.9999;
/** A task may have become so much dearer since it was looked at, and still be next. */
const outdatedBy = 1.25;
const retryMsMin = 100;
const retryMsFirst = 1_000;
const retryMsMax = 60_000;
const noQuota: Quota = {};

export class FairQueue<T extends TenantTask, N> {
  readonly #rules: FairRules<T, N>;
  readonly #contest = new Contest();
  readonly #shapes = new Shapes(this.#contest);
  readonly #slots = new Map<string, Slot>();
  readonly #accounts = new Accounts();
  readonly #files = new SingleFiles<T>();
  readonly #assorted = new Map<Slot, Assorted<T>>();
  /** Of assorted tenants, by their numbers in the contest. */
  readonly #lanes = new Map<Slot, Lane>();
  readonly #resting = new Heap<Assorted<T>>(wakesBefore);
  #size = 0;
  #inFlight = 0;
  #costMax = 0;

  constructor(rules: FairRules<T, N>) {
    this.#rules = rules;
  }

  get size(): number {
    return this.#size;
  }

  /** Tasks that run, as far as they were told to have landed. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** The base weight of a tenant, from now on, and its quota. */
  put(name: string, given: { readonly weight: number; readonly quota?: Quota }, now: number) {
    assert(given.weight > 0, 'Q1: weights are above nought');
    const tenant = this.#tenant(name);
    const before = this.#accounts.weight(tenant);
    if (before !== given.weight) {
      this.#contest.reweigh(tenant, given.weight / before);
      this.#accounts.setWeight(tenant, given.weight);
    }
    // The same again gives no rate a new start.
    const known = this.#assorted.get(tenant)?.use.quota ?? noQuota;
    if (given.quota === undefined || sameQuota(known, given.quota)) return;
    const state = this.#assort(name, tenant, now);
    state.use.set(given.quota, now);
    if (state.slot >= 0) this.#resting.remove(state);
    this.#unpark(state, now);
    this.#foldIfPlain(state);
  }

  /** Whether it has room that others do not have. */
  setApart(name: string, apart: boolean): void {
    const tenant = this.#tenant(name);
    const known = this.#assorted.get(tenant);
    if ((known?.shapes !== undefined) === apart) return;
    const state = known ?? this.#assort(name, tenant, 0);
    const before = state.shapes;
    state.shapes = apart ? new Map() : undefined;
    const owner = apart ? name : undefined;
    for (const lane of state.lanes.values()) {
      const old = lane.shapeSlot;
      lane.shapeSlot = this.#shapes.join(state.shapes ?? this.#shapes.common, lane.shape, owner);
      if (lane.contestSlot >= 0 && !isInCrowd(state, lane)) this.#move(tenant, lane);
      if (before === undefined) this.#shapes.leave(this.#shapes.common, old);
    }
    for (const shape of before?.values() ?? []) this.#shapes.drop(shape);
    if (state.crowd.lanes > 0) this.#shapes.openCrowd(state.crowd.shapeSlot);
    this.#foldIfPlain(state);
  }

  /** The weight of a queue below a tenant. */
  weighQueue(name: string, queue: string, weight: number): void {
    this.#assort(name, this.#tenant(name), 0).backlog.weighQueue(queue, weight);
  }

  /** Forgets the queues of a tenant that are not among these, but for those in which something waits. */
  keepQueues(name: string, queues: ReadonlyMap<string, number>): void {
    const state = this.#assorted.get(this.#tenant(name));
    if (state === undefined) return;
    state.backlog.keepQueues(queues);
    this.#foldIfPlain(state);
  }

  push(task: T, now: number, times: QueuedTimes = { since: now }): void {
    const tenant = this.#tenant(task.tenant);
    this.#size++;
    if (this.#isAlike(tenant, task, times)) return this.#pushSingly(tenant, task, times.since);
    this.#pushAssorted(this.#assort(task.tenant, tenant, now), task, now, times);
  }

  /** Takes a task out that will not be started. */
  remove(task: T, now: number): void {
    const tenant = this.#tenant(task.tenant);
    const few = this.#files.waiting(tenant) <= searchedMax;
    if (!this.#files.isAssorted(tenant) && few) return this.#removeSingly(tenant, task.id);
    const state = this.#assort(task.tenant, tenant, now);
    if (!state.backlog.remove(task.id)) return;
    this.#size--;
    const lane = this.#lane(state, task.shape);
    if (lane.waiting === 0) this.#retire(state, lane);
    if (state.competing > 0) this.#face(state, now);
    this.#foldIfPlain(state);
  }

  /** The next task that can start now, and where; undefined when none can. */
  take(now: number): Picked<T, N> | undefined {
    this.#wake(now);
    for (;;) {
      const lane = this.#contest.next();
      if (lane === none) return undefined;
      const tenant = this.#contest.tenantOf(lane);
      const picked = this.#files.isAssorted(tenant)
        ? this.#takeAssorted(tenant, lane, now)
        : this.#takeSingly(tenant, lane, now);
      if (picked !== undefined) return picked;
    }
  }

  /** It runs already, and was not charged. */
  adopt(task: T): void {
    this.#accounts.adopt(this.#tenant(task.tenant), task.shape);
    this.#inFlight++;
  }

  /** It runs no longer. With what it really cost, what was charged is corrected. */
  landed(task: T, now: number, costs?: { readonly charged: number; readonly real: number }): void {
    const tenant = this.#tenant(task.tenant);
    this.#inFlight--;
    this.#accounts.landed(tenant, task.shape);
    const state = this.#files.isAssorted(tenant) ? this.#assorted.get(tenant) : undefined;
    if (costs !== undefined) {
      const more = costs.real - costs.charged;
      this.#accounts.charge(tenant, more);
      this.#bound(costs.real);
      state?.backlog.charge(task, more);
      this.#contest.charge(tenant, more / this.#weightOf(tenant, task));
    }
    if (state !== undefined) this.#unpark(state, now);
  }

  /** Something was freed: shapes that have room now may be picked again. Some are only of one owner. */
  unblock(hasRoom: (shape: Shape, owner: string | undefined) => boolean): void {
    this.#shapes.unblock(hasRoom);
  }

  /** When a rate next lets something start. */
  wakeAt(): number | undefined {
    return this.#resting.first?.restsUntil;
  }

  /** In how long a tenant whose queue is full by so many may try again. */
  retryAfterMs(name: string, tooMany: number): number {
    const tenant = this.#slots.get(name);
    const every = tenant === undefined ? undefined : this.#accounts.startEveryMs(tenant);
    if (every === undefined) return retryMsFirst;
    return Math.round(Math.min(retryMsMax, Math.max(retryMsMin, every * tooMany)));
  }

  /** Whether the quota of its tenant would let it start. */
  isWithinQuota(task: T, now: number): boolean {
    const use = this.#assorted.get(this.#tenant(task.tenant))?.use;
    return use === undefined || (use.allows(task.shape) && use.startsFrom(now) <= now);
  }

  /** The same but for its rate, which passes by itself. */
  isAllowed(task: T): boolean {
    return this.#assorted.get(this.#tenant(task.tenant))?.use.allows(task.shape) ?? true;
  }

  share(name: string): TenantShare {
    const tenant = this.#tenant(name);
    const state = this.#assorted.get(tenant);
    const weight = this.#accounts.weight(tenant);
    const ahead = this.#contest.startOf(tenant) - this.#contest.mean;
    // Who does not compete is owed nothing: credit is not kept. It would owe in its next task's weight.
    const owed = this.#contest.competes(tenant)
      ? -ahead * this.#contest.weightOf(tenant)
      : -Math.max(0, ahead) * weight * priorityWeight('normal');
    return {
      weight,
      quota: state?.use.quota ?? noQuota,
      waiting: state?.backlog.size ?? this.#files.waiting(tenant),
      inFlight: this.#accounts.inFlight(tenant),
      charged: this.#accounts.charged(tenant),
      lag: owed === 0 ? 0 : owed,
    };
  }

  check(): void {
    this.#contest.check();
    for (const tenant of this.#slots.values()) {
      const state = this.#assorted.get(tenant);
      const isAssorted = this.#files.isAssorted(tenant);
      assert(isAssorted === (state !== undefined), 'Q4: a tenant waits singly or assorted');
      const competing = state?.competing ?? this.#files.waiting(tenant);
      const competes = this.#contest.competes(tenant);
      assert(competes === competing > 0, 'Q1: who has a lane in the contest competes');
      if (state === undefined) continue;
      assert(this.#files.waiting(tenant) === 0, 'Q4: of an assorted tenant nothing waits singly');
      for (const lane of state.lanes.values()) {
        const stands = lane.contestSlot >= 0 || state.parked.has(lane);
        assert(stands === lane.waiting > 0, 'Q1: what waits competes or waits for its quota');
      }
    }
  }

  /** Whether it can wait in the tenant's file, as it is now. */
  #isAlike(tenant: Slot, task: T, { since, deadline }: QueuedTimes): boolean {
    const files = this.#files;
    if (files.isAssorted(tenant) || deadline !== undefined || task.queue !== undefined)
      return false;
    if (files.waiting(tenant) === 0) return true;
    return (
      files.priority(tenant) === priorities.indexOf(task.priority) &&
      this.#isOfShape(tenant, task.shape) &&
      files.isInOrder(tenant, since)
    );
  }

  #isOfShape(tenant: Slot, shape: Shape): boolean {
    const slot = this.#files.shape(tenant);
    if (slot === none) return false;
    const known = this.#shapes.shape(slot);
    return known === shape || known.key === shape.key;
  }

  #pushSingly(tenant: Slot, task: T, since: number): void {
    const files = this.#files;
    const alone = files.waiting(tenant) === 0;
    files.push(tenant, task, since);
    if (!alone) return;
    files.setPriority(tenant, priorities.indexOf(task.priority));
    if (!this.#isOfShape(tenant, task.shape)) {
      if (files.shape(tenant) !== none) {
        this.#shapes.leave(this.#shapes.common, files.shape(tenant));
      }
      files.setShape(tenant, this.#shapes.join(this.#shapes.common, task.shape));
    }
    files.setLane(tenant, this.#contest.addLane(tenant, files.shape(tenant)));
    const weight = this.#weightOf(tenant, task);
    this.#contest.enter(tenant, weight, this.#rules.costOf(task) / weight);
  }

  #removeSingly(tenant: Slot, id: string): void {
    const files = this.#files;
    const first = files.first(tenant);
    if (!files.remove(tenant, (task) => task.id === id)) return;
    this.#size--;
    const next = files.first(tenant);
    if (next === undefined) return this.#leaveSingly(tenant);
    if (next === first) return;
    const weight = this.#weightOf(tenant, next);
    this.#contest.face(tenant, weight, this.#rules.costOf(next) / weight);
  }

  #leaveSingly(tenant: Slot): void {
    this.#contest.leave(tenant);
    this.#contest.dropLane(this.#files.lane(tenant));
    this.#files.setLane(tenant, none);
  }

  #takeSingly(tenant: Slot, lane: Slot, now: number): Picked<T, N> | undefined {
    const task = this.#files.first(tenant);
    assert(task !== undefined, 'Q3: a lane that competes has a task');
    const cost = this.#rules.costOf(task);
    const weight = this.#weightOf(tenant, task);
    if (this.#isOutdated(tenant, weight, cost)) return undefined;
    const place = this.#rules.place(task.shape, task);
    if (place === undefined) {
      this.#shapes.close(this.#contest.shapeOf(lane));
      return undefined;
    }
    this.#files.shift(tenant);
    this.#charge(tenant, task, cost, now);
    const next = this.#files.first(tenant);
    if (next === undefined) {
      this.#contest.charge(tenant, cost / weight);
      this.#leaveSingly(tenant);
    } else {
      const nextWeight = this.#weightOf(tenant, next);
      const span = this.#rules.costOf(next) / nextWeight;
      this.#contest.serve(tenant, cost / weight, nextWeight, span);
    }
    return { task, place, cost };
  }

  /** Its turn came by a span of before: since then the task has become dearer (other nodes, another
   *  estimate), or it is another task. One that has become cheaper stands too far behind, by at most the
   *  task that it was: that ends with its next start, and to find it would take a look at all. */
  #isOutdated(tenant: Slot, weight: number, cost: number): boolean {
    if (cost / weight <= outdatedBy * this.#contest.spanOf(tenant)) return false;
    this.#contest.face(tenant, weight, cost / weight);
    return true;
  }

  #charge(tenant: Slot, task: T, cost: number, now: number): void {
    this.#accounts.started(tenant, task.shape, now);
    this.#accounts.charge(tenant, cost);
    this.#size--;
    this.#inFlight++;
    this.#bound(cost);
  }

  #pushAssorted(state: Assorted<T>, task: T, now: number, times: QueuedTimes): void {
    const lane = this.#lane(state, task.shape);
    const alone = lane.waiting === 0;
    const mayBeNext = state.backlog.push(task, lane, times);
    if (alone) this.#compete(state, lane, now);
    else if (mayBeNext && state.competing > 0) this.#face(state, now);
  }

  #takeAssorted(tenant: Slot, next: Slot, now: number): Picked<T, N> | undefined {
    const state = this.#assorted.get(tenant);
    assert(state !== undefined, 'Q4: who is assorted is known');
    if (this.#rests(state, now)) return undefined;
    const lane = this.#lanes.get(next);
    if (lane !== undefined && !state.use.allows(lane.shape)) {
      this.#park(state, lane);
      return undefined;
    }
    const { use, backlog } = state;
    const chosen = backlog.choose(now, ({ shape, shapeSlot }) => {
      return this.#contest.isOpen(shapeSlot) && use.allows(shape);
    });
    if (chosen === undefined) {
      assert(lane === undefined, 'Q3: a lane that competes has a task');
      this.#closeCrowd(state);
      return undefined;
    }
    const { task } = chosen;
    const cost = this.#rules.costOf(task);
    const weight = this.#weightOf(tenant, task);
    if (this.#isOutdated(tenant, weight, cost)) return undefined;
    const place = this.#rules.place(chosen.lane.shape, task);
    if (place !== undefined) {
      this.#startAssorted(state, chosen.lane, { task, cost, weight, place }, now);
      return { task, place, cost };
    }
    this.#shapes.close(chosen.lane.shapeSlot);
    return undefined;
  }

  #startAssorted(state: Assorted<T>, lane: Lane, start: Start<T, N>, now: number): void {
    const { task, cost, weight } = start;
    const { tenant, backlog, use } = state;
    backlog.take({ task, lane }, cost, now);
    use.started(task.shape, now);
    this.#charge(tenant, task, cost, now);
    const next = lane.waiting > 0 || state.competing > 1 ? this.#head(state, now) : undefined;
    if (next !== undefined) this.#contest.serve(tenant, cost / weight, ...next);
    else this.#contest.charge(tenant, cost / weight);
    if (lane.waiting > 0) return;
    this.#retire(state, lane);
    this.#foldIfPlain(state);
  }

  #face(state: Assorted<T>, now: number): void {
    const head = this.#head(state, now);
    if (head !== undefined) this.#contest.face(state.tenant, ...head);
  }

  /** Weight and span of what it would start next if everything fitted. */
  #head(
    { tenant, backlog }: Assorted<T>,
    now: number,
  ): readonly [weight: number, span: number] | undefined {
    const chosen = backlog.choose(now, ({ contestSlot }) => contestSlot >= 0);
    if (chosen === undefined) return undefined;
    const weight = this.#weightOf(tenant, chosen.task);
    return [weight, this.#rules.costOf(chosen.task) / weight];
  }

  /** A lane has tasks again, or may start them again. */
  #compete(state: Assorted<T>, lane: Lane, now: number): void {
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
    if (state.competing > 1) return this.#face(state, now);
    const head = this.#head(state, now);
    assert(head !== undefined, 'Q1: a lane that competes has a task');
    this.#contest.enter(tenant, ...head);
  }

  /** It competes by another shape, as which its tasks are known now. */
  #move(tenant: Slot, lane: Lane): void {
    const old = lane.contestSlot;
    lane.contestSlot = this.#contest.addLane(tenant, lane.shapeSlot);
    this.#lanes.set(lane.contestSlot, lane);
    this.#contest.dropLane(old);
    this.#lanes.delete(old);
  }

  #park(state: Assorted<T>, lane: Lane): void {
    this.#withdraw(state, lane);
    state.parked.add(lane);
  }

  /** Nothing of this lane waits any more. */
  #retire(state: Assorted<T>, lane: Lane): void {
    if (lane.contestSlot >= 0) this.#withdraw(state, lane);
    state.parked.delete(lane);
    if (state.lanes.size > idleLanesMax) this.#dropLane(state, lane);
  }

  #dropLane(state: Assorted<T>, lane: Lane): void {
    state.lanes.delete(lane.shape.key);
    this.#shapes.leave(state.shapes ?? this.#shapes.common, lane.shapeSlot);
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

  /** Nothing of it fits, or is within the quota: what is not waits for that. */
  #closeCrowd(state: Assorted<T>): void {
    for (const lane of state.lanes.values()) {
      if (isInCrowd(state, lane) && !state.use.allows(lane.shape)) this.#park(state, lane);
    }
    if (state.crowd.lanes > 0) this.#shapes.closeCrowd(state.crowd.shapeSlot);
  }

  #unpark(state: Assorted<T>, now: number): void {
    if (state.slot >= 0 || state.parked.size === 0) return;
    for (const lane of [...state.parked]) {
      if (state.use.allows(lane.shape)) this.#compete(state, lane, now);
    }
  }

  /** True when its rate makes it wait: all its lanes do then. */
  #rests(state: Assorted<T>, now: number): boolean {
    const until = state.use.startsFrom(now);
    if (until <= now) return false;
    for (const lane of state.lanes.values()) {
      if (lane.contestSlot >= 0) this.#park(state, lane);
    }
    state.restsUntil = until;
    this.#resting.push(state);
    return true;
  }

  #wake(now: number): void {
    for (;;) {
      const { first } = this.#resting;
      if (first === undefined || first.restsUntil > now) return;
      this.#resting.remove(first);
      this.#unpark(first, now);
    }
  }

  /** What nobody could use is kept for one large task in every place that there is. */
  #bound(cost: number): void {
    this.#costMax = Math.max(cost, this.#costMax * costMaxKept);
    this.#contest.boundCredit((this.#inFlight + 2) * this.#costMax);
  }

  #weightOf(tenant: Slot, { priority, shape }: T): number {
    const weight = this.#accounts.weight(tenant) * priorityWeight(priority);
    return weight * this.#rules.coefficientOf(shape);
  }

  #tenant(name: string): Slot {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    const tenant = this.#contest.addTenant();
    const account = this.#accounts.add();
    assert(account === tenant, 'Q4: all tables number tenants alike');
    this.#files.add();
    this.#slots.set(name, tenant);
    return tenant;
  }

  /** What waits of it moves from its file into a backlog; its place in the contest stays. */
  #assort(name: string, tenant: Slot, now: number): Assorted<T> {
    const known = this.#assorted.get(tenant);
    if (known !== undefined) return known;
    const state = assortedOf<T>({ name, tenant }, this.#rules, this.#accounts);
    const files = this.#files;
    this.#assorted.set(tenant, state);
    files.setAssorted(tenant, true);
    const shapeSlot = files.shape(tenant);
    if (shapeSlot === none) return state;
    const [shape, contestSlot] = [this.#shapes.shape(shapeSlot), files.lane(tenant)];
    const lane: Lane = { shape, shapeSlot, contestSlot, waiting: 0 };
    state.lanes.set(shape.key, lane);
    files.setShape(tenant, none);
    if (contestSlot === none) return state;
    files.each(tenant, (task, since) => void state.backlog.push(task, lane, { since }));
    while (files.waiting(tenant) > 0) files.shift(tenant);
    files.setLane(tenant, none);
    this.#lanes.set(contestSlot, lane);
    state.competing = 1;
    this.#face(state, now);
    return state;
  }

  /** Nothing of it waits and nothing else sets it apart: its next tasks wait in a file again. What its
   *  queues and priorities owed each other ends here, since none of them waits for another. */
  #foldIfPlain(state: Assorted<T>): void {
    if (!isPlain(state)) return;
    for (const lane of state.lanes.values()) {
      this.#shapes.leave(this.#shapes.common, lane.shapeSlot);
    }
    this.#assorted.delete(state.tenant);
    this.#files.setAssorted(state.tenant, false);
  }

  #lane(state: Assorted<T>, shape: Shape): Lane {
    const known = state.lanes.get(shape.key);
    if (known !== undefined) return known;
    const { shapes = this.#shapes.common } = state;
    const owner = state.shapes === undefined ? undefined : state.name;
    const shapeSlot = this.#shapes.join(shapes, shape, owner);
    const lane = { shape, shapeSlot, contestSlot: none, waiting: 0 };
    state.lanes.set(shape.key, lane);
    return lane;
  }
}

function isInCrowd<T extends TenantTask>({ crowd }: Assorted<T>, lane: Lane): boolean {
  return crowd.lanes > 0 && lane.contestSlot === crowd.contestSlot;
}
