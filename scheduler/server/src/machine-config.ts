/** What the scheduler machine needs to know of the configuration. */
import { version } from '@troupe/model';
import type { SchedulerConfig } from '@troupe/scheduler-core';
import type { ServerConfig } from './config.ts';

export function machineConfig(config: ServerConfig): SchedulerConfig {
  const { heartbeatMs, nodeSilenceMs, probeMs, resendMs } = config.scheduler;
  const { demandCoefficient, placementStrategy } = config.scheduler;
  // Every replica starts from one seed: what depends on chance is decided once, in a fact.
  const times = { heartbeatMs, nodeSilenceMs, probeMs, resendMs };
  const placement = { strategy: placementStrategy };
  const own = { cell: config.cell, version, ...times, demandCoefficient, placement, seed: 1 };
  const { rebalance } = config.scheduler;
  const { periodMs, imbalanceShare, migrationsMax } = rebalance;
  return {
    ...own,
    ...(rebalance.enabled ? { rebalance: { periodMs, imbalanceShare, migrationsMax } } : {}),
  };
}
