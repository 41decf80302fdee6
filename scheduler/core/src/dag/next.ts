/**
 * What a context does next, by what its block says and what is known so far. Pure: somebody else
 * does it, and tells the run's state when it was done.
 *
 * N1  whatever cannot be done is a failure of the block, with a code; nothing is thrown.
 */
import {
  type Block,
  type Bytes,
  type Condition,
  decodeValue,
  type Expression,
  encodeHolding,
  encodeValue,
  type Failure,
  failure,
  failureOf,
  isActorKey,
  limits,
  type Outcome,
  type StoredObject,
  type TaskManifest,
  type Tries,
  TroupeError,
  troupeError,
} from '@troupe/model';
import type { CompiledWorkflow, Step } from './compile.ts';
import { ask } from './condition.ts';
import { namedBy, settledPort } from './graph.ts';
import type { Context, Course } from './instance.ts';
import { assertFits } from './payload-size.ts';
import { assertReached, reached } from './reach.ts';
import { evaluate, type Sources } from './references.ts';
import type { RunState } from './run-state.ts';
import type { RunValues } from './values.ts';

/** An encoded value, and what its handles refer to when it has any. */
interface Input {
  readonly input: Bytes;
  readonly objects?: readonly StoredObject[];
}

export type Next =
  | ({ readonly kind: 'task'; readonly declared: TaskManifest; readonly tries: Tries } & Input)
  /** `{ type, key, method, args }`, encoded. */
  | ({ readonly kind: 'call'; readonly tries: Tries } & Input)
  | { readonly kind: 'pause'; readonly prompt: Bytes; readonly limitMs: number | undefined }
  | { readonly kind: 'wait'; readonly ms: number }
  /** So many rounds or branches; rounds as long as a condition holds when there is no count. */
  | { readonly kind: 'open'; readonly count: number | undefined }
  | ({ readonly kind: 'run'; readonly workflow: string } & Input)
  /** It settles at once. */
  | { readonly kind: 'end'; readonly outcome: Outcome };

/** What undoes a context, or why nothing can. */
export type Undoing =
  | Extract<Next, { kind: 'task' | 'call' }>
  | { readonly kind: 'fault'; readonly failure: Failure };

/** A run at work. */
export interface AtWork {
  readonly compiled: CompiledWorkflow;
  readonly state: RunState;
  readonly values: RunValues;
}

export type Decision = { readonly more: boolean } | { readonly failure: Failure };

export function stepAt({ steps }: CompiledWorkflow, { instance, slot }: Context): Step {
  const step = steps[instance.vertexAt(slot).number];
  if (step === undefined) throw new RangeError(`no step has slot ${slot}`);
  return step;
}

/** What a context that is ready does. */
export function nextOf(run: AtWork, context: Context): Next {
  const step = stepAt(run.compiled, context);
  try {
    const next =
      step.part === 'each'
        ? branchesOf(step.block, run.values.items(context).length)
        : nextOfKind(step, run.values, context);
    if (next.kind === 'open') assertRoom(run.state, context, next.count ?? 1);
    return next;
  } catch (thrown) {
    return { kind: 'end', outcome: { ok: false, failure: expected(thrown) } };
  }
}

/** Whether a loop that asks goes on. */
export function decideRound({ compiled, state, values }: AtWork, context: Context): Decision {
  const { block } = stepAt(compiled, context);
  const rounds = context.instance.inner.get(context.slot)?.round ?? 0;
  try {
    if (block.kind !== 'loop') return { more: false };
    const more = goesOn(block, values.inside(context));
    if (more) {
      assertRounds(block, rounds + 1);
      assertRoom(state, context, 1);
    }
    return { more };
  } catch (thrown) {
    return { failure: expected(thrown) };
  }
}

/** A run is held in memory: it has so many blocks, in all rounds and branches. */
function assertRoom(
  { known, planned }: RunState,
  { instance, slot }: Context,
  turns: number,
): void {
  const { id, inner } = instance.vertexAt(slot);
  const contexts = known + planned + turns * (inner?.vertices.length ?? 0);
  if (contexts <= limits.runContextsMax) return;
  const what = `with "${id}" the run has ${contexts} blocks in rounds and branches, ${limits.runContextsMax} are allowed`;
  throw troupeError('RESOURCE_EXHAUSTED', what, { block: id });
}

/** How a container that opens goes on. */
export function courseOf(
  compiled: CompiledWorkflow,
  context: Context,
  count: number | undefined,
): Course {
  if (count === undefined) return { kind: 'asks' };
  const { block } = stepAt(compiled, context);
  if (block.kind === 'loop') return { kind: 'rounds', count };
  const inFlightMax = block.inFlightMax ?? limits.branchesInFlight;
  return { kind: 'branches', count, inFlightMax };
}

/** What counts as the outcome of a context: a port that would have to be read of a value in the object
 *  store is none. */
export function judged(compiled: CompiledWorkflow, context: Context, outcome: Outcome): Outcome {
  const { block } = stepAt(compiled, context);
  if (!outcome.ok || outcome.objects === undefined || block.kind !== 'route') return outcome;
  const what = `the port that block "${block.id}" leaves by lies in a value too large for a record`;
  return { ok: false, failure: failure('OUT_OF_REACH', what, { block: block.id }) };
}

/** Tells the state what a context came to: by which port it leaves, or that it ends the run. */
export function settle(
  compiled: CompiledWorkflow,
  state: RunState,
  context: Context,
  outcome: Outcome,
): void {
  const { block } = stepAt(compiled, context);
  if (!outcome.ok) return state.fail(context, failureOutput(outcome.failure));
  if (block.kind === 'answer') state.conclude(context, outcome.value);
  else state.settle(context, outcome.value, portOf(block, outcome.value));
}

/** The port by which a block leaves that came to this output. */
export function portOf(block: Block, output: Bytes | undefined): string {
  const saysSo = block.kind === 'choice' || block.kind === 'route';
  return saysSo && output !== undefined ? portIn(output) : 'done';
}

/** What the workflow comes to once all has settled. */
export function outputOf({ workflow }: CompiledWorkflow, values: RunValues): Outcome {
  try {
    return outcomeOf(evaluate(workflow.output, values.whole()), 'the output');
  } catch (thrown) {
    return { ok: false, failure: expected(thrown) };
  }
}

/** What is kept of a block that failed; expressions read it by `error` (R2). */
function failureOutput({ code, message }: Failure): Bytes {
  return encodeValue({ error: { code, message: message.toWellFormed() } });
}

/** What undoes a context, or why that cannot be said. */
export function undoOf(run: AtWork, block: string, isDone: boolean): Undoing {
  const named = namedBy(run.compiled.graph, block);
  const step = run.compiled.steps[named?.vertex.number ?? -1];
  try {
    const sources = run.values.undone(block, isDone);
    const undo = step?.block.undo;
    if (step === undefined || undo === undefined || sources === undefined) {
      throw troupeError('INTERNAL', `nothing says what undoes "${block}"`, { block });
    }
    if (undo.kind === 'call') return callOf(undo, sources);
    const next = taskOf(undo, step.undoTask, sources);
    return { ...next, tries: { ...undo, retries: undo.retries ?? limits.undoRetries } };
  } catch (thrown) {
    return { kind: 'fault', failure: expected(thrown) };
  }
}

function nextOfKind({ block, task }: Step, values: RunValues, context: Context): Next {
  const sources = values.sources(context);
  switch (block.kind) {
    case 'task':
    case 'route':
      return taskOf(block, task, sources);
    case 'call':
      return callOf(block, sources);
    case 'pause': {
      const asked = evaluate(block.prompt, sources);
      // A person reads it, and a view of the run shows it.
      if (sources.holds) assertReached(asked);
      const { input: prompt } = payload(asked, 'the prompt');
      return { kind: 'pause', prompt, limitMs: block.limitMs };
    }
    case 'wait':
      return { kind: 'wait', ms: timeOf(evaluate(block.ms, sources)) };
    case 'choice':
      return ends({ port: chosen(block, sources) ?? null });
    case 'value':
    case 'answer':
      return ends(evaluate(block.value, sources));
    case 'run': {
      const input = payload(evaluate(block.input, sources), 'the input');
      return { kind: 'run', workflow: block.workflow, ...input };
    }
    case 'loop':
      return roundsOf(block, values, context);
    case 'parallel': {
      const { branches } = block;
      if ('items' in branches) return branchesOf(block, values.items(context).length);
      return branchesOf(block, countOf(evaluate(branches.count, sources)));
    }
  }
}

function taskOf(
  given: Tries & { readonly task: string; readonly input: Expression },
  declared: TaskManifest | undefined,
  sources: Sources,
): Extract<Next, { kind: 'task' }> {
  const input = payload(evaluate(given.input, sources), 'the input');
  return { kind: 'task', declared: declared ?? undeclared(given.task), tries: given, ...input };
}

function callOf(
  given: Tries & Pick<Extract<Block, { kind: 'call' }>, 'type' | 'key' | 'method' | 'args'>,
  sources: Sources,
): Extract<Next, { kind: 'call' }> {
  const { type, method } = given;
  const key = keyOf(evaluate(given.key, sources));
  const args = given.args.map((argument) => evaluate(argument, sources));
  return { kind: 'call', tries: given, ...payload({ type, key, method, args }, 'the call') };
}

function ends(value: unknown): Next {
  return { kind: 'end', outcome: outcomeOf(value, 'the value') };
}

function outcomeOf(came: unknown, what: string): Outcome {
  const { input: value, objects } = payload(came, what);
  return objects === undefined ? { ok: true, value } : { ok: true, value, objects };
}

function branchesOf({ id }: Block, count: number): Next {
  if (count <= limits.runBlocksMax) return { kind: 'open', count };
  const what = `block "${id}" has ${count} branches, ${limits.runBlocksMax} are allowed`;
  throw troupeError('RESOURCE_EXHAUSTED', what, { block: id });
}

type Loop = Extract<Block, { kind: 'loop' }>;

function roundsOf(block: Loop, values: RunValues, context: Context): Next {
  const { rounds } = block;
  if ('until' in rounds) return { kind: 'open', count: undefined };
  if ('while' in rounds) {
    const more = goesOn(block, values.inside(context));
    return { kind: 'open', count: more ? undefined : 0 };
  }
  const count =
    'items' in rounds
      ? values.items(context).length
      : countOf(evaluate(rounds.count, values.sources(context)));
  assertRounds(block, count);
  return { kind: 'open', count };
}

function assertRounds({ id, roundsMax = limits.loopRoundsMax }: Loop, rounds: number): void {
  if (rounds <= roundsMax) return;
  const what = `loop "${id}" has more than ${roundsMax} rounds`;
  throw troupeError('RESOURCE_EXHAUSTED', what, { block: id, roundsMax });
}

function goesOn({ rounds }: Loop, sources: Sources): boolean {
  const holds = ({ when, values }: Condition) =>
    ask(when, namedValues(values, sources), sources.spend);
  if ('while' in rounds) return holds(rounds.while);
  if ('until' in rounds) return !holds(rounds.until);
  return false;
}

function chosen(
  { cases, values, otherwise }: Extract<Block, { kind: 'choice' }>,
  sources: Sources,
): string | undefined {
  const named = namedValues(values, sources);
  return cases.find(({ when }) => ask(when, named, sources.spend))?.port ?? otherwise;
}

function namedValues(
  values: Extract<Block, { kind: 'choice' }>['values'] = {},
  sources: Sources,
): { readonly [name: string]: unknown } {
  const named: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) named[name] = evaluate(value, sources);
  if (sources.holds) assertReached(named);
  return named;
}

/** Encodes what an expression came to. Throws `TOO_LARGE` when a record could not hold it. */
function payload(value: unknown, what: string): Input {
  assertFits(value, what);
  const { bytes, objects, objectBytes } = encodeHolding(value, what);
  if (bytes.length > limits.payloadBytesMax) {
    throw troupeError('TOO_LARGE', `${what} has ${bytes.length} bytes`, {
      bytesMax: limits.payloadBytesMax,
    });
  }
  if (objects.length === 0) return { input: bytes };
  if (bytes.length + objectBytes > limits.resolvedBytesMax) {
    const all = bytes.length + objectBytes;
    const text = `${what} has ${all} bytes with all that lies in the object store`;
    throw troupeError('TOO_LARGE', text, { bytesMax: limits.resolvedBytesMax });
  }
  return { input: bytes, objects };
}

function portIn(output: Bytes): string {
  const value = portedValue(output);
  const isRecord = typeof value === 'object' && value !== null && 'port' in value;
  if (!isRecord || typeof value.port !== 'string') return '';
  const { port } = value;
  // Failures leave by the one, nothing by the other: to name them names no port.
  return port === 'error' || port === settledPort ? '' : port;
}

/** A node sent it, so that it may be anything. */
function portedValue(output: Bytes): unknown {
  try {
    return decodeValue(output);
  } catch {
    return undefined;
  }
}

function keyOf(given: unknown): string {
  const value = reached(given);
  const key = typeof value === 'number' ? String(value) : value;
  if (typeof key === 'string' && isActorKey(key)) return key;
  throw troupeError('WORKFLOW_INVALID', 'the key of the call is not the key of an actor');
}

function countOf(given: unknown): number {
  const value = reached(given);
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw troupeError('WORKFLOW_INVALID', `the count is ${shown(value)}, not a whole number`);
}

function timeOf(given: unknown): number {
  const value = reached(given);
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw troupeError('WORKFLOW_INVALID', `the time to wait is ${shown(value)}, not milliseconds`);
}

function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : value === null ? 'null' : typeof value;
}

function undeclared(task: string): never {
  throw troupeError('UNKNOWN_TASK', `the bundle does not export task "${task}"`);
}

function expected(thrown: unknown): Failure {
  if (!(thrown instanceof TroupeError)) throw thrown;
  return failureOf(thrown);
}
