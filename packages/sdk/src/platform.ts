/**
 * What a client needs of the process that it runs in: time and chance. In a test cluster both are
 * virtual, so that a client there is the very one that speaks to a real cluster.
 */
import { randomUUID } from 'node:crypto';
import { uptime } from 'node:os';

export interface Platform {
  /** Monotonic ms. */
  now(): number;
  /** Calls `fire` once after `ms`; the answer cancels it. */
  after(ms: number, fire: () => void): () => void;
  /** Calls `run` once, after what is ready now. */
  soon(run: () => void): void;
  /** Milliseconds of the machine, its sleep included. */
  sinceBoot(): number;
  newId(): string;
  /** At least 0, less than 1. */
  chance(): number;
}

export const processPlatform: Platform = {
  now: () => performance.now(),
  after(ms, fire) {
    const timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  },
  soon: (run) => {
    setImmediate(run);
  },
  // `performance.now` stands still while the machine sleeps; the wall clock does not, but counts its
  // being set as a sleep.
  sinceBoot: () => uptime() * 1_000,
  newId: () => randomUUID(),
  chance: () => Math.random(),
};
