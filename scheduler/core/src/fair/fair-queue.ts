/**
 * Ready tasks of all tenants, served fairly by cost: `contest.ts` decides between tenants. Tasks of a
 * tenant that are all alike wait in a single file, which is numbers in typed arrays (`plain-tenants.ts`); with
 * the first that differs, or with a quota, queues or room of its own, the tenant is **assorted** and a
 * backlog decides within it, until nothing of it waits (`assorted-tenants.ts`). What is charged, and when, is
 * in `charges.ts`.
 *
 * Tasks wait by **shape** (what they reserve): a shape that fits on no node now is passed over until
 * something is freed, and stops neither other shapes nor other tenants. A tenant with room of its own
 * stands **apart**: its shapes are its own, and what finds no room for others is open to it. A pick looks
 * at shapes, tenants and tasks by trees, and at the queues of one tenant one by one.
 *
 * Q1  a tenant competes while it has a task that its quota lets start.
 * Q2  whoever is taken was within the quota of its tenant.
 * Q3  work-conserving: nothing is taken only if no waiting task fits and is within its quota.
 * Q4  a tenant waits in a single file or is assorted, never both; which of the two changes no decision.
 */
import { assert } from '@troupe/model';
import type { Shape } from '../resources.ts';
import { AssortedTenants, noQuota, type QuotaPut } from './assorted-tenants.ts';
import type { QueuedTimes } from './backlog.ts';
import { Charges } from './charges.ts';
import { Contest } from './contest.ts';
import { none, type Slot } from './contest-tables.ts';
import { PlainTenants } from './plain-tenants.ts';
import { priorityWeight } from './priority.ts';
import type { QuotaRoom } from './quota.ts';
import { Shapes } from './shapes.ts';
import type { Costs, FairRules, Picked, TenantShare, TenantTask } from './tenant-task.ts';

export type { Charge, FairRules, Picked, TenantShare, TenantTask } from './tenant-task.ts';

const retryMsMin = 100;
const retryMsFirst = 1_000;
const retryMsMax = 60_000;

export class FairQueue<T extends TenantTask, N> {
  readonly #contest = new Contest();
  readonly #shapes = new Shapes(this.#contest);
  readonly #slots = new Map<string, Slot>();
  readonly #charges: Charges<T>;
  readonly #plain: PlainTenants<T, N>;
  readonly #assorted: AssortedTenants<T, N>;
  #size = 0;

  constructor(rules: FairRules<T, N>) {
    this.#charges = new Charges(rules, this.#contest);
    const shared = { contest: this.#contest, shapes: this.#shapes, charges: this.#charges };
    this.#plain = new PlainTenants(rules, shared);
    this.#assorted = new AssortedTenants(rules, { ...shared, plain: this.#plain });
  }

  get size(): number {
    return this.#size;
  }

  /** Tasks that run, as far as they were told to have landed. */
  get inFlight(): number {
    return this.#charges.inFlight;
  }

  /** The base weight of a tenant, from now on, and its quota. */
  put(name: string, given: { readonly weight: number } & Partial<QuotaPut>, now: number) {
    assert(given.weight > 0, 'Q1: weights are above nought');
    const tenant = this.#tenant(name);
    const { accounts } = this.#charges;
    const before = accounts.weight(tenant);
    if (before !== given.weight) {
      this.#contest.reweigh(tenant, given.weight / before);
      accounts.setWeight(tenant, given.weight);
    }
    const { quota, budget } = given;
    if (quota !== undefined) this.#assorted.putQuota(name, tenant, { quota, budget }, now);
  }

  /** Whether it has room that others do not have. */
  setApart(name: string, apart: boolean): void {
    this.#assorted.setApart(name, this.#tenant(name), apart);
  }

  /** The weight of a queue below a tenant. */
  weighQueue(name: string, queue: string, weight: number): void {
    this.#assorted.assort(name, this.#tenant(name), 0).backlog.weighQueue(queue, weight);
  }

  /** Forgets the queues of a tenant that are not among these, but for those in which something waits. */
  keepQueues(name: string, queues: ReadonlyMap<string, number>): void {
    this.#assorted.keepQueues(this.#tenant(name), queues);
  }

  push(task: T, now: number, times: QueuedTimes = { since: now }): void {
    const tenant = this.#tenant(task.tenant);
    this.#size++;
    if (this.#plain.mayPush(tenant, task, times)) this.#plain.push(tenant, task, times.since);
    else {
      const state = this.#assorted.assort(task.tenant, tenant, now);
      this.#assorted.push(state, task, now, times);
    }
  }

  /** Takes a task out that will not be started. */
  remove(task: T, now: number): void {
    const tenant = this.#tenant(task.tenant);
    const removed = this.#plain.maySearch(tenant)
      ? this.#plain.remove(tenant, task.id)
      : this.#assorted.remove(this.#assorted.assort(task.tenant, tenant, now), task, now);
    if (removed) this.#size--;
  }

  /** The next task that can start now, and where; undefined when none can. */
  take(now: number): Picked<T, N> | undefined {
    this.#assorted.wake(now);
    for (;;) {
      const lane = this.#contest.next();
      if (lane === none) return undefined;
      const tenant = this.#contest.tenantOf(lane);
      const picked = this.#plain.has(tenant)
        ? this.#plain.take(tenant, now)
        : this.#assorted.take(tenant, lane, now);
      if (picked === undefined) continue;
      this.#size--;
      return picked;
    }
  }

  /** It runs already, and was not charged. The number of its tenant. */
  adopt(task: T): Slot {
    const tenant = this.#tenant(task.tenant);
    this.#charges.adopted(tenant, task);
    return tenant;
  }

  /** It runs no longer. With what it really cost, what was charged is corrected. */
  landed(task: T, now: number, costs?: Costs): void {
    const tenant = costs?.tenant ?? this.#tenant(task.tenant);
    this.#charges.landed(tenant, task);
    const more = costs === undefined ? 0 : costs.real - costs.charged;
    if (costs !== undefined) this.#charges.correct(tenant, task, more, costs.real);
    if (!this.#plain.has(tenant)) this.#assorted.landed(tenant, task, more, now);
  }

  /** Something was freed: shapes that have room now may be picked again. Some are only of one owner. */
  unblock(hasRoom: (shape: Shape, owner: string | undefined) => boolean): void {
    this.#shapes.unblock(hasRoom);
  }

  /** When a rate next lets something start. */
  wakeAt(): number | undefined {
    return this.#assorted.wakeAt();
  }

  /** In how long a tenant whose queue is full by so many may try again. */
  retryAfterMs(name: string, tooMany: number): number {
    const tenant = this.#slots.get(name);
    const { accounts } = this.#charges;
    const every = tenant === undefined ? undefined : accounts.startEveryMs(tenant);
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

  /** What the quota of a tenant leaves; undefined when that has none. */
  roomOf(name: string): QuotaRoom | undefined {
    const tenant = this.#slots.get(name);
    return tenant === undefined ? undefined : this.#assorted.get(tenant)?.use.room();
  }

  share(name: string): TenantShare {
    const tenant = this.#tenant(name);
    const state = this.#assorted.get(tenant);
    const { accounts } = this.#charges;
    const weight = accounts.weight(tenant);
    const ahead = this.#contest.startOf(tenant) - this.#contest.mean;
    // Who does not compete is owed nothing: credit is not kept. It would owe in its next task's weight.
    const owed = this.#contest.competes(tenant)
      ? -ahead * this.#contest.weightOf(tenant)
      : -Math.max(0, ahead) * weight * priorityWeight('normal');
    return {
      weight,
      quota: state?.use.quota ?? noQuota,
      waiting: state?.backlog.size ?? this.#plain.waiting(tenant),
      inFlight: accounts.inFlight(tenant),
      charged: accounts.charged(tenant),
      lag: owed === 0 ? 0 : owed,
    };
  }

  check(): void {
    this.#contest.check();
    for (const tenant of this.#slots.values()) {
      const state = this.#assorted.get(tenant);
      assert(
        this.#plain.has(tenant) === (state === undefined),
        'Q4: a tenant is plain or assorted',
      );
      const competing = state?.competing ?? this.#plain.waiting(tenant);
      const competes = this.#contest.competes(tenant);
      assert(competes === competing > 0, 'Q1: who has a lane in the contest competes');
      if (state === undefined) continue;
      assert(
        this.#plain.waiting(tenant) === 0,
        'Q4: of an assorted tenant nothing waits in a file',
      );
      this.#assorted.check(state);
    }
  }

  #tenant(name: string): Slot {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    const tenant = this.#contest.addTenant();
    const account = this.#charges.accounts.add();
    assert(account === tenant, 'Q4: all tables number tenants alike');
    this.#plain.add();
    this.#slots.set(name, tenant);
    return tenant;
  }
}
