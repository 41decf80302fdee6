/** What the scheduler machine needs to know of the timings. */
import { version } from '@troupe/model';
import type { SchedulerConfig } from '@troupe/scheduler-core';
import type { Timings } from '../world/world.ts';

export function schedulerConfig(timings: Timings): SchedulerConfig {
  const { heartbeatMs, nodeSilenceMs, probeMs, resendMs } = timings;
  return { cell: 'sim', version, heartbeatMs, nodeSilenceMs, probeMs, resendMs, seed: 1 };
}
