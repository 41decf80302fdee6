/**
 * How often each kind of fault is due in a run, and for how long the run goes on for it.
 *
 * U1  a run of `everyKindMs` or more has every kind once, a soak three times.
 * U2  on a machine too slow for that it goes on beyond its time until they have come, at most for
 *     as long again; what has not come then is told, and the run proves too little.
 */
import type { FaultLine } from '../history/history.ts';

/** A run of so long that leaves a kind of fault out proves too little. */
const everyKindMs = 600_000;
/** In a run of so long nothing may grow, and every kind comes so often. */
export const soakMs = 1_800_000;
const soakTimes = 3;

/** U1 */
export function timesDue(forMs: number): number {
  if (forMs >= soakMs) return soakTimes;
  return forMs >= everyKindMs ? 1 : 0;
}

/** Kinds that came less often than is due, and how often they came. */
export function owedKinds<K extends string>(
  kinds: readonly K[],
  faults: readonly FaultLine[],
  due: number,
): readonly { readonly kind: K; readonly times: number }[] {
  return kinds.flatMap((kind) => {
    const times = faults.filter((one) => one.fault === kind && befellSomebody(one)).length;
    return times < due ? [{ kind, times }] : [];
  });
}

/** F3: of what befell nothing nothing was seen, whether it was told as skipped or not. */
export function befellSomebody({ skipped, befallen }: FaultLine): boolean {
  return skipped === undefined && befallen !== 0;
}

/** U2: whether another round begins, at `ms` from the first; `owed` is how many kinds are to come. */
export function goesOn(ms: number, forMs: number, owed: number): boolean {
  return ms < forMs || (owed > 0 && ms < 2 * forMs);
}
