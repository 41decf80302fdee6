/** Numbers from samples. */

export interface Spread {
  readonly n: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Milliseconds, rounded to 0.01. */
export function spread(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((left, right) => left - right);
  const at = (share: number) => round(sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN);
  return { n: sorted.length, p50: at(0.5), p99: at(0.99), max: round(sorted.at(-1) ?? Number.NaN) };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Runs `once` in `width` lanes for `ms`; answers the latencies and the rate. */
export async function sustain(
  width: number,
  ms: number,
  once: (lane: number, n: number) => Promise<unknown>,
): Promise<{ readonly perSecond: number; readonly latencyMs: Spread }> {
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + ms;
  const lane = async (name: number) => {
    for (let n = 0; performance.now() < end; n++) {
      const before = performance.now();
      await once(name, n);
      latencies.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: width }, (_, name) => lane(name)));
  const seconds = (performance.now() - start) / 1_000;
  return { perSecond: Math.round(latencies.length / seconds), latencyMs: spread(latencies) };
}
