/** Tenants with weights, each with more tasks than the cluster can run at once. */
import { taskId } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import type { Operation } from './load.ts';

export interface TenantLoad {
  readonly tenants: ReadonlyMap<string, number>;
  readonly fromMs: number;
  readonly untilMs: number;
}

export function drawTenants(large: boolean, chance: Random): ReadonlyMap<string, number> {
  const tenants = new Map<string, number>();
  if (large || !chance.chance(0.12)) return tenants;
  const count = chance.whole(2, 4);
  for (let number = 1; number <= count; number++) {
    tenants.set(`tenant-${number}`, chance.pick([1, 1, 2, 3, 5]));
  }
  return tenants;
}

/** A wave of equal tasks of every tenant at about the same time. */
export function drawTenantTasks(
  client: string,
  { tenants, fromMs, untilMs }: TenantLoad,
  chance: Random,
): readonly Operation[] {
  if (tenants.size === 0) return [];
  const operations: Operation[] = [];
  const waveAt = fromMs + chance.next() * 0.5 * (untilMs - fromMs);
  const sleepMs = Math.round(chance.spread(60, 500));
  const count = chance.whole(8, 20);
  for (const tenant of tenants.keys()) {
    for (let number = 0; number < count; number++) {
      const at = waveAt + chance.next() * 400;
      const id = taskId(`task-${client}-${tenant}-${number}`);
      operations.push({ kind: 'task', at, id, tenant, name: 'work', parts: [['sleep', sleepMs]] });
    }
  }
  return operations;
}
