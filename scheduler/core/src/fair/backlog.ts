/**
 * What waits of one tenant: queues (by default one), in each the three priorities, in each its tasks by
 * lane, which is by what they reserve. Queues share by their weights, priorities 3 : 2 : 1, both by cost.
 * Tasks of one priority and lane leave by due time: their deadline, or when they are of age.
 *
 * L1  a task waits once, in one lane.
 * L2  without deadlines, tasks of one queue, priority and lane leave in the order of their coming.
 * L3  a deadline goes before the shares of queues and priorities once half its time is gone, but at
 *     most with every second start; and before older tasks only until they are of age: nothing starves.
 */
import { assert } from '@troupe/model';
import { Heap, type HeapItem } from '../heap.ts';
import type { Shape } from '../resources.ts';
import { type Face, type Few, joinFew, nextOfFew } from './few.ts';
import { type Priority, priorities, priorityWeight } from './priority.ts';

/** What the queue must know of a task. */
export interface Queued {
  readonly id: string;
  readonly shape: Shape;
  readonly priority: Priority;
  /** A queue below the tenant. */
  readonly queue?: string | undefined;
}

/** By the clock of `now`. */
export interface QueuedTimes {
  /** Since when it waits; it may have waited under another leader. */
  readonly since: number;
  /** When it should have ended. */
  readonly deadline?: number;
}

/** Tasks of one tenant that reserve the same. */
export interface Lane {
  readonly shape: Shape;
  /** Its number among the shapes, and its own in the contest (-1 while it does not compete). */
  readonly shapeSlot: number;
  contestSlot: number;
  waiting: number;
}

interface Entry<T> extends HeapItem {
  readonly task: T;
  readonly lane: Lane;
  readonly branch: Branch<T>;
  readonly due: number;
  readonly urgentFrom: number;
  readonly order: number;
}

/** Tasks of one queue and one priority. */
interface Branch<T> extends Few {
  readonly queue: Queue<T>;
  readonly weight: number;
  readonly byLane: Map<Lane, Heap<Entry<T>>>;
}

interface Queue<T> extends Few {
  weight: number;
  readonly branches: readonly Branch<T>[];
}

export interface Chosen<T> {
  readonly task: T;
  readonly lane: Lane;
}

export interface Prices<T> {
  /** What starting it is expected to cost. */
  costOf(task: T): number;
  /** The demand coefficient: 1 while it is switched off. */
  coefficientOf(shape: Shape): number;
}

/** From then on nothing younger goes before, deadline or not. */
const ageMs = 60_000;
const unnamed = '';

export class Backlog<T extends Queued> {
  readonly #prices: Prices<T>;
  readonly #queues = new Map<string, Queue<T>>();
  readonly #entries = new Map<string, Entry<T>>();
  #order = 0;
  #wasUrgent = false;

  constructor(prices: Prices<T>) {
    this.#prices = prices;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The share of a queue among those of its tenant. */
  weighQueue(name: string, weight: number): void {
    this.#queue(name).weight = weight;
  }

  keepQueues(kept: ReadonlyMap<string, unknown>): void {
    for (const [name, { waiting }] of this.#queues) {
      if (name !== unnamed && waiting === 0 && !kept.has(name)) this.#queues.delete(name);
    }
  }

  push(task: T, lane: Lane, { since, deadline }: QueuedTimes): void {
    assert(!this.#entries.has(task.id), 'L1: a task waits once');
    const queue = this.#queue(task.queue ?? unnamed);
    const branch = queue.branches[priorities.indexOf(task.priority)];
    assert(branch !== undefined, 'L1: every priority has its branch');
    const entry: Entry<T> = {
      slot: -1,
      task,
      lane,
      branch,
      due: Math.min(deadline ?? Number.POSITIVE_INFINITY, since + ageMs),
      urgentFrom: deadline === undefined ? Number.POSITIVE_INFINITY : (since + deadline) / 2,
      order: this.#order++,
    };
    this.#entries.set(task.id, entry);
    joinFew(queue, this.#queues.values());
    joinFew(branch, queue.branches);
    let tasks = branch.byLane.get(lane);
    if (tasks === undefined) {
      tasks = new Heap(sooner);
      branch.byLane.set(lane, tasks);
    }
    tasks.push(entry);
    lane.waiting++;
  }

  /** False when it does not wait. */
  remove(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined) return false;
    this.#entries.delete(id);
    const { lane, branch } = entry;
    const tasks = branch.byLane.get(lane);
    tasks?.remove(entry);
    if (tasks?.size === 0) branch.byLane.delete(lane);
    branch.waiting--;
    branch.queue.waiting--;
    lane.waiting--;
    return true;
  }

  /** The task to start next, of the lanes that may start one. */
  choose(now: number, mayStart: (lane: Lane) => boolean): Chosen<T> | undefined {
    return this.#choose(now, mayStart);
  }

  /** Takes out what was chosen and charges its queue and priority. */
  take({ task }: Chosen<T>, cost: number, now: number): void {
    const entry = this.#entries.get(task.id);
    assert(entry !== undefined, 'L1: what is taken waits');
    this.#wasUrgent = entry.urgentFrom <= now && !this.#wasUrgent;
    this.charge(task, cost);
    this.remove(task.id);
  }

  /** Charges a queue and a priority, or corrects what they were charged. */
  charge({ queue: name, priority, shape }: T, cost: number): void {
    const queue = this.#queue(name ?? unnamed);
    const branch = queue.branches[priorities.indexOf(priority)];
    if (branch === undefined) return;
    branch.start += cost / branch.weight;
    queue.start += cost / this.#weightIn(queue, branch, shape);
  }

  #choose(now: number, mayStart: (lane: Lane) => boolean): Entry<T> | undefined {
    const only = this.#onlyBranch();
    if (only !== undefined) return firstOf(only, mayStart);
    const faces: Face<Queue<T>>[] = [];
    const firsts = new Map<Queue<T>, Entry<T>>();
    let urgent: Entry<T> | undefined;
    for (const queue of this.#queues.values()) {
      if (queue.waiting === 0) continue;
      const branches: Face<Branch<T>>[] = [];
      const heads = new Map<Branch<T>, Entry<T>>();
      for (const branch of queue.branches) {
        const first = branch.waiting === 0 ? undefined : firstOf(branch, mayStart);
        if (first === undefined) continue;
        if (first.urgentFrom <= now && (urgent === undefined || sooner(first, urgent))) {
          urgent = first;
        }
        heads.set(branch, first);
        const cost = this.#prices.costOf(first.task);
        branches.push({ member: branch, cost, weight: branch.weight });
      }
      const next = nextOfFew(branches);
      const first = next === undefined ? undefined : heads.get(next.member);
      if (next === undefined || first === undefined) continue;
      firsts.set(queue, first);
      const weight = this.#weightIn(queue, next.member, first.lane.shape);
      faces.push({ member: queue, cost: next.cost, weight });
    }
    // L3: every second start is left to the shares.
    if (urgent !== undefined && !this.#wasUrgent) return urgent;
    const next = nextOfFew(faces);
    return next === undefined ? undefined : firsts.get(next.member);
  }

  /** Most tenants have one queue and use one priority: nothing is weighed then. */
  #onlyBranch(): Branch<T> | undefined {
    let only: Branch<T> | undefined;
    for (const queue of this.#queues.values()) {
      if (queue.waiting === 0) continue;
      for (const branch of queue.branches) {
        if (branch.waiting === 0) continue;
        if (only !== undefined) return undefined;
        only = branch;
      }
    }
    return only;
  }

  #weightIn(queue: Queue<T>, branch: Branch<T>, shape: Shape): number {
    return queue.weight * branch.weight * this.#prices.coefficientOf(shape);
  }

  #queue(name: string): Queue<T> {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const branches: Branch<T>[] = [];
    const queue: Queue<T> = { start: 0, waiting: 0, weight: 1, branches };
    for (const priority of priorities) {
      const weight = priorityWeight(priority);
      branches.push({ start: 0, waiting: 0, queue, weight, byLane: new Map() });
    }
    this.#queues.set(name, queue);
    return queue;
  }
}

function firstOf<T>(
  { byLane }: Branch<T>,
  mayStart: (lane: Lane) => boolean,
): Entry<T> | undefined {
  let best: Entry<T> | undefined;
  for (const [lane, tasks] of byLane) {
    const { first } = tasks;
    if (first === undefined || !mayStart(lane)) continue;
    if (best === undefined || sooner(first, best)) best = first;
  }
  return best;
}

function sooner<T>(left: Entry<T>, right: Entry<T>): boolean {
  return left.due === right.due ? left.order < right.order : left.due < right.due;
}
