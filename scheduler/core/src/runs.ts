/**
 * The leader's work on runs: start, start again, move, pause and resume, end, answer those who wait.
 * How a run goes on meanwhile stands in `run-progress.ts`, what is durable in `run-table.ts`.
 *
 * W4  unless the workflow says otherwise, the first failed context fails the run; what else is
 *     active is cancelled, child runs too.
 * W11 a run that has something to undo ends, and those who wait are answered, when that is over.
 */
import {
  type Bytes,
  decodeForeign,
  type Failure,
  failure,
  failureOf,
  isActorKey,
  limits,
  type Outcome,
  type RequestBody,
  type RunId,
  sameBytes,
  type TaskId,
  TroupeError,
} from '@troupe/model';
import type { Activities } from './activities.ts';
import { limitFault } from './dag/block-fault.ts';
import {
  begunIn,
  failureDifference,
  firstDifference,
  keptFrom,
  policyDifference,
} from './dag/carry.ts';
import type { Vertex } from './dag/graph.ts';
import { type Context, contextId, isContextId } from './dag/instance.ts';
import { resultOf } from './dag/result-of.ts';
import type { Undoing } from './dag/undoing.ts';
import type { Desk } from './desk.ts';
import { RunClock, segment } from './run-clock.ts';
import { RunProgress, waitsForTime } from './run-progress.ts';
import {
  childId,
  isUndoable,
  type RunEnd,
  type RunRecord,
  runTaskId,
  undoId,
} from './run-table.ts';
import { viewRun, withProgress } from './run-view.ts';
import type { Size } from './sizes.ts';
import type { Tasks } from './tasks.ts';
import { type Asker, Waiting, type WaitingAsker } from './waiting.ts';

type Body<K extends RequestBody['kind']> = Extract<RequestBody, { kind: K }>;

/** A pause that was answered already, and an answer to it. */
interface AnsweredPause {
  readonly run: RunRecord;
  readonly block: string;
  readonly answer: Bytes;
  readonly before: Bytes | undefined;
}

const runIdLengthMax = 128;
/** Runs forgotten by one fact. */
const forgottenMax = 1_000;
/** Open pauses that a refusal names. */
const namedMax = 10;
/** Of a wait whose time has come: null. */
const nothing = new Uint8Array([0xc0]);

export class Runs {
  readonly #desk: Desk;
  readonly #clock: RunClock;
  readonly #progress: RunProgress;
  readonly #tasks: Tasks;
  readonly #activities: Activities;
  readonly #askers = new Waiting<RunId, WaitingAsker>();
  readonly #ended: (run: RunId) => void;

  /** `ended` hears of every run that has. */
  constructor(desk: Desk, tasks: Tasks, activities: Activities, ended: (run: RunId) => void) {
    this.#desk = desk;
    this.#tasks = tasks;
    this.#activities = activities;
    this.#ended = ended;
    this.#clock = new RunClock(desk);
    const ending = {
      end: (run: RunRecord, state: RunEnd['state'], outcome: Outcome) =>
        this.#end(run, state, outcome),
      cancel: (run: RunRecord, why: string) => this.#cancel(run, why),
    };
    this.#progress = new RunProgress(desk, { tasks, clock: this.#clock, ending });
  }

  /** A new leader: whatever the last one decided is finished, the next steps are taken. */
  takeOver(): void {
    const open = [...this.#desk.state.runs.all()].filter(({ end }) => end === undefined);
    for (const run of open) this.#clock.setAll(run);
    for (const run of open) if (run.undoing !== undefined) this.#progress.stops(run, true);
    this.#progress.advanceAll(open.map(({ run }) => run));
  }

  /** Idempotent by run id. */
  start(asker: Asker, body: Body<'start-run'>): void {
    const { run: id, tenant, workflow, input, from } = body;
    const { state, wall: at } = this.#desk;
    const known = state.runs.get(id);
    if (known !== undefined) {
      const isOf = known.tenant === tenant && known.workflow === workflow;
      // One that starts from a block without an input has the input of the run it follows.
      const isSame = isOf && (input.length === 0 || sameBytes(known.input, input));
      if (isSame) return this.#show(asker, known);
      const other = isOf ? ' with another input' : '';
      const what = `run id "${id}" is that of a run of "${known.workflow}"${other}`;
      return this.#desk.refuse(asker, 'ALREADY_EXISTS', what, { run: id });
    }
    const fault = this.#startFault(body) ?? this.#againFault(body);
    const bundle = state.deployments.tenant(tenant)?.workflows.get(workflow);
    if (fault !== undefined || bundle === undefined) {
      const refusal = fault ?? failure('UNKNOWN_WORKFLOW', `there is no workflow "${workflow}"`);
      return this.#desk.answer(asker, { kind: 'failed', failure: refusal });
    }
    const declared = state.deployments.compiled(bundle, workflow).workflow.limitMs;
    const limitMs = Math.min(
      declared ?? Number.POSITIVE_INFINITY,
      body.limitMs ?? Number.POSITIVE_INFINITY,
    );
    const again = from && startOf(from);
    this.#progress.start({
      kind: 'run-started',
      run: id,
      tenant,
      workflow,
      bundle,
      input,
      at,
      ...(again === undefined ? {} : { from: again }),
      ...(Number.isFinite(limitMs) ? { until: this.#desk.ledMs + limitMs } : {}),
    });
    const run = state.runs.get(id);
    if (run !== undefined) this.#show(asker, run);
  }

  /** Goes on by another version, where the graphs agree on all that has begun. */
  move(asker: Asker, body: Body<'move-run'>): void {
    const { run: id } = body;
    const { state } = this.#desk;
    const run = state.runs.get(id);
    if (run === undefined) return this.#unknown(asker, id);
    const owner = state.deployments.tenant(run.tenant);
    const bundle = body.bundle ?? owner?.workflows.get(run.workflow);
    const manifest = bundle === undefined ? undefined : state.deployments.manifest(bundle);
    const has = manifest?.workflows.some(({ name }) => name === run.workflow);
    if (bundle === undefined || has !== true || owner?.bundles.includes(bundle) !== true) {
      const what = `tenant "${run.tenant}" has deployed no such version of "${run.workflow}"`;
      return this.#desk.refuse(asker, 'UNKNOWN_BUNDLE', what, { run: id });
    }
    if (run.end !== undefined || run.undoing !== undefined || run.state.answer !== undefined) {
      const what = `run "${id}" has its outcome, it cannot be moved`;
      return this.#desk.refuse(asker, 'WRONG_STATE', what, { run: id });
    }
    if (bundle === run.bundle) return this.#show(asker, run);
    const to = state.deployments.compiled(bundle, run.workflow);
    const begun = begunIn(run);
    const difference =
      firstDifference(run.compiled, to, begun) ??
      failureDifference(run, to, begun) ??
      policyDifference(run, to);
    if (difference !== undefined) {
      const what = `run "${id}" cannot go on by bundle ${bundle}: ${difference}`;
      return this.#desk.refuse(asker, 'WRONG_STATE', what, { run: id, difference });
    }
    this.#progress.drop(id);
    // The stretch of work is timed anew, by what the new version allows.
    this.#clock.cancel(id, segment);
    this.#desk.decide({ kind: 'run-moved', run: id, bundle });
    this.#progress.advance(id);
    this.#show(asker, run);
  }

  wait(asker: Asker, { run: id, waitMs, activity }: Body<'wait-run'>): void {
    const run = this.#desk.state.runs.get(id);
    if (run === undefined) return this.#unknown(asker, id);
    if (run.end !== undefined || !(waitMs > 0)) return this.#show(asker, run, activity);
    const told = activity === undefined ? {} : { activity };
    const waiting: WaitingAsker = { ...asker, run: id, ...told };
    const replaced = this.#askers.add(id, waiting)?.deadline;
    // A repeated request waits no longer than the first one would have.
    const until = this.#desk.now + Math.min(waitMs, limits.deadlineMsMax);
    const at = Math.min(until, replaced?.at ?? until);
    waiting.deadline = this.#desk.deadlines.set(at, { kind: 'wait', asker: waiting });
    this.#desk.deadlines.cancel(replaced);
  }

  waitedLongEnough(asker: WaitingAsker): void {
    this.#askers.remove(asker.run, asker);
    const run = this.#desk.state.runs.get(asker.run);
    if (run !== undefined) this.#show(asker, run, asker.activity);
    else this.#unknown(asker, asker.run);
  }

  /** A person's answer to a pause. The same answer to it again shows the run and changes nothing, also
   *  when the round of the pause is over; another one is refused. */
  resume(asker: Asker, { run: id, block, answer }: Body<'resume-run'>): void {
    const run = this.#desk.state.runs.get(id);
    if (run === undefined) return this.#unknown(asker, id);
    const isId = isContextId(block);
    const came = isId ? resultOf(run.state, block) : undefined;
    if (came?.failed === false && kindOf(run, came.vertex) === 'pause') {
      return this.#answered(asker, { run, block, answer, before: came.output });
    }
    const context = isId ? run.state.find(block) : undefined;
    const kind = context && kindOf(run, context.instance.vertexAt(context.slot));
    if (context === undefined || kind !== 'pause' || !run.state.paused.has(context)) {
      return this.#desk.answer(asker, { kind: 'failed', failure: notOpen(run, block, context) });
    }
    const fault = valueFault(answer, 'the answer');
    if (fault !== undefined) return this.#desk.answer(asker, { kind: 'failed', failure: fault });
    this.#progress.settle(run, block, { ok: true, value: answer });
    this.#progress.advance(id);
    this.#show(asker, run);
  }

  /** Of a run that ended long ago nobody knows any more what its pauses were answered. */
  #answered(asker: Asker, { run, block, answer, before = answer }: AnsweredPause): void {
    if (sameBytes(before, answer)) return this.#show(asker, run);
    const what = `block "${block}" of run "${run.run}" was answered before, and otherwise`;
    this.#desk.refuse(asker, 'WRONG_STATE', `${what}${openIn(run)}`, { run: run.run, block });
  }

  cancel(asker: Asker, { run: id }: Body<'cancel-run'>): void {
    const run = this.#desk.state.runs.get(id);
    if (run === undefined) return this.#unknown(asker, id);
    if (run.end === undefined) {
      this.#cancel(run);
      this.#progress.advance(id);
    }
    this.#show(asker, run);
  }

  /** A task that was a block of this run has ended. */
  blockEnded(id: RunId): void {
    this.#progress.advance(id);
  }

  /** An attempt is over that nobody waited for any more. */
  attemptOver(task: TaskId, attempt: number): void {
    this.#progress.attemptOver(task, attempt);
  }

  /** More of runs that had more to do than one event should. */
  goOn(): void {
    this.#progress.goOn();
  }

  /** The time of a block, or of the run, has come. */
  timeCame(id: RunId, block: string | undefined): void {
    this.#clock.cancel(id, block);
    const run = this.#desk.state.runs.get(id);
    if (run === undefined || run.end !== undefined) return;
    if (run.undoing !== undefined) return this.#undoingTime(run, run.undoing, block);
    if (block === undefined || block === segment) return this.#outOfTime(run, block);
    const context = run.state.find(block);
    if (context === undefined || !run.state.paused.has(context)) return;
    if (waitsForTime(run, context)) {
      this.#progress.settle(run, block, { ok: true, value: nothing });
    } else {
      const what = `nobody answered block "${block}" of run "${id}" in time`;
      const reason = failure('DEADLINE_EXCEEDED', what, { run: id, block });
      this.#progress.settle(run, block, { ok: false, failure: reason });
    }
    this.#progress.advance(id);
  }

  tellTime(): void {
    this.#clock.tell();
  }

  /** Forgets what ended long ago, or is too much. True when there is more to forget at once. */
  forget(): boolean {
    const { runs } = this.#desk.state;
    let tooMany = runs.endedCount - limits.finishedRunsMax;
    let tooMuch = runs.endedObjectBytes - limits.finishedObjectBytesMax;
    const forgotten: RunId[] = [];
    for (const id of runs.allEnded()) {
      const run = runs.get(id);
      const old = (run?.end?.ledMs ?? 0) + limits.finishedMs <= this.#desk.ledMs;
      const fits = tooMany <= 0 && tooMuch <= 0;
      if ((!old && fits) || forgotten.length === forgottenMax) break;
      forgotten.push(id);
      tooMany--;
      tooMuch -= run?.objectBytes ?? 0;
    }
    if (forgotten.length > 0) this.#desk.decide({ kind: 'runs-forgotten', runs: forgotten });
    return forgotten.length === forgottenMax;
  }

  #outOfTime(run: RunRecord, block: string | undefined): void {
    const { segmentLimitMs = 0 } = run.compiled.workflow;
    const what =
      block === undefined
        ? `run "${run.run}" has not ended within its time`
        : `run "${run.run}" was at work for longer than ${segmentLimitMs} ms at a stretch`;
    this.#end(run, 'failed', {
      ok: false,
      failure: failure('TIME_LIMIT', what, { run: run.run }),
    });
    this.#progress.advance(run.run);
  }

  /** What is not undone by now is not any more. */
  #undoingTime(run: RunRecord, undoing: Undoing, block: string | undefined): void {
    if (block !== undefined) return this.#progress.advance(run.run);
    const reason = undoing.outcomeOf(run.run);
    this.#end(run, undoing.state, { ok: false, failure: reason });
  }

  #cancel(run: RunRecord, why?: string): void {
    if (run.end !== undefined || run.undoing !== undefined) return;
    const what = `run "${run.run}" was cancelled${why === undefined ? '' : `: ${why}`}`;
    const reason = failure('CANCELLED', what, { run: run.run });
    this.#end(run, 'cancelled', { ok: false, failure: reason });
  }

  /** Z1 */
  sizes(): readonly Size[] {
    const { size, endedCount } = this.#desk.state.runs;
    const most = size - endedCount;
    return [
      { of: 'runs at work', size: this.#progress.size, most },
      { of: 'runs that wait for a time', size: this.#clock.size, most },
      { of: 'runs asked for', size: this.#askers.size, most },
    ];
  }

  #end(run: RunRecord, state: RunEnd['state'], outcome: Outcome): void {
    const undoes = state !== 'done' && !outcome.ok && run.undoing === undefined;
    this.#tasks.together(() => {
      if (undoes && this.#mustUndo(run)) this.#undo(run, state, outcome.failure);
      else this.#endWithAll(run, state, outcome);
    });
  }

  /** Whether it, or a run within that is at work, has something to undo, or may have. */
  #mustUndo({ run: id, did, state, compiled }: RunRecord): boolean {
    if (did.length > 0) return true;
    const { runs } = this.#desk.state;
    const isAtWork = (block: string) => {
      const child = runs.get(childId(id, block));
      if (child === undefined || child.parent?.run !== id || child.end !== undefined) return false;
      return child.undoing !== undefined || this.#mustUndo(child);
    };
    for (const context of state.active) {
      if (isUndoable(compiled, context) || isAtWork(contextId(context))) return true;
    }
    return [...state.abandoned].some(isAtWork);
  }

  /** W11 */
  #undo(run: RunRecord, state: 'failed' | 'cancelled', reason: Failure): void {
    const { run: id, compiled } = run;
    const { wall: at, ledMs } = this.#desk;
    const until = ledMs + (compiled.workflow.limitMs ?? limits.undoMs);
    this.#desk.decide({ kind: 'run-undoing', run: id, state, failure: reason, at, until });
    this.#clock.drop(id);
    this.#clock.set(id, undefined, until);
    this.#progress.letGo(run, `its run is ${state}`);
  }

  /** With what is at work in it, and in the runs within. */
  #endWithAll(run: RunRecord, state: RunEnd['state'], outcome: Outcome): void {
    const { run: id, parent, undoing } = run;
    const active = Array.from(run.state.active, contextId);
    const undone = undoing?.isAtWork === true ? undoing.next : undefined;
    if (undone !== undefined) active.push(undoId(undone.block));
    const { wall: at, ledMs } = this.#desk;
    this.#desk.decide({ kind: 'run-ended', run: id, state, outcome, at, ledMs });
    this.#ended(id);
    this.#progress.ended(run);
    this.#clock.drop(id);
    for (const block of [...active, ...run.state.abandoned]) {
      this.#progress.cancelContext(run, block, `its run is ${state}`);
    }
    const view = viewRun(run, this.#desk.state.tasks);
    for (const asker of this.#askers.take(id)) {
      this.#desk.deadlines.cancel(asker.deadline);
      this.#desk.answer(asker, { kind: 'run', run: view });
    }
    if (parent !== undefined) this.#progress.advance(parent.run);
  }

  #show(asker: Asker, run: RunRecord, activity?: true): void {
    const view = viewRun(run, this.#desk.state.tasks);
    if (activity !== true || run.end !== undefined) {
      return this.#desk.answer(asker, { kind: 'run', run: view });
    }
    const atWork = view.blocks.filter(({ node }) => node !== undefined);
    const tasks = atWork.map(({ block }) => runTaskId(run.run, block));
    this.#activities.ofTasks(tasks, (progress) => {
      const now = this.#desk.state.runs.get(run.run);
      if (now === undefined) return this.#unknown(asker, run.run);
      const shown = viewRun(now, this.#desk.state.tasks);
      this.#desk.answer(asker, { kind: 'run', run: withProgress(shown, progress) });
    });
  }

  #unknown(asker: Asker, run: RunId): void {
    this.#desk.refuse(asker, 'UNKNOWN_RUN', `there is no run "${run}"`, { run });
  }

  #startFault({ run, tenant, workflow, input, limitMs }: Body<'start-run'>): Failure | undefined {
    const limit = limitFault(limitMs);
    if (limit !== undefined) return failure('INVALID_ARGUMENT', `run "${run}" ${limit}`, { run });
    const owner = this.#desk.state.deployments.tenant(tenant);
    if (owner === undefined) {
      return failure('UNKNOWN_TENANT', `there is no tenant "${tenant}"`, { tenant });
    }
    if (!owner.workflows.has(workflow)) {
      const what = `tenant "${tenant}" has deployed no workflow "${workflow}"`;
      return failure('UNKNOWN_WORKFLOW', what, { tenant, workflow });
    }
    if (!isActorKey(run) || run.length > runIdLengthMax) {
      const what = `a run id has 1 to ${runIdLengthMax} printable characters`;
      return failure('INVALID_ARGUMENT', what, { run: run.slice(0, runIdLengthMax) });
    }
    if (run.includes('/')) {
      const what = `run id "${run}" has a "/", as only runs have that are a block of another`;
      return failure('INVALID_ARGUMENT', what, { run });
    }
    return this.#desk.memoryFault(`run "${run}"`) ?? valueFault(input, `the input of run "${run}"`);
  }
  /** What is wrong with starting again from an earlier run, if anything. */
  #againFault({ tenant, workflow, from }: Body<'start-run'>): Failure | undefined {
    if (from === undefined) return undefined;
    const { state } = this.#desk;
    const earlier = state.runs.get(from.run);
    if (earlier === undefined || earlier.tenant !== tenant) {
      return failure('UNKNOWN_RUN', `there is no run "${from.run}"`, { run: from.run });
    }
    const wrong = (what: string, difference = '') =>
      failure('WRONG_STATE', `run "${from.run}" ${what}`, { run: from.run, difference });
    if (earlier.workflow !== workflow) return wrong(`is one of "${earlier.workflow}"`);
    if (earlier.undoing !== undefined && earlier.end === undefined) {
      return wrong('undoes what it did; wait for its end');
    }
    if (earlier.end === undefined) return wrong('has not ended; cancel it first');
    if (!earlier.hasOutputs) {
      const kept = `${limits.finishedRunBytesMax} bytes of finished runs are kept`;
      return wrong(`does not have its outputs any more, ${kept}; start it from its beginning`);
    }
    const bundle = state.deployments.tenant(tenant)?.workflows.get(workflow);
    if (bundle === undefined) return undefined;
    const to = state.deployments.compiled(bundle, workflow);
    const block = 'block' in from ? from.block : undefined;
    const vertex = block === undefined ? undefined : to.graph.byId.get(block);
    if (block !== undefined && vertex?.body !== to.graph.root) {
      const around = vertex?.body.container?.id;
      const what =
        around === undefined
          ? `workflow "${workflow}" has no block "${block}"`
          : `block "${block}" lies in "${around}", whose rounds and branches begin together`;
      return failure('UNKNOWN_BLOCK', what, { run: from.run, block });
    }
    if (block !== undefined && wasSkipped(earlier, block)) {
      return wrong(`skipped block "${block}", and would again: start from what decided that`);
    }
    const kept = keptFrom(earlier, startOf(from));
    const difference =
      firstDifference(earlier.compiled, to, kept) ?? failureDifference(earlier, to, kept);
    return difference === undefined
      ? undefined
      : wrong(`had other blocks: ${difference}`, difference);
  }
}

/** From where a run starts again, as its fact says. */
function startOf(from: NonNullable<Body<'start-run'>['from']>) {
  const { run } = from;
  const block = 'block' in from ? { block: from.block } : {};
  return { run, ...block, inside: true as const };
}

/** Of a block with `each` only a branch is what the block is. */
function kindOf({ compiled }: RunRecord, { number }: Vertex): string | undefined {
  const step = compiled.steps[number];
  return step?.part === 'each' ? undefined : step?.block.kind;
}

/** Why nobody can answer this, and what can be answered. */
function notOpen(run: RunRecord, block: string, context: Context | undefined): Failure {
  const { state, compiled, run: id, end, undoing } = run;
  const details = { run: id, block };
  const others = openIn(run);
  if (context === undefined) {
    const depth = block.split('[').length - 1;
    const [name = block] = block.split('[');
    if (compiled.graph.byName[depth]?.has(name) !== true) {
      return failure('UNKNOWN_BLOCK', `run "${id}" has no block "${block}"${others}`, details);
    }
    const what = `block "${block}" of run "${id}" does not wait for an answer: no round or branch of that number is at work`;
    return failure('WRONG_STATE', `${what}${others}`, details);
  }
  const isTime = state.paused.has(context) && waitsForTime(run, context);
  const is =
    end !== undefined
      ? `of a run that is ${end.state}`
      : undoing !== undefined
        ? 'of a run that undoes what it did'
        : isTime
          ? 'waiting for a time'
          : state.stateOf(context);
  const what = `block "${block}" of run "${id}" does not wait for an answer, it is ${is}`;
  return failure('WRONG_STATE', `${what}${others}`, details);
}

/** What can be answered, behind a refusal. */
function openIn(run: RunRecord): string {
  const open = Array.from(run.state.paused).filter((one) => !waitsForTime(run, one));
  if (open.length === 0) return '';
  const named = open.slice(0, namedMax).map(contextId).join(', ');
  const rest = open.length > namedMax ? ` and ${open.length - namedMax} more` : '';
  return `; what waits for an answer: ${named}${rest}`;
}

function wasSkipped({ compiled, state }: RunRecord, block: string): boolean {
  const vertex = compiled.graph.byId.get(block);
  if (vertex === undefined || vertex.body !== compiled.graph.root) return false;
  return state.stateOf(state.root.contextAt(vertex.local)) === 'skipped';
}

/** Values are decoded only when used; what cannot be decoded must not get that far. */
function valueFault(value: Uint8Array, what: string): Failure | undefined {
  if (value.length > limits.payloadBytesMax) {
    return failure('TOO_LARGE', `${what} has ${value.length} bytes`, {
      bytesMax: limits.payloadBytesMax,
    });
  }
  const decoded = attempt(() => {
    decodeForeign(value);
    return value;
  });
  return decoded.ok ? undefined : decoded.failure;
}

function attempt(make: () => Uint8Array): Outcome {
  try {
    return { ok: true, value: make() };
  } catch (thrown) {
    if (!(thrown instanceof TroupeError)) throw thrown;
    return { ok: false, failure: failureOf(thrown) };
  }
}
