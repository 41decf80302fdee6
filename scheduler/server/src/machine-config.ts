/** What the scheduler machine needs to know of the configuration. */
import { version } from '@troupe/model';
import type { SchedulerConfig } from '@troupe/scheduler-core';
import type { ServerConfig } from './config.ts';

export function machineConfig(config: ServerConfig): SchedulerConfig {
  const { heartbeatMs, nodeSilenceMs, probeMs, resendMs } = config.scheduler;
  const { demandCoefficient, placementStrategy } = config.scheduler;
  // Every replica starts from one seed: what depends on chance is decided once, in a fact.
  const times = { heartbeatMs, nodeSilenceMs, probeMs, resendMs };
  const { power } = config.scheduler;
  const strategy = { strategy: placementStrategy };
  const placement = power === undefined ? strategy : { ...strategy, power: powerOf(power) };
  const own = { cell: config.cell, version, ...times, demandCoefficient, placement, seed: 1 };
  const { rebalance, pressure, autoscale } = config.scheduler;
  const { periodMs, imbalanceShare, migrationsMax } = rebalance;
  const { tasksMax, factsMax, downMs, upMs } = pressure;
  return {
    ...own,
    ...(rebalance.enabled ? { rebalance: { periodMs, imbalanceShare, migrationsMax } } : {}),
    ...(pressure.enabled ? { pressure: { tasksMax, factsMax, downMs, upMs } } : {}),
    ...(autoscale.groups.length > 0 ? { autoscale: autoscaleOf(autoscale) } : {}),
  };
}

/** Without what is absent: the machine's configuration says nothing of it. */
function autoscaleOf({
  utcOffsetMinutes,
  groups,
}: ServerConfig['scheduler']['autoscale']): NonNullable<SchedulerConfig['autoscale']> {
  return {
    utcOffsetMinutes,
    groups: groups.map(({ threshold, tasksPerNode, forecast, idleMs, ...group }) => ({
      ...group,
      ...(threshold === undefined ? {} : { threshold }),
      ...(tasksPerNode === undefined ? {} : { tasksPerNode }),
      ...(forecast === undefined ? {} : { forecast }),
      ...(idleMs === undefined ? {} : { idleMs }),
    })),
  };
}

/** Where nothing is said of GPUs they draw nothing. */
function powerOf(
  power: NonNullable<ServerConfig['scheduler']['power']>,
): NonNullable<NonNullable<SchedulerConfig['placement']>['power']> {
  return { ...power, gpuOther: power.gpuOther ?? { idle: 0, full: 0 } };
}
