/** `ClusterService.PutTenant`: a tenant comes to be, or shares the cluster otherwise from now on. */
import {
  type QuotaChange,
  type RequestBody,
  type StrategyName,
  type TenantSettings,
  troupeError,
} from '@troupe/model';
import {
  checkedAmount,
  checkedPriority,
  checkedQueue,
  checkedStrategy,
  checkedTenant,
  shortened,
} from './checked.ts';
import type { Asked } from './coded.ts';
import type { Gateway } from './gateway.ts';

type LimitName = keyof QuotaChange;
type Limits = { readonly [L in LimitName]?: number };

export interface PutTenantRequest extends Limits {
  readonly tenant: string;
  readonly weight?: number;
  readonly priority: string;
  readonly lifted: readonly string[];
  readonly queues: readonly { readonly queue: string; readonly weight: number }[];
  readonly closed: readonly string[];
  readonly existing: boolean;
  readonly strategy: string;
}

/** By their names in the proto. */
const limitNames: ReadonlyMap<string, LimitName> = new Map([
  ['in_flight_max', 'inFlightMax'],
  ['cpu_max', 'cpuMax'],
  ['memory_max', 'memoryMax'],
  ['starts_per_second_max', 'startsPerSecondMax'],
  ['queued_max', 'queuedMax'],
]);

export async function putTenant(
  gateway: Gateway,
  { request, deadlineAt, signal }: Asked<PutTenantRequest>,
) {
  const answer = await gateway.requests.ask(bodyOf(request), { deadlineAt, signal });
  if (answer.kind !== 'tenant') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  return responseOf(answer.settings);
}

/** What depends on what the tenant has is judged by the leader. */
function bodyOf(request: PutTenantRequest): RequestBody {
  const { weight, priority } = request;
  const strategy = strategyOf(request);
  const closed = request.closed.map((queue) => ({ queue, weight: null }));
  const queues = [...request.queues, ...closed];
  const names = new Set<string>();
  for (const { queue } of queues) {
    if (names.has(checkedQueue(queue))) throw refused('queues', `"${queue}" is named twice`);
    names.add(queue);
  }
  return {
    kind: 'put-tenant',
    tenant: checkedTenant(request.tenant),
    quota: quotaOf(request),
    queues,
    ...(weight === undefined ? {} : { weight: checkedAmount('weight', weight) }),
    ...(request.existing ? { existing: true } : {}),
    ...(priority === '' ? {} : { priority: checkedPriority(priority) }),
    ...(strategy === undefined ? {} : { strategy }),
  };
}

function quotaOf(request: PutTenantRequest): QuotaChange {
  const quota: { -readonly [L in LimitName]?: number | null } = {};
  for (const [name, limit] of limitNames) {
    const value = request[limit];
    if (value !== undefined) quota[limit] = checkedAmount(name, value);
  }
  for (const name of request.lifted) {
    if (name === 'strategy') continue;
    const limit = limitNames.get(name);
    if (limit === undefined) {
      const known = [...limitNames.keys(), 'strategy'].join(', ');
      throw refused('lifted', `${JSON.stringify(shortened(name))} is not one of ${known}`);
    }
    if (quota[limit] !== undefined) throw refused('lifted', `${name} is given and lifted`);
    quota[limit] = null;
  }
  return quota;
}

/** Null for that of the cluster. */
function strategyOf({ strategy, lifted }: PutTenantRequest): StrategyName | null | undefined {
  const isLifted = lifted.includes('strategy');
  if (strategy === '') return isLifted ? null : undefined;
  if (isLifted) throw refused('lifted', 'strategy is given and lifted');
  return checkedStrategy(strategy);
}

function responseOf(settings: TenantSettings) {
  const { tenant, weight, priority, quota, queues, strategy = '' } = settings;
  return { tenant, weight, priority, ...quota, queues, strategy };
}

function refused(argument: string, text: string): Error {
  return troupeError('INVALID_ARGUMENT', `in ${argument}: ${text}`, { argument });
}
