/** Wishes of the person or the system that a command in the foreground end. */

export interface Interruptions {
  /** Heard so far. */
  readonly count: number;
  /** Resolve to `undefined` when the first and the second are heard. */
  readonly first: Promise<undefined>;
  readonly second: Promise<undefined>;
  end(): void;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function listenForInterruptions(): Interruptions {
  const waiting: (() => void)[] = [];
  const next = () =>
    new Promise<undefined>((resolve) => {
      waiting.push(() => resolve(undefined));
    });
  const [first, second] = [next(), next()];
  let count = 0;
  const heard = () => {
    waiting[count]?.();
    count += 1;
  };
  for (const signal of signals) process.on(signal, heard);
  return {
    get count() {
      return count;
    },
    first,
    second,
    end: () => {
      for (const signal of signals) process.off(signal, heard);
    },
  };
}
