/** The clock of a real process. */
import { uptime } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Clock } from './ports.ts';

/** Longest delay that Node's timers can hold; a longer one fires then, which is early. */
const timerMsMax = 2 ** 31 - 1;
/** Wall and monotonic clock part by more: the machine slept, or somebody set the wall clock. */
const partedMsMin = 1_000;

/** Clocks of the operating system, in ms. */
export interface SystemClocks {
  /** Stands still while the machine sleeps. */
  monotonic(): number;
  wall(): number;
  /** Since the machine was started, its sleep included; slow to ask. */
  sinceBoot(): number;
}

/**
 * Monotonic time in which a machine's sleep counts. That is asked of the slow clock, and only when
 * the wall clock gives reason to: a wall clock that was set changes nothing.
 */
export function monotonicTime(system: SystemClocks): () => number {
  const bootAhead = system.sinceBoot() - system.monotonic();
  let wallAhead = system.wall() - system.monotonic();
  let sleptMs = 0;
  return () => {
    const now = system.monotonic();
    const ahead = system.wall() - now;
    if (Math.abs(ahead - wallAhead) > partedMsMin) {
      wallAhead = ahead;
      const slept = system.sinceBoot() - now - bootAhead;
      // The slow clock is coarse: what it shows by chance is no sleep.
      if (slept > sleptMs + partedMsMin) sleptMs = slept;
    }
    return now + sleptMs;
  };
}

export const realClock: Clock = {
  now: monotonicTime({
    monotonic: () => performance.now(),
    wall: () => Date.now(),
    sinceBoot: () => uptime() * 1_000,
  }),
  wall: () => Date.now(),
  after(ms, fire) {
    const timer = setTimeout(fire, Math.min(Math.ceil(ms), timerMsMax));
    return () => clearTimeout(timer);
  },
  soon: (run) => {
    setImmediate(run);
  },
};

/** Resolves after `ms`. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}

/** `work`, or a rejection with what `late` makes after `ms`. The work itself goes on unheard. */
export function within<T>(
  clock: Clock,
  work: Promise<T>,
  ms: number,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(late()));
    work.then(resolve, reject).finally(cancel);
  });
}
