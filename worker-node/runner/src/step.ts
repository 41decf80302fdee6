/**
 * A recorded side effect. It begins only when the node says that all before it is durable, and its
 * result, good or bad, is recorded before the turn goes on to leave its actor again.
 *
 * S1  a recorded step is never run again: its result or its failure is given back.
 * S2  live and replayed, a failed step throws the same failure.
 * S3  a step that was done, or lost a race or was at work so that nobody knows, is undone if the turn fails;
 *     so is one that was at work in a runner of before, and is not begun again.
 */
import {
  decodeValue,
  type Outcome,
  type Recorded,
  retriesOf,
  TroupeError,
  troupeError,
} from '@troupe/model';
import type { StepContext, StepOptions, StepTries } from '@troupe/sdk';
import { type Emit, valueIn } from './departures.ts';
import { encodePayload, failureOfUser } from './outcome.ts';
import { compensationOf } from './undos.ts';
import type { Work } from './work.ts';

const backoffMsDefault = [1_000];
const finalCodes: ReadonlySet<string> = new Set(['UNCARRIABLE', 'TOO_LARGE', 'SECRET_EXPOSED']);

export interface StepOrder {
  readonly name: string;
  readonly run: (step: StepContext) => unknown;
  readonly options: StepOptions<never>;
  readonly callId: string;
}

/** Runs a step of a turn, or gives back what is recorded of it (S1). */
export function takeStep(work: Work, emit: Emit, order: StepOrder): Promise<unknown> {
  const { departures } = work;
  let taken: ReturnType<typeof departures.next>;
  try {
    taken = departures.next('step', order.name);
  } catch (thrown) {
    return Promise.reject(thrown);
  }
  const { ordinal, record } = taken;
  return departures.gate(ordinal, runStep(work, emit, order, { ordinal, record }));
}

async function runStep(
  work: Work,
  emit: Emit,
  order: StepOrder,
  { ordinal, record }: { readonly ordinal: number; readonly record: Recorded | undefined },
): Promise<unknown> {
  const { departures } = work;
  const { name } = order;
  const undone = compensationOf(work, order, ordinal);
  if (record?.outcome !== undefined && !departures.isLost(ordinal)) {
    if (record.outcome.ok) undone?.(decodeValue(record.outcome.value));
    return valueIn(record.outcome);
  }
  const own = new AbortController();
  const onLost = (): void => {
    undone?.(undefined);
    own.abort(troupeError('CANCELLED', `step ${name} is not waited for any more`));
  };
  departures.opened(ordinal, `step ${name}`, { onLost, undoes: undone !== undefined });
  // It stays open: nobody will know what it came to, and a turn may not end well and leave that behind.
  if (record !== undefined && work.stopped !== undefined) throw work.stopped;
  if (departures.isLost(ordinal)) {
    return departures.lost(ordinal).catch((thrown: unknown) => {
      departures.closed(ordinal);
      undone?.(undefined);
      throw thrown;
    });
  }
  const go = departures.wait(ordinal);
  const undo = undone === undefined ? {} : { undo: true as const };
  emit({ kind: 'step-begin', work: work.id, ordinal, name, ...undo });
  await go;
  work.checkOpen(`step ${name}`);
  const signal = AbortSignal.any([work.signal, own.signal]);
  const ended = (): TroupeError | undefined => work.stopped ?? reasonOf(own.signal);
  const effectId = `${order.callId}/${ordinal}`;
  const effect = tryStep({ ...order, work, effectId, signal, ended });
  const { outcome, value } = await departures.begun(effect);
  if (departures.isLost(ordinal)) throw reasonOf(own.signal);
  work.checkOpen(`step ${name}`);
  departures.closed(ordinal);
  emit({ kind: 'step-done', work: work.id, ordinal, name, outcome, ...undo });
  if (!outcome.ok) throw new TroupeError(outcome.failure);
  undone?.(decodeValue(outcome.value));
  return value;
}

interface Tried {
  readonly outcome: Outcome;
  readonly value: unknown;
}

export interface Tries {
  readonly work: Work;
  readonly name: string;
  readonly run: (step: StepContext) => unknown;
  readonly options: StepTries;
  readonly effectId: string;
  readonly signal: AbortSignal;
  /** Why no further try is wanted, if so. */
  readonly ended: () => TroupeError | undefined;
}

/** Tries a side effect as often as it says, or until it is not wanted any more. */
export async function tryStep(tries: Tries): Promise<Tried> {
  const { backoffMs = backoffMsDefault } = tries.options;
  const retries = retriesOf(tries.options.retries ?? 0);
  const waits = typeof backoffMs === 'number' ? [backoffMs] : backoffMs;
  for (let attempt = 0; ; attempt++) {
    try {
      const reason = tries.ended();
      if (reason !== undefined) throw reason;
      const value = await tries.work.outside(() => tryOnce(tries));
      const bytes = encodePayload(value, `result of step ${tries.name}`);
      return { outcome: { ok: true, value: bytes }, value };
    } catch (thrown) {
      const reason = tries.ended();
      if (attempt >= retries || reason !== undefined || isFinal(thrown)) {
        const failure = failureOfUser(reason ?? thrown);
        return { outcome: { ok: false, failure }, value: undefined };
      }
      await tries.work.pause(waits[Math.min(attempt, waits.length - 1)] ?? 0, tries.signal);
    }
  }
}

/** One try, raced against its own limit and against its next beat. */
async function tryOnce({ work, name, run, options, effectId, signal }: Tries): Promise<unknown> {
  const { limitMs, beatMs } = options;
  if (limitMs === undefined && beatMs === undefined) {
    return run({ effectId, signal, beat: () => undefined });
  }
  const own = new AbortController();
  const over = new Promise<never>((_resolve, reject) => {
    own.signal.addEventListener('abort', () => reject(own.signal.reason));
  });
  over.catch(() => undefined);
  const within = (ms: number | undefined, what: string): (() => void) => {
    if (ms === undefined) return () => undefined;
    const text = `step ${name} ${what} ${ms} ms`;
    return work.after(ms, () => own.abort(troupeError('TIME_LIMIT', text)));
  };
  const nextBeat = () => within(beatMs, 'gave no sign of life within its beat of');
  const cancelLimit = within(limitMs, 'ran longer than its limit of');
  let cancelBeat = nextBeat();
  let ended = false;
  const beat = (): void => {
    cancelBeat();
    if (!ended && !own.signal.aborted) cancelBeat = nextBeat();
  };
  try {
    const either = AbortSignal.any([signal, own.signal]);
    return await Promise.race([run({ effectId, signal: either, beat }), over]);
  } finally {
    cancelLimit();
    cancelBeat();
    ended = true;
  }
}

/** A result that cannot be carried will not be carried the next time either. */
function isFinal(thrown: unknown): boolean {
  if (!(thrown instanceof TroupeError)) return false;
  return finalCodes.has(thrown.code);
}

function reasonOf(signal: AbortSignal): TroupeError | undefined {
  return signal.aborted ? (signal.reason as TroupeError) : undefined;
}
