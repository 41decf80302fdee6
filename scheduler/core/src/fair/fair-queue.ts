/**
 * Ready tasks of all tenants, served fairly by cost: `contest.ts` decides between tenants, `backlog.ts`
 * within one. Cost is charged by an estimate when a task is taken and corrected when it has landed.
 * A tenant's weight is its base × the priority of the task at hand × the demand coefficient, if on.
 *
 * Tasks wait by **shape** (what they reserve): a shape that fits on no node now is passed over until
 * something is freed, and stops neither other shapes nor other tenants. A tenant with room of its own
 * stands **apart**: its shapes are its own, and what finds no room for others is open to it. A pick looks at shapes and
 * tenants by trees, and at the queues and shapes of one tenant one by one; never at tasks.
 *
 * Q1  a tenant competes while it has a task that its quota lets start.
 * Q2  whoever is taken was within the quota of its tenant.
 * Q3  work-conserving: nothing is taken only if no waiting task fits and is within its quota.
 */
import { assert, type Quota } from '@troupe/model';
import { Heap, type HeapItem } from '../heap.ts';
import type { Shape } from '../resources.ts';
import { Backlog, type Lane, type Prices, type Queued, type QueuedTimes } from './backlog.ts';
import { Contest } from './contest.ts';
import { priorityWeight } from './priority.ts';
import { QuotaUse, sameQuota } from './quota.ts';

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

interface Tenant<T extends TenantTask> extends HeapItem {
  readonly name: string;
  /** Its own shapes, while it stands apart. */
  shapes: Map<string, ShapeState> | undefined;
  readonly contestSlot: number;
  readonly backlog: Backlog<T>;
  readonly use: QuotaUse;
  readonly lanes: Map<string, Lane>;
  /** Lanes that wait for the quota. */
  readonly parked: Set<Lane>;
  /** Of its lanes, how many compete. */
  competing: number;
  weight: number;
  charged: number;
  /** When its rate lets it start again; only while it rests for that. */
  restsUntil: number;
  startEveryMs: number | undefined;
  startedAt: number | undefined;
}

interface ShapeState {
  readonly slot: number;
  readonly shape: Shape;
  /** The tenant that stands apart, if it is only that one's. */
  readonly owner: string | undefined;
  lanes: number;
}

/** Kept though empty, because the next task is likely of this shape. */
const idleLanesMax = 32;
const idleShapesMax = 1_024;
/** Weight of the latest interval between starts. */
const latestWeight = 0.2;
/** Of the largest cost, after each further task: one that never comes again is forgotten. */
const costMaxKept = 0.9999;
/** A task may have become so much dearer since it was looked at, and still be next. */
const outdatedBy = 1.25;
const retryMsMin = 100;
const retryMsFirst = 1_000;
const retryMsMax = 60_000;

export class FairQueue<T extends TenantTask, N> {
  readonly #rules: FairRules<T, N>;
  readonly #contest = new Contest();
  readonly #tenants = new Map<string, Tenant<T>>();
  readonly #bySlot: Tenant<T>[] = [];
  readonly #lanes: (Lane | undefined)[] = [];
  readonly #shapes = new Map<string, ShapeState>();
  readonly #freeShapes: number[] = [];
  readonly #closed = new Set<ShapeState>();
  readonly #resting = new Heap<Tenant<T>>(wakesBefore);
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
    if (tenant.weight !== given.weight) {
      this.#contest.reweigh(tenant.contestSlot, given.weight / tenant.weight);
      tenant.weight = given.weight;
    }
    // The same again gives no rate a new start.
    if (given.quota === undefined || sameQuota(tenant.use.quota, given.quota)) return;
    tenant.use.set(given.quota, now);
    if (tenant.slot >= 0) this.#resting.remove(tenant);
    this.#unpark(tenant, now);
  }

  /** Whether it has room that others do not have. */
  setApart(name: string, apart: boolean): void {
    const tenant = this.#tenant(name);
    const before = tenant.shapes;
    if ((before !== undefined) === apart) return;
    tenant.shapes = apart ? new Map() : undefined;
    for (const lane of tenant.lanes.values()) {
      const state = this.#shapeState(tenant, lane.shape);
      state.lanes++;
      lane.shapeSlot = state.slot;
      if (lane.contestSlot < 0) continue;
      const old = lane.contestSlot;
      lane.contestSlot = this.#contest.addLane(tenant.contestSlot, state.slot);
      this.#lanes[lane.contestSlot] = lane;
      this.#contest.dropLane(old);
      this.#lanes[old] = undefined;
    }
    for (const key of tenant.lanes.keys()) this.#leaveShape(before ?? this.#shapes, key);
    for (const state of before?.values() ?? []) this.#freeShape(state);
  }

  /** The weight of a queue below a tenant. */
  weighQueue(name: string, queue: string, weight: number): void {
    this.#tenant(name).backlog.weighQueue(queue, weight);
  }

  /** Forgets the queues of a tenant that are not among these, but for those in which something waits. */
  keepQueues(name: string, queues: ReadonlyMap<string, number>): void {
    this.#tenant(name).backlog.keepQueues(queues);
  }

  push(task: T, now: number, times: QueuedTimes = { since: now }): void {
    const tenant = this.#tenant(task.tenant);
    const lane = this.#lane(tenant, task.shape);
    const alone = lane.waiting === 0;
    const mayBeNext = tenant.backlog.push(task, lane, times);
    this.#size++;
    if (alone) this.#compete(tenant, lane, now);
    else if (mayBeNext && tenant.competing > 0) this.#face(tenant, now);
  }

  /** Takes a task out that will not be started. */
  remove(task: T, now: number): void {
    const tenant = this.#tenant(task.tenant);
    if (!tenant.backlog.remove(task.id)) return;
    this.#size--;
    this.#left(tenant, this.#lane(tenant, task.shape), now);
  }

  /** The next task that can start now, and where; undefined when none can. */
  take(now: number): Picked<T, N> | undefined {
    this.#wake(now);
    for (;;) {
      const next = this.#contest.next();
      const lane = next < 0 ? undefined : this.#lanes[next];
      const tenant = this.#bySlot[next < 0 ? -1 : this.#contest.tenantOf(next)];
      if (lane === undefined || tenant === undefined) return undefined;
      if (this.#rests(tenant, now)) continue;
      if (!tenant.use.allows(lane.shape)) {
        this.#park(tenant, lane);
        continue;
      }
      const { use, backlog } = tenant;
      const chosen = backlog.choose(now, ({ shape, shapeSlot }) => {
        return this.#contest.isOpen(shapeSlot) && use.allows(shape);
      });
      assert(chosen !== undefined, 'Q3: a lane that competes has a task');
      const cost = this.#rules.costOf(chosen.task);
      const weight = this.#weightOf(tenant, chosen.task);
      // Its turn came by a span of before: since then the task has become dearer (other nodes, another
      // estimate), or it is another task. One that has become cheaper stands too far behind, by at most
      // the task that it was: that ends with its next start, and to find it would take a look at all.
      if (cost / weight > outdatedBy * this.#contest.spanOf(tenant.contestSlot)) {
        this.#contest.face(tenant.contestSlot, weight, cost / weight);
        continue;
      }
      const place = this.#rules.place(chosen.lane.shape, chosen.task);
      if (place !== undefined) return this.#start(tenant, chosen, { cost, weight, place }, now);
      this.#close(tenant, chosen.lane);
    }
  }

  /** It runs already, and was not charged. */
  adopt(task: T): void {
    this.#tenant(task.tenant).use.adopt(task.shape);
    this.#inFlight++;
  }

  /** It runs no longer. With what it really cost, what was charged is corrected. */
  landed(task: T, now: number, costs?: { readonly charged: number; readonly real: number }): void {
    const tenant = this.#tenant(task.tenant);
    this.#inFlight--;
    tenant.use.landed(task.shape);
    if (costs !== undefined) {
      const more = costs.real - costs.charged;
      tenant.charged += more;
      this.#bound(costs.real);
      tenant.backlog.charge(task, more);
      this.#contest.charge(tenant.contestSlot, more / this.#weightOf(tenant, task));
    }
    this.#unpark(tenant, now);
  }

  /** Something was freed: shapes that have room now may be picked again. Some are only of one owner. */
  unblock(hasRoom: (shape: Shape, owner: string | undefined) => boolean): void {
    for (const state of this.#closed) {
      if (!hasRoom(state.shape, state.owner)) continue;
      this.#closed.delete(state);
      this.#contest.reopen(state.slot);
    }
  }

  /** When a rate next lets something start. */
  wakeAt(): number | undefined {
    return this.#resting.first?.restsUntil;
  }

  /** In how long a tenant whose queue is full by so many may try again. */
  retryAfterMs(name: string, tooMany: number): number {
    const every = this.#tenants.get(name)?.startEveryMs;
    if (every === undefined) return retryMsFirst;
    return Math.round(Math.min(retryMsMax, Math.max(retryMsMin, every * tooMany)));
  }

  /** Whether the quota of its tenant would let it start. */
  isWithinQuota(task: T, now: number): boolean {
    const { use } = this.#tenant(task.tenant);
    return use.allows(task.shape) && use.startsFrom(now) <= now;
  }

  /** The same but for its rate, which passes by itself. */
  isAllowed(task: T): boolean {
    return this.#tenant(task.tenant).use.allows(task.shape);
  }

  share(name: string): TenantShare {
    const { weight, use, backlog, charged, contestSlot, competing } = this.#tenant(name);
    const ahead = this.#contest.startOf(contestSlot) - this.#contest.time;
    // Who does not compete is owed nothing: credit is not kept. It would owe in its next task's weight.
    const owed =
      competing > 0
        ? -ahead * this.#contest.weightOf(contestSlot)
        : -Math.max(0, ahead) * weight * priorityWeight('normal');
    const lag = owed === 0 ? 0 : owed;
    const { quota, inFlight } = use;
    return { weight, quota, waiting: backlog.size, inFlight, charged, lag };
  }

  check(): void {
    this.#contest.check();
    for (const tenant of this.#bySlot) {
      const competes = this.#contest.competes(tenant.contestSlot);
      assert(competes === tenant.competing > 0, 'Q1: who has a lane in the contest competes');
      for (const lane of tenant.lanes.values()) {
        const stands = lane.contestSlot >= 0 || tenant.parked.has(lane);
        assert(stands === lane.waiting > 0, 'Q1: what waits competes or waits for its quota');
      }
    }
  }

  #start(
    tenant: Tenant<T>,
    chosen: { readonly task: T; readonly lane: Lane },
    { cost, weight, place }: { readonly cost: number; readonly weight: number; readonly place: N },
    now: number,
  ): Picked<T, N> {
    const { task, lane } = chosen;
    const served = cost / weight;
    tenant.backlog.take(chosen, cost, now);
    tenant.use.started(task.shape, now);
    tenant.charged += cost;
    this.#clock(tenant, now);
    this.#size--;
    this.#inFlight++;
    this.#bound(cost);
    const next = lane.waiting > 0 || tenant.competing > 1 ? this.#head(tenant, now) : undefined;
    if (next !== undefined) this.#contest.serve(tenant.contestSlot, served, ...next);
    else this.#contest.charge(tenant.contestSlot, served);
    if (lane.waiting === 0) this.#retire(tenant, lane);
    return { task, place, cost };
  }

  /** After a task left without being started. */
  #left(tenant: Tenant<T>, lane: Lane, now: number): void {
    if (lane.waiting === 0) this.#retire(tenant, lane);
    if (tenant.competing > 0) this.#face(tenant, now);
  }

  #face(tenant: Tenant<T>, now: number): void {
    const head = this.#head(tenant, now);
    if (head !== undefined) this.#contest.face(tenant.contestSlot, ...head);
  }

  /** Weight and span of what it would start next if everything fitted. */
  #head(tenant: Tenant<T>, now: number): readonly [weight: number, span: number] | undefined {
    const chosen = tenant.backlog.choose(now, ({ contestSlot }) => contestSlot >= 0);
    if (chosen === undefined) return undefined;
    const weight = this.#weightOf(tenant, chosen.task);
    return [weight, this.#rules.costOf(chosen.task) / weight];
  }

  /** A lane has tasks again, or may start them again. */
  #compete(tenant: Tenant<T>, lane: Lane, now: number): void {
    if (tenant.slot >= 0 || !tenant.use.allows(lane.shape)) {
      tenant.parked.add(lane);
      return;
    }
    tenant.parked.delete(lane);
    lane.contestSlot = this.#contest.addLane(tenant.contestSlot, lane.shapeSlot);
    this.#lanes[lane.contestSlot] = lane;
    tenant.competing++;
    if (tenant.competing > 1) return this.#face(tenant, now);
    const head = this.#head(tenant, now);
    assert(head !== undefined, 'Q1: a lane that competes has a task');
    this.#contest.enter(tenant.contestSlot, ...head);
  }

  #park(tenant: Tenant<T>, lane: Lane): void {
    this.#withdraw(tenant, lane);
    tenant.parked.add(lane);
  }

  /** Nothing of this lane waits any more. */
  #retire(tenant: Tenant<T>, lane: Lane): void {
    if (lane.contestSlot >= 0) this.#withdraw(tenant, lane);
    tenant.parked.delete(lane);
    if (tenant.lanes.size <= idleLanesMax) return;
    tenant.lanes.delete(lane.shape.key);
    this.#leaveShape(tenant.shapes ?? this.#shapes, lane.shape.key);
  }

  /** A lane of this shape is gone. */
  #leaveShape(shapes: Map<string, ShapeState>, key: string): void {
    const state = shapes.get(key);
    if (state === undefined || --state.lanes > 0 || shapes.size <= idleShapesMax) return;
    shapes.delete(key);
    this.#freeShape(state);
  }

  #freeShape(state: ShapeState): void {
    this.#closed.delete(state);
    this.#contest.reopen(state.slot);
    this.#freeShapes.push(state.slot);
  }

  #withdraw(tenant: Tenant<T>, lane: Lane): void {
    if (tenant.competing === 1) this.#contest.leave(tenant.contestSlot);
    this.#contest.dropLane(lane.contestSlot);
    this.#lanes[lane.contestSlot] = undefined;
    lane.contestSlot = -1;
    tenant.competing--;
  }

  #unpark(tenant: Tenant<T>, now: number): void {
    if (tenant.slot >= 0 || tenant.parked.size === 0) return;
    for (const lane of [...tenant.parked]) {
      if (tenant.use.allows(lane.shape)) this.#compete(tenant, lane, now);
    }
  }

  /** True when its rate makes it wait: all its lanes do then. */
  #rests(tenant: Tenant<T>, now: number): boolean {
    const until = tenant.use.startsFrom(now);
    if (until <= now) return false;
    for (const lane of tenant.lanes.values()) {
      if (lane.contestSlot >= 0) this.#park(tenant, lane);
    }
    tenant.restsUntil = until;
    this.#resting.push(tenant);
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

  #close(tenant: Tenant<T>, { shape }: Lane): void {
    const state = (tenant.shapes ?? this.#shapes).get(shape.key);
    assert(state !== undefined, 'Q3: a lane has a shape');
    this.#closed.add(state);
    this.#contest.close(state.slot);
  }

  /** What nobody could use is kept for one large task in every place that there is. */
  #bound(cost: number): void {
    this.#costMax = Math.max(cost, this.#costMax * costMaxKept);
    this.#contest.boundCredit((this.#inFlight + 2) * this.#costMax);
  }

  #clock(tenant: Tenant<T>, now: number): void {
    const { startedAt, startEveryMs } = tenant;
    tenant.startedAt = now;
    if (startedAt === undefined) return;
    const tookMs = now - startedAt;
    tenant.startEveryMs =
      startEveryMs === undefined ? tookMs : startEveryMs + (tookMs - startEveryMs) * latestWeight;
  }

  #weightOf({ weight }: Tenant<T>, { priority, shape }: T): number {
    return weight * priorityWeight(priority) * this.#rules.coefficientOf(shape);
  }

  #tenant(name: string): Tenant<T> {
    const known = this.#tenants.get(name);
    if (known !== undefined) return known;
    const tenant: Tenant<T> = {
      name,
      shapes: undefined,
      slot: -1,
      contestSlot: this.#contest.addTenant(),
      backlog: new Backlog<T>(this.#rules),
      use: new QuotaUse(),
      lanes: new Map(),
      parked: new Set(),
      competing: 0,
      weight: 1,
      charged: 0,
      restsUntil: 0,
      startEveryMs: undefined,
      startedAt: undefined,
    };
    this.#tenants.set(name, tenant);
    this.#bySlot[tenant.contestSlot] = tenant;
    return tenant;
  }

  #lane(tenant: Tenant<T>, shape: Shape): Lane {
    const known = tenant.lanes.get(shape.key);
    if (known !== undefined) return known;
    const state = this.#shapeState(tenant, shape);
    state.lanes++;
    const lane = { shape, shapeSlot: state.slot, contestSlot: -1, waiting: 0 };
    tenant.lanes.set(shape.key, lane);
    return lane;
  }

  #shapeState(tenant: Tenant<T>, shape: Shape): ShapeState {
    const shapes = tenant.shapes ?? this.#shapes;
    const known = shapes.get(shape.key);
    if (known !== undefined) return known;
    const slot = this.#freeShapes.pop() ?? this.#contest.addShape();
    const owner = tenant.shapes === undefined ? undefined : tenant.name;
    const state = { slot, shape, owner, lanes: 0 };
    shapes.set(shape.key, state);
    return state;
  }
}

function wakesBefore<T extends TenantTask>(left: Tenant<T>, right: Tenant<T>): boolean {
  if (left.restsUntil !== right.restsUntil) return left.restsUntil < right.restsUntil;
  return left.contestSlot < right.contestSlot;
}
