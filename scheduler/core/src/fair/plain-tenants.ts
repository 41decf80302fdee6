/**
 * Tenants whose waiting tasks are all alike: each has one lane in the contest, and a file (`single-files.ts`).
 *
 * T1  a lane that competes has a task.
 */
import { assert } from '@troupe/model';
import type { QueuedTimes } from './backlog.ts';
import type { Charges } from './charges.ts';
import type { Contest } from './contest.ts';
import { none, type Slot } from './contest-tables.ts';
import { priorities } from './priority.ts';
import type { Shapes } from './shapes.ts';
import { SingleFiles } from './single-files.ts';
import type { FairRules, Picked, TenantTask } from './tenant-task.ts';

/** In a file of so many a task is looked for one by one. */
const searchedMax = 8;

export class PlainTenants<T extends TenantTask, N> {
  readonly #rules: FairRules<T, N>;
  readonly #contest: Contest;
  readonly #shapes: Shapes;
  readonly #charges: Charges<T>;
  readonly #files = new SingleFiles<T>();

  constructor(
    rules: FairRules<T, N>,
    given: { readonly contest: Contest; readonly shapes: Shapes; readonly charges: Charges<T> },
  ) {
    this.#rules = rules;
    this.#contest = given.contest;
    this.#shapes = given.shapes;
    this.#charges = given.charges;
  }

  /** The next tenant. */
  add(): void {
    this.#files.add();
  }

  /** Whether the tenant is one of these now. */
  has(tenant: Slot): boolean {
    return !this.#files.isAssorted(tenant);
  }

  waiting(tenant: Slot): number {
    return this.#files.waiting(tenant);
  }

  /** Whether the task can wait in the tenant's file, as that is now. */
  mayPush(tenant: Slot, task: T, { since, deadline }: QueuedTimes): boolean {
    const files = this.#files;
    if (files.isAssorted(tenant) || deadline !== undefined || task.queue !== undefined)
      return false;
    if (files.waiting(tenant) === 0) return true;
    return (
      files.priority(tenant) === priorities.indexOf(task.priority) &&
      this.#isOfShape(tenant, task) &&
      files.isInOrder(tenant, since)
    );
  }

  push(tenant: Slot, task: T, since: number): void {
    const files = this.#files;
    const alone = files.waiting(tenant) === 0;
    files.push(tenant, task, since);
    if (!alone) return;
    files.setPriority(tenant, priorities.indexOf(task.priority));
    if (!this.#isOfShape(tenant, task)) {
      this.#leaveShape(tenant);
      files.setShape(tenant, this.#shapes.join(this.#shapes.common, task.shape));
    }
    files.setLane(tenant, this.#contest.addLane(tenant, files.shape(tenant)));
    const weight = this.#charges.weightOf(tenant, task);
    this.#contest.enter(tenant, weight, this.#rules.costOf(task) / weight);
  }

  /** Whether a task of the tenant is found quickly. */
  maySearch(tenant: Slot): boolean {
    return this.has(tenant) && this.#files.waiting(tenant) <= searchedMax;
  }

  /** False when it does not wait. */
  remove(tenant: Slot, id: string): boolean {
    const files = this.#files;
    const first = files.first(tenant);
    if (!files.remove(tenant, (task) => task.id === id)) return false;
    const next = files.first(tenant);
    if (next === undefined) {
      this.#contest.leave(tenant);
      this.#dropLane(tenant);
    } else if (next !== first) {
      const weight = this.#charges.weightOf(tenant, next);
      this.#contest.face(tenant, weight, this.#rules.costOf(next) / weight);
    }
    return true;
  }

  /** The first task of the tenant whose turn it is; undefined when it cannot start, or it is not its turn. */
  take(tenant: Slot, now: number): Picked<T, N> | undefined {
    const task = this.#files.first(tenant);
    assert(task !== undefined, 'T1: a lane that competes has a task');
    const cost = this.#rules.costOf(task);
    const weight = this.#charges.weightOf(tenant, task);
    if (this.#charges.isOutdated(tenant, weight, cost)) return undefined;
    const place = this.#rules.place(task.shape, task);
    if (place === undefined) {
      this.#shapes.close(this.#files.shape(tenant));
      return undefined;
    }
    this.#files.shift(tenant);
    this.#charges.started(tenant, task, cost, now);
    const next = this.#files.first(tenant);
    if (next === undefined) {
      this.#contest.depart(tenant, cost / weight);
      this.#dropLane(tenant);
    } else {
      const nextWeight = this.#charges.weightOf(tenant, next);
      const span = this.#rules.costOf(next) / nextWeight;
      this.#contest.serve(tenant, cost / weight, nextWeight, span);
    }
    return { task, place, cost, tenant };
  }

  /** The tenant is assorted from now on. Hands over its tasks, and how they stand in the contest. */
  handOver(tenant: Slot): Handed<T> {
    const files = this.#files;
    files.setAssorted(tenant, true);
    const [shapeSlot, contestSlot] = [files.shape(tenant), files.lane(tenant)];
    const tasks: (readonly [task: T, since: number])[] = [];
    files.each(tenant, (task, since) => void tasks.push([task, since]));
    while (files.waiting(tenant) > 0) files.shift(tenant);
    files.setShape(tenant, none);
    files.setLane(tenant, none);
    return { shapeSlot, contestSlot, tasks };
  }

  /** It is one of these again, and nothing of it waits. */
  takeBack(tenant: Slot): void {
    this.#files.setAssorted(tenant, false);
  }

  #isOfShape(tenant: Slot, { shape }: T): boolean {
    const slot = this.#files.shape(tenant);
    if (slot === none) return false;
    const known = this.#shapes.shape(slot);
    return known === shape || known.key === shape.key;
  }

  #leaveShape(tenant: Slot): void {
    const slot = this.#files.shape(tenant);
    if (slot !== none) this.#shapes.leave(this.#shapes.common, slot);
  }

  #dropLane(tenant: Slot): void {
    this.#contest.dropLane(this.#files.lane(tenant));
    this.#files.setLane(tenant, none);
  }
}

/** What a tenant had as a plain one. */
export interface Handed<T> {
  /** Of what waits, or waited last; `none` before. */
  readonly shapeSlot: Slot;
  /** `none` while nothing waits. */
  readonly contestSlot: Slot;
  readonly tasks: readonly (readonly [task: T, since: number])[];
}
