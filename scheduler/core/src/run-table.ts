/**
 * The runs, durably. A **context** is one place that settles once: a block, in one round or branch
 * of all around it; its id is `read`, `read[3]`, or deeper `ask[2][0]`. What is ready follows from
 * what has settled (`dag/run-state.ts`); facts say only what does not follow.
 *
 * The end of a task or of a child run that is a block's is the end of its context: no second fact
 * repeats its outcome. A container is done with its last round or branch, again without a fact.
 *
 * W1  a context settles once, and only in a run that has not ended.
 * W2  a context starts only when every edge into its block has gone.
 * W3  a run ends once.
 * W10 nothing starts in a run that undoes what it did but what undoes it (U1, U2); what was at work when it
 *     began to is let go of, and has ended before the first is undone.
 * W9  of runs within others those that have not ended are counted, for the outermost one.
 * W7  outputs of ended runs are kept within a bound, the oldest are let go of first.
 * W8  a run holds every object that its input, outputs or outcome refer to, once; when its outputs
 *     are let go of, those of input and outcome alone; when it is forgotten, none.
 */
import {
  assert,
  type BundleHash,
  type Bytes,
  type Failure,
  holdsHandle,
  limits,
  type Outcome,
  objectsIn,
  type RunId,
  runId,
  type StoredObject,
  type TaskId,
  type TenantName,
  taskId,
} from '@troupe/model';
import { keptFrom, moveTo, startFrom } from './dag/carry.ts';
import { checkState } from './dag/check.ts';
import type { CompiledWorkflow } from './dag/compile.ts';
import { namedBy } from './dag/graph.ts';
import { imageOf, type RunStateImage, restoreRun } from './dag/image.ts';
import { type Context, contextId, outputsIn } from './dag/instance.ts';
import { courseOf, judged, settle, stepAt } from './dag/next.ts';
import { RunState } from './dag/run-state.ts';
import { type Did, type LetGo, Undoing, type UndoingImage } from './dag/undoing.ts';
import type { DeploymentTable } from './deployments.ts';
import type { SchedulerFact } from './facts.ts';
import type { ObjectTable } from './object-table.ts';
import { objectsOf } from './task-table.ts';

export interface RunEnd {
  readonly state: 'done' | 'failed' | 'cancelled';
  readonly outcome: Outcome;
  readonly at: number;
  readonly ledMs: number;
}

/** The block of another run that this one is. */
export interface ParentBlock {
  readonly run: RunId;
  readonly block: string;
}

export interface RunRecord {
  readonly run: RunId;
  readonly tenant: TenantName;
  readonly workflow: string;
  readonly input: Bytes;
  readonly at: number;
  readonly parent: ParentBlock | undefined;
  /** Runs around it. */
  readonly depth: number;
  /** The outermost run that it is within; itself when it is within none. */
  readonly outermost: RunId;
  /** When it must have ended, as `ledMs` of facts. */
  readonly until: number | undefined;
  bundle: BundleHash;
  compiled: CompiledWorkflow;
  state: RunState;
  /** Until when what is paused waits, as `ledMs` of facts; of what is not paused no matter. */
  untils: Map<Context, number>;
  /** The first failure that no error edge took. */
  failed: { readonly context: string; readonly failure: Failure } | undefined;
  outputBytes: number;
  /** What its input refers to in the object store. */
  readonly inputObjects: readonly StoredObject[];
  /** All that it holds there, by number. */
  readonly objects: Map<number, StoredObject>;
  /** How much that is. */
  objectBytes: number;
  /** Outputs are still there; false some time after the end. */
  hasOutputs: boolean;
  /** What it has done that something undoes, in the order in which it ended. Once it has its output, nothing. */
  did: Did[];
  /** There since it knows that it will not come to its output, and has something to undo; as long as its outputs. */
  undoing: Undoing | undefined;
  end: RunEnd | undefined;
}

type Told = 'run' | 'tenant' | 'workflow' | 'input' | 'at' | 'depth' | 'bundle';

/** How the task of a block ended. */
interface TaskOfBlock {
  readonly outcome: Outcome;
  /** How many began. */
  readonly attempts: number;
  /** The one that was at work then. */
  readonly attempt: LetGo | undefined;
}

interface KeptRun extends Pick<RunRecord, Told | 'outputBytes' | 'hasOutputs'> {
  readonly parent?: ParentBlock;
  readonly until?: number;
  readonly failed?: NonNullable<RunRecord['failed']>;
  readonly end?: RunEnd;
  /** How many of the ended runs that there are ended before. */
  readonly endedBefore?: number;
  readonly inputObjects?: readonly StoredObject[];
  readonly objects?: readonly StoredObject[];
  readonly did?: readonly Did[];
  readonly undoing?: UndoingImage;
  readonly state: RunStateImage;
  /** In the order of what is paused; -1 for what waits without an end. */
  readonly untils: readonly number[];
}

export type RunsImage = readonly KeptRun[];

export type RunFact = Extract<
  SchedulerFact,
  {
    kind:
      | 'run-started'
      | 'branches-expanded'
      | 'round-decided'
      | 'block-paused'
      | 'block-waiting'
      | 'block-ended'
      | 'run-moved'
      | 'run-undoing'
      | 'block-not-undone'
      | 'run-ended'
      | 'runs-forgotten';
  }
>;

export class RunTable {
  readonly #runs = new Map<RunId, RunRecord>();
  /** Those that have ended, in order. */
  readonly #ended = new Set<RunId>();
  /** Of these, those whose outputs are there, in order. */
  readonly #withOutputs = new Set<RunRecord>();
  readonly #deployments: DeploymentTable;
  readonly #objects: ObjectTable;
  /** By outermost run (W9). */
  readonly #within = new Map<RunId, number>();
  #keptBytes = 0;
  #endedObjectBytes = 0;

  constructor(deployments: DeploymentTable, objects: ObjectTable) {
    this.#deployments = deployments;
    this.#objects = objects;
  }

  get(run: RunId): RunRecord | undefined {
    return this.#runs.get(run);
  }
  all(): IterableIterator<RunRecord> {
    return this.#runs.values();
  }
  get size(): number {
    return this.#runs.size;
  }
  get endedCount(): number {
    return this.#ended.size;
  }
  /** How many runs there are at once within the outermost one around this. */
  within({ outermost }: RunRecord): number {
    return this.#within.get(outermost) ?? 0;
  }
  /** What runs that have ended hold in the object store. */
  get endedObjectBytes(): number {
    return this.#endedObjectBytes;
  }
  allEnded(): IterableIterator<RunId> {
    return this.#ended.values();
  }

  apply(fact: RunFact): void {
    switch (fact.kind) {
      case 'run-started':
        return this.#start(fact);
      case 'branches-expanded': {
        const { compiled, state } = this.#open(fact.run);
        const context = contextOf(state, fact.block);
        return state.open(context, courseOf(compiled, context, fact.count));
      }
      case 'round-decided': {
        const { state } = this.#open(fact.run);
        return state.goOn(contextOf(state, fact.block), fact.more);
      }
      case 'block-paused':
      case 'block-waiting': {
        const { state, untils } = this.#open(fact.run);
        const context = contextOf(state, fact.block);
        state.pause(context, fact.kind === 'block-paused' ? fact.prompt : undefined);
        if (fact.until !== undefined) untils.set(context, fact.until);
        return;
      }
      case 'block-ended': {
        const run = this.#open(fact.run);
        return this.#settleIn(run, contextOf(run.state, fact.block), fact);
      }
      case 'run-moved':
        return this.#move(this.#open(fact.run), fact.bundle);
      case 'run-undoing':
        return this.#undo(this.#open(fact.run), fact);
      case 'block-not-undone':
        return this.#undoing(fact.run).end(fact.block, fact.failure);
      case 'run-ended':
        return this.#end(this.#present(fact.run), fact);
      case 'runs-forgotten':
        return this.#forget(fact.runs);
    }
  }

  /** A task of a block was submitted. */
  taskSubmitted(run: RunId, block: string): void {
    const undone = undoneBy(block);
    if (undone !== undefined) return this.#undoing(run).begin(undone);
    const { state } = this.#open(run);
    state.start(contextOf(state, block));
  }

  /** A task of a block ended: so did its context, unless nobody waits for it any more. */
  taskEnded(run: RunId, block: string, ended: TaskOfBlock): void {
    const record = this.#runs.get(run);
    const { outcome } = ended;
    const undone = undoneBy(block);
    if (undone !== undefined) {
      if (record === undefined || record.end !== undefined) return;
      return this.#undoing(run).end(undone, outcome.ok ? 'done' : outcome.failure);
    }
    if (record?.state.abandoned.delete(block) === true) return letGo(record, block, ended);
    const context = record?.state.find(block);
    if (record === undefined || context === undefined) return;
    context.instance.attempts[context.slot] = Math.min(ended.attempts, attemptsMax);
    if (record.end === undefined) this.#settleIn(record, context, { block, outcome });
  }

  *image(): Generator<KeptRun> {
    const order = new Map([...this.#ended].map((run, before) => [run, before]));
    for (const run of this.#runs.values()) yield imageOfRun(run, order.get(run.run));
  }

  restore(image: RunsImage): void {
    const ended: RunRecord[] = [];
    for (const kept of image) {
      const record = this.#restoreRun(kept);
      this.#runs.set(record.run, record);
      if (record.end === undefined) this.#countWithin(record, 1);
      this.#hold(record, kept.objects ?? []);
      if (kept.endedBefore !== undefined) ended[kept.endedBefore] = record;
    }
    for (const record of ended) {
      this.#ended.add(record.run);
      this.#endedObjectBytes += record.objectBytes;
      if (record.hasOutputs) this.#keep(record);
    }
  }

  check(): void {
    let keptBytes = 0;
    let objectBytes = 0;
    const within = new Map<RunId, number>();
    for (const { end, state, hasOutputs, outputBytes, ...run } of this.#runs.values()) {
      if (end === undefined && run.parent !== undefined) {
        within.set(run.outermost, (within.get(run.outermost) ?? 0) + 1);
      }
      if (end === undefined && run.undoing === undefined) {
        checkState(state);
        continue;
      }
      const atWork = state.ready.size + state.active.size + state.paused.size + state.asking.size;
      assert(atWork === 0, 'W1: nothing starts in a run that has ended, or that is undone');
      if (end === undefined) continue;
      if (hasOutputs) keptBytes += bytesOf({ outputBytes, state });
      objectBytes += run.objectBytes;
    }
    const isCounted = [...within].every(([run, count]) => this.#within.get(run) === count);
    assert(isCounted && within.size === this.#within.size, 'W9: runs within others are counted');
    assert(objectBytes === this.#endedObjectBytes, 'W8: what ended runs hold is counted');
    assert(keptBytes === this.#keptBytes, 'W7: the outputs of ended runs are counted');
  }

  /** Counts for each object the runs that hold it. */
  countHeld(held: Map<number, number>): void {
    for (const { objects } of this.#runs.values()) {
      for (const object of objects.keys()) held.set(object, (held.get(object) ?? 0) + 1);
    }
  }

  #start(fact: Extract<RunFact, { kind: 'run-started' }>): void {
    const { run, tenant, workflow, bundle, at, parent, from, until } = fact;
    assert(!this.#runs.has(run), 'W3: a run starts once');
    const compiled = this.#deployments.compiled(bundle, workflow);
    const earlier = from === undefined ? undefined : this.#runs.get(from.run);
    const around = parent === undefined ? undefined : this.#open(parent.run);
    if (around !== undefined && parent !== undefined) {
      around.state.start(contextOf(around.state, parent.block));
    }
    const keeps = earlier === undefined ? undefined : keptFrom(earlier, from ?? {});
    const isAgain = earlier !== undefined && keeps !== undefined;
    const state = isAgain
      ? startFrom(earlier, compiled, keeps)
      : new RunState(compiled.graph, compiled.workflow.onFailure ?? 'stop');
    const carried = isAgain ? carriedBy(state, earlier) : { bytes: 0, objects: [] };
    const isSame = isAgain && fact.input.length === 0;
    const inputObjects = isSame ? earlier.inputObjects : (fact.objects ?? []);
    const record: RunRecord = {
      run,
      tenant,
      workflow,
      input: isSame ? earlier.input : fact.input,
      inputObjects,
      objects: new Map(),
      objectBytes: 0,
      at,
      parent,
      depth: around === undefined ? 0 : around.depth + 1,
      outermost: around === undefined ? run : around.outermost,
      until,
      bundle,
      compiled,
      state,
      untils: new Map(),
      failed: undefined,
      outputBytes: carried.bytes,
      hasOutputs: true,
      did: [],
      undoing: undefined,
      end: undefined,
    };
    this.#runs.set(run, record);
    this.#countWithin(record, 1);
    this.#hold(record, inputObjects);
    this.#hold(record, carried.objects);
  }

  /** W9 */
  #countWithin({ parent, outermost }: RunRecord, by: 1 | -1): void {
    if (parent === undefined) return;
    const count = (this.#within.get(outermost) ?? 0) + by;
    if (count > 0) this.#within.set(outermost, count);
    else this.#within.delete(outermost);
  }

  #move(run: RunRecord, bundle: BundleHash): void {
    const compiled = this.#deployments.compiled(bundle, run.workflow);
    const { state, whereIs } = moveTo(run, compiled);
    const untils = new Map<Context, number>();
    for (const [context, until] of run.untils) {
      const now = run.state.paused.has(context) ? whereIs(context) : undefined;
      if (now !== undefined) untils.set(now, until);
    }
    run.bundle = bundle;
    run.compiled = compiled;
    run.state = state;
    run.untils = untils;
  }

  /** W10 */
  #undo(run: RunRecord, fact: Extract<RunFact, { kind: 'run-undoing' }>): void {
    for (const context of run.state.active) run.state.abandoned.add(contextId(context));
    run.undoing = new Undoing(run.did, fact);
    stop(run);
  }

  #end(run: RunRecord, fact: Extract<RunFact, { kind: 'run-ended' }>): void {
    const { state, outcome, at, ledMs } = fact;
    run.end = { state, outcome, at, ledMs };
    this.#countWithin(run, -1);
    stop(run);
    if (state === 'done') run.did = [];
    this.#hold(run, objectsOf(outcome));
    this.#ended.add(run.run);
    this.#endedObjectBytes += run.objectBytes;
    this.#keep(run);
    if (run.parent !== undefined) this.#endInParent(run.parent, outcome);
  }

  #endInParent({ run, block }: ParentBlock, outcome: Outcome): void {
    const record = this.#runs.get(run);
    if (record === undefined || record.end !== undefined) return;
    if (record.state.abandoned.delete(block)) {
      if (!outcome.ok && outcome.failure.code === 'COMPENSATION_FAILED') {
        record.undoing?.failedWithin(block, outcome.failure);
      }
      return;
    }
    const context = record.state.find(block);
    if (context !== undefined) this.#settleIn(record, context, { block, outcome });
  }

  #settleIn(
    run: RunRecord,
    context: Context,
    { block, outcome: given }: { readonly block: string; readonly outcome: Outcome },
  ): void {
    const { compiled, state } = run;
    const failures = state.failureCount;
    const outcome = judged(compiled, context, given);
    settle(compiled, state, context, outcome);
    run.untils.delete(context);
    if (outcome.ok) {
      run.outputBytes += outcome.value.length;
      this.#hold(run, objectsOf(outcome));
      if (isUndoable(compiled, context)) run.did.push({ block, isDone: true });
    } else if (state.failureCount > failures) {
      run.failed ??= { context: block, failure: outcome.failure };
    }
  }

  /** W8 */
  #hold(run: RunRecord, objects: Iterable<StoredObject>): void {
    for (const stored of objects) {
      if (run.objects.has(stored.object)) continue;
      run.objects.set(stored.object, stored);
      run.objectBytes += stored.bytes;
      this.#objects.hold([stored]);
    }
  }

  #holdOnly(run: RunRecord, kept: readonly StoredObject[]): void {
    const numbers = new Set(kept.map(({ object }) => object));
    for (const stored of [...run.objects.values()]) {
      if (numbers.has(stored.object)) continue;
      run.objects.delete(stored.object);
      run.objectBytes -= stored.bytes;
      this.#endedObjectBytes -= stored.bytes;
      this.#objects.letGo([stored]);
    }
  }

  /** Keeps the outputs of a run that has ended, and lets go of the oldest beyond the bound (W7). */
  #keep(run: RunRecord): void {
    this.#withOutputs.add(run);
    this.#keptBytes += bytesOf(run);
    for (const oldest of this.#withOutputs) {
      const fits = this.#endedObjectBytes <= limits.finishedObjectBytesMax;
      if (fits && this.#keptBytes <= limits.finishedRunBytesMax) return;
      this.#letGo(oldest);
      oldest.state.forgetInside();
    }
  }

  #letGo(run: RunRecord): void {
    if (!this.#withOutputs.delete(run)) return;
    this.#keptBytes -= bytesOf(run);
    run.hasOutputs = false;
    run.did = [];
    run.undoing = undefined;
    const outcome = run.end?.outcome;
    const kept = outcome === undefined ? [] : objectsOf(outcome);
    this.#holdOnly(run, [...run.inputObjects, ...kept]);
  }

  #forget(runs: readonly RunId[]): void {
    for (const id of runs) {
      const run = this.#runs.get(id);
      if (run !== undefined) {
        this.#letGo(run);
        this.#holdOnly(run, []);
      }
      this.#ended.delete(id);
      this.#runs.delete(id);
    }
  }

  #open(run: RunId): RunRecord {
    const record = this.#present(run);
    assert(record.undoing === undefined, 'W10: nothing starts in a run that undoes what it did');
    return record;
  }

  #present(run: RunId): RunRecord {
    const record = this.#runs.get(run);
    assert(
      record !== undefined && record.end === undefined,
      'W3: nothing follows the end of a run',
    );
    return record;
  }

  #undoing(run: RunId): Undoing {
    const { undoing, state } = this.#present(run);
    assert(undoing !== undefined, 'U1: only a run without its output is undone');
    assert(state.abandoned.size === 0, 'W10: what was let go of has ended');
    return undoing;
  }

  #restoreRun(kept: KeptRun): RunRecord {
    const { state: image, untils: listed, parent, until, failed, end, ...rest } = kept;
    const { endedBefore: _, objects: __, did: done = [], undoing: undone, ...others } = rest;
    const { inputObjects = [], ...told } = others;
    const compiled = this.#deployments.compiled(told.bundle, told.workflow);
    const state = restoreRun(compiled.graph, image);
    const untils = new Map<Context, number>();
    for (const [place, context] of [...state.paused].entries()) {
      const time = listed[place] ?? -1;
      if (time >= 0) untils.set(context, time);
    }
    const objects = new Map<number, StoredObject>();
    const held = { inputObjects, objects, objectBytes: 0 };
    // A run that has not ended stands behind the one that it is within, which has not either.
    const around = parent === undefined ? undefined : this.#runs.get(parent.run);
    const outermost = around?.outermost ?? parent?.run ?? told.run;
    const did = done.map((one) => ({ ...one }));
    const undoing = undone === undefined ? undefined : new Undoing(did, undone);
    const gone = { parent, until, failed, did, undoing, end };
    return { ...told, ...held, ...gone, outermost, compiled, state, untils };
  }
}

const attemptsMax = 255;
/** What a context takes beside its output. */
const contextBytes = 64;

/** Ids of tasks that blocks of runs become begin so. */
export const runTaskPrefix = 'run:';

export function runTaskId(run: RunId, context: string): TaskId {
  return taskId(`${runTaskPrefix}${run}:${context}`);
}

/** The run that a block of another run is. */
export function childId(parent: RunId, block: string): RunId {
  return runId(`${parent}/${block}`);
}

/** The task that undoes a block is a block of the run beside it; no block's id has a slash. */
const undoSuffix = '/undo';

export function undoId(block: string): string {
  return `${block}${undoSuffix}`;
}

/** What the context undoes, if that is what it is for. */
export function undoneBy(block: string): string | undefined {
  return block.endsWith(undoSuffix) ? block.slice(0, -undoSuffix.length) : undefined;
}

export function isUndoable(compiled: CompiledWorkflow, context: Context): boolean {
  const { block, part } = stepAt(compiled, context);
  return block.undo !== undefined && part !== 'each';
}

/** Nothing of it goes on. */
function stop({ state, untils }: RunRecord): void {
  untils.clear();
  const { ready, active, paused, asking } = state;
  for (const set of [ready, active, paused, asking]) set.clear();
}

/** A task that nobody waits for has ended: what it did, if it began, may have to be undone. */
function letGo(run: RunRecord, block: string, { outcome, attempts, attempt }: TaskOfBlock): void {
  const { compiled, end, did } = run;
  const number = namedBy(compiled.graph, block)?.vertex.number ?? -1;
  if (end !== undefined || compiled.steps[number]?.block.undo === undefined) return;
  const mayBeDone = outcome.ok || (outcome.failure.code === 'CANCELLED' && attempts > 0);
  if (!mayBeDone) return;
  did.push({ block, isDone: false, ...(attempt === undefined ? {} : { letGo: attempt }) });
}

function bytesOf({ outputBytes, state }: Pick<RunRecord, 'outputBytes' | 'state'>): number {
  return outputBytes + state.known * contextBytes;
}

/** What a run that starts again has of the earlier one; the rest of that it makes anew. */
function carriedBy(state: RunState, { objects: held }: RunRecord) {
  let bytes = 0;
  const objects: StoredObject[] = [];
  for (const output of outputsIn(state.root)) {
    bytes += output.length;
    if (held.size === 0) continue;
    objects.push(...namedIn(output).flatMap((object) => held.get(object) ?? []));
  }
  return { bytes, objects };
}

/** A node may have sent it, so that it may be anything. */
function namedIn(output: Bytes): readonly number[] {
  try {
    return holdsHandle(output) ? objectsIn(output) : [];
  } catch {
    return [];
  }
}

function contextOf(state: RunState, id: string): Context {
  const context = state.find(id);
  assert(context !== undefined, 'W1: a fact names a context that there is');
  return context;
}

function imageOfRun(record: RunRecord, endedBefore: number | undefined): KeptRun {
  const { run, tenant, workflow, input, at, depth, bundle, outputBytes, hasOutputs } = record;
  const { parent, until, failed, end, untils, inputObjects, objects } = record;
  return {
    run,
    tenant,
    workflow,
    input,
    at,
    depth,
    bundle,
    outputBytes,
    hasOutputs,
    ...(parent === undefined ? {} : { parent }),
    ...(until === undefined ? {} : { until }),
    ...(failed === undefined ? {} : { failed }),
    ...(end === undefined ? {} : { end }),
    ...(endedBefore === undefined ? {} : { endedBefore }),
    ...(inputObjects.length === 0 ? {} : { inputObjects }),
    ...(objects.size === 0 ? {} : { objects: [...objects.values()] }),
    ...(record.did.length === 0 ? {} : { did: record.did.map((one) => ({ ...one })) }),
    ...(record.undoing === undefined ? {} : { undoing: record.undoing.image() }),
    state: imageOf(record.state),
    untils: Array.from(record.state.paused, (context) => untils.get(context) ?? -1),
  };
}
