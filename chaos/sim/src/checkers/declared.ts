/** What a task declares of its place, read naively. */
import type { Labels, NeighbourTerm, Requirement } from '@troupe/model';
import type { Placed } from './grounds.ts';

/** So many GPUs, and so much of each. */
export function gpusOf({ declared }: Placed): { readonly count: number; readonly milli: number } {
  const several = declared?.placement?.gpus;
  if (several !== undefined) return several;
  const gpu = declared?.resources['gpu'] ?? 0;
  if (gpu === 0) return { count: 0, milli: 0 };
  return gpu < 1 ? { count: 1, milli: Math.round(gpu * 1_000) } : { count: gpu, milli: 1_000 };
}

export function isMeant({ tasks }: NeighbourTerm, { declared }: Placed): boolean {
  const labels = declared?.placement?.labels ?? {};
  return tasks.every((requirement) => holds(requirement, labels));
}

export function holds(requirement: Requirement, labels: Labels): boolean {
  const value = labels[requirement.label];
  switch (requirement.op) {
    case 'in':
      return value !== undefined && requirement.values.includes(value);
    case 'not-in':
      return value === undefined || !requirement.values.includes(value);
    case 'exists':
      return value !== undefined;
    case 'absent':
      return value === undefined;
  }
}
