/** Deliberate faults in what a scheduler is configured with. */
import type { SchedulerConfig } from '@troupe/scheduler-core';
import type { MutantName } from './mutants.ts';

export function spoiltConfig(
  mutant: MutantName | undefined,
  config: SchedulerConfig,
): SchedulerConfig {
  const { rebalance, autoscale } = config;
  if (mutant === 'moved-without-bound' && rebalance !== undefined) {
    return { ...config, rebalance: { ...rebalance, migrationsMax: 10 * rebalance.migrationsMax } };
  }
  if (mutant === 'sized-beyond-bounds' && autoscale !== undefined) {
    const groups = autoscale.groups.map((group) => ({ ...group, max: 10 * group.max }));
    return { ...config, autoscale: { ...autoscale, groups } };
  }
  return config;
}
