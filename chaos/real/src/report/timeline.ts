/** Throughput and latency over the time of a run, in a bounded number of buckets. */
import type { Operation } from '../history/history.ts';

export interface Bucket {
  /** Milliseconds since the run began. */
  readonly at: number;
  readonly lengthMs: number;
  readonly ok: number;
  readonly failed: number;
  readonly unknown: number;
  readonly medianMs: number;
  readonly maxMs: number;
}

const bucketMsMin = 500;
const bucketsMax = 600;

/** Operations count where they ended. */
export function timeline(operations: readonly Operation[]): readonly Bucket[] {
  const end = operations.reduce((latest, { until }) => Math.max(latest, until), 0);
  const lengthMs = Math.max(bucketMsMin, Math.ceil(end / bucketsMax));
  const parts: Operation[][] = Array.from({ length: Math.ceil(end / lengthMs) || 0 }, () => []);
  for (const operation of operations) {
    parts[Math.min(parts.length - 1, Math.floor(operation.until / lengthMs))]?.push(operation);
  }
  return parts.map((part, index) => {
    const count = (outcome: Operation['outcome']) =>
      part.filter((one) => one.outcome === outcome).length;
    const times = part
      .map(({ from, until }) => until - from)
      .toSorted((left, right) => left - right);
    return {
      at: index * lengthMs,
      lengthMs,
      ok: count('ok'),
      failed: count('failed'),
      unknown: count('unknown'),
      medianMs: times[Math.floor((times.length - 1) / 2)] ?? 0,
      maxMs: times.at(-1) ?? 0,
    };
  });
}
