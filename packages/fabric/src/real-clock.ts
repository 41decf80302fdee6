/** The clock of a real process. */
import { performance } from 'node:perf_hooks';
import type { Clock } from './ports.ts';

/** Longest delay that Node's timers can hold; a longer one fires then, which is early. */
const timerMsMax = 2 ** 31 - 1;

export const realClock: Clock = {
  now: () => performance.now(),
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
