/** What a `put-tenant` makes of a tenant: the whole of its settings, or what is wrong with the wish. */
import {
  type Failure,
  failure,
  isShortName,
  limits,
  type QueueChange,
  type QueueWeight,
  type RequestBody,
  strategyNames,
} from '@troupe/model';
import { type TenantRecord, tenantFault, weightFault } from './deployments.ts';
import type { SchedulerFact } from './facts.ts';
import { priorityFault } from './fair/priority.ts';
import { changedQuota, quotaFault, sameQuota } from './fair/quota.ts';
import type { TaskTable } from './task-table.ts';

type PutTenant = Extract<RequestBody, { kind: 'put-tenant' }>;

interface TenantChange {
  readonly fact: Extract<SchedulerFact, { kind: 'tenant-put' }>;
  readonly isChanged: boolean;
}

export function changedTenant(
  wish: PutTenant,
  known: TenantRecord | undefined,
  tasks: TaskTable,
): TenantChange | Failure {
  const { tenant, priority, strategy } = wish;
  if (wish.existing && known === undefined) {
    return failure('UNKNOWN_TENANT', `there is no tenant "${tenant}"`, { tenant });
  }
  const weight = wish.weight ?? known?.weight ?? 1;
  const fault =
    tenantFault(tenant, weight) ??
    (priority === undefined ? undefined : priorityFault(priority)) ??
    (wish.quota === undefined ? undefined : quotaFault(wish.quota)) ??
    strategyFault(wish);
  if (fault !== undefined) return fault;
  const queues = changedQueues(wish, known, tasks);
  if (queues !== undefined && 'code' in queues) return queues;
  const quota = wish.quota === undefined ? undefined : changedQuota(known?.quota, wish.quota);
  const isOther = {
    weight: known?.weight !== weight,
    priority: priority !== undefined && known?.priority !== priority,
    quota: quota !== undefined && !sameQuota(known?.quota, quota),
    queues: queues !== undefined && !sameQueues(known, queues),
    strategy: strategy !== undefined && (known?.strategy ?? null) !== strategy,
  };
  return {
    isChanged: Object.values(isOther).includes(true),
    fact: {
      kind: 'tenant-put',
      tenant,
      weight,
      ...(isOther.priority && priority !== undefined ? { priority } : {}),
      ...(isOther.quota && quota !== undefined ? { quota } : {}),
      ...(isOther.queues && queues !== undefined ? { queues } : {}),
      ...(isOther.strategy && strategy !== undefined ? { strategy } : {}),
    },
  };
}

function strategyFault({ tenant, strategy }: PutTenant): Failure | undefined {
  if (strategy === undefined || strategy === null || strategyNames.includes(strategy)) {
    return undefined;
  }
  const what = `strategy ${JSON.stringify(strategy)} is none of ${strategyNames.join(', ')}`;
  return failure('INVALID_ARGUMENT', what, { tenant });
}

/** All queues that it has then. */
function changedQueues(
  { tenant, queues: wishes }: PutTenant,
  known: TenantRecord | undefined,
  tasks: TaskTable,
): readonly QueueWeight[] | Failure | undefined {
  if (wishes === undefined) return undefined;
  const queues = new Map(known?.queues);
  const named = new Set<string>();
  for (const wish of wishes) {
    const { queue, weight } = wish;
    const fault = queueFault(wish);
    if (fault !== undefined) return fault;
    if (named.has(queue)) {
      const what = `queue "${queue}" of tenant "${tenant}" is named twice`;
      return failure('INVALID_ARGUMENT', what, { tenant, queue });
    }
    named.add(queue);
    // One that was closed is closed by a request that is sent again; of one that never was, nothing is.
    if (weight === null && !queues.has(queue) && known?.closed.has(queue) !== true) {
      const what = `tenant "${tenant}" has no queue "${queue}" to close`;
      return failure('UNKNOWN_QUEUE', what, { tenant, queue });
    }
    if (weight === null) queues.delete(queue);
    else queues.set(queue, weight);
  }
  if (queues.size > limits.tenantQueuesMax) {
    const what = `tenant "${tenant}" would have ${queues.size} queues, ${limits.tenantQueuesMax} may be`;
    return failure('INVALID_ARGUMENT', what, { tenant });
  }
  const closed = new Set(wishes.flatMap(({ queue }) => (queues.has(queue) ? [] : [queue])));
  const held = closed.size === 0 ? undefined : heldQueue(tenant, closed, tasks);
  if (held !== undefined) {
    const what = `queue "${held}" of tenant "${tenant}" cannot be closed while tasks are in it`;
    return failure('WRONG_STATE', what, { tenant, queue: held });
  }
  return [...queues].map(([queue, weight]) => ({ queue, weight }));
}

function queueFault({ queue, weight }: QueueChange): Failure | undefined {
  if (!isShortName(queue)) {
    const what = `queue name ${JSON.stringify(queue)} is not [a-z0-9-]{1,63}`;
    return failure('INVALID_ARGUMENT', what);
  }
  return weight === null ? undefined : weightFault(weight, `queue "${queue}"`);
}

/** One of the queues in which tasks wait, or run and may have to wait again. */
function heldQueue(
  tenant: PutTenant['tenant'],
  queues: ReadonlySet<string>,
  tasks: TaskTable,
): string | undefined {
  for (const { tenant: owner, queue } of tasks.live()) {
    if (owner === tenant && queue !== undefined && queues.has(queue)) return queue;
  }
  return undefined;
}

function sameQueues(known: TenantRecord | undefined, queues: readonly QueueWeight[]): boolean {
  if (known?.queues.size !== queues.length) return false;
  return queues.every(({ queue, weight }) => known.queues.get(queue) === weight);
}
