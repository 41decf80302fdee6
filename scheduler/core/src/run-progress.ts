/**
 * Takes every run as far as it goes: what is ready starts, loops that ask are answered, what was
 * let go of is cancelled. Which context is ready follows durably (`run-table.ts`); what it does then
 * is said by `dag/next.ts`.
 *
 * W5  a block's task has the id `run:<run>:<context id>`, so a context never runs as two tasks.
 *     What undoes it has that id with `/undo` behind it, so nothing is undone by two tasks.
 * W6  runs that never wait keep nobody else waiting: after so many steps, of all that one event touches,
 *     the rest is due later. A run has so many runs within at once, at whatever depth.
 */
import {
  type BundleHash,
  callTask,
  type Failure,
  failure,
  isActorKey,
  limits,
  type Outcome,
  objectsIn,
  type RunId,
  type TaskId,
  type TaskManifest,
} from '@troupe/model';
import { type Context, contextId } from './dag/instance.ts';
import {
  type AtWork,
  decideRound,
  type Next,
  nextOf,
  outputOf,
  stepAt,
  undoOf,
} from './dag/next.ts';
import type { Did, Undoing } from './dag/undoing.ts';
import { RunValues } from './dag/values.ts';
import type { Desk } from './desk.ts';
import { typeFailure } from './old-journal.ts';
import type { RunClock } from './run-clock.ts';
import { childId, type RunEnd, type RunRecord, runTaskId, undoId } from './run-table.ts';
import { StoppingAttempts } from './stopping-attempts.ts';
import type { Tasks } from './tasks.ts';

/** Contexts that start in one event, of whichever runs. */
const stepsMax = 5_000;
/** What they journal; it stays in memory until it is stored. */
const stepBytesMax = 8 * 1024 * 1024;
/** What their conditions look at, and what is decoded for them: about half a second. */
const stepWorkMax = 20_000_000;
/** When the rest of them follow. */
const laterMs = 1;
/** A call that reached its actor is answered from the actor's memory, so trying long is safe. */
const callRetries = 20;
/** How a block that calls an actor is tried, unless it says otherwise. */
const calls: TaskManifest = {
  name: callTask,
  resources: {},
  retries: callRetries,
  backoffMs: limits.taskBackoffMs,
  limitMs: limits.taskLimitMs,
};

/** What one event has done for a run. */
interface Effort {
  steps: number;
  bytes: number;
  work: number;
}

/** How runs end; they are ended by whoever knows who waits for that. */
export interface Ending {
  end(run: RunRecord, state: RunEnd['state'], outcome: Outcome): void;
  cancel(run: RunRecord, why: string): void;
}

export class RunProgress {
  readonly #desk: Desk;
  readonly #tasks: Tasks;
  readonly #clock: RunClock;
  readonly #ending: Ending;
  readonly #stopping: StoppingAttempts;
  /** With the values that their expressions saw so far. */
  readonly #atWorks = new Map<RunId, AtWork>();
  /** Runs that something happened to. One after the other, so that no run works inside another. */
  readonly #waiting = new Set<RunId>();
  /** Runs whose next steps are due later, in order. */
  readonly #later = new Set<RunId>();
  #isLaterDue = false;
  /** By run, the runs that are blocks of it and only wait. */
  readonly #resting = new Map<RunId, Set<RunId>>();
  #working = false;

  constructor(desk: Desk, given: { tasks: Tasks; clock: RunClock; ending: Ending }) {
    this.#desk = desk;
    this.#tasks = given.tasks;
    this.#clock = given.clock;
    this.#ending = given.ending;
    this.#stopping = new StoppingAttempts(desk, given.clock);
  }

  /** Takes the run, and all that this touches, as far as it goes. */
  advance(run: RunId): void {
    this.advanceAll([run]);
  }

  /** The same of several, in one event. */
  advanceAll(runs: Iterable<RunId>): void {
    for (const run of runs) this.#waiting.add(run);
    if (this.#working) return;
    this.#tasks.together(() => this.#drain({ steps: 0, bytes: 0, work: 0 }));
  }

  #drain(effort: Effort): void {
    this.#working = true;
    for (const id of this.#waiting) {
      this.#waiting.delete(id);
      const record = this.#desk.state.runs.get(id);
      if (record !== undefined && record.end === undefined) this.#work(record, effort);
    }
    this.#working = false;
  }

  /** Runs that something is kept of. */
  get size(): number {
    const kept = [...this.#atWorks.keys(), ...this.#resting.keys(), ...this.#stopping.runs()];
    return new Set([...kept, ...this.#waiting, ...this.#later]).size;
  }

  /** The next steps of runs that had too many for one event. */
  goOn(): void {
    this.#isLaterDue = false;
    const effort: Effort = { steps: 0, bytes: 0, work: 0 };
    this.#tasks.together(() => {
      for (const run of this.#later) {
        if (isEnough(effort)) break;
        this.#later.delete(run);
        this.#waiting.add(run);
        this.#drain(effort);
      }
    });
    if (this.#later.size > 0) this.#setLater();
  }

  #goOnLater(run: RunId): void {
    this.#later.add(run);
    this.#setLater();
  }

  #setLater(): void {
    if (this.#isLaterDue) return;
    this.#isLaterDue = true;
    this.#desk.deadlines.set(this.#desk.now + laterMs, { kind: 'runs' });
  }

  /** It goes on by another version: what was decoded is not needed any more. */
  drop(run: RunId): void {
    this.#atWorks.delete(run);
  }

  /** Nothing of it is undone before all that it lets go of is known. */
  letGo(run: RunRecord, why: string): void {
    const wasWorking = this.#working;
    this.#working = true;
    for (const block of [...run.state.abandoned]) this.cancelContext(run, block, why);
    this.#working = wasWorking;
    this.stops(run, false);
    this.advance(run.run);
  }

  /** What it let go of may be at work on its nodes for a while; `anew`: they may not have heard that it is over. */
  stops({ run, did }: RunRecord, anew: boolean): void {
    for (const { block, letGo } of did) {
      if (letGo !== undefined) this.#stopping.add(run, block, letGo, anew);
    }
  }

  /** An attempt is over that nobody waited for any more. */
  attemptOver(task: TaskId, attempt: number): void {
    const run = this.#stopping.over(task, attempt);
    if (run !== undefined) this.advance(run);
  }

  ended(run: RunRecord): void {
    this.drop(run.run);
    for (const { block } of run.did) this.#stopping.drop(run.run, block);
    this.#resting.delete(run.run);
    this.#rest(run, false);
  }

  settle(run: RunRecord, block: string, outcome: Outcome): void {
    this.#clock.cancel(run.run, block);
    this.#desk.decide({ kind: 'block-ended', run: run.run, block, outcome });
  }

  /** U1 */
  #undo(run: RunRecord, undoing: Undoing, effort: Effort): void {
    if (this.#rest(run, false) && run.parent !== undefined) this.advance(run.parent.run);
    if (run.state.abandoned.size > 0 || undoing.isAtWork) return;
    for (let { next } = undoing; next !== undefined; next = undoing.next) {
      if (isEnough(effort)) return this.#goOnLater(run.run);
      if (this.#stopping.has(run.run, next.block)) return;
      effort.steps++;
      if (this.#beginUndo(run, next)) return;
    }
    const reason = undoing.outcomeOf(run.run);
    this.#ending.end(run, undoing.state, { ok: false, failure: reason });
  }

  /** False when it cannot even be asked for. */
  #beginUndo(run: RunRecord, { block, isDone }: Did): boolean {
    const next = undoOf(this.#atWork(run), block, isDone);
    const unserved = next.kind === 'task' ? typeFailure(run.bundle, next.declared) : undefined;
    if (next.kind !== 'fault' && unserved === undefined) {
      this.#submit(run, undoId(block), next);
      return true;
    }
    const reason = next.kind === 'fault' ? next.failure : unserved;
    if (reason === undefined) return false;
    this.#desk.decide({ kind: 'block-not-undone', run: run.run, block, failure: reason });
    return false;
  }

  #work(run: RunRecord, effort: Effort): void {
    const { state } = run;
    if (run.undoing !== undefined) return this.#undo(run, run.undoing, effort);
    while (!state.stopped && state.ready.size + state.asking.size > 0 && !isEnough(effort)) {
      // What becomes ready meanwhile joins the set, and so this loop.
      for (const context of state.ready) {
        if (state.stopped || isEnough(effort)) break;
        effort.steps++;
        effort.bytes += this.#begin(run, context);
        effort.work += this.#workOf(run);
        if (state.abandoned.size > 0) this.#cancelAbandoned(run);
      }
      for (const context of state.asking) {
        if (state.stopped || isEnough(effort)) break;
        effort.steps++;
        this.#ask(run, context);
        effort.work += this.#workOf(run);
        if (state.abandoned.size > 0) this.#cancelAbandoned(run);
      }
    }
    const hasMore = !state.stopped && state.ready.size + state.asking.size > 0;
    if (hasMore) this.#goOnLater(run.run);
    this.#cancelAbandoned(run);
    this.#endIfOver(run);
    if (run.end !== undefined || run.undoing !== undefined) return;
    const isAtWork = state.ready.size + state.asking.size > 0 || this.#isWaitedFor(run);
    if (this.#rest(run, !isAtWork) && run.parent !== undefined) this.advance(run.parent.run);
    const { segmentLimitMs } = run.compiled.workflow;
    if (segmentLimitMs === undefined) return;
    this.#clock.segment(run.run, isAtWork ? segmentLimitMs : undefined);
  }

  /** Something of it is at work: what is a run that only waits itself is not. */
  #isWaitedFor({ run, state }: RunRecord): boolean {
    return state.active.size > (this.#resting.get(run)?.size ?? 0);
  }

  /** Whether it only waits is of matter to the run that it is a block of. True when that changes. */
  #rest({ run, parent }: RunRecord, rests: boolean): boolean {
    if (parent === undefined) return false;
    const resting = this.#resting.get(parent.run) ?? new Set();
    if (resting.has(run) === rests) return false;
    if (rests) resting.add(run);
    else resting.delete(run);
    if (resting.size > 0) this.#resting.set(parent.run, resting);
    else this.#resting.delete(parent.run);
    return true;
  }

  #endIfOver(run: RunRecord): void {
    const { state, compiled, failed } = run;
    if (run.end !== undefined) return;
    if (run.outputBytes > limits.runBytesMax) {
      const what = `the blocks of run "${run.run}" came to more than ${limits.runBytesMax} bytes`;
      const reason = failure('RESOURCE_EXHAUSTED', what, { run: run.run });
      return this.#ending.end(run, 'failed', { ok: false, failure: reason });
    }
    if (run.objectBytes > limits.runObjectBytesMax) {
      const what = `the blocks of run "${run.run}" keep more than ${limits.runObjectBytesMax} bytes in the object store`;
      const reason = failure('RESOURCE_EXHAUSTED', what, { run: run.run });
      return this.#ending.end(run, 'failed', { ok: false, failure: reason });
    }
    const { answer } = state;
    if (answer !== undefined) {
      // A run within that only waits may do so for months, like a pause.
      if (this.#isWaitedFor(run)) return;
      return this.#ending.end(run, 'done', this.#answerOf(run, answer));
    }
    // What else runs is cancelled by the end, so that nothing is waited for.
    if (!state.over && !state.stopped) return;
    if (failed !== undefined) {
      const outcome: Outcome = { ok: false, failure: failureOfRun(run, failed) };
      return this.#ending.end(run, 'failed', outcome);
    }
    const outcome = outputOf(compiled, this.#atWork(run).values);
    this.#ending.end(run, outcome.ok ? 'done' : 'failed', outcome);
  }

  /** What an answer block came to; of all that the run holds, what that refers to. */
  #answerOf({ objects: held }: RunRecord, { instance, slot }: Context): Outcome {
    const value = instance.outputs[slot] ?? new Uint8Array(0);
    if (held.size === 0) return { ok: true, value };
    const objects = objectsIn(value).flatMap((object) => held.get(object) ?? []);
    return objects.length === 0 ? { ok: true, value } : { ok: true, value, objects };
  }

  /** Answers how many bytes it journals. */
  #begin(run: RunRecord, context: Context): number {
    const id = contextId(context);
    const next = nextOf(this.#atWork(run), context);
    switch (next.kind) {
      case 'task':
      case 'call': {
        const unserved = next.kind === 'task' ? typeFailure(run.bundle, next.declared) : undefined;
        if (unserved === undefined) this.#submit(run, id, next);
        else this.settle(run, id, { ok: false, failure: unserved });
        return next.input.length;
      }
      case 'open': {
        const { count } = next;
        const fact = { kind: 'branches-expanded' as const, run: run.run, block: id };
        this.#desk.decide(count === undefined ? fact : { ...fact, count });
        return 0;
      }
      case 'pause':
        this.#pause(run, id, next);
        return next.prompt.length;
      case 'wait': {
        const until = this.#desk.ledMs + next.ms;
        this.#desk.decide({ kind: 'block-waiting', run: run.run, block: id, until });
        this.#clock.set(run.run, id, until);
        return 0;
      }
      case 'run': {
        const fault = this.#startChild(run, id, next);
        if (fault !== undefined) this.settle(run, id, { ok: false, failure: fault });
        return next.input.length;
      }
      case 'end':
        this.settle(run, id, next.outcome);
        return next.outcome.ok ? next.outcome.value.length : 0;
    }
  }

  /** What its expressions took since this was last asked. */
  #workOf({ run }: RunRecord): number {
    return this.#atWorks.get(run)?.values.takeWork() ?? 0;
  }

  #pause(run: RunRecord, id: string, next: Extract<Next, { kind: 'pause' }>): void {
    const { prompt, limitMs } = next;
    const fact = { kind: 'block-paused' as const, run: run.run, block: id, prompt };
    if (limitMs === undefined) {
      this.#desk.decide(fact);
      return;
    }
    const until = this.#desk.ledMs + limitMs;
    this.#desk.decide({ ...fact, until });
    this.#clock.set(run.run, id, until);
  }

  #ask(run: RunRecord, context: Context): void {
    const block = contextId(context);
    const decision = decideRound(this.#atWork(run), context);
    if ('failure' in decision) {
      this.settle(run, block, { ok: false, failure: decision.failure });
      return;
    }
    const { more } = decision;
    this.#desk.decide({ kind: 'round-decided', run: run.run, block, more });
  }

  #submit(run: RunRecord, id: string, next: Extract<Next, { kind: 'task' | 'call' }>): void {
    const { name, resources, placement, ...declared } =
      next.kind === 'task' ? next.declared : calls;
    const { retries, backoffMs, limitMs, priority } = next.tries;
    this.#tasks.submit({
      kind: 'task-submitted',
      at: this.#desk.wall,
      ledMs: this.#desk.ledMs,
      task: runTaskId(run.run, id),
      tenant: run.tenant,
      bundle: run.bundle,
      name,
      resources,
      retries: retries ?? declared.retries,
      backoffMs: backoffMs ?? declared.backoffMs,
      limitMs: limitMs ?? declared.limitMs,
      priority: priority ?? 'normal',
      ...(placement === undefined ? {} : { placement }),
      ...(next.objects === undefined ? {} : { objects: next.objects }),
      run: { run: run.run, block: id },
      input: next.input,
    });
  }

  /** What keeps a child from being started, if anything. */
  #startChild(
    parent: RunRecord,
    block: string,
    { workflow, input, objects }: Extract<Next, { kind: 'run' }>,
  ): Failure | undefined {
    const id = childId(parent.run, block);
    const bundle = this.#bundleOf(parent, workflow);
    if (bundle === undefined) {
      const what = `tenant "${parent.tenant}" has deployed no workflow "${workflow}"`;
      return failure('UNKNOWN_WORKFLOW', what, { workflow });
    }
    if (parent.depth >= limits.runDepthMax) {
      const what = `block "${block}" would be run ${parent.depth + 1} in runs, ${limits.runDepthMax} are allowed`;
      return failure('RESOURCE_EXHAUSTED', what, { block, depthMax: limits.runDepthMax });
    }
    const within = this.#desk.state.runs.within(parent);
    if (within >= limits.runsWithinMax) {
      const what = `block "${block}" would be another run within a run that has ${within} at once already, ${limits.runsWithinMax} are allowed`;
      return failure('RESOURCE_EXHAUSTED', what, { block, runsMax: limits.runsWithinMax });
    }
    if (!isActorKey(id)) {
      return failure('TOO_LARGE', `the id of the run of block "${block}" is too long`, { block });
    }
    if (this.#desk.state.runs.get(id) !== undefined) {
      return failure('ALREADY_EXISTS', `there is a run "${id}" already`, { run: id });
    }
    const { limitMs } = this.#desk.state.deployments.compiled(bundle, workflow).workflow;
    this.start({
      kind: 'run-started',
      run: id,
      tenant: parent.tenant,
      workflow,
      bundle,
      input,
      ...(objects === undefined ? {} : { objects }),
      parent: { run: parent.run, block },
      at: this.#desk.wall,
      ...(limitMs === undefined ? {} : { until: this.#desk.ledMs + limitMs }),
    });
    return undefined;
  }

  /** Journals a run and takes its first steps. */
  start(fact: Parameters<Desk['decide']>[0] & { readonly kind: 'run-started' }): void {
    this.#desk.decide(fact);
    if (fact.until !== undefined) this.#clock.set(fact.run, undefined, fact.until);
    this.advance(fact.run);
  }

  /** A child keeps to the version of its parent where that has the workflow. */
  #bundleOf({ tenant, bundle }: RunRecord, workflow: string): BundleHash | undefined {
    const { deployments } = this.#desk.state;
    const own = deployments.manifest(bundle)?.workflows.some(({ name }) => name === workflow);
    return own === true ? bundle : deployments.tenant(tenant)?.workflows.get(workflow);
  }

  #cancelAbandoned(run: RunRecord): void {
    for (const block of [...run.state.abandoned]) {
      this.cancelContext(run, block, 'what it belonged to failed');
    }
  }

  /** Cancels the task or run that a context is, or was before it was let go of. */
  cancelContext(run: RunRecord, block: string, why: string): void {
    if (this.#tasks.cancel(runTaskId(run.run, block), why)) return;
    const child = this.#desk.state.runs.get(childId(run.run, block));
    if (child?.parent?.run === run.run) this.#ending.cancel(child, why);
  }

  #atWork({ run, compiled, state, input, objects }: RunRecord): AtWork {
    let atWork = this.#atWorks.get(run);
    if (atWork === undefined) {
      atWork = { compiled, state, values: new RunValues(compiled, state, input, objects) };
      this.#atWorks.set(run, atWork);
    }
    return atWork;
  }
}

function isEnough({ steps, bytes, work }: Effort): boolean {
  return steps >= stepsMax || bytes >= stepBytesMax || work >= stepWorkMax;
}

/** True when a context waits for a time, not for a person. */
export function waitsForTime(run: RunRecord, context: Context): boolean {
  return stepAt(run.compiled, context).block.kind === 'wait';
}

function failureOfRun(run: RunRecord, failed: NonNullable<RunRecord['failed']>): Failure {
  const { context, failure: reason } = failed;
  const message = `block "${context}" of run "${run.run}" failed: ${reason.message}`;
  const details = { ...reason.details, run: run.run, block: context };
  return { code: reason.code, message, details };
}
