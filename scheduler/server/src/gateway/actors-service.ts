/** `ActorsService`: single calls of foreign clients, what becomes of actors, and their migration. */
import { type Outcome, TroupeError, troupeError, withKey } from '@troupe/model';
import { actorLives } from './actor-lives.ts';
import { callerOf } from './caller.ts';
import {
  argumentsGiven,
  checkedActor,
  checkedBirth,
  checkedDeadline,
  checkedLimit,
  checkedNode,
  checkedPriority,
  jsonOf,
  tenantOf,
} from './checked.ts';
import { type Asked, unary } from './coded.ts';
import { type ListDeadLettersRequest, listDeadLetters } from './dead-letters.ts';
import type { Gateway } from './gateway.ts';
import type { NewCall } from './open-call.ts';
import { actorStreams } from './takes.ts';

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
  readonly priority: string;
}

interface MigrateRequest {
  readonly tenant: string;
  readonly type: string;
  readonly key: string;
  readonly to: string;
  readonly waitMs: number;
}

interface ListTimersRequest {
  readonly tenant: string;
  readonly type: string;
  readonly key: string;
  readonly after: string;
  readonly limit: number;
}

const listedTimersMax = 10_000;
/** A gateway waits no longer for an actor that does not let go; its client asks again. */
const waitMsMax = 60_000;
/** What the leader's own answer may take beside. */
const answerMs = 10_000;

export function actorsService(gateway: Gateway) {
  return {
    Call: unary(gateway, (asked: Asked<CallRequest>) => call(gateway, asked)),
    ...actorStreams(gateway),
    ...actorLives(gateway),
    Migrate: unary(gateway, (asked: Asked<MigrateRequest>) => migrate(gateway, asked)),
    ListDeadLetters: unary(gateway, (asked: Asked<ListDeadLettersRequest>) =>
      listDeadLetters(gateway, asked),
    ),
    ListTimers: unary(gateway, (asked: Asked<ListTimersRequest>) => listTimers(gateway, asked)),
  };
}

async function call(gateway: Gateway, asked: Asked<CallRequest>) {
  const { request } = asked;
  const tenant = tenantOf(request.tenant);
  const actor = checkedActor(tenant, request.type, request.key);
  const args = argumentsGiven(request.value, request.json);
  const deadlineAt = checkedDeadline(request.deadlineMs, gateway.now());
  const runMs = await gateway.admit(tenant, request.type, request.method, args.bytes);
  const { method, idempotencyKey } = request;
  const caller = callerOf(gateway, { actor, idempotencyKey, method, args: args.bytes });
  const outcome = await outcomeOf(gateway, asked, {
    ...caller,
    actor,
    method,
    args: args.bytes,
    scope: '',
    birth: checkedBirth(request.birth),
    priority: checkedPriority(request.priority),
    deadlineAt,
    runMs,
  });
  if (!outcome.ok) throw new TroupeError(withKey(outcome.failure, idempotencyKey));
  return args.asJson ? { json: jsonOf(outcome.value) } : { value: outcome.value };
}

function outcomeOf(
  gateway: Gateway,
  asked: Asked<CallRequest>,
  start: Omit<NewCall, 'sink'>,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const sink = { answered: (_number: number, outcome: Outcome) => resolve(outcome) };
    gateway.calls.open({ ...start, sink });
    asked.signal.addEventListener('abort', () => {
      // A keyed call may have others waiting, here or elsewhere: it goes on.
      if (asked.request.idempotencyKey !== '') gateway.calls.forget(start, sink);
      else gateway.calls.cancel(start.session, start.number);
      reject(troupeError('CANCELLED', `the caller of "${start.actor}" no longer waits`));
    });
  });
}

async function migrate(gateway: Gateway, asked: Asked<MigrateRequest>) {
  const { request, signal } = asked;
  const actor = checkedActor(tenantOf(request.tenant), request.type, request.key);
  const to = request.to === '' ? {} : { to: checkedNode(request.to) };
  const waitMs = Math.min(request.waitMs, waitMsMax);
  const deadlineAt = asked.deadlineAt ?? gateway.now() + waitMs + answerMs;
  const body = { kind: 'migrate-actor', actor, ...to, waitMs } as const;
  const answer = await gateway.requests.ask(body, { deadlineAt, signal });
  if (answer.kind !== 'migrated') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  const { node, epoch, state } = answer;
  return { node, epoch, state };
}

async function listTimers(
  gateway: Gateway,
  { request, deadlineAt, signal }: Asked<ListTimersRequest>,
) {
  const { type, key, after } = request;
  const tenant = tenantOf(request.tenant);
  const of = type === '' && key === '' ? {} : { actor: checkedActor(tenant, type, key) };
  const body = {
    kind: 'list-timers',
    tenant,
    ...of,
    ...(after === '' ? {} : { after }),
    limit: checkedLimit(request.limit, listedTimersMax),
  } as const;
  const answer = await gateway.requests.ask(body, { deadlineAt, signal });
  if (answer.kind !== 'timers') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  const { timers, total, next = '' } = answer;
  return { timers, total, next };
}
