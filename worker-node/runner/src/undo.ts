/**
 * A turn that has failed for good undoes what it did: first the failure is recorded, then each
 * compensation runs as a recorded step, the last first.
 *
 *   user code fails ──▶ what is open is lost ──▶ `failed` is recorded ──▶ side effects have ended
 *                                                                            │
 *   the turn ends with its failure ◀── the first step is undone ◀── … ◀── the last step is undone
 *
 * V1  the failure of a turn is recorded once, and is what the turn ends with after whatever crash.
 * V2  a compensation that is recorded is not run again; they run one after another, in the order
 *     that was recorded with the failure.
 * V3  one that fails for good keeps no other from running, and is named in the error; so is a step that is recorded,
 *     and that the turn did not come to again before it failed.
 */
import {
  errorTable,
  type Failure,
  failure,
  limits,
  type Outcome,
  TroupeError,
  troupeError,
} from '@troupe/model';
import type { CallLimit, StepContext, UndoContext } from '@troupe/sdk';
import { makeHandle, nameOf } from '@troupe/sdk/internal';
import { ask, checkDeadline, type Emit, observed } from './departures.ts';
import { failed, failureOfUser } from './outcome.ts';
import { tryStep } from './step.ts';
import { type Undo, undoOrdinals } from './undos.ts';
import type { Work } from './work.ts';

const retriesDefault = 5;
const backoffMsDefault = [1_000, 3_000, 5_000];
/** How long compensations wait for side effects that do not listen to their signal. */
const quietMsMax = 10_000;

interface Undoing {
  readonly work: Work;
  readonly emit: Emit;
  readonly callId: string;
  readonly signal: AbortSignal;
}

/** True when a turn that fails has something to undo, now or by its record. */
export function hasUndo(work: Work): boolean {
  const { failed: record, undoesOpen, unaskedUndos } = work.departures;
  if (work.undos.size > 0 || undoesOpen || (record?.undo?.length ?? 0) > 0) return true;
  return record === undefined && unaskedUndos.length > 0;
}

/** Undoes what a failed turn did; what the turn comes to then. */
export async function undoAll(
  work: Work,
  emit: Emit,
  turn: {
    readonly actor: string;
    readonly callId: string;
    readonly limitMs: number;
    readonly reason: unknown;
  },
): Promise<Outcome> {
  const { departures } = work;
  const record = departures.fail(failed(turn.reason), () => [
    ...departures.unaskedUndos,
    ...work.undos.inReverse().map(({ name }) => name),
  ]);
  const own = new AbortController();
  const cancel = work.after(turn.limitMs, () => {
    const what = `the compensations of ${work.name} took longer than ${turn.limitMs} ms`;
    own.abort(troupeError('TIME_LIMIT', what));
  });
  try {
    await quietWithin(work);
    const undoing = { work, emit, callId: turn.callId, signal: own.signal };
    const broken: { name: string; failure: Failure }[] = [];
    let ordinal = record.ordinal + 1;
    for (const { name, undo } of inRecordedOrder(work, record.undo)) {
      const outcome = undo === undefined ? unknownNow(name) : await take(undoing, undo, ordinal);
      if (!outcome.ok) broken.push({ name, failure: outcome.failure });
      ordinal += undoOrdinals;
    }
    if (broken.length === 0) return record.outcome;
    return brokenOf({ name: work.name, actor: turn.actor }, record.outcome, broken);
  } finally {
    cancel();
  }
}

/** What the record says is to be undone, with what user code has given for it this time. */
function inRecordedOrder(
  work: Work,
  names: readonly string[] | undefined,
): readonly { readonly name: string; readonly undo: Undo | undefined }[] {
  const left = [...work.undos.inReverse()];
  if (names === undefined) return left.map((undo) => ({ name: undo.name, undo }));
  return names.map((name) => {
    const at = left.findIndex((undo) => undo.name === name);
    const [undo] = at < 0 ? [] : left.splice(at, 1);
    return { name, undo };
  });
}

/** One compensation: what is recorded of it, or what it comes to (V2). */
async function take(undoing: Undoing, undo: Undo, ordinal: number): Promise<Outcome> {
  const { work, emit, callId, signal } = undoing;
  const { departures } = work;
  const recorded = departures.undone(ordinal);
  if (recorded !== undefined) return recorded;
  const name = `undo ${undo.name}`;
  const go = departures.wait(ordinal);
  emit({ kind: 'step-begin', work: work.id, ordinal, name });
  await go;
  let calls = 0;
  const nextCall = (): number => {
    calls += 1;
    if (calls <= limits.undoCallsMax) return ordinal + calls;
    throw troupeError('RESOURCE_EXHAUSTED', `${name} makes more than ${limits.undoCallsMax} calls`);
  };
  const { outcome } = await tryStep({
    work,
    name,
    run: (step) => within(signal, () => undo.run(contextOf(work, step, nextCall))),
    options: { retries: retriesDefault, backoffMs: backoffMsDefault, ...undo.options },
    effectId: `${callId}/${ordinal}`,
    signal,
    ended: () => (signal.aborted ? (signal.reason as TroupeError) : undefined),
  });
  emit({ kind: 'step-done', work: work.id, ordinal, name, outcome });
  return outcome;
}

function contextOf(work: Work, step: StepContext, nextCall: () => number): UndoContext {
  const actor = (
    target: string | { readonly name: string },
    key: string,
    options: CallLimit = {},
  ): unknown => {
    const deadlineMs = checkDeadline(options.deadlineMs);
    return makeHandle((method, args) => {
      const asked = ask(nameOf(target), key, method, args);
      return observed(work.departures.callAt(nextCall(), asked, deadlineMs));
    });
  };
  return { ...step, actor: actor as UndoContext['actor'] };
}

/** The compensation ends by the limit of all, whether it listens or not. */
async function within(signal: AbortSignal, run: () => unknown): Promise<unknown> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([run(), aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** What lost may still be at it: it is undone when it has ended, or does not listen. */
async function quietWithin(work: Work): Promise<void> {
  let cancel = (): void => undefined;
  const patience = new Promise<void>((resolve) => {
    cancel = work.after(quietMsMax, resolve);
  });
  await Promise.race([work.departures.quiet(), patience]);
  cancel();
}

function unknownNow(name: string): Outcome {
  const what = `the turn did not come to ${name} when it ran again`;
  return { ok: false, failure: failure('STEP_MISMATCH', what) };
}

/** What happened; the next move is that of the whole. */
function said({ code, message }: Failure): string {
  return `${code}: ${message.replace(`; ${errorTable[code].next}`, '')}`;
}

function brokenOf(
  turn: { readonly name: string; readonly actor: string },
  outcome: Outcome,
  broken: readonly { readonly name: string; readonly failure: Failure }[],
): Outcome {
  const why = outcome.ok ? '' : ` (${said(outcome.failure)})`;
  const what = broken.map((one) => `${one.name}: ${said(one.failure)}`);
  const steps = broken.map(({ name }) => name).join(', ');
  const text = `${turn.name} failed${why}, and could not undo ${what.join('; ')}`;
  const code = outcome.ok ? '' : outcome.failure.code;
  const details = { steps, code, actor: turn.actor };
  const reason = new TroupeError(failure('COMPENSATION_FAILED', text, details));
  return { ok: false, failure: failureOfUser(reason) };
}
