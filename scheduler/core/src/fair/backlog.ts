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
  shapeSlot: number;
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
  readonly byLane: Map<Lane, Stack<T>>;
  /** Those of `byLane`, by what is first in each. */
  readonly stacks: Heap<Stack<T>>;
}

/** Of these, the tasks of one lane. */
interface Stack<T> extends HeapItem {
  readonly lane: Lane;
  readonly tasks: Heap<Entry<T>>;
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
  /** In which something waits: for most tenants one. */
  readonly #busy: Branch<T>[] = [];
  #order = 0;
  #wasUrgent = false;

  constructor(prices: Prices<T>) {
    this.#prices = prices;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether it would order tasks that are alike as a single file does. */
  get isPlain(): boolean {
    const unweighed = this.#queues.get(unnamed)?.weight ?? 1;
    return unweighed === 1 && this.#queues.size <= (this.#queues.has(unnamed) ? 1 : 0);
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

  /** True when it may be what starts next: otherwise that is what it was before. */
  push(task: T, lane: Lane, { since, deadline }: QueuedTimes): boolean {
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
    if (branch.waiting === 0) this.#busy.push(branch);
    joinFew(queue, this.#queues.values());
    joinFew(branch, queue.branches);
    let stack = branch.byLane.get(lane);
    if (stack === undefined) {
      stack = { slot: -1, lane, tasks: new Heap(sooner) };
      branch.byLane.set(lane, stack);
    }
    stack.tasks.push(entry);
    if (stack.slot < 0) branch.stacks.push(stack);
    else if (stack.tasks.first === entry) branch.stacks.moved(stack);
    lane.waiting++;
    return this.#busy.length > 1 || stack.tasks.first === entry;
  }

  /** False when it does not wait. */
  remove(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined) return false;
    this.#entries.delete(id);
    const { lane, branch } = entry;
    const stack = branch.byLane.get(lane);
    assert(stack !== undefined, 'L1: what waits is in its lane');
    const wasFirst = stack.tasks.first === entry;
    stack.tasks.remove(entry);
    if (stack.tasks.size === 0) {
      branch.byLane.delete(lane);
      branch.stacks.remove(stack);
    } else if (wasFirst) branch.stacks.moved(stack);
    if (branch.waiting === 1) leave(this.#busy, branch);
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
    // Most tenants have one queue and use one priority: nothing is weighed then.
    const [only] = this.#busy;
    if (only !== undefined && this.#busy.length === 1) return firstOf(only, mayStart);
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
      branches.push({
        start: 0,
        waiting: 0,
        queue,
        weight,
        byLane: new Map(),
        stacks: new Heap(earlier),
      });
    }
    this.#queues.set(name, queue);
    return queue;
  }
}

/** Takes one out of a few whose order says nothing. */
function leave<M>(few: M[], member: M): void {
  const last = few.pop();
  if (last !== undefined && last !== member) few[few.indexOf(member)] = last;
}

function firstOf<T>(
  { stacks }: Branch<T>,
  mayStart: (lane: Lane) => boolean,
): Entry<T> | undefined {
  return stacks.firstWhere(({ lane }) => mayStart(lane))?.tasks.first;
}

function earlier<T>(left: Stack<T>, right: Stack<T>): boolean {
  const [first, other] = [left.tasks.first, right.tasks.first];
  return first !== undefined && other !== undefined && sooner(first, other);
}

function sooner<T>(left: Entry<T>, right: Entry<T>): boolean {
  return left.due === right.due ? left.order < right.order : left.due < right.due;
}
