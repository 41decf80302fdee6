/**
 * Ready tasks of all tenants, served fairly by cost: start-time fair queueing. Each tenant has a
 * virtual start; the least is served and pays cost / weight; who comes back after idling starts at
 * the present virtual time, so nothing is banked. Cost is dominant share × expected duration,
 * charged at dispatch and corrected when the attempt has ended. Within a tenant, priorities share
 * 3 : 2 : 1 in the same way.
 *
 * Tasks wait by **shape** (what they reserve): a shape that fits on no node now is blocked until
 * something is freed, and stops neither other shapes nor other tenants. So a pick looks at shapes,
 * never at tasks.
 *
 * Q1  a tenant that waits is never behind the virtual time it came back at.
 * Q2  within tenant, priority and shape, tasks leave in the order in which they came.
 */
import { assert, type TaskId, type TenantName } from '@troupe/model';
import { Heap, type HeapItem } from './heap.ts';
import type { Shape } from './resources.ts';

export type Priority = 'low' | 'normal' | 'high';

/** What the queue must know of a task. */
export interface Queued {
  readonly id: TaskId;
  readonly tenant: TenantName;
  readonly shape: Shape;
  readonly priority: Priority;
}

const priorities: readonly { readonly name: Priority; readonly weight: number }[] = [
  { name: 'high', weight: 3 },
  { name: 'normal', weight: 2 },
  { name: 'low', weight: 1 },
];

/** Lanes of a tenant that are kept though empty, because the next task is likely of their shape. */
const idleLanesMax = 32;

interface PriorityClass {
  readonly weight: number;
  pass: number;
  waiting: number;
}

interface Flow {
  readonly tenant: TenantName;
  start: number;
  waiting: number;
  readonly classes: readonly PriorityClass[];
  /** Virtual time within the tenant. */
  classTime: number;
  readonly lanes: Map<string, Lane>;
}

/** Tasks of one tenant and one shape. In its shape's heap while any waits. */
interface Lane extends HeapItem {
  readonly flow: Flow;
  readonly shape: ShapeQueue;
  readonly fifos: readonly Fifo[];
  waiting: number;
}

interface ShapeQueue {
  readonly shape: Shape;
  readonly lanes: Heap<Lane>;
  blocked: boolean;
  /** No longer among the shapes: lanes that still know it are stale. */
  dropped: boolean;
}

export interface QueueRules<T extends Queued, N> {
  weightOf(tenant: TenantName): number;
  costOf(task: T): number;
  /** Where a task of this shape could start now. */
  place(shape: Shape): N | undefined;
}

export interface Picked<T, N> {
  readonly task: T;
  readonly place: N;
  /** What the tenant was charged. */
  readonly cost: number;
}

export class FairQueue<T extends Queued, N> {
  readonly #flows = new Map<TenantName, Flow>();
  readonly #shapes = new Map<string, ShapeQueue>();
  readonly #tasks = new Map<TaskId, T>();
  readonly #rules: QueueRules<T, N>;
  #time = 0;

  constructor(rules: QueueRules<T, N>) {
    this.#rules = rules;
  }

  get size(): number {
    return this.#tasks.size;
  }

  push(task: T): void {
    assert(!this.#tasks.has(task.id), 'Q2: a task waits once');
    this.#tasks.set(task.id, task);
    const flow = this.#flow(task.tenant);
    if (flow.waiting === 0) flow.start = Math.max(flow.start, this.#time);
    const index = classOf(task.priority);
    const priority = flow.classes[index];
    const lane = this.#lane(flow, task.shape);
    assert(priority !== undefined, 'Q2: every priority has its class');
    if (priority.waiting === 0) priority.pass = Math.max(priority.pass, flow.classTime);
    lane.fifos[index]?.push(task.id);
    priority.waiting++;
    flow.waiting++;
    lane.waiting++;
    if (lane.waiting === 1) lane.shape.lanes.push(lane);
  }

  /** Takes a task out that will not be started. */
  remove(task: T): void {
    if (!this.#tasks.delete(task.id)) return;
    const lane = this.#flows.get(task.tenant)?.lanes.get(task.shape.key);
    assert(lane !== undefined, 'Q2: what waits has a lane');
    this.#left(lane, classOf(task.priority));
  }

  /** The next task that can start now, and where; undefined when none can. */
  take(): Picked<T, N> | undefined {
    for (;;) {
      const lane = this.#leastLane();
      if (lane === undefined) return undefined;
      const place = this.#rules.place(lane.shape.shape);
      if (place === undefined) {
        lane.shape.blocked = true;
        continue;
      }
      const task = this.#shift(lane);
      const cost = this.#rules.costOf(task);
      const { flow } = lane;
      assert(flow.start >= 0, 'Q1: virtual time starts at nought');
      this.#time = Math.max(this.#time, flow.start);
      this.charge(task.tenant, cost);
      return { task, place, cost };
    }
  }

  /** Corrects what a tenant paid: the attempt cost more (or less) than was expected. */
  charge(tenant: TenantName, cost: number): void {
    const flow = this.#flow(tenant);
    flow.start = Math.max(0, flow.start + cost / this.#rules.weightOf(tenant));
    for (const lane of flow.lanes.values()) if (lane.slot >= 0) lane.shape.lanes.moved(lane);
  }

  /** Something was freed: shapes that have room now may be picked again. */
  unblock(hasRoom: (shape: Shape) => boolean): void {
    for (const shape of this.#shapes.values()) {
      if (shape.blocked && hasRoom(shape.shape)) shape.blocked = false;
    }
  }

  #leastLane(): Lane | undefined {
    let least: Lane | undefined;
    for (const { lanes, blocked } of this.#shapes.values()) {
      const first = blocked ? undefined : lanes.first;
      if (first !== undefined && (least === undefined || before(first, least))) least = first;
    }
    return least;
  }

  #shift(lane: Lane): T {
    const { flow } = lane;
    let chosen = -1;
    let least = Number.POSITIVE_INFINITY;
    for (const [index, fifo] of lane.fifos.entries()) {
      const pass = flow.classes[index]?.pass ?? 0;
      if (fifo.drop((id) => !this.#tasks.has(id)) && pass < least) {
        least = pass;
        chosen = index;
      }
    }
    const id = lane.fifos[chosen]?.shift();
    const task = id === undefined ? undefined : this.#tasks.get(id);
    assert(task !== undefined, 'Q2: a lane in a heap has a task');
    this.#tasks.delete(task.id);
    flow.classTime = Math.max(flow.classTime, least);
    const priority = flow.classes[chosen];
    if (priority !== undefined) priority.pass += 1 / priority.weight;
    this.#left(lane, chosen);
    return task;
  }

  #left(lane: Lane, index: number): void {
    const { flow, shape } = lane;
    const priority = flow.classes[index];
    if (priority !== undefined) priority.waiting--;
    flow.waiting--;
    lane.waiting--;
    if (lane.waiting > 0) return;
    shape.lanes.remove(lane);
    for (const fifo of lane.fifos) fifo.clear();
    if (flow.lanes.size > idleLanesMax) flow.lanes.delete(shape.shape.key);
    if (shape.lanes.size === 0 && this.#shapes.size > idleLanesMax) {
      this.#shapes.delete(shape.shape.key);
      shape.dropped = true;
    }
  }

  #flow(tenant: TenantName): Flow {
    const known = this.#flows.get(tenant);
    if (known !== undefined) return known;
    const classes = priorities.map(({ weight }) => ({ weight, pass: 0, waiting: 0 }));
    const flow = { tenant, start: 0, waiting: 0, classes, classTime: 0, lanes: new Map() };
    this.#flows.set(tenant, flow);
    return flow;
  }

  #lane(flow: Flow, shape: Shape): Lane {
    const known = flow.lanes.get(shape.key);
    if (known !== undefined && !known.shape.dropped) return known;
    let queue = this.#shapes.get(shape.key);
    if (queue === undefined) {
      queue = { shape, lanes: new Heap(before), blocked: false, dropped: false };
      this.#shapes.set(shape.key, queue);
    }
    const fifos = priorities.map(() => new Fifo());
    const lane = { slot: -1, flow, shape: queue, fifos, waiting: 0 };
    flow.lanes.set(shape.key, lane);
    return lane;
  }
}

/** First in, first out, without moving what stays. */
class Fifo {
  #ids: TaskId[] = [];
  #head = 0;

  push(id: TaskId): void {
    this.#ids.push(id);
  }

  shift(): TaskId | undefined {
    const id = this.#ids[this.#head];
    this.#head++;
    if (this.#head > 1_024 && this.#head * 2 > this.#ids.length) {
      this.#ids = this.#ids.slice(this.#head);
      this.#head = 0;
    }
    return id;
  }

  /** Drops from the front what is stale. True when something is left. */
  drop(stale: (id: TaskId) => boolean): boolean {
    for (;;) {
      const id = this.#ids[this.#head];
      if (id === undefined) {
        this.clear();
        return false;
      }
      if (!stale(id)) return true;
      this.shift();
    }
  }

  clear(): void {
    if (this.#ids.length === 0) return;
    this.#ids.length = 0;
    this.#head = 0;
  }
}

function before(left: Lane, right: Lane): boolean {
  if (left.flow.start !== right.flow.start) return left.flow.start < right.flow.start;
  return left.flow.tenant < right.flow.tenant;
}

function classOf(priority: Priority): number {
  if (priority === 'high') return 0;
  return priority === 'normal' ? 1 : 2;
}
