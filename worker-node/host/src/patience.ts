/**
 * Trying again against a store that may be away: with back-off, as long as `limitMs` allows.
 * What can never succeed is given up at once.
 */
import { type ErrorCode, TroupeError } from '@troupe/model';

/** Failures that a later try cannot mend. */
const hopeless: ReadonlySet<ErrorCode> = new Set([
  'LOG_CORRUPT',
  'TOO_LARGE',
  'INVALID_ARGUMENT',
  'UNCARRIABLE',
  'NATS_UNSUITABLE',
]);

export interface Patience {
  readonly limitMs: number;
  readonly firstMs: number;
  readonly longestMs: number;
  /** True: stop trying, the process goes. */
  stopped?(): boolean;
  /** Before each further try. */
  failed?(reason: unknown, attempt: number): void;
}

/** The result of `work`, or the reason of its last try. */
export async function patiently<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  let pause = patience.firstMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (reason) {
      const over = performance.now() - begun + pause > patience.limitMs;
      if (isHopeless(reason) || over || patience.stopped?.() === true) throw reason;
      patience.failed?.(reason, attempt);
      await new Promise<void>((resolve) => setTimeout(resolve, pause).unref());
      pause = Math.min(pause * 2, patience.longestMs);
    }
  }
}

function isHopeless(reason: unknown): boolean {
  return reason instanceof TroupeError && hopeless.has(reason.code);
}
