/**
 * The leader's work on runs: start, feed blocks to the task queue, pause and resume, end, answer
 * those who wait. Which block may start is derived durably in `run-table.ts`.
 *
 * W4  the first failed context fails the run; what else is active is cancelled.
 * W5  a block's task has the id `run:<run>:<context id>`, so a context never runs as two tasks.
 */
import {
  type Answer,
  callTask,
  decodeValue,
  encodeValue,
  type Failure,
  failure,
  failureOf,
  isActorKey,
  limits,
  type Outcome,
  type RequestBody,
  type RunId,
  TroupeError,
  troupeError,
} from '@troupe/model';
import { evaluate, type Sources } from './dag/references.ts';
import type { Desk } from './desk.ts';
import { findPlace, type Place, placeOf, type RunRecord, runTaskId } from './run-table.ts';
import { RunValues } from './run-values.ts';
import { viewRun } from './run-view.ts';
import type { Tasks } from './tasks.ts';
import { type Asker, Waiting, type WaitingAsker } from './waiting.ts';

type Body<K extends RequestBody['kind']> = Extract<RequestBody, { kind: K }>;

const runIdLengthMax = 128;
/** Runs forgotten by one fact. */
const forgottenMax = 1_000;
/** A call that reached its actor is answered from the actor's memory, so trying long is safe. */
const callRetries = 20;

export class Runs {
  readonly #desk: Desk;
  readonly #tasks: Tasks;
  readonly #values = new Map<RunId, RunValues>();
  readonly #askers = new Waiting<RunId, WaitingAsker>();

  constructor(desk: Desk, tasks: Tasks) {
    this.#desk = desk;
    this.#tasks = tasks;
  }

  /** A new leader: whatever the last one decided is finished, the next steps are taken. */
  takeOver(): void {
    for (const run of [...this.#desk.state.runs.all()]) this.#progress(run);
  }

  /** Idempotent by run id. */
  start(asker: Asker, body: Body<'start-run'>): void {
    const { run: id, tenant, workflow, input } = body;
    const known = this.#desk.state.runs.get(id);
    if (known !== undefined) {
      if (known.tenant === tenant && known.workflow === workflow) return this.#show(asker, known);
      const what = `run id "${id}" is that of a run of "${known.workflow}"`;
      return this.#desk.refuse(asker, 'ALREADY_EXISTS', what, { run: id });
    }
    const fault = this.#startFault(body);
    const bundle = this.#desk.state.deployments.tenant(tenant)?.workflows.get(workflow);
    if (fault !== undefined || bundle === undefined) {
      const refusal = fault ?? failure('UNKNOWN_WORKFLOW', `there is no workflow "${workflow}"`);
      return this.#desk.answer(asker, { kind: 'failed', failure: refusal });
    }
    const at = this.#desk.wall;
    this.#desk.decide({ kind: 'run-started', run: id, tenant, workflow, bundle, input, at });
    this.#advance(id);
    const run = this.#desk.state.runs.get(id);
    if (run !== undefined) this.#show(asker, run);
  }

  wait(asker: Asker, { run: id, waitMs }: Body<'wait-run'>): void {
    const run = this.#desk.state.runs.get(id);
    if (run === undefined) return this.#unknown(asker, id);
    if (run.end !== undefined || !(waitMs > 0)) return this.#show(asker, run);
    const waiting: WaitingAsker = { ...asker, run: id };
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
    if (run !== undefined) this.#show(asker, run);
    else this.#unknown(asker, asker.run);
  }

  /** A person's answer to a pause. The same pause answered again shows the run and changes nothing. */
  resume(asker: Asker, { run: id, block, answer }: Body<'resume-run'>): void {
    const run = this.#desk.state.runs.get(id);
    if (run === undefined) return this.#unknown(asker, id);
    const place = findPlace(run, block);
    if (place === undefined) {
      const what = `run "${id}" has no block "${block}"`;
      return this.#desk.refuse(asker, 'UNKNOWN_BLOCK', what, { run: id, block });
    }
    const { vertex, context } = place;
    const isPause = vertex.block.kind === 'pause';
    if (isPause && context.state === 'done') return this.#show(asker, run);
    if (run.end !== undefined || !isPause || context.state !== 'paused') {
      const state = run.end === undefined ? context.state : `of a run that is ${run.end.state}`;
      const what = `block "${block}" of run "${id}" does not wait for an answer, it is ${state}`;
      return this.#desk.refuse(asker, 'WRONG_STATE', what, { run: id, block });
    }
    const fault = answerFault(answer);
    if (fault !== undefined) return this.#desk.answer(asker, { kind: 'failed', failure: fault });
    this.#settle(run, block, { ok: true, value: answer });
    this.#advance(id);
    this.#show(asker, run);
  }

  cancel(asker: Asker, { run: id }: Body<'cancel-run'>): void {
    const run = this.#desk.state.runs.get(id);
    if (run === undefined) return this.#unknown(asker, id);
    if (run.end === undefined) {
      const reason = failure('CANCELLED', `run "${id}" was cancelled`, { run: id });
      this.#end(run, 'cancelled', { ok: false, failure: reason });
      this.#tasks.dispatch();
    }
    this.#show(asker, run);
  }

  /** A task that was a block of this run has ended. */
  blockEnded(id: RunId): void {
    this.#advance(id);
  }

  /** Forgets what ended long ago, or is too much. True when there is more to forget at once. */
  forget(): boolean {
    const { runs } = this.#desk.state;
    let tooMany = runs.endedCount - limits.finishedRunsMax;
    const forgotten: RunId[] = [];
    for (const id of runs.allEnded()) {
      const endedAt = runs.get(id)?.end?.ledMs ?? 0;
      const old = endedAt + limits.finishedMs <= this.#desk.ledMs;
      if ((!old && tooMany <= 0) || forgotten.length === forgottenMax) break;
      forgotten.push(id);
      tooMany--;
    }
    if (forgotten.length > 0) this.#desk.decide({ kind: 'runs-forgotten', runs: forgotten });
    return forgotten.length === forgottenMax;
  }

  #advance(id: RunId): void {
    const run = this.#desk.state.runs.get(id);
    if (run === undefined) return;
    this.#progress(run);
    this.#tasks.dispatch();
  }

  #progress(run: RunRecord): void {
    if (run.end !== undefined) return;
    // Contexts that become ready meanwhile join the set, and so this loop.
    for (const id of run.ready) {
      if (run.failed !== undefined) break;
      this.#start(run, id);
    }
    if (run.failed !== undefined) {
      const { context, failure: reason } = run.failed;
      const message = `block "${context}" of run "${run.run}" failed: ${reason.message}`;
      const details = { ...reason.details, run: run.run, block: context };
      this.#end(run, 'failed', { ok: false, failure: { code: reason.code, message, details } });
    } else if (run.unsettled === 0) {
      const outcome = attempt(() =>
        payload(evaluate(run.graph.workflow.output, this.#valuesOf(run).whole()), 'the output'),
      );
      this.#end(run, outcome.ok ? 'done' : 'failed', outcome);
    }
  }

  #start(run: RunRecord, id: string): void {
    const place = placeOf(run, id);
    const { block } = place.vertex;
    const values = this.#valuesOf(run);
    const started = attempt(() => {
      if (block.each !== undefined && place.branch === undefined) {
        const count = values.items(block).length;
        this.#desk.decide({ kind: 'branches-expanded', run: run.run, block: id, count });
      } else {
        this.#startContext(run, { ...place, id }, values.sources(place));
      }
      return new Uint8Array(0);
    });
    if (!started.ok) this.#settle(run, id, started);
  }

  #startContext(run: RunRecord, { vertex, id }: Place & { id: string }, sources: Sources): void {
    const { block, task } = vertex;
    const common = {
      kind: 'task-submitted' as const,
      at: this.#desk.wall,
      task: runTaskId(run.run, id),
      tenant: run.tenant,
      bundle: run.bundle,
      priority: 'normal' as const,
      run: { run: run.run, block: id },
    };
    switch (block.kind) {
      case 'task': {
        const input = payload(evaluate(block.input, sources), 'the input');
        const { name, resources, retries, backoffMs, limitMs } = task ?? undeclared(block.task);
        const declared = { name, resources, retries, backoffMs, limitMs };
        return this.#tasks.submit({ ...common, ...declared, input });
      }
      case 'call': {
        const { type, method } = block;
        const key = keyOf(evaluate(block.key, sources));
        const args = block.args.map((argument) => evaluate(argument, sources));
        const input = payload({ type, key, method, args }, 'the call');
        const backoffMs = limits.taskBackoffMs;
        const limitMs = limits.taskLimitMs;
        const declared = { name: callTask, resources: {}, retries: callRetries };
        return this.#tasks.submit({ ...common, ...declared, backoffMs, limitMs, input });
      }
      case 'pause': {
        const prompt = payload(evaluate(block.prompt, sources), 'the prompt');
        this.#desk.decide({ kind: 'block-paused', run: run.run, block: id, prompt });
        return;
      }
    }
  }

  #settle(run: RunRecord, block: string, outcome: Outcome): void {
    this.#desk.decide({ kind: 'block-ended', run: run.run, block, outcome });
  }

  #end(run: RunRecord, state: 'done' | 'failed' | 'cancelled', outcome: Outcome): void {
    const { run: id } = run;
    const active = [...run.active];
    const { wall: at, ledMs } = this.#desk;
    this.#desk.decide({ kind: 'run-ended', run: id, state, outcome, at, ledMs });
    this.#values.delete(id);
    for (const block of active) this.#tasks.cancel(runTaskId(id, block), `its run is ${state}`);
    const view = viewRun(run, this.#desk.state.tasks);
    for (const asker of this.#askers.take(id)) {
      this.#desk.deadlines.cancel(asker.deadline);
      this.#desk.answer(asker, { kind: 'run', run: view });
    }
  }

  #show(asker: Asker, run: RunRecord): void {
    const answer: Answer = { kind: 'run', run: viewRun(run, this.#desk.state.tasks) };
    this.#desk.answer(asker, answer);
  }

  #unknown(asker: Asker, run: RunId): void {
    this.#desk.refuse(asker, 'UNKNOWN_RUN', `there is no run "${run}"`, { run });
  }

  #valuesOf(run: RunRecord): RunValues {
    let values = this.#values.get(run.run);
    if (values === undefined) {
      values = new RunValues(run);
      this.#values.set(run.run, values);
    }
    return values;
  }

  #startFault({ run, tenant, workflow, input }: Body<'start-run'>): Failure | undefined {
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
    return valueFault(input, `the input of run "${run}"`);
  }
}

function answerFault(answer: Uint8Array): Failure | undefined {
  return valueFault(answer, 'the answer');
}

/** Values are decoded only when used; what cannot be decoded must not get that far. */
function valueFault(value: Uint8Array, what: string): Failure | undefined {
  if (value.length > limits.payloadBytesMax) {
    return failure('TOO_LARGE', `${what} has ${value.length} bytes`, {
      bytesMax: limits.payloadBytesMax,
    });
  }
  const decoded = attempt(() => {
    decodeValue(value);
    return value;
  });
  return decoded.ok ? undefined : decoded.failure;
}

/** Encodes what an expression came to. Throws `TOO_LARGE` when a record could not hold it. */
function payload(value: unknown, what: string): Uint8Array {
  const bytes = encodeValue(value, what);
  if (bytes.length > limits.payloadBytesMax) {
    throw troupeError('TOO_LARGE', `${what} has ${bytes.length} bytes`, {
      bytesMax: limits.payloadBytesMax,
    });
  }
  return bytes;
}

function keyOf(value: unknown): string {
  const key = typeof value === 'number' ? String(value) : value;
  if (typeof key === 'string' && isActorKey(key)) return key;
  throw troupeError('WORKFLOW_INVALID', 'the key of the call is not the key of an actor');
}

function undeclared(task: string): never {
  throw troupeError('UNKNOWN_TASK', `the bundle does not export task "${task}"`);
}

function attempt(make: () => Uint8Array): Outcome {
  try {
    return { ok: true, value: make() };
  } catch (thrown) {
    if (!(thrown instanceof TroupeError)) throw thrown;
    return { ok: false, failure: failureOf(thrown) };
  }
}
