/** What is tried until it works or is let go: a start while the cluster is under faults. */
import { setTimeout as pause } from 'node:timers/promises';

const againMs = 300;
const againMsMax = 3_000;

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
  let said = '';
  for (let waitMs = againMs; !signal.aborted; waitMs = Math.min(waitMs * 1.5, againMsMax)) {
    try {
      await once();
      return;
    } catch (reason) {
      if (signal.aborted) return;
      const words = `${what} did not start: ${String(reason).slice(0, 300)}`;
      if (words !== said) say(words);
      said = words;
      await pause(waitMs);
    }
  }
}
