/**
 * A recorded side effect. It begins only when the node says that all before it is durable, and its
 * result, good or bad, is recorded before the turn goes on to leave its actor again.
 *
 * S1  a recorded step is never run again: its result or its failure is given back.
 * S2  live and replayed, a failed step throws the same failure.
 */
import { type Outcome, TroupeError, troupeError } from '@troupe/model';
import type { StepContext, StepOptions } from '@troupe/sdk';
import { type Emit, valueIn } from './departures.ts';
import { encodePayload, failureOfUser } from './outcome.ts';
import type { Work } from './work.ts';

const backoffMsDefault = [1_000];

export interface StepOrder {
  readonly name: string;
  readonly run: (step: StepContext) => unknown;
  readonly options: StepOptions;
  readonly callId: string;
}

/** Runs a step of a turn, or gives back what is recorded of it (S1). */
export async function takeStep(work: Work, emit: Emit, order: StepOrder): Promise<unknown> {
  const { name } = order;
  const { ordinal, record } = work.departures.next('step', name);
  if (record?.outcome !== undefined) return valueIn(record.outcome);
  const { departures } = work;
  departures.opened(ordinal, `step ${name}`);
  const go = departures.wait(ordinal);
  emit({ kind: 'step-begin', work: work.id, ordinal, name });
  await go;
  work.checkOpen(`step ${name}`);
  const { outcome, value } = await tryStep(work, order, `${order.callId}/${ordinal}`);
  work.checkOpen(`step ${name}`);
  departures.closed(ordinal);
  emit({ kind: 'step-done', work: work.id, ordinal, name, outcome });
  if (outcome.ok) return value;
  throw new TroupeError(outcome.failure);
}

interface Tried {
  readonly outcome: Outcome;
  readonly value: unknown;
}

async function tryStep(work: Work, order: StepOrder, effectId: string): Promise<Tried> {
  const { retries = 0, backoffMs = backoffMsDefault } = order.options;
  const waits = typeof backoffMs === 'number' ? [backoffMs] : backoffMs;
  for (let attempt = 0; ; attempt++) {
    try {
      if (work.stopped !== undefined) throw work.stopped;
      const value = await work.outside(() => tryOnce(work, order, effectId));
      const bytes = encodePayload(value, `result of step ${order.name}`);
      return { outcome: { ok: true, value: bytes }, value };
    } catch (thrown) {
      const reason = work.stopped ?? thrown;
      if (attempt >= retries || work.stopped !== undefined || isFinal(thrown)) {
        return { outcome: { ok: false, failure: failureOfUser(reason) }, value: undefined };
      }
      await work.pause(waits[Math.min(attempt, waits.length - 1)] ?? 0);
    }
  }
}

/** One try, raced against its own limit. */
async function tryOnce(work: Work, order: StepOrder, effectId: string): Promise<unknown> {
  const { limitMs } = order.options;
  if (limitMs === undefined) return order.run({ effectId, signal: work.signal });
  const own = new AbortController();
  const signal = AbortSignal.any([work.signal, own.signal]);
  let cancel = (): void => {};
  const expired = new Promise<never>((_resolve, reject) => {
    cancel = work.after(limitMs, () => {
      const what = `step ${order.name} ran longer than its limit of ${limitMs} ms`;
      const reason = troupeError('TIME_LIMIT', what);
      own.abort(reason);
      reject(reason);
    });
  });
  try {
    return await Promise.race([order.run({ effectId, signal }), expired]);
  } finally {
    cancel();
  }
}

/** A result that cannot be carried will not be carried the next time either. */
function isFinal(thrown: unknown): boolean {
  if (!(thrown instanceof TroupeError)) return false;
  return thrown.code === 'UNCARRIABLE' || thrown.code === 'TOO_LARGE';
}
