/** Tenants as operators put them: options to the message, and what the cluster says back. */
import {
  type PriorityName,
  type Quota,
  type QuotaChange,
  type StrategyName,
  type TenantSettings,
  tenantName,
  troupeError,
} from '@troupe/model';
import type { TenantOptions } from './troupe.ts';
import type { PutTenantMessage, TenantMessage } from './wire/messages.ts';
import type { Unary } from './wire/unary.ts';

/** Limits, and how the proto names them. */
const limitFields = {
  inFlightMax: 'in_flight_max',
  cpuMax: 'cpu_max',
  memoryMax: 'memory_max',
  startsPerSecondMax: 'starts_per_second_max',
  queuedMax: 'queued_max',
} as const satisfies { readonly [L in keyof Quota]-?: string };

export async function putTenant(
  unary: Unary,
  name: string,
  options: number | TenantOptions,
): Promise<TenantSettings> {
  const given = typeof options === 'number' ? { weight: options } : options;
  return settingsOf(await unary.ask('ClusterService/PutTenant', messageOf(name, given)));
}

function messageOf(tenant: string, options: TenantOptions): PutTenantMessage {
  const { weight, priority = '', quota = {}, queues = {}, existing = false, strategy } = options;
  const all = Object.entries(queues);
  return {
    tenant,
    priority,
    existing,
    strategy: strategy ?? '',
    ...(weight === undefined ? {} : { weight }),
    ...limitsOf(quota),
    lifted: [
      ...limitNames().flatMap((limit) => (quota[limit] === null ? [limitFields[limit]] : [])),
      ...(strategy === null ? ['strategy'] : []),
    ],
    queues: all.flatMap(([queue, share]) => (share === null ? [] : [{ queue, weight: share }])),
    closed: all.flatMap(([queue, share]) => (share === null ? [queue] : [])),
  };
}

/** Refused here when it is misspelt: the wire would drop it silently. */
function limitsOf(quota: QuotaChange): Quota {
  const limits: { -readonly [L in keyof Quota]: number } = {};
  for (const name of Object.keys(quota)) {
    if (Object.hasOwn(limitFields, name)) continue;
    const known = limitNames().join(', ');
    throw troupeError('INVALID_ARGUMENT', `a quota has no limit "${name}"; it has ${known}`);
  }
  for (const limit of limitNames()) {
    const value = quota[limit];
    if (typeof value === 'number') limits[limit] = value;
  }
  return limits;
}

function settingsOf(message: TenantMessage): TenantSettings {
  const { tenant, weight, queues, strategy } = message;
  const priority = message.priority as PriorityName;
  const quota: { -readonly [L in keyof Quota]: number } = {};
  for (const limit of limitNames()) {
    const value = message[limit];
    if (value !== undefined) quota[limit] = value;
  }
  const settings = { tenant: tenantName(tenant), weight, priority, quota, queues };
  return strategy ? { ...settings, strategy: strategy as StrategyName } : settings;
}

function limitNames(): (keyof Quota)[] {
  return Object.keys(limitFields) as (keyof Quota)[];
}
