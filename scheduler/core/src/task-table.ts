/**
 * The tasks, durably. Waiting in a queue and being sent to a node are the leader's volatile affair
 * (`tasks.ts`, `fair/`); here stands only what was decided.
 *
 *   ready ⇄ running ─▶ ended (kept for a while, or at once forgotten when a run's block)
 *
 * A1  an attempt is on one node, which was alive when it started; attempts are numbered from 1.
 * A2  a task ends once.
 * A3  what running attempts reserve is exactly what is reserved on the nodes.
 * A7  a finished task holds what its output refers to, until it is forgotten.
 * A6  the count of a tenant's ready tasks, which bounds its queue, is right.
 */
import {
  assert,
  type BundleHash,
  type Bytes,
  fingerprint,
  type Incarnation,
  type Outcome,
  type PlacementWishes,
  type RunId,
  type StoredObject,
  type TaskId,
  type TenantName,
} from '@troupe/model';
import type { SchedulerFact } from './facts.ts';
import type { NodeTable } from './nodes.ts';
import type { ObjectTable } from './object-table.ts';
import { type Shape, shapeFrom, shapeOf } from './resources.ts';

type Submitted = Extract<SchedulerFact, { kind: 'task-submitted' }>;

export interface TaskRecord {
  readonly id: TaskId;
  readonly tenant: TenantName;
  readonly name: string;
  readonly bundle: BundleHash;
  readonly input: Bytes;
  /** What the handles in the input stand for. */
  readonly objects: readonly StoredObject[] | undefined;
  readonly shape: Shape;
  readonly priority: Submitted['priority'];
  /** A queue below its tenant; the tenant's own when undefined. */
  readonly queue: string | undefined;
  /** When it should have ended, as `ledMs` of facts. */
  readonly due: number | undefined;
  readonly retries: number;
  readonly backoffMs: readonly number[];
  readonly limitMs: number;
  readonly gang: Submitted['gang'];
  readonly run: { readonly run: RunId; readonly block: string } | undefined;
  /** The latest attempt started; 0 before the first. */
  attempt: number;
  /** Of them, how many were preempted: they are no tries. */
  preempted: number;
  /** When it became ready, or will be after a back-off, as `ledMs` of facts. */
  since: number;
  state: TaskState;
}

export type TaskState =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'running';
      readonly node: Incarnation;
      readonly gpus: readonly number[];
      /** Position of the fact that says so: the number of its output in the object store. */
      readonly started: number;
      /** The place of a reservation that it started in; that may be gone by now. */
      readonly place?: number;
    };

export interface EndedTask {
  readonly id: TaskId;
  readonly tenant: TenantName;
  readonly name: string;
  readonly gang?: Submitted['gang'];
  readonly outcome: Outcome;
  readonly ledMs: number;
  /** Fingerprint of its input; absent in images of older leaders. */
  readonly print?: string;
}

type KeptTask = Omit<TaskRecord, 'shape' | 'queue' | 'due' | 'run' | 'gang' | 'objects'> & {
  readonly gang?: Submitted['gang'];
  readonly resources: Shape['amounts'];
  readonly placement?: PlacementWishes;
  readonly objects?: readonly StoredObject[];
  readonly queue?: string;
  readonly due?: number;
  readonly run?: { readonly run: RunId; readonly block: string };
};

export interface TasksImage {
  readonly live: readonly KeptTask[];
  readonly ended: readonly EndedTask[];
}

type TaskFact = Extract<
  SchedulerFact,
  {
    kind:
      | 'task-submitted'
      | 'task-started'
      | 'task-preempted'
      | 'task-retried'
      | 'task-ended'
      | 'tasks-forgotten';
  }
>;

const noTasks: ReadonlySet<TaskRecord> = new Set();
const noGpus: readonly number[] = [];
const ready: TaskState = { kind: 'ready' };

export class TaskTable {
  readonly #live = new Map<TaskId, TaskRecord>();
  readonly #ended = new Map<TaskId, EndedTask>();
  readonly #onNode = new Map<Incarnation, Set<TaskRecord>>();
  readonly #readyOf = new Map<TenantName, number>();
  readonly #nodes: NodeTable;
  readonly #objects: ObjectTable;
  #running = 0;
  #endedObjectBytes = 0;

  constructor(nodes: NodeTable, objects: ObjectTable) {
    this.#nodes = nodes;
    this.#objects = objects;
  }

  /** Ready or running. */
  get(id: TaskId): TaskRecord | undefined {
    return this.#live.get(id);
  }
  ended(id: TaskId): EndedTask | undefined {
    return this.#ended.get(id);
  }
  live(): IterableIterator<TaskRecord> {
    return this.#live.values();
  }
  /** In the order in which they ended. */
  allEnded(): IterableIterator<EndedTask> {
    return this.#ended.values();
  }
  get endedCount(): number {
    return this.#ended.size;
  }
  /** What finished tasks hold in the object store. */
  get endedObjectBytes(): number {
    return this.#endedObjectBytes;
  }
  /** Positions at which the attempts that run were started. */
  *startsOfRunning(): IterableIterator<number> {
    for (const tasks of this.#onNode.values()) {
      for (const { state } of tasks) if (state.kind === 'running') yield state.started;
    }
  }
  on(node: Incarnation): ReadonlySet<TaskRecord> {
    return this.#onNode.get(node) ?? noTasks;
  }
  readyOf(tenant: TenantName): number {
    return this.#readyOf.get(tenant) ?? 0;
  }
  get runningCount(): number {
    return this.#running;
  }
  get readyCount(): number {
    return this.#live.size - this.#running;
  }

  /** The task that the fact was about, as it was; undefined for `tasks-forgotten`. */
  apply(fact: TaskFact, position: number): TaskRecord | undefined {
    switch (fact.kind) {
      case 'task-submitted':
        return this.#submitted(fact);
      case 'task-started': {
        const task = this.#at(fact.task);
        assert(task.state.kind === 'ready', 'A1: an attempt starts when no other runs');
        assert(fact.attempt === task.attempt + 1, 'A1: attempts are numbered from 1');
        task.attempt = fact.attempt;
        this.#count(task.tenant, -1);
        this.#run(task, {
          node: fact.node,
          gpus: fact.gpus ?? noGpus,
          started: position,
          ...(fact.place === undefined ? {} : { place: fact.place }),
        });
        return task;
      }
      case 'task-retried': {
        const task = this.#at(fact.task);
        assert(task.attempt === fact.attempt, 'A1: only the latest attempt is retried');
        this.#stop(task);
        task.since = fact.ledMs + fact.waitMs;
        task.state = ready;
        this.#count(task.tenant, 1);
        return task;
      }
      case 'task-preempted': {
        const task = this.#at(fact.task);
        assert(task.attempt === fact.attempt, 'A1: only the latest attempt is preempted');
        this.#stop(task);
        task.preempted++;
        task.state = ready;
        this.#count(task.tenant, 1);
        return task;
      }
      case 'task-ended': {
        const task = this.#at(fact.task);
        if (task.state.kind === 'running') this.#stop(task);
        else this.#count(task.tenant, -1);
        this.#live.delete(task.id);
        if (task.run === undefined) {
          const { id, tenant, name, gang } = task;
          const print = fingerprint(name, task.input);
          const { outcome, ledMs } = fact;
          const ended = { id, tenant, name, outcome, ledMs, print };
          this.#keepEnded(gang === undefined ? ended : { ...ended, gang });
        }
        return task;
      }
      case 'tasks-forgotten':
        for (const id of fact.tasks) this.#forget(id);
        return undefined;
    }
  }

  *imageOfLive(): Generator<KeptTask> {
    for (const record of this.#live.values()) {
      const { shape, queue, due, run, gang, objects, ...task } = record;
      const { amounts: resources, wishes: placement } = shape;
      yield {
        ...task,
        resources,
        ...(placement === undefined ? {} : { placement }),
        ...(objects === undefined ? {} : { objects }),
        ...(queue === undefined ? {} : { queue }),
        ...(due === undefined ? {} : { due }),
        ...(gang === undefined ? {} : { gang }),
        ...(run === undefined ? {} : { run }),
      };
    }
  }

  restore(image: TasksImage): void {
    for (const { resources, placement, queue, due, gang, run, objects, ...kept } of image.live) {
      const shape = shapeFrom(resources, placement);
      const task: TaskRecord = { ...kept, shape, queue, due, gang, run, objects };
      this.#live.set(task.id, task);
      if (task.state.kind === 'running') this.#run(task, task.state);
      else this.#count(task.tenant, 1);
    }
    for (const ended of image.ended) this.#keepEnded(ended);
  }

  /** Counts for each object the finished tasks that hold it. */
  countHeld(held: Map<number, number>): void {
    for (const { outcome } of this.#ended.values()) {
      for (const { object } of objectsOf(outcome)) held.set(object, (held.get(object) ?? 0) + 1);
    }
  }

  check(): void {
    const reserved = new Map<string, number>();
    const ready = new Map<TenantName, number>();
    let running = 0;
    for (const task of this.#live.values()) {
      assert(!this.#ended.has(task.id), 'A2: a task ends once');
      if (task.state.kind !== 'running') {
        ready.set(task.tenant, (ready.get(task.tenant) ?? 0) + 1);
        continue;
      }
      running++;
      const { node } = task.state;
      assert(this.on(node).has(task), 'A1: an attempt is on one node');
      const phase = this.#nodes.get(node)?.phase.kind;
      assert(phase === 'alive' || phase === 'draining', 'A1: attempts run on living nodes');
      for (const { name, milli } of task.shape.amounts) {
        const key = `${node} ${name}`;
        reserved.set(key, (reserved.get(key) ?? 0) + milli);
      }
    }
    for (const tenant of [...ready.keys(), ...this.#readyOf.keys()]) {
      assert(this.readyOf(tenant) === (ready.get(tenant) ?? 0), 'A6: ready tasks are counted');
    }
    let onNodes = 0;
    for (const tasks of this.#onNode.values()) onNodes += tasks.size;
    assert(running === this.#running && onNodes === running, 'A1: an attempt is on one node');
    for (const node of this.#nodes.kept()) {
      for (const [name, used] of node.used) {
        const sum = reserved.get(`${node.incarnation} ${name}`) ?? 0;
        assert(sum === used, 'A3: reservations are those of the running attempts');
      }
    }
  }

  #submitted(fact: Submitted): TaskRecord {
    const { task: id, tenant, name, bundle, input, priority, retries, backoffMs, limitMs } = fact;
    assert(!this.#live.has(id) && !this.#ended.has(id), 'A2: a task is submitted once');
    const task: TaskRecord = {
      id,
      tenant,
      name,
      bundle,
      input,
      objects: fact.objects,
      shape: shapeOf(fact.resources, fact.placement),
      priority,
      queue: fact.queue,
      due: fact.due,
      retries,
      backoffMs,
      limitMs,
      gang: fact.gang,
      run: fact.run,
      attempt: 0,
      preempted: 0,
      since: fact.ledMs,
      state: ready,
    };
    this.#live.set(id, task);
    this.#count(tenant, 1);
    return task;
  }

  #at(id: TaskId): TaskRecord {
    const task = this.#live.get(id);
    assert(task !== undefined, 'A2: nothing happens to a task that has ended');
    return task;
  }

  #keepEnded(ended: EndedTask): void {
    const objects = objectsOf(ended.outcome);
    this.#objects.hold(objects);
    this.#endedObjectBytes += bytesOf(objects);
    this.#ended.set(ended.id, ended);
  }

  #forget(id: TaskId): void {
    const ended = this.#ended.get(id);
    if (ended === undefined) return;
    const objects = objectsOf(ended.outcome);
    this.#endedObjectBytes -= bytesOf(objects);
    this.#ended.delete(id);
    this.#objects.letGo(objects);
  }

  #run(task: TaskRecord, running: Omit<Extract<TaskState, { kind: 'running' }>, 'kind'>): void {
    const { node: incarnation } = running;
    const node = this.#nodes.get(incarnation);
    const living = node?.phase.kind === 'alive' || node?.phase.kind === 'draining';
    assert(node !== undefined && living, 'A1: an attempt starts on a living node');
    this.#nodes.reserve(node, task.shape);
    task.state = { ...running, kind: 'running' };
    const tasks = this.#onNode.get(incarnation);
    if (tasks === undefined) this.#onNode.set(incarnation, new Set([task]));
    else tasks.add(task);
    this.#running++;
  }

  #stop(task: TaskRecord): void {
    assert(task.state.kind === 'running', 'A1: only what runs stops');
    const { node: incarnation } = task.state;
    const node = this.#nodes.get(incarnation);
    if (node !== undefined) this.#nodes.free(node, task.shape);
    const tasks = this.#onNode.get(incarnation);
    tasks?.delete(task);
    if (tasks?.size === 0) this.#onNode.delete(incarnation);
    this.#running--;
  }

  #count(tenant: TenantName, change: number): void {
    this.#readyOf.set(tenant, this.readyOf(tenant) + change);
  }
}

const noObjects: readonly StoredObject[] = [];

/** What an outcome refers to in the object store. */
export function objectsOf(outcome: Outcome): readonly StoredObject[] {
  return outcome.ok ? (outcome.objects ?? noObjects) : noObjects;
}

function bytesOf(objects: readonly StoredObject[]): number {
  let sum = 0;
  for (const { bytes } of objects) sum += bytes;
  return sum;
}
