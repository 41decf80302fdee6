/**
 * The leader's work on tasks: submit, queue, dispatch, judge results, retry, time limits, cancel,
 * forget. What was decided stands in `task-table.ts`; here lives only what a new leader builds anew:
 * the queue, who waits for an answer, what was sent, expected durations.
 *
 * A4  a result counts only from the present attempt and its node; any other is answered so that it
 *     stops, and changes nothing.
 * A5  every submitted task ends: attempts are bounded by retries and by a time limit each.
 */
import {
  boundedFailure,
  failure,
  type Incarnation,
  limits,
  type Outcome,
  type Resources,
  type TaskId,
  type TaskResult,
  type TenantName,
  type ToNode,
} from '@troupe/model';
import type { Deadline } from './deadlines.ts';
import { Deliveries } from './deliveries.ts';
import type { Desk } from './desk.ts';
import type { SchedulerFact } from './facts.ts';
import { demandCoefficient, dominantShareOf } from './fair/demand.ts';
import { FairQueue, type TenantShare } from './fair/fair-queue.ts';
import { priorityWeight } from './fair/priority.ts';
import type { NodeRecord } from './nodes.ts';
import { attemptsPerNodeMax, fits, placeTask } from './placement.ts';
import type { Shape } from './resources.ts';
import { judge, judgeLost, type Verdict } from './retries.ts';
import { runTaskPrefix } from './run-table.ts';
import { TaskDemands } from './task-demands.ts';
import type { TaskRecord } from './task-table.ts';
import { type Asker, Waiting } from './waiting.ts';

/** What the leader remembers of a running attempt. */
interface Flight {
  readonly limit: Deadline;
  /** What its tenant was charged in advance; nothing by this leader if it runs from before. */
  readonly charged: number | undefined;
}

/** A node enforces the limit itself; the leader steps in this much later. */
const limitGraceMs = 5_000;
/** Shares that are remembered. */
const sharesMax = 1_000;
/** Looked at each second: a change of leaders hides at most 5 s of the waiting of tasks. */
const toldMs = 4_000;
/** Tasks forgotten by one fact. */
const forgottenMax = 2_000;

export class Tasks {
  readonly #desk: Desk;
  readonly #blockEnded: (task: TaskRecord) => void;
  readonly #queue: FairQueue<TaskRecord, NodeRecord>;
  readonly #attempts: Deliveries<TaskId>;
  readonly #askers = new Waiting<TaskId, Asker>();
  readonly #flights = new Map<TaskId, Flight>();
  readonly demands = new TaskDemands();
  readonly #shares = new Map<string, number>();
  readonly #totals = new Map<string, number>();
  #totalsOf = -1;
  #starts: Deadline | undefined;

  /** `blockEnded` hears of every ended task that was a run's block. */
  constructor(desk: Desk, blockEnded: (task: TaskRecord) => void) {
    this.#desk = desk;
    this.#blockEnded = blockEnded;
    this.#attempts = new Deliveries(desk, 'attempts', (node, id) => this.#runTask(node, id));
    this.#queue = new FairQueue<TaskRecord, NodeRecord>({
      costOf: (task) => this.#shareOf(task.shape) * this.demands.expectedMs(task),
      coefficientOf: (shape) =>
        desk.config.demandCoefficient === true ? demandCoefficient(shape, this.#supply()) : 1,
      place: (shape) =>
        placeTask(desk.state.nodes.serving, shape, (node) => this.#attemptsOn(node)),
    });
  }

  /** A new leader: what the durable state calls for is sent, queued and timed anew. */
  takeOver(): void {
    for (const { tenant } of this.#desk.state.deployments.tenants()) this.#put(tenant);
    for (const task of this.#desk.state.tasks.live()) {
      if (task.state.kind === 'running') {
        this.#queue.adopt(task);
        this.#fly(task, undefined);
        this.#attempts.add(task.state.node, task.id);
      } else {
        this.#enqueue(task);
      }
    }
    this.dispatch();
  }

  /** Journals a task; `dispatch` starts it. */
  submit(fact: Extract<SchedulerFact, { kind: 'task-submitted' }>): void {
    this.#desk.decide(fact);
    const task = this.#desk.state.tasks.get(fact.task);
    if (task !== undefined) this.#push(task);
  }

  wait(task: TaskId, asker: Asker): void {
    this.#askers.add(task, asker);
  }

  /** Starts whatever can start now. */
  dispatch(): void {
    for (;;) {
      const picked = this.#queue.take(this.#desk.now);
      if (picked === undefined) break;
      const { task, place, cost } = picked;
      const node = place.incarnation;
      const attempt = task.attempt + 1;
      this.#desk.decide({ kind: 'task-started', task: task.id, attempt, node });
      this.#fly(task, cost);
      this.#attempts.add(node, task.id);
    }
    const wakeAt = this.#queue.wakeAt();
    if (wakeAt === this.#starts?.at && (wakeAt === undefined || this.#starts?.slot !== -1)) return;
    this.#desk.deadlines.cancel(this.#starts);
    this.#starts =
      wakeAt === undefined ? undefined : this.#desk.deadlines.set(wakeAt, { kind: 'starts' });
  }

  /** Its weight or its quota is another one. */
  tenantPut(tenant: TenantName): void {
    this.#put(tenant);
    this.dispatch();
  }

  /** How a tenant stands beside the others. */
  share(tenant: TenantName): TenantShare {
    return this.#queue.share(tenant);
  }

  /** In how long a tenant that has so many tasks too many may submit again. */
  retryAfterMs(tenant: TenantName, tooMany: number): number {
    return this.#queue.retryAfterMs(tenant, tooMany);
  }

  seen(node: Incarnation, task: TaskId, attempt: number): void {
    const record = this.#desk.state.tasks.get(task);
    if (record === undefined || !isRunning(record, node, attempt)) return;
    this.#attempts.confirm(node, task);
  }

  result(message: TaskResult): void {
    const { incarnation: node, task: id, attempt, durationMs, used } = message;
    const task = this.#desk.state.tasks.get(id);
    if (task !== undefined && isRunning(task, node, attempt)) {
      this.#landed(task, node, durationMs, used);
      const outcome = carriable(message.outcome, id);
      if (outcome.ok) this.#end(task, outcome);
      else
        this.#failed(
          task,
          judge(task, outcome.failure, () => this.#desk.generator.next()),
        );
      this.#freed(node);
    }
    const { term } = this.#desk;
    this.#desk.toNode(node, { kind: 'task-result-seen', term, results: [{ task: id, attempt }] });
  }

  /** The back-off is over. */
  retry(id: TaskId): void {
    const task = this.#desk.state.tasks.get(id);
    if (task === undefined || task.state.kind !== 'ready') return;
    this.#push(task);
    this.dispatch();
  }

  /** The node should have ended this attempt, and did not. */
  limitPassed(id: TaskId, attempt: number): void {
    const task = this.#desk.state.tasks.get(id);
    if (task?.state.kind !== 'running' || task.attempt !== attempt) return;
    const { node } = task.state;
    this.#landed(task, node, task.limitMs);
    this.#cancelOn(node, task);
    const what = `attempt ${attempt} of task "${id}" ran longer than ${task.limitMs} ms`;
    const reason = failure('TIME_LIMIT', what, { task: id, limitMs: task.limitMs });
    this.#failed(
      task,
      judge(task, reason, () => this.#desk.generator.next()),
    );
    this.#freed(node);
  }

  /** True when there was something to cancel. Those who wait are told. */
  cancel(id: TaskId, why: string): boolean {
    const task = this.#desk.state.tasks.get(id);
    if (task === undefined) return false;
    const reason = failure('CANCELLED', `task "${id}" was cancelled: ${why}`, { task: id });
    if (task.state.kind === 'ready') {
      this.#queue.remove(task, this.#desk.now);
      this.#end(task, { ok: false, failure: reason });
      return true;
    }
    const { node } = task.state;
    this.#landed(task, node);
    this.#cancelOn(node, task);
    this.#end(task, { ok: false, failure: reason });
    this.#freed(node);
    return true;
  }

  /** Called once the node is dying: its attempts are lost. */
  nodeLost(node: Incarnation): void {
    this.#attempts.drop(node);
    for (const task of [...this.#desk.state.tasks.on(node)]) {
      // A run that failed meanwhile has cancelled its others.
      if (this.#desk.state.tasks.get(task.id) !== task) continue;
      this.#landed(task, node);
      const what = `node ${node} was lost under attempt ${task.attempt} of task "${task.id}"`;
      // Nobody knows how far it came: what it did outside stays done.
      const reason = failure('OUTCOME_UNKNOWN', what, { task: task.id, node });
      this.#failed(task, judgeLost(task, reason));
    }
    this.nodesChanged();
  }

  nodesChanged(): void {
    this.#queue.unblock(() => true);
    this.dispatch();
  }

  resend(node: Incarnation): void {
    this.#attempts.resend(node);
  }

  /** While tasks wait, a successor must know for how long. Most facts say it by the way. */
  tellTime(): void {
    const { ledMs, state } = this.#desk;
    if (this.#queue.size === 0 || ledMs - state.ledMs < toldMs) return;
    this.#desk.decide({ kind: 'time-led', ledMs });
  }

  /** Forgets what ended long ago, or is too much. True when there is more to forget at once. */
  forget(): boolean {
    const { tasks } = this.#desk.state;
    let tooMany = tasks.endedCount - limits.finishedTasksMax;
    const forgotten: TaskId[] = [];
    for (const { id, ledMs } of tasks.allEnded()) {
      const old = ledMs + limits.finishedMs <= this.#desk.ledMs;
      if ((!old && tooMany <= 0) || forgotten.length === forgottenMax) break;
      forgotten.push(id);
      tooMany--;
    }
    if (forgotten.length > 0) this.#desk.decide({ kind: 'tasks-forgotten', tasks: forgotten });
    return forgotten.length === forgottenMax;
  }

  #enqueue(task: TaskRecord): void {
    if (task.state.kind !== 'ready') return;
    const wait = task.since - this.#desk.ledMs;
    if (wait <= 0) this.#push(task);
    else this.#desk.deadlines.set(this.#desk.now + wait, { kind: 'retry', task: task.id });
  }

  /** Its times are as `ledMs` of facts, so that every leader queues it alike. */
  #push(task: TaskRecord): void {
    const { now, ledMs } = this.#desk;
    const ahead = now - ledMs;
    const since = Math.min(now, task.since + ahead);
    const times = task.due === undefined ? { since } : { since, deadline: task.due + ahead };
    this.#queue.push(task, now, times);
  }

  #put(name: TenantName): void {
    const tenant = this.#desk.state.deployments.tenant(name);
    if (tenant === undefined) return;
    const weight = tenant.weight * priorityWeight(tenant.priority);
    this.#queue.put(name, { weight, quota: tenant.quota }, this.#desk.now);
    for (const [queue, share] of tenant.queues) this.#queue.weighQueue(name, queue, share);
    this.#queue.keepQueues(name, tenant.queues);
  }

  #fly(task: TaskRecord, charged: number | undefined): void {
    const { id, attempt } = task;
    const at = this.#desk.now + task.limitMs + limitGraceMs;
    const limit = this.#desk.deadlines.set(at, { kind: 'limit', task: id, attempt });
    this.#flights.set(id, { limit, charged });
  }

  /** The attempt is over, however: its deadlines go, its tenant pays what it took. */
  #landed(task: TaskRecord, node: Incarnation, tookMs?: number, used?: Resources): void {
    this.#attempts.confirm(node, task.id);
    const flight = this.#flights.get(task.id);
    if (flight === undefined) return;
    this.#flights.delete(task.id);
    this.#desk.deadlines.cancel(flight.limit);
    const { now } = this.#desk;
    if (tookMs === undefined || !(tookMs >= 0)) return this.#queue.landed(task, now);
    this.demands.ended(task, tookMs, used);
    const { charged } = flight;
    if (charged === undefined) return this.#queue.landed(task, now);
    const real = this.#shareOf(task.shape) * Math.max(tookMs, 1);
    this.#queue.landed(task, now, { charged, real });
  }

  #failed(task: TaskRecord, verdict: Verdict): void {
    if (verdict.kind === 'end') {
      this.#end(task, { ok: false, failure: verdict.failure });
      return;
    }
    const { waitMs } = verdict;
    const reason: Outcome = { ok: false, failure: verdict.failure };
    const { wall: at, ledMs } = this.#desk;
    const { id, attempt } = task;
    this.#desk.decide({ kind: 'task-retried', task: id, attempt, reason, at, ledMs, waitMs });
    this.#enqueue(task);
  }

  #end(task: TaskRecord, outcome: Outcome): void {
    const { id } = task;
    const { wall: at, ledMs } = this.#desk;
    this.#desk.decide({ kind: 'task-ended', task: id, outcome, at, ledMs });
    for (const asker of this.#askers.take(id)) {
      this.#desk.answer(asker, { kind: 'task-ended', task: id, outcome });
    }
    if (task.run !== undefined) this.#blockEnded(task);
    const { endedCount } = this.#desk.state.tasks;
    if (endedCount >= limits.finishedTasksMax + forgottenMax) this.forget();
  }

  #freed(node: Incarnation): void {
    const record = this.#desk.state.nodes.get(node);
    if (record?.phase.kind === 'alive') {
      const room = this.#attemptsOn(record) < attemptsPerNodeMax;
      if (room) this.#queue.unblock((shape) => fits(record, shape));
    }
    this.dispatch();
  }

  #cancelOn(node: Incarnation, { id: task, attempt }: TaskRecord): void {
    this.#desk.toNode(node, { kind: 'cancel-task', term: this.#desk.term, task, attempt });
  }

  #runTask(node: Incarnation, id: TaskId): ToNode | undefined {
    const task = this.#desk.state.tasks.get(id);
    if (task?.state.kind !== 'running' || task.state.node !== node) return undefined;
    const { attempt, tenant, bundle, name, input, limitMs, run } = task;
    const { term } = this.#desk;
    const kind = 'run-task';
    // Written out twice: spreading shows in the profile of the hottest path.
    if (run === undefined) {
      return { kind, term, task: id, attempt, tenant, bundle, name, input, limitMs };
    }
    const scope = `${runTaskPrefix}${run.run}`;
    return { kind, term, task: id, attempt, tenant, bundle, name, input, limitMs, scope };
  }

  #attemptsOn(node: NodeRecord): number {
    return this.#desk.state.tasks.on(node.incarnation).size;
  }

  #shareOf(shape: Shape): number {
    const totals = this.#supply();
    let share = this.#shares.get(shape.key);
    if (share === undefined) {
      if (this.#shares.size > sharesMax) this.#shares.clear();
      share = dominantShareOf(shape, totals);
      this.#shares.set(shape.key, share);
    }
    return share;
  }

  /** All that the serving nodes have. */
  #supply(): ReadonlyMap<string, number> {
    const { nodes } = this.#desk.state;
    if (this.#totalsOf === nodes.changes) return this.#totals;
    this.#totalsOf = nodes.changes;
    this.#shares.clear();
    this.#totals.clear();
    for (const { capacity } of nodes.serving) {
      for (const [name, milli] of capacity) {
        this.#totals.set(name, (this.#totals.get(name) ?? 0) + milli);
      }
    }
    return this.#totals;
  }
}

/** What the journal can hold, whatever a node sent. */
function carriable(outcome: Outcome, task: TaskId): Outcome {
  if (!outcome.ok) return { ok: false, failure: boundedFailure(outcome.failure) };
  const bytes = outcome.value.length;
  if (bytes <= limits.payloadBytesMax) return outcome;
  const what = `the output of task "${task}" has ${bytes} bytes`;
  return { ok: false, failure: failure('TOO_LARGE', what, { task, bytes }) };
}

function isRunning(task: TaskRecord, node: Incarnation, attempt: number): boolean {
  return task.attempt === attempt && task.state.kind === 'running' && task.state.node === node;
}
