/** What the scheduler machine needs to know of its world. */
import { version } from '@troupe/model';
import type { SchedulerConfig } from '@troupe/scheduler-core';
import type { World } from '../world/world.ts';

export function schedulerConfig({
  cell,
  timings,
}: Pick<World, 'cell' | 'timings'>): SchedulerConfig {
  const { heartbeatMs, nodeSilenceMs, probeMs, resendMs } = timings;
  const { rebalance, autoscale, pressure } = timings;
  return {
    ...{ cell, version, heartbeatMs, nodeSilenceMs, probeMs, resendMs, seed: 1 },
    ...(rebalance === undefined ? {} : { rebalance }),
    ...(autoscale === undefined ? {} : { autoscale }),
    ...(pressure === undefined ? {} : { pressure }),
  };
}
