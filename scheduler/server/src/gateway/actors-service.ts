/** `ActorsService`: single calls of foreign clients, and what becomes of actors. */
import { createHash } from 'node:crypto';
import {
  type ActorId,
  type Outcome,
  type SessionId,
  TroupeError,
  troupeError,
} from '@troupe/model';
import { actorLives } from './actor-lives.ts';
import {
  argumentsGiven,
  checkedActor,
  checkedBirth,
  checkedDeadline,
  jsonOf,
  tenantOf,
} from './checked.ts';
import { type Asked, unary } from './coded.ts';
import type { Gateway } from './gateway.ts';
import type { NewCall } from './open-call.ts';

interface CallRequest {
  readonly tenant: string;
  readonly type: string;
  readonly key: string;
  readonly method: string;
  readonly value: Uint8Array;
  readonly json: string;
  readonly idempotencyKey: string;
  readonly deadlineMs: number;
  readonly birth: number;
}

export function actorsService(gateway: Gateway) {
  return {
    Call: unary(gateway, (asked: Asked<CallRequest>) => call(gateway, asked)),
    ...actorLives(gateway),
  };
}

async function call(gateway: Gateway, asked: Asked<CallRequest>) {
  const { request } = asked;
  const tenant = tenantOf(request.tenant);
  const actor = checkedActor(tenant, request.type, request.key);
  const args = argumentsGiven(request.value, request.json);
  const deadlineAt = checkedDeadline(request.deadlineMs, gateway.now());
  const runMs = await gateway.admit(tenant, request.type, request.method);
  const caller = callerOf(gateway, actor, request.idempotencyKey);
  const { method } = request;
  const outcome = await outcomeOf(gateway, asked, caller.session, {
    ...caller,
    actor,
    method,
    args: args.bytes,
    scope: '',
    birth: checkedBirth(request.birth),
    deadlineAt,
    runMs,
  });
  if (!outcome.ok) throw new TroupeError(outcome.failure);
  return args.asJson ? { json: jsonOf(outcome.value) } : { value: outcome.value };
}

/** Under a key every repetition is the same call, whichever gateway it comes to. */
function callerOf(gateway: Gateway, actor: ActorId, key: string) {
  if (key === '') return gateway.nextOwnCall(actor);
  const hash = createHash('sha256').update(actor).update('\n').update(key).digest('base64url');
  const [tenant] = actor.split('/', 1);
  return { session: `key:${tenant}:${hash}` as SessionId, number: 1, low: 1 };
}

function outcomeOf(
  gateway: Gateway,
  asked: Asked<CallRequest>,
  session: SessionId,
  start: Omit<NewCall, 'sink'>,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const sink = { answered: (_number: number, outcome: Outcome) => resolve(outcome) };
    gateway.calls.open({ ...start, sink });
    asked.signal.addEventListener('abort', () => {
      // A keyed call may have others waiting, here or elsewhere: it goes on.
      if (asked.request.idempotencyKey !== '') gateway.calls.forget(session, sink);
      else gateway.calls.cancel(session, start.number);
      reject(troupeError('CANCELLED', `the caller of "${start.actor}" no longer waits`));
    });
  });
}
