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
  assert,
  boundedFailure,
  encodeHandle,
  type Failure,
  failure,
  type Incarnation,
  limits,
  type Outcome,
  objectsFault,
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
import { cpusOf, demandCoefficient, dominantCpusOf } from './fair/demand.ts';
import { FairQueue, type TenantShare } from './fair/fair-queue.ts';
import { priorityWeight } from './fair/priority.ts';
import { neverWithin } from './fair/quota.ts';
import {
  type GangItem,
  gangItems,
  gangOf,
  isGang,
  type QueueItem,
  waitsInGang,
} from './gang-items.ts';
import { KeptRoom } from './kept-room.ts';
import type { Objects } from './objects.ts';
import { countedWeight, TasksJudged } from './old-journal.ts';
import type { ReservationRecord } from './reservation-table.ts';
import type { Shape } from './resources.ts';
import { judge, judgeLost, type Verdict } from './retries.ts';
import { runTaskPrefix } from './run-table.ts';
import type { Size } from './sizes.ts';
import { TaskDemands } from './task-demands.ts';
import { type TaskPlace, TaskPlaces } from './task-places.ts';
import { objectsOf, type TaskRecord } from './task-table.ts';
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
  readonly #objects: Objects;
  readonly #blockEnded: (task: TaskRecord) => void;
  readonly #queue: FairQueue<QueueItem, readonly TaskPlace[]>;
  /** Gangs that wait, by the id of the gang. */
  readonly #gangs = new Map<string, GangItem>();
  readonly #places: TaskPlaces;
  readonly #room: KeptRoom;
  readonly #attempts: Deliveries<TaskId>;
  readonly #askers = new Waiting<TaskId, Asker>();
  readonly #flights = new Map<TaskId, Flight>();
  /** When back-offs are over. One goes with its task: the id may be that of another task later. */
  readonly #backoffs = new Map<TaskId, Deadline>();
  readonly demands = new TaskDemands();
  readonly #shares = new Map<string, number>();
  readonly #totals = new Map<string, number>();
  #totalsOf = -1;
  #starts: Deadline | undefined;
  /** Ended to make room in the pick at hand; they wait again after it. */
  #preempted: TaskRecord[] = [];

  /** `blockEnded` hears of every ended task that was a run's block. */
  constructor(desk: Desk, objects: Objects, blockEnded: (task: TaskRecord) => void) {
    this.#desk = desk;
    this.#objects = objects;
    this.#blockEnded = blockEnded;
    this.#attempts = new Deliveries(desk, 'attempts', (node, id) => this.#runTask(node, id));
    this.#places = new TaskPlaces(desk);
    this.#room = new KeptRoom(desk, this.#places, (item) => this.#queue.isAllowed(item));
    this.#queue = new FairQueue<QueueItem, readonly TaskPlace[]>({
      costOf: (item) => this.#costOf(item),
      coefficientOf: (shape) =>
        desk.config.demandCoefficient === true
          ? demandCoefficient(shape, this.#supply()) * cpusOf(this.#supply())
          : 1,
      place: (_shape, item) => this.#placesFor(item),
    });
  }

  /** A new leader: what the durable state calls for is sent, queued and timed anew. */
  takeOver(): void {
    this.#endUnstartable();
    for (const { tenant } of this.#desk.state.deployments.tenants()) this.#put(tenant);
    for (const { tenant } of this.#desk.state.reservations.all())
      this.#queue.setApart(tenant, true);
    this.#places.takeOver();
    for (const task of this.#desk.state.tasks.live()) {
      if (task.state.kind === 'running') {
        this.#queue.adopt(task);
        this.#places.adopt(task);
        this.#fly(task, undefined);
        this.#attempts.add(task.state.node, task.id);
      } else if (!waitsInGang(task)) {
        this.#enqueue(task);
      }
    }
    this.#gangsWait([...this.#desk.state.tasks.live()].filter(waitsInGang));
    this.#places.review();
    this.dispatch();
  }

  /** O3: nobody waits for them here yet, and their runs go on when those are taken over. */
  #endUnstartable(): void {
    const { wall: at, ledMs, state } = this.#desk;
    const judged = new TasksJudged();
    const gangs = new Map<string, Failure>();
    const ends = [...state.tasks.live()].flatMap((task) => {
      const reason = judged.failureOf(task);
      if (reason === undefined) return [];
      if (waitsInGang(task)) gangs.set(task.gang?.id ?? '', reason);
      return [{ task, reason }];
    });
    const ended = new Set(ends.map(({ task }) => task));
    for (const task of gangs.size === 0 ? [] : state.tasks.live()) {
      const reason = waitsInGang(task) ? gangs.get(task.gang?.id ?? '') : undefined;
      if (reason !== undefined && !ended.has(task)) ends.push({ task, reason });
    }
    for (const { task, reason } of ends) {
      if (task.state.kind === 'running') this.#cancelOn(task.state.node, task);
      const outcome: Outcome = { ok: false, failure: reason };
      this.#desk.decide({ kind: 'task-ended', task: task.id, outcome, at, ledMs });
    }
  }

  /** Journals a task; `dispatch` starts it. */
  submit(fact: Extract<SchedulerFact, { kind: 'task-submitted' }>): void {
    this.#desk.decide(fact);
    const task = this.#desk.state.tasks.get(fact.task);
    if (task !== undefined) this.#push(task);
  }

  /** Journals tasks that start together; `dispatch` starts them. */
  submitGang(facts: readonly Extract<SchedulerFact, { kind: 'task-submitted' }>[]): void {
    const { tasks } = this.#desk.state;
    for (const fact of facts) this.#desk.decide(fact);
    this.#gangsWait(facts.flatMap(({ task }) => tasks.get(task) ?? []));
  }

  /** Whether a gang of this id waits. */
  hasGang(id: string): boolean {
    return this.#gangs.has(id);
  }

  wait(task: TaskId, asker: Asker): void {
    this.#askers.add(task, asker);
  }

  /** Starts whatever can start now. */
  dispatch(): void {
    for (;;) {
      const picked = this.#queue.take(this.#desk.now);
      if (picked === undefined) break;
      const { task: item, place: places, cost } = picked;
      if (this.#room.gone(item)) this.#openAll();
      if (isGang(item)) this.#startAll(item, places);
      else this.#startOn(item, places[0], cost);
      const victims = this.#preempted.splice(0);
      for (const victim of victims) this.#push(victim);
      // They may leave more room than was needed.
      if (victims.length > 0) this.#unblockOn(places[0]?.node.incarnation);
    }
    const wakeAt = this.#queue.wakeAt();
    if (wakeAt === this.#starts?.at && (wakeAt === undefined || this.#starts?.slot !== -1)) return;
    this.#desk.deadlines.cancel(this.#starts);
    this.#starts =
      wakeAt === undefined ? undefined : this.#desk.deadlines.set(wakeAt, { kind: 'starts' });
  }

  /** Somebody may have waited for room for long. */
  lookAtRoom(): void {
    if (this.#room.look()) this.#openAll();
    this.dispatch();
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

  /** As what a ready task waits: by itself, or as its gang. */
  waitsAs(task: TaskRecord): QueueItem {
    const gang = waitsInGang(task) ? this.#gangs.get(task.gang?.id ?? '') : undefined;
    return gang ?? task;
  }

  /** Why what is ready has not started, for people. */
  whyWaiting(item: QueueItem): string {
    const never = neverWithin(this.#queue.share(item.tenant).quota, item.shape);
    if (never !== undefined) {
      const { needs, most } = never;
      const what = `${isGang(item) ? 'its gang' : 'it'} ${needs}, and its tenant by its quota ${most}`;
      return `${what}: raise the quota, or cancel it and submit fewer`;
    }
    const refusal = isGang(item) ? this.#places.gangRefusal(item) : this.#places.refusal(item);
    if (refusal !== undefined) return refusal;
    if (!this.#queue.isWithinQuota(item, this.#desk.now))
      return 'the quota of its tenant is used up';
    return 'others are before it';
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
      const outcome = carriable(message.outcome, task);
      this.#landed(task, node, durationMs, used);
      if (outcome.ok) this.#end(task, outcome);
      else
        this.#failed(
          task,
          judge(task, outcome.failure, () => this.#desk.generator.next()),
        );
      this.#freed(node);
    }
    // Whoever's result this was, what it brought is not needed unless somebody holds it now.
    const brought = objectsOf(message.outcome);
    if (brought.length > 0) this.#objects.found(brought.map(({ object }) => object));
    const { term } = this.#desk;
    this.#desk.toNode(node, { kind: 'task-result-seen', term, results: [{ task: id, attempt }] });
  }

  /** The back-off is over. */
  retry(id: TaskId): void {
    const task = this.#desk.state.tasks.get(id);
    if (!this.#backoffs.delete(id) || task?.state.kind !== 'ready') return;
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
      if (waitsInGang(task)) return this.#cancelGang(task, reason);
      this.#withdraw(task);
      this.#end(task, { ok: false, failure: reason });
      this.dispatch();
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
    this.#openAll();
    this.dispatch();
  }

  /** What is held for the tenant is declared anew, or is not held any more. */
  reservationsChanged(tenant: TenantName): void {
    const { reservations } = this.#desk.state;
    const isApart = [...reservations.all()].some((reservation) => reservation.tenant === tenant);
    this.#queue.setApart(tenant, isApart);
    this.nodesChanged();
  }

  /** Whether tasks run in the place. */
  isPlaceUsed(place: number): boolean {
    return this.#places.isPlaceUsed(place);
  }

  /** Why no more places are held, for people. */
  whyNotHeld(reservation: ReservationRecord): string {
    return this.#places.whyNotHeld(reservation);
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
    let tooMuch = tasks.endedObjectBytes - limits.finishedObjectBytesMax;
    const forgotten: TaskId[] = [];
    for (const { id, ledMs, outcome } of tasks.allEnded()) {
      const old = ledMs + limits.finishedMs <= this.#desk.ledMs;
      const fits = tooMany <= 0 && tooMuch <= 0;
      if ((!old && fits) || forgotten.length === forgottenMax) break;
      forgotten.push(id);
      tooMany--;
      for (const { bytes } of objectsOf(outcome)) tooMuch -= bytes;
    }
    if (forgotten.length > 0) this.#desk.decide({ kind: 'tasks-forgotten', tasks: forgotten });
    return forgotten.length === forgottenMax;
  }

  check(): void {
    this.#queue.check();
    this.#places.check();
  }

  /** Z1 */
  sizes(): readonly Size[] {
    const { tasks, nodes } = this.#desk.state;
    const { readyCount, runningCount } = tasks;
    return [
      { of: 'flights', size: this.#flights.size, most: runningCount },
      { of: 'back-offs', size: this.#backoffs.size, most: readyCount },
      { of: 'attempts to deliver', size: this.#attempts.size, most: runningCount },
      { of: 'lanes of attempts', size: this.#attempts.lanes, most: nodes.presentCount },
      { of: 'queue entries', size: this.#queue.size, most: readyCount },
      { of: 'tasks in flight of the queue', size: this.#queue.inFlight, most: runningCount },
      { of: 'gangs', size: this.#gangs.size, most: readyCount },
      { of: 'tasks without room', size: this.#room.size, most: readyCount },
      { of: 'tasks asked for', size: this.#askers.size, most: readyCount + runningCount },
      ...this.#places.sizes(),
    ];
  }

  #enqueue(task: TaskRecord): void {
    if (task.state.kind !== 'ready') return;
    const wait = task.since - this.#desk.ledMs;
    if (wait <= 0) return this.#push(task);
    const { id } = task;
    this.#backoffs.set(
      id,
      this.#desk.deadlines.set(this.#desk.now + wait, { kind: 'retry', task: id }),
    );
  }

  /** Its times are as `ledMs` of facts, so that every leader queues it alike. */
  #push(item: QueueItem): void {
    const { now, ledMs } = this.#desk;
    const ahead = now - ledMs;
    const since = Math.min(now, item.since + ahead);
    const times = item.due === undefined ? { since } : { since, deadline: item.due + ahead };
    this.#queue.push(item, now, times);
  }

  #put(name: TenantName): void {
    const tenant = this.#desk.state.deployments.tenant(name);
    if (tenant === undefined) return;
    const weight = countedWeight(tenant.weight) * priorityWeight(tenant.priority);
    this.#queue.put(name, { weight, quota: tenant.quota }, this.#desk.now);
    for (const [queue, share] of tenant.queues) {
      this.#queue.weighQueue(name, queue, countedWeight(share));
    }
    this.#queue.keepQueues(name, tenant.queues);
    this.#places.tenantPut(name);
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
    this.#places.end(task);
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
    this.#desk.deadlines.cancel(this.#backoffs.get(id));
    this.#backoffs.delete(id);
    for (const asker of this.#askers.take(id)) {
      this.#desk.answer(asker, { kind: 'task-ended', task: id, outcome });
    }
    if (task.run !== undefined) this.#blockEnded(task);
    const { endedCount } = this.#desk.state.tasks;
    if (endedCount >= limits.finishedTasksMax + forgottenMax) this.forget();
  }

  #freed(node: Incarnation): void {
    this.#unblockOn(node);
    this.dispatch();
  }

  /** Something has ended there: what has room now may be picked again. */
  #unblockOn(node: Incarnation | undefined): void {
    if (node === undefined) return;
    const isHeld = this.#places.freed(node);
    this.#queue.unblock((shape, owner) => {
      return (isHeld && owner !== undefined) || this.#places.mayFit(shape, node, owner);
    });
  }

  /** There may be room for anything: first for what is reserved. */
  #openAll(): void {
    this.#places.review();
    this.#queue.unblock(() => true);
  }

  #cancelOn(node: Incarnation, { id: task, attempt }: TaskRecord): void {
    this.#desk.toNode(node, { kind: 'cancel-task', term: this.#desk.term, task, attempt });
  }

  #runTask(node: Incarnation, id: TaskId): ToNode | undefined {
    const task = this.#desk.state.tasks.get(id);
    if (task?.state.kind !== 'running' || task.state.node !== node) return undefined;
    const { attempt, tenant, bundle, name, input, limitMs, run, objects } = task;
    const { gpus, started } = task.state;
    const { term } = this.#desk;
    const kind = 'run-task';
    // Written out twice: spreading shows in the profile of the hottest path.
    if (run === undefined && gpus.length === 0) {
      return { kind, term, task: id, attempt, started, tenant, bundle, name, input, limitMs };
    }
    const of = { task: id, attempt, started, tenant, bundle, name } as const;
    const order = { kind, term, ...of, input, limitMs } as const;
    const given = objects === undefined ? order : { ...order, objects };
    const scoped = run === undefined ? given : { ...given, scope: `${runTaskPrefix}${run.run}` };
    return gpus.length === 0 ? scoped : { ...scoped, gpus };
  }

  #costOf(item: QueueItem): number {
    if (!isGang(item)) return this.#shareOf(item.shape) * this.demands.expectedMs(item);
    return item.members.reduce((sum, member) => sum + this.#costOf(member), 0);
  }

  #gangsWait(members: readonly TaskRecord[]): void {
    for (const item of gangItems(members)) {
      this.#gangs.set(gangOf(item), item);
      this.#push(item);
    }
  }

  /** From here on each of them is a task like any other. */
  #startAll(item: GangItem, places: readonly TaskPlace[]): void {
    this.#gangs.delete(gangOf(item));
    this.#queue.landed(item, this.#desk.now);
    for (const [index, member] of item.members.entries()) {
      this.#queue.adopt(member);
      this.#startOn(member, places[index], this.#costOf(member));
    }
  }

  #startOn(task: TaskRecord, place: TaskPlace | undefined, cost: number): void {
    assert(place !== undefined, 'P1: what starts has a place');
    const { gpus, place: reserved } = place;
    const node = place.node.incarnation;
    const plain = { kind: 'task-started', task: task.id, attempt: task.attempt + 1, node } as const;
    const fact = reserved === undefined ? plain : { ...plain, place: reserved };
    this.#desk.decide(gpus.length === 0 ? fact : { ...fact, gpus });
    this.#fly(task, cost);
    this.#attempts.add(node, task.id);
  }

  /** A gang that can never be whole waits for nothing. */
  #cancelGang(task: TaskRecord, reason: Failure): true {
    const gang = this.#gangs.get(task.gang?.id ?? '');
    assert(gang !== undefined, 'Q1: a gang that waits is in the queue');
    this.#gangs.delete(gangOf(gang));
    this.#withdraw(gang);
    for (const member of gang.members) {
      const what = `task "${member.id}" was cancelled with "${task.id}", a member of its gang`;
      const other = failure('CANCELLED', what, { task: member.id });
      this.#end(member, { ok: false, failure: member === task ? reason : other });
    }
    this.dispatch();
    return true;
  }

  #placesFor(item: QueueItem): readonly TaskPlace[] | undefined {
    const places = isGang(item) ? this.#places.placeGang(item) : this.#placeAlone(item);
    if (places === undefined) this.#room.refused(item);
    return places;
  }

  #placeAlone(task: TaskRecord): readonly TaskPlace[] | undefined {
    const place = this.#place(task);
    return place === undefined ? undefined : [place];
  }

  /** It will not be started. */
  #withdraw(item: QueueItem): void {
    this.#queue.remove(item, this.#desk.now);
    if (this.#room.gone(item)) this.#openAll();
  }

  /** Reserves a place; a task that may makes room for itself where there is none. */
  #place(task: TaskRecord): TaskPlace | undefined {
    const place = this.#places.place(task);
    if (place !== undefined || task.shape.wishes?.preempts !== true) return place;
    const victims = this.#places.victimsFor(task);
    if (victims.length === 0) return undefined;
    for (const id of victims) this.#preempt(id, task.id);
    const made = this.#places.place(task);
    assert(made !== undefined, 'P1: who was preempted for it leaves room');
    return made;
  }

  #preempt(id: TaskId, by: TaskId): void {
    const victim = this.#desk.state.tasks.get(id);
    assert(victim?.state.kind === 'running', 'A1: only what runs is preempted');
    const { node } = victim.state;
    this.#landed(victim, node);
    this.#cancelOn(node, victim);
    const { attempt } = victim;
    this.#desk.decide({ kind: 'task-preempted', task: id, attempt, by, at: this.#desk.wall });
    this.#preempted.push(victim);
  }

  #shareOf(shape: Shape): number {
    const totals = this.#supply();
    let share = this.#shares.get(shape.key);
    if (share === undefined) {
      if (this.#shares.size > sharesMax) this.#shares.clear();
      share = dominantCpusOf(shape, totals);
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
function carriable(outcome: Outcome, { id: task, state }: TaskRecord): Outcome {
  if (!outcome.ok) return { ok: false, failure: boundedFailure(outcome.failure) };
  const [stored, ...others] = objectsOf(outcome);
  if (stored !== undefined) {
    const isOwn = state.kind === 'running' && state.started === stored.object;
    const fault =
      isOwn && others.length === 0 ? objectsFault([stored]) : 'it is not the output of its attempt';
    // It is made here, so that it holds nothing else.
    if (fault === undefined) return { ok: true, value: encodeHandle(stored), objects: [stored] };
    const what = `the output of task "${task}" is not one in the object store: ${fault}`;
    return { ok: false, failure: failure('INTERNAL', what, { task }) };
  }
  const bytes = outcome.value.length;
  if (bytes <= limits.payloadBytesMax) return outcome;
  const what = `the output of task "${task}" has ${bytes} bytes`;
  return { ok: false, failure: failure('TOO_LARGE', what, { task, bytes }) };
}

function isRunning(task: TaskRecord, node: Incarnation, attempt: number): boolean {
  return task.attempt === attempt && task.state.kind === 'running' && task.state.node === node;
}
