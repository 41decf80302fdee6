/**
 * An observer looks again and again until it is stopped. What it sees is for show: a look that fails
 * in a way that a retry may mend is skipped, any other failure is kept for `stop` to throw.
 */
import { TroupeError } from '@troupe/sdk';

export interface Observer {
  stop(): Promise<void>;
}

export function observe(everyMs: number, look: () => Promise<void>): Observer {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let failure: unknown;
  let looking = Promise.resolve();
  const next = () => {
    looking = look().catch((thrown: unknown) => {
      if (!stopped && !(thrown instanceof TroupeError && thrown.retryable)) failure ??= thrown;
    });
    void looking.then(() => {
      if (!stopped && failure === undefined) timer = setTimeout(next, everyMs);
    });
  };
  next();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await looking;
      if (failure !== undefined) throw failure;
    },
  };
}
