/** What is tried until it works or is let go: a start while the cluster is under faults. */
import { setTimeout as pause } from 'node:timers/promises';

const againMs = 300;

export interface Trying {
  readonly what: string;
  readonly say: (line: string) => void;
  /** Gives it up. */
  readonly signal: AbortSignal;
}

export async function again(
  { what, say, signal }: Trying,
  once: () => Promise<unknown>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await once();
      return;
    } catch (reason) {
      if (signal.aborted) return;
      say(`${what} did not start: ${String(reason).slice(0, 300)}`);
      await pause(againMs);
    }
  }
}
