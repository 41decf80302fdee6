/**
 * The leader's work on tasks: submit, judge results, retry, time limits, cancel, forget. What was
 * decided stands in `task-table.ts`; here lives only what a new leader builds anew: who waits for an
 * answer and which back-offs run. What waits to start is in `task-queue.ts`, what runs in `flights.ts`.
 *
 * A4  a result counts only from the present attempt and its node; any other is answered so that it
 *     stops, and changes nothing.
 * A5  every submitted task ends, unless its tries are unlimited: attempts are bounded by retries and by
 *     a time limit each.
 */
import {
  assert,
  type Failure,
  failure,
  formedOutcome,
  type Incarnation,
  type Outcome,
  type Resources,
  type TaskId,
  type TaskResult,
  type TenantName,
} from '@troupe/model';
import type { Deadline } from './deadlines.ts';
import type { Desk } from './desk.ts';
import type { SchedulerFact } from './facts.ts';
import type { Charge, TenantShare } from './fair/fair-queue.ts';
import type { QuotaRoom } from './fair/quota.ts';
import { carriable, Flights } from './flights.ts';
import { isGang, type QueueItem, waitsInGang } from './gang-items.ts';
import { tellTime, waitingToldMs } from './led-time.ts';
import type { Objects } from './objects.ts';
import { unstartable } from './old-journal.ts';
import type { ReservationRecord } from './reservation-table.ts';
import { judge, judgeLost, type Verdict } from './retries.ts';
import type { Size } from './sizes.ts';
import { TaskDemands } from './task-demands.ts';
import type { TaskPlace } from './task-places.ts';
import { TaskQueue } from './task-queue.ts';
import { forgetTasks, mustForget } from './task-retention.ts';
import { objectsOf, type TaskRecord } from './task-table.ts';
import { type Asker, Waiting } from './waiting.ts';

/** What is known of an attempt that is over. */
interface Landing {
  /** What its node says, or its limit. */
  readonly tookMs?: number | undefined;
  readonly used?: Resources | undefined;
  /** For so long its node was not heard of any more. */
  readonly silentMs?: number;
}

export interface TaskEffects {
  /** A new task waits. */
  arrived(task: TaskRecord): void;
  /** An attempt has run for so long. */
  landed(task: TaskRecord, tookMs: number): void;
  /** A task that was a run's block has ended. */
  blockEnded(task: TaskRecord): void;
  /** An attempt is over on its node that counts no more. */
  attemptOver(task: TaskId, attempt: number): void;
}

export class Tasks {
  readonly #desk: Desk;
  readonly #objects: Objects;
  readonly #effects: TaskEffects;
  readonly #queue: TaskQueue;
  readonly #flights: Flights;
  readonly #askers = new Waiting<TaskId, Asker>();
  /** When back-offs are over. One goes with its task: the id may be that of another task later. */
  readonly #backoffs = new Map<TaskId, Deadline>();
  readonly demands = new TaskDemands();
  #isTogether = false;

  constructor(desk: Desk, objects: Objects, effects: TaskEffects) {
    this.#desk = desk;
    this.#objects = objects;
    this.#effects = effects;
    this.#flights = new Flights(desk);
    this.#queue = new TaskQueue(desk, this.demands, {
      start: (task, place, charge) => this.#start(task, place, charge),
      preempt: (victim, node, by) => this.#preempt(victim, node, by),
    });
  }

  /** A new leader: what the durable state calls for is sent, queued and timed anew. */
  takeOver(): void {
    this.#endUnstartable();
    this.#queue.takeOver();
    for (const task of this.#desk.state.tasks.live()) {
      if (task.state.kind === 'running') {
        this.#queue.adopt(task);
        this.#flights.begin(task, task.state.node, undefined);
      } else if (!waitsInGang(task)) {
        this.#enqueue(task);
      }
    }
    this.#queue.pushGangs([...this.#desk.state.tasks.live()].filter(waitsInGang));
    this.#queue.review();
    this.dispatch();
  }

  /** O3: nobody waits for them here yet, and their runs go on when those are taken over. */
  #endUnstartable(): void {
    const { wall: at, ledMs, state } = this.#desk;
    for (const { task, reason } of unstartable(state.tasks)) {
      if (task.state.kind === 'running') this.#flights.cancel(task, task.state.node);
      const outcome: Outcome = { ok: false, failure: reason };
      this.#desk.decide({ kind: 'task-ended', task: task.id, outcome, at, ledMs });
    }
  }

  /** Journals a task; `dispatch` starts it. */
  submit(fact: Extract<SchedulerFact, { kind: 'task-submitted' }>): void {
    this.#desk.decide(fact);
    const task = this.#desk.state.tasks.get(fact.task);
    if (task === undefined) return;
    this.#effects.arrived(task);
    this.#queue.push(task);
  }

  /** Journals tasks that start together; `dispatch` starts them. */
  submitGang(facts: readonly Extract<SchedulerFact, { kind: 'task-submitted' }>[]): void {
    const { tasks } = this.#desk.state;
    for (const fact of facts) this.#desk.decide(fact);
    const members = facts.flatMap(({ task }) => tasks.get(task) ?? []);
    for (const member of members) this.#effects.arrived(member);
    this.#queue.pushGangs(members);
  }

  /** Whether a gang of this id waits. */
  hasGang(id: string): boolean {
    return this.#queue.hasGang(id);
  }

  wait(task: TaskId, asker: Asker): void {
    this.#askers.add(task, asker);
  }

  /** Starts whatever can start now, or at the end of what happens `together`. */
  dispatch(): void {
    if (!this.#isTogether) this.#queue.dispatch();
  }

  /** Nothing starts before all of it has happened: of what is cancelled none takes the room that another of it
   *  has just left. */
  together(act: () => void): void {
    if (this.#isTogether) return act();
    this.#isTogether = true;
    act();
    this.#isTogether = false;
    this.dispatch();
  }

  /** Somebody may have waited for room for long. */
  lookAtRoom(): void {
    this.#queue.lookAtRoom();
    this.dispatch();
  }

  /** Who stood in each other's way lately, for people. */
  get standoffs(): readonly string[] {
    return this.#queue.standoffs;
  }

  /** Its weight or its quota is another one. */
  tenantPut(tenant: TenantName): void {
    this.#queue.put(tenant);
    this.dispatch();
  }

  /** How a tenant stands beside the others. */
  /** What the quota of a tenant leaves; undefined when that has none. */
  roomOf(tenant: TenantName): QuotaRoom | undefined {
    return this.#queue.roomOf(tenant);
  }

  share(tenant: TenantName): TenantShare {
    return this.#queue.share(tenant);
  }

  /** In how long a tenant that has so many tasks too many may submit again. */
  retryAfterMs(tenant: TenantName, tooMany: number): number {
    return this.#queue.retryAfterMs(tenant, tooMany);
  }

  /** As what a ready task waits: by itself, or as its gang. */
  waitsAs(task: TaskRecord): QueueItem {
    return this.#queue.waitsAs(task);
  }

  /** Why what is ready has not started, for people. */
  whyWaiting(item: QueueItem): string {
    return this.#queue.whyWaiting(item);
  }

  seen(node: Incarnation, task: TaskId, attempt: number): void {
    const record = this.#desk.state.tasks.get(task);
    if (record === undefined || !isRunning(record, node, attempt)) return;
    this.#flights.seen(node, task);
  }

  result(message: TaskResult): void {
    const { incarnation: node, task: id, attempt, durationMs, used } = message;
    const task = this.#desk.state.tasks.get(id);
    // Whatever its node sent.
    const told = formedOutcome(message.outcome, id);
    if (task !== undefined && isRunning(task, node, attempt)) {
      this.#landed(task, node, { tookMs: durationMs, used });
      const outcome = carriable(told, task);
      if (outcome.ok) this.#end(task, outcome);
      else
        this.#failed(
          task,
          judge(task, outcome.failure, () => this.#desk.generator.next()),
        );
      this.#freed(node);
    } else this.#effects.attemptOver(id, attempt);
    // Whoever's result this was, what it brought is not needed unless somebody holds it now.
    const brought = objectsOf(told);
    if (brought.length > 0) this.#objects.found(brought.map(({ object }) => object));
    const { term } = this.#desk;
    const seen = { task: id, attempt };
    const isOver = this.#desk.state.tasks.get(id) === undefined;
    const results = [isOver ? ({ ...seen, ended: true } as const) : seen];
    this.#desk.toNode(node, { kind: 'task-result-seen', term, results });
  }

  /** The back-off is over. */
  retry(id: TaskId): void {
    const task = this.#desk.state.tasks.get(id);
    if (!this.#backoffs.delete(id) || task?.state.kind !== 'ready') return;
    this.#queue.push(task);
    this.dispatch();
  }

  /** The node should have ended this attempt, and did not. */
  limitPassed(id: TaskId, attempt: number): void {
    const task = this.#desk.state.tasks.get(id);
    if (task?.state.kind !== 'running' || task.attempt !== attempt) return;
    const { node } = task.state;
    this.#landed(task, node, { tookMs: task.limitMs });
    this.#flights.cancel(task, node);
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
      if (waitsInGang(task)) return this.#cancelGang(task, reason);
      this.#queue.withdraw(task);
      this.#end(task, { ok: false, failure: reason });
      this.dispatch();
      return true;
    }
    const { node } = task.state;
    this.#landed(task, node);
    this.#flights.cancel(task, node);
    this.#end(task, { ok: false, failure: reason });
    this.#freed(node);
    return true;
  }

  /** Called once the node is dying: its attempts are lost. */
  nodeLost(node: Incarnation, silentMs: number): void {
    this.#flights.drop(node);
    for (const task of [...this.#desk.state.tasks.on(node)]) {
      // A run that failed meanwhile has cancelled its others.
      if (this.#desk.state.tasks.get(task.id) !== task) continue;
      this.#landed(task, node, { silentMs });
      const what = `node ${node} was lost under attempt ${task.attempt} of task "${task.id}"`;
      // Nobody knows how far it came: what it did outside stays done.
      const reason = failure('OUTCOME_UNKNOWN', what, { task: task.id, node });
      this.#failed(task, judgeLost(task, reason));
    }
    this.nodesChanged();
  }

  nodesChanged(): void {
    this.#queue.openAll();
    this.dispatch();
  }

  /** What is held for the tenant is declared anew, or is not held any more. */
  reservationsChanged(tenant: TenantName): void {
    this.#queue.setApart(tenant);
    this.nodesChanged();
  }

  /** Whether tasks run in the place. */
  isPlaceUsed(place: number): boolean {
    return this.#queue.isPlaceUsed(place);
  }

  /** Why no more places are held, for people. */
  whyNotHeld(reservation: ReservationRecord): string {
    return this.#queue.whyNotHeld(reservation);
  }

  resend(node: Incarnation): void {
    this.#flights.resend(node);
  }

  /** While tasks wait, a successor must know for how long. Most facts say it by the way. */
  tellTime(): void {
    if (this.#queue.size > 0) tellTime(this.#desk, waitingToldMs);
  }

  /** Forgets what ended long ago, or is too much. True when there is more to forget at once. */
  forget(): boolean {
    return forgetTasks(this.#desk);
  }

  check(): void {
    this.#queue.check();
  }

  /** Z1 */
  sizes(): readonly Size[] {
    const { readyCount, runningCount } = this.#desk.state.tasks;
    return [
      { of: 'back-offs', size: this.#backoffs.size, most: readyCount },
      { of: 'tasks asked for', size: this.#askers.size, most: readyCount + runningCount },
      ...this.#flights.sizes(),
      ...this.#queue.sizes(),
    ];
  }

  #enqueue(task: TaskRecord): void {
    if (task.state.kind !== 'ready') return;
    const wait = task.since - this.#desk.ledMs;
    if (wait <= 0) return this.#queue.push(task);
    const { id } = task;
    this.#backoffs.set(
      id,
      this.#desk.deadlines.set(this.#desk.now + wait, { kind: 'retry', task: id }),
    );
  }

  /** The attempt is over, however: its deadlines go, its tenant pays what it took. */
  #landed(task: TaskRecord, node: Incarnation, { tookMs, used, silentMs = 0 }: Landing = {}): void {
    this.#queue.leave(task);
    const flight = this.#flights.end(task, node);
    if (flight === undefined) return;
    const { charged, beganAt } = flight;
    const isTold = tookMs !== undefined && Number.isFinite(tookMs) && tookMs >= 0;
    if (isTold) {
      this.demands.ended(task, tookMs, used);
      this.#effects.landed(task, tookMs);
    }
    // What was cancelled, or lost, held its room for as long as it was there. Nobody pays for the time that it
    // takes to see that a node is dead.
    const ms = isTold ? tookMs : Math.max(0, this.#desk.now - silentMs - beganAt);
    this.#queue.landed(task, charged === undefined ? undefined : { charged, ms });
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
    this.#desk.deadlines.cancel(this.#backoffs.get(id));
    this.#backoffs.delete(id);
    for (const asker of this.#askers.take(id)) {
      this.#desk.answer(asker, { kind: 'task-ended', task: id, outcome });
    }
    if (task.run !== undefined) this.#effects.blockEnded(task);
    if (mustForget(this.#desk)) this.forget();
  }

  #freed(node: Incarnation): void {
    this.#queue.freed(node);
    this.dispatch();
  }

  #start(
    task: TaskRecord,
    { node: { incarnation: node }, gpus, place }: TaskPlace,
    charge: Charge,
  ): void {
    const plain = { kind: 'task-started', task: task.id, attempt: task.attempt + 1, node } as const;
    const { ledMs, state } = this.#desk;
    const isRated = state.deployments.tenant(task.tenant)?.starts !== undefined;
    this.#desk.decide({
      ...plain,
      ...(place === undefined ? {} : { place }),
      ...(gpus.length === 0 ? {} : { gpus }),
      ...(isRated ? { ledMs } : {}),
    });
    this.#flights.begin(task, node, charge);
  }

  #preempt(victim: TaskRecord, node: Incarnation, by: TaskId): void {
    this.#landed(victim, node);
    this.#flights.cancel(victim, node);
    const { id: task, attempt } = victim;
    this.#desk.decide({ kind: 'task-preempted', task, attempt, by, at: this.#desk.wall });
  }

  /** A gang that can never be whole waits for nothing. */
  #cancelGang(task: TaskRecord, reason: Failure): true {
    const gang = this.#queue.waitsAs(task);
    assert(isGang(gang), 'Q1: a gang that waits is in the queue');
    this.#queue.withdraw(gang);
    for (const member of gang.members) {
      const what = `task "${member.id}" was cancelled with "${task.id}", a member of its gang`;
      const other = failure('CANCELLED', what, { task: member.id });
      this.#end(member, { ok: false, failure: member === task ? reason : other });
    }
    this.dispatch();
    return true;
  }
}

function isRunning(task: TaskRecord, node: Incarnation, attempt: number): boolean {
  return task.attempt === attempt && task.state.kind === 'running' && task.state.node === node;
}
