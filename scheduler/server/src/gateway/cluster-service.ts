/** `ClusterService`: what operators see and ask of the whole cell. */
import { limits, troupeError } from '@troupe/model';
import { checkedLimit, checkedNode, checkedTenant } from './checked.ts';
import { type Asked, unary } from './coded.ts';
import { getConfig, type PutConfigRequest, putConfig } from './configs.ts';
import type { Gateway } from './gateway.ts';
import { type PutTenantRequest, putTenant } from './put-tenant.ts';
import {
  type DropReservationRequest,
  dropReservation,
  type PutReservationRequest,
  putReservation,
} from './reservations.ts';

/** Counters of this process, shown beside the cluster's. */
export type ProcessCounts = () => { readonly [name: string]: number | string | boolean };

const demandsMax = 1_000;

interface CordonRequest {
  readonly node: string;
  readonly cordoned: boolean;
}

export function clusterService(gateway: Gateway, processCounts: ProcessCounts) {
  return {
    Status: unary(gateway, async ({ deadlineAt, signal }: Asked<object>) => {
      const answer = await gateway.requests.ask({ kind: 'status' }, { deadlineAt, signal });
      if (answer.kind !== 'status') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
      return { json: JSON.stringify({ ...answer.status, process: processCounts() }) };
    }),
    PutTenant: unary(gateway, (asked: Asked<PutTenantRequest>) => putTenant(gateway, asked)),
    PutReservation: unary(gateway, (asked: Asked<PutReservationRequest>) =>
      putReservation(gateway, asked),
    ),
    DropReservation: unary(gateway, (asked: Asked<DropReservationRequest>) =>
      dropReservation(gateway, asked),
    ),
    ListDemands: unary(gateway, (asked: Asked<{ tenant: string; limit: number }>) =>
      listDemands(gateway, asked),
    ),
    GetConfig: unary(gateway, (asked: Asked<{ tenant: string }>) => getConfig(gateway, asked)),
    PutConfig: unary(gateway, (asked: Asked<PutConfigRequest>) => putConfig(gateway, asked)),
    DrainNode: unary(gateway, (asked: Asked<{ node: string }>) => drainNode(gateway, asked)),
    CordonNode: unary(gateway, (asked: Asked<CordonRequest>) => cordonNode(gateway, asked)),
  };
}

async function listDemands(
  gateway: Gateway,
  { request, deadlineAt, signal }: Asked<{ tenant: string; limit: number }>,
) {
  const limit = checkedLimit(request.limit, demandsMax);
  const all = { kind: 'list-demands', limit } as const;
  const body = request.tenant === '' ? all : { ...all, tenant: checkedTenant(request.tenant) };
  const answer = await gateway.requests.ask(body, { deadlineAt, signal });
  if (answer.kind !== 'demands') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  return { demands: answer.demands, total: answer.total };
}

async function drainNode(gateway: Gateway, asked: Asked<{ node: string }>) {
  const node = checkedNode(asked.request.node);
  const deadlineAt = asked.deadlineAt ?? gateway.now() + limits.drainMs;
  const body = { kind: 'drain-node', node } as const;
  await gateway.requests.ask(body, { deadlineAt, signal: asked.signal });
  return {};
}

async function cordonNode(gateway: Gateway, { request, deadlineAt, signal }: Asked<CordonRequest>) {
  const node = checkedNode(request.node);
  const { cordoned } = request;
  await gateway.requests.ask({ kind: 'cordon-node', node, cordoned }, { deadlineAt, signal });
  return {};
}
