/** Deliberate faults in what a scheduler is configured with, and in its limits. */
import type { limits } from '@troupe/model';
import type { SchedulerConfig } from '@troupe/scheduler-core';
import type { MutantName } from './mutants.ts';

export function spoiltConfig(
  mutant: MutantName | undefined,
  config: SchedulerConfig,
): SchedulerConfig {
  const { rebalance, autoscale, pressure } = config;
  const share = pressureShares.get(mutant);
  if (share !== undefined && pressure !== undefined) {
    const { tasksMax, factsMax } = pressure;
    const borne = { tasksMax: tasksMax * share, factsMax: factsMax * share };
    return { ...config, pressure: { ...pressure, ...borne } };
  }
  if (mutant === 'moved-without-bound' && rebalance !== undefined) {
    return { ...config, rebalance: { ...rebalance, migrationsMax: 10 * rebalance.migrationsMax } };
  }
  if (mutant === 'sized-beyond-bounds' && autoscale !== undefined) {
    const groups = autoscale.groups.map((group) => ({ ...group, max: 10 * group.max }));
    return { ...config, autoscale: { ...autoscale, groups } };
  }
  return config;
}

/** What can be borne, of what should be. */
const pressureShares: ReadonlyMap<MutantName | undefined, number> = new Map([
  ['little-is-too-much', 0.2],
  ['nothing-is-too-much', 1_000],
]);

export function spoiltLimits(
  mutant: MutantName | undefined,
): Partial<Record<keyof typeof limits, number>> {
  if (mutant === 'unread-left-alone') return { heldBackMs: 1e9, heldBackMsMax: 1e9 };
  return mutant === 'never-of-age' ? { roomAgeMs: 1e9 } : {};
}
