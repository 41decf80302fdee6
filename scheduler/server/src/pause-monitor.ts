/** Notices that this process itself stood still: a timer that comes late says so. */
import type { Clock } from '@troupe/fabric';

const everyMs = 100;

/** Calls `paused` with the delay whenever a timer came more than `lateMs` late. */
export function watchPauses(
  clock: Clock,
  lateMs: number,
  paused: (delayMs: number) => void,
): { stop(): void } {
  let cancel = (): void => {};
  const arm = (): void => {
    const due = clock.now() + everyMs;
    cancel = clock.after(everyMs, () => {
      const delay = clock.now() - due;
      if (delay > lateMs) paused(delay);
      arm();
    });
  };
  arm();
  return { stop: () => cancel() };
}
