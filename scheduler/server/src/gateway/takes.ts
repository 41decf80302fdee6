/**
 * `Stream` and `Take` of `ActorsService`: a call under an idempotency key, asked for again and again
 * from the position after the last value that its client has. See `streams.ts` of the node.
 *
 * K1  a stream is written no faster than its client reads: the next values are asked for when those
 *     before them were taken.
 * K2  an answer counts only for the position that was asked for; one to somebody else who takes the
 *     same stream is passed over.
 */
import { randomUUID } from 'node:crypto';
import {
  type Bytes,
  limits,
  type Outcome,
  type Taken,
  TroupeError,
  takenIn,
  troupeError,
  withKey,
} from '@troupe/model';
import { callerOf } from './caller.ts';
import {
  argumentsGiven,
  checkedActor,
  checkedBirth,
  checkedDeadline,
  checkedNumber,
  checkedPriority,
  checkedScope,
  jsonOf,
  tenantOf,
} from './checked.ts';
import { type Asked, errorMessage, serverStream, unary } from './coded.ts';
import type { Gateway } from './gateway.ts';
import type { NewCall } from './open-call.ts';

export interface TakeRequest {
  readonly tenant: string;
  readonly type: string;
  readonly key: string;
  readonly method: string;
  readonly value: Uint8Array;
  readonly json: string;
  readonly idempotencyKey: string;
  readonly from: number;
  readonly deadlineMs: number;
  readonly birth: number;
  readonly scope: string;
  readonly priority: string;
}

export interface StreamMessage {
  readonly position: number;
  readonly value?: Bytes;
  readonly json?: string;
  readonly reply: boolean;
}

/** After its deadline it is known whether a call could be sent, within the next sweep. */
const sweptMs = 500;

export function actorStreams(gateway: Gateway) {
  return {
    Stream: serverStream(gateway, (request: TakeRequest) => stream(gateway, request)),
    Take: unary(gateway, (asked: Asked<TakeRequest>) => take(gateway, asked)),
  };
}

async function* stream(gateway: Gateway, request: TakeRequest): AsyncGenerator<StreamMessage> {
  const { idempotencyKey: key } = request;
  const named = { ...request, idempotencyKey: key === '' ? `stream ${randomUUID()}` : key };
  const { asJson } = argumentsGiven(request.value, request.json);
  const shaped = (value: Bytes) => (asJson ? { json: jsonOf(value) } : { value });
  let from = checkedNumber('from', request.from, 0);
  for (;;) {
    const { position, values, end } = await taken(gateway, { ...named, from });
    for (const [at, value] of values.entries()) {
      if (position + at !== from) continue;
      yield { position: from, ...shaped(value), reply: false };
      from += 1;
    }
    if (end !== undefined && position <= from) {
      if (!end.ok) throw new TroupeError(end.failure);
      yield { position: from, ...shaped(end.value), reply: true };
      return;
    }
  }
}

async function take(gateway: Gateway, { request, signal }: Asked<TakeRequest>) {
  if (request.idempotencyKey === '') {
    const text = 'idempotency_key is empty: without one nobody can take a second time';
    throw troupeError('INVALID_ARGUMENT', text, { argument: 'idempotency_key' });
  }
  const { asJson } = argumentsGiven(request.value, request.json);
  const { position, values, end } = await taken(gateway, request, signal);
  const came = asJson ? { valuesJson: values.map(jsonOf) } : { values };
  if (end === undefined || position > request.from) return { position, ...came, ended: false };
  // Not as a status: that may be tried again, the method has failed for good.
  if (!end.ok) return { position, ended: true, error: errorMessage(end.failure) };
  const { value } = end;
  return { position, ended: true, ...(asJson ? { json: jsonOf(value) } : { value }) };
}

/** What there is from a position on, as soon as there is something; nothing after a while. */
async function taken(gateway: Gateway, request: TakeRequest, signal?: AbortSignal): Promise<Taken> {
  const { type, key, method, idempotencyKey } = request;
  const tenant = tenantOf(request.tenant);
  const actor = checkedActor(tenant, type, key);
  const from = checkedNumber('from', request.from, 0);
  const args = argumentsGiven(request.value, request.json);
  const accepted = checkedDeadline(request.deadlineMs, gateway.now());
  const runMs = await gateway.admit(tenant, type, method);
  const caller = callerOf(gateway, { actor, idempotencyKey, method, args: args.bytes });
  const call = {
    ...caller,
    actor,
    method,
    args: args.bytes,
    scope: request.scope === '' ? '' : checkedScope(request.scope),
    birth: checkedBirth(request.birth),
    priority: checkedPriority(request.priority),
    // What has begun needs no time to be accepted in.
    deadlineAt: from === 0 ? accepted : gateway.now() + limits.takeMs - sweptMs,
    runMs,
    from,
  };
  const outcome = await answerOf(gateway, call, signal);
  if (outcome === undefined) return { position: from, values: [] };
  if (!outcome.ok) throw new TroupeError(withKey(outcome.failure, idempotencyKey));
  return takenIn(outcome.value);
}

/** Undefined: it was sent, and there is nothing yet. */
function answerOf(
  gateway: Gateway,
  call: Omit<NewCall, 'sink'>,
  signal: AbortSignal | undefined,
): Promise<Outcome | undefined> {
  return new Promise((resolve, reject) => {
    const answered = (_number: number, outcome: Outcome): void => {
      cancel();
      resolve(outcome);
    };
    const sink = { answered };
    const leave = (): void => {
      cancel();
      gateway.calls.forget(call, sink);
    };
    const leftMs = call.deadlineAt - gateway.now() + sweptMs;
    const cancel = gateway.after(Math.max(leftMs, limits.takeMs), () => {
      leave();
      resolve(undefined);
    });
    signal?.addEventListener('abort', () => {
      leave();
      reject(troupeError('CANCELLED', `the caller of "${call.actor}" no longer waits`));
    });
    gateway.calls.open({ ...call, sink });
  });
}
