/**
 * How soon an actor that has changed is checkpointed. A checkpoint costs what its state is large, and saves what would
 * have to be replayed after a failure: the best time between two of them grows with the root of the one by the other.
 *
 * V3  it is never sooner than `leastMs` after the first change, nor later than `mostMs`.
 * V4  while nodes fail, it is as soon as it may be.
 */

export interface Pace {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** Nodes are taken to fail for so long after one did whose actors came here. */
export const failuresMs = 600_000;

/** Milliseconds from the first change on. `stateBytes` of its last checkpoint, 0 when it has none; `changedBytes` of
 *  its records since. */
export function checkpointAfterMs(
  { leastMs, mostMs }: Pace,
  actor: { readonly stateBytes: number; readonly changedBytes: number },
  failing: boolean,
): number {
  // V4
  if (failing || actor.stateBytes === 0) return leastMs;
  const worth = Math.sqrt(actor.stateBytes / Math.max(1, actor.changedBytes));
  return Math.min(Math.max(leastMs, mostMs), leastMs * Math.max(1, worth));
}
