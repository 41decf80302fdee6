/**
 * What starts and landings cost tenants: an estimate is charged when a task is taken, and corrected when it
 * has landed. A tenant's weight is its base × the priority of the task at hand × the demand coefficient, if
 * on.
 */
import { Accounts } from './accounts.ts';
import type { Prices } from './backlog.ts';
import type { Contest } from './contest.ts';
import type { Slot } from './contest-tables.ts';
import { priorityWeight } from './priority.ts';
import type { TenantTask } from './tenant-task.ts';

/** Of the largest cost, after each further task: one that never comes again is forgotten. */
const costMaxKept = 0.9999;
/** A task may have become so much dearer since it was looked at, and still be next. */
const outdatedBy = 1.25;

export class Charges<T extends TenantTask> {
  readonly prices: Prices<T>;
  readonly accounts = new Accounts();
  readonly #contest: Contest;
  #inFlight = 0;
  #costMax = 0;

  constructor(prices: Prices<T>, contest: Contest) {
    this.prices = prices;
    this.#contest = contest;
  }

  /** Tasks that run, as far as they were told to have landed. */
  get inFlight(): number {
    return this.#inFlight;
  }

  weightOf(tenant: Slot, { priority, shape }: T): number {
    const weight = this.accounts.weight(tenant) * priorityWeight(priority);
    return weight * this.prices.coefficientOf(shape);
  }

  /** Its turn came by a span of before: since then the task has become dearer (other nodes, another
   *  estimate), or it is another task. One that has become cheaper stands too far behind, by at most the
   *  task that it was: that ends with its next start, and to find it would take a look at all. */
  isOutdated(tenant: Slot, weight: number, cost: number): boolean {
    if (cost / weight <= outdatedBy * this.#contest.spanOf(tenant)) return false;
    this.#contest.face(tenant, weight, cost / weight);
    return true;
  }

  /** Its place in the contest is the caller's to change. */
  started(tenant: Slot, task: T, cost: number, now: number): void {
    this.accounts.started(tenant, task.shape, now);
    this.accounts.charge(tenant, cost);
    this.#inFlight++;
    this.#bound(cost);
  }

  /** It runs already, and was not charged. */
  adopted(tenant: Slot, task: T): void {
    this.accounts.adopt(tenant, task.shape);
    this.#inFlight++;
  }

  landed(tenant: Slot, task: T): void {
    this.#inFlight--;
    this.accounts.landed(tenant, task.shape);
  }

  /** What was charged for it is corrected by so much, to what it really cost. */
  correct(tenant: Slot, task: T, more: number, real: number): void {
    this.accounts.charge(tenant, more);
    this.#bound(real);
    this.#contest.charge(tenant, more / this.weightOf(tenant, task));
  }

  /** What nobody could use is kept for one large task in every place that there is. */
  #bound(cost: number): void {
    this.#costMax = Math.max(cost, this.#costMax * costMaxKept);
    this.#contest.boundCredit((this.#inFlight + 2) * this.#costMax);
  }
}
