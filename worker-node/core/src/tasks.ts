/**
 * Attempts of tasks that the leader gave to this node.
 *
 * K1  an attempt runs at most once here, however often `run-task` comes.
 * K2  its result is sent until the leader has journaled it.
 * K3  an output too large for a record is in the object store before its result is said; the attempt
 *     holds no runner meanwhile, nor while what its input refers to is read.
 */
import {
  type CancelTask,
  callTask,
  encodeHandle,
  type Failure,
  type FromRunner,
  failure,
  isFailure,
  limits,
  type ObjectBody,
  type Outcome,
  outcomeOfRunner,
  type Resources,
  type RunTask,
  type TaskId,
  type TaskResult,
  type TaskResultSeen,
} from '@troupe/model';
import type { Core } from './core.ts';
import type { NodeEvent, RunnerId } from './events.ts';
import type { OutgoingCall } from './outgoing-calls.ts';

interface Attempt {
  readonly order: RunTask;
  work: number | undefined;
  runner: RunnerId | undefined;
  startedAt: number;
  /** What it came to, while that is being stored. */
  storing: { readonly durationMs: number; readonly used: Resources | undefined } | undefined;
  cancelled: boolean;
  /** Calls of it that were open when it left its runner. */
  left: readonly OutgoingCall[];
  result: TaskResult | undefined;
  sentAt: number;
}

type Of<K extends NodeEvent['kind']> = Extract<NodeEvent, { kind: K }>;

/** Taken results that are remembered, and for how long: a leader that forgot the task may use its id
 *  anew after `limits.finishedMs`. */
const takenMax = 10_000;
const twinMsMax = 60_000;
/** How long a runner may go on beyond the limit it was given before it is killed. */
const limitGraceMs = 5_000;

export class Tasks {
  readonly #core: Core;
  readonly #attempts = new Map<TaskId, Attempt>();
  readonly #byWork = new Map<number, Attempt>();
  readonly #unseen = new Set<Attempt>();
  /** The latest attempts whose results were taken: a late twin of their order runs nothing (K1). */
  readonly #taken = new Map<TaskId, { readonly attempt: number; readonly until: number }>();

  constructor(core: Core) {
    this.#core = core;
  }

  get count(): number {
    return this.#attempts.size - this.#unseen.size;
  }

  /** True when nothing runs and every result was taken. */
  get idle(): boolean {
    return this.#attempts.size === 0;
  }

  onRun(order: RunTask): void {
    const known = this.#attempts.get(order.task);
    if (known !== undefined && known.order.attempt >= order.attempt) {
      if (known.result !== undefined) this.#send(known);
      else this.#seen(order);
      return;
    }
    if (this.#isTwin(order)) return;
    if (known !== undefined) this.#forget(known);
    const attempt: Attempt = {
      order,
      work: undefined,
      runner: undefined,
      startedAt: this.#core.now,
      storing: undefined,
      cancelled: false,
      left: [],
      result: undefined,
      sentAt: this.#core.now,
    };
    // That it has arrived is said when the leader asks again: most results come sooner.
    this.#attempts.set(order.task, attempt);
    const { task, objects } = order;
    if (objects === undefined) return this.#acquire(attempt, undefined);
    this.#core.out.work({ kind: 'read-objects', task, attempt: order.attempt, objects });
  }

  /** What its input refers to is there. */
  onObjects({ task, attempt: number, objects }: Of<'objects-read'>): void {
    const attempt = this.#waiting(task, number);
    if (attempt !== undefined && attempt.storing === undefined) this.#acquire(attempt, objects);
  }

  /** Its output is in the object store (K3). */
  onStored({ task, attempt: number, stored }: Of<'object-stored'>): void {
    const attempt = this.#waiting(task, number);
    if (attempt?.storing === undefined) return;
    const { durationMs, used } = attempt.storing;
    const outcome = { ok: true, value: encodeHandle(stored), objects: [stored] } as const;
    this.#end(attempt, outcome, used, durationMs);
  }

  onObjectsFailed({ task, attempt: number, failure: reason }: Of<'objects-failed'>): void {
    const attempt = this.#waiting(task, number);
    if (attempt === undefined) return;
    const { durationMs, used } = attempt.storing ?? {};
    this.#end(attempt, { ok: false, failure: reason }, used, durationMs);
  }

  onDone(work: number, outcome: Outcome, used: Resources | undefined): void {
    const attempt = this.#byWork.get(work);
    if (attempt === undefined) return;
    const told = outcomeOfRunner(outcome, attempt.order.task);
    const isLarge = told.ok && told.value.length > limits.payloadBytesMax;
    if (isLarge) this.#store(attempt, told.value, used);
    else this.#end(attempt, told, used);
  }

  /** True when this work is a task's. */
  onCallOut(frame: Extract<FromRunner, { kind: 'call-out' }>, runner: RunnerId): boolean {
    const attempt = this.#byWork.get(frame.work);
    if (attempt === undefined) return false;
    this.#core.outgoing.onTaskCall(frame, runner, attempt.order);
    return true;
  }

  runsAt(runner: RunnerId): boolean {
    for (const attempt of this.#byWork.values()) if (attempt.runner === runner) return true;
    return false;
  }

  /** What is at a runner under this number. */
  orderOf(work: number): RunTask | undefined {
    return this.#byWork.get(work)?.order;
  }

  /** This attempt, while it has no result. */
  orderFor(task: TaskId, number: number): RunTask | undefined {
    const attempt = this.#attempts.get(task);
    const isIt = attempt?.order.attempt === number && attempt.result === undefined;
    return isIt ? attempt.order : undefined;
  }

  onResultSeen(seen: TaskResultSeen): void {
    for (const { task, attempt, ended } of seen.results) {
      const known = this.#attempts.get(task);
      if (known?.order.attempt !== attempt || known.result === undefined) continue;
      if (ended === true) this.#core.outgoing.cancel(known.left);
      this.#forget(known);
      this.#remember(task, attempt);
    }
  }

  onCancel(cancel: CancelTask): void {
    const attempt = this.#attempts.get(cancel.task);
    if (attempt?.order.attempt !== cancel.attempt || attempt.result !== undefined) return;
    attempt.cancelled = true;
    if (attempt.work === undefined || attempt.runner === undefined) {
      this.#end(attempt, { ok: false, failure: cancelledBefore(attempt) });
    } else this.#core.runners.frame(attempt.runner, { kind: 'cancel', work: attempt.work });
  }

  onRunnerExited(runner: RunnerId, reason: string): void {
    for (const attempt of this.#byWork.values()) {
      if (attempt.runner !== runner) continue;
      const text = `the runner of task ${attempt.order.task} crashed: ${reason}`;
      // A task that only calls an actor runs no user code: it has crashed nothing, and asks again.
      const code = attempt.order.name === callTask ? 'OUTCOME_UNKNOWN' : 'RUNNER_CRASHED';
      this.#end(attempt, { ok: false, failure: failure(code, text) });
    }
  }

  /** Every `resendMs`. */
  tick(): void {
    for (const attempt of this.#unseen) {
      if (this.#core.now - attempt.sentAt >= this.#core.config.resendMs) this.#send(attempt);
    }
    const overdue = new Set<RunnerId>();
    for (const { runner, startedAt, order } of this.#byWork.values()) {
      const over = this.#core.now - startedAt > order.limitMs + limitGraceMs;
      if (over && runner !== undefined) overdue.add(runner);
    }
    for (const runner of overdue) this.#core.out.work({ kind: 'kill-runner', runner });
  }

  /** The attempt, if it is still to begin or to report. */
  #waiting(task: TaskId, number: number): Attempt | undefined {
    const attempt = this.#attempts.get(task);
    const waits = attempt?.order.attempt === number && attempt.result === undefined;
    return waits && attempt.work === undefined ? attempt : undefined;
  }

  #acquire(attempt: Attempt, objects: readonly ObjectBody[] | undefined): void {
    const { tenant, bundle, config = 0 } = attempt.order;
    this.#core.configs.whenThere(attempt, tenant, config, () => {
      this.#core.runners.acquire(bundle, (got) => {
        if (typeof got === 'object') {
          if (isFailure(got)) this.#end(attempt, { ok: false, failure: got });
        } else this.#start(attempt, got, objects);
      });
    });
  }

  #store(attempt: Attempt, body: Uint8Array, used: Resources | undefined): void {
    const { task, attempt: number, started: object } = attempt.order;
    attempt.storing = { durationMs: this.#core.now - attempt.startedAt, used };
    this.#leaveRunner(attempt);
    attempt.runner = undefined;
    this.#core.out.send({ kind: 'put-object', task, attempt: number, object, body });
  }

  #start(attempt: Attempt, runner: RunnerId, objects: readonly ObjectBody[] | undefined): void {
    if (attempt.result !== undefined || this.#attempts.get(attempt.order.task) !== attempt) {
      return this.#core.runners.release(runner);
    }
    const { order } = attempt;
    const work = this.#core.turns.nextWork();
    attempt.work = work;
    attempt.runner = runner;
    attempt.startedAt = this.#core.now;
    this.#byWork.set(work, attempt);
    const { tenant } = order;
    this.#core.configs.give(runner, tenant, this.#core.configs.latest(tenant));
    // The leader has journaled the attempt before it sent it: the outside may see it at once.
    this.#core.runners.frame(runner, {
      kind: 'task',
      work,
      task: order.task,
      attempt: order.attempt,
      tenant,
      name: order.name,
      input: order.input,
      ...(objects === undefined ? {} : { objects }),
      limitMs: order.limitMs,
      ...(order.gpus === undefined ? {} : { gpus: order.gpus }),
    });
  }

  #end(attempt: Attempt, outcome: Outcome, used?: Resources, tookMs?: number): void {
    const { order } = attempt;
    this.#leaveRunner(attempt);
    attempt.result = {
      kind: 'task-result',
      incarnation: this.#core.config.incarnation,
      task: order.task,
      attempt: order.attempt,
      outcome,
      durationMs: tookMs ?? this.#core.now - attempt.startedAt,
      ...(used === undefined ? {} : { used }),
    };
    this.#unseen.add(attempt);
    this.#send(attempt);
    this.#core.handover.onTaskEnd();
  }

  #send(attempt: Attempt): void {
    if (attempt.result === undefined) return;
    attempt.sentAt = this.#core.now;
    this.#core.out.send({ kind: 'to-leader', message: attempt.result });
  }

  #seen(order: RunTask): void {
    this.#core.out.send({
      kind: 'to-leader',
      message: {
        kind: 'task-seen',
        incarnation: this.#core.config.incarnation,
        attempts: [{ task: order.task, attempt: order.attempt }],
      },
    });
  }

  #leaveRunner(attempt: Attempt): void {
    if (attempt.work === undefined) return;
    attempt.left = this.#core.outgoing.abandon(attempt.order);
    this.#byWork.delete(attempt.work);
    if (attempt.runner !== undefined) this.#core.runners.release(attempt.runner);
    attempt.work = undefined;
  }

  #remember(task: TaskId, attempt: number): void {
    const { now } = this.#core;
    for (const [eldest, { until }] of this.#taken) {
      if (until > now && this.#taken.size < takenMax) break;
      this.#taken.delete(eldest);
    }
    this.#taken.delete(task);
    this.#taken.set(task, { attempt, until: now + twinMsMax });
  }

  #isTwin({ task, attempt }: RunTask): boolean {
    const taken = this.#taken.get(task);
    return taken !== undefined && taken.attempt >= attempt && taken.until > this.#core.now;
  }

  /** A later attempt was given here, or the result was taken. */
  #forget(attempt: Attempt): void {
    if (attempt.work !== undefined && attempt.runner !== undefined) {
      this.#core.runners.frame(attempt.runner, { kind: 'cancel', work: attempt.work });
    }
    this.#leaveRunner(attempt);
    this.#unseen.delete(attempt);
    this.#attempts.delete(attempt.order.task);
    this.#core.handover.onTaskEnd();
  }
}

function cancelledBefore(attempt: Attempt): Failure {
  return failure('CANCELLED', `task ${attempt.order.task} was cancelled before it ran`);
}
