/** The calls of `DeploymentsService` that start, change and show rollouts. */
import {
  type Answer,
  type RequestBody,
  type RolloutRequest,
  type RolloutView,
  troupeError,
} from '@troupe/model';
import { checkedBundle, checkedId, checkedName, tenantOf } from './checked.ts';
import { type Asked, errorMessage } from './coded.ts';
import type { Gateway } from './gateway.ts';

export interface StartRolloutRequest {
  readonly tenant: string;
  readonly type: string;
  readonly by: string;
  readonly bundle: string;
  readonly atOnce: number;
  readonly pauseMs: number;
  readonly failuresMax: number;
  readonly discard: boolean;
}

export interface ChangeRolloutRequest {
  readonly tenant: string;
  readonly type: string;
  readonly state: string;
}

export async function startRollout(gateway: Gateway, asked: Asked<StartRolloutRequest>) {
  const { tenant, type, by, bundle, atOnce, pauseMs, failuresMax, discard } = asked.request;
  return await told(gateway, asked, {
    kind: 'start-rollout',
    tenant: tenantOf(tenant),
    type: checkedName('type', type),
    by: checkedId('by', by),
    ...(bundle === '' ? {} : { bundle: checkedBundle(bundle) }),
    atOnce,
    pauseMs,
    failuresMax,
    ...(discard ? { discard: true } : {}),
  });
}

export async function changeRollout(gateway: Gateway, asked: Asked<ChangeRolloutRequest>) {
  const { tenant, type, state } = asked.request;
  if (state !== 'running' && state !== 'paused') {
    const text = `state ${JSON.stringify(state)} is neither running nor paused`;
    throw troupeError('INVALID_ARGUMENT', text, { argument: 'state' });
  }
  const of = { tenant: tenantOf(tenant), type: checkedName('type', type) };
  return await told(gateway, asked, { kind: 'change-rollout', ...of, to: state });
}

export async function listRollouts(gateway: Gateway, asked: Asked<{ readonly tenant: string }>) {
  const { tenant } = asked.request;
  const answer = await answered(gateway, asked, {
    kind: 'list-rollouts',
    tenant: tenantOf(tenant),
  });
  if (answer.kind !== 'rollouts') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  return { rollouts: answer.rollouts.map(messageOf) };
}

async function told(gateway: Gateway, asked: Asked<unknown>, body: RolloutRequest) {
  const answer = await answered(gateway, asked, body);
  if (answer.kind !== 'rollout') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  return { rollout: messageOf(answer.rollout) };
}

async function answered(
  gateway: Gateway,
  { deadlineAt, signal }: Asked<unknown>,
  body: RequestBody,
): Promise<Answer> {
  return await gateway.requests.ask(body, { deadlineAt, signal });
}

function messageOf({ bundle, version, before, failures, ...view }: RolloutView) {
  return {
    ...view,
    to: { bundle, version },
    before: before ?? null,
    failures: failures.map(({ actor, failure }) => ({ actor, error: errorMessage(failure) })),
  };
}
