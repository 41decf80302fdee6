/**
 * Vector clocks: for every actor of a scope, the number of its latest turn that is in the past.
 *
 * C1  a clock never goes back in any component.
 * C2  `merge` is commutative, associative and idempotent.
 */
import type { ActorId } from './ids.ts';

export type VectorClock = { readonly [actor: ActorId]: number };

export type ClockOrder = 'equal' | 'before' | 'after' | 'concurrent';

export const emptyClock: VectorClock = Object.freeze({});

/** The least clock that has both in its past. Returns `left` itself when nothing is new. */
export function mergeClocks(left: VectorClock, right: VectorClock): VectorClock {
  let merged: Record<string, number> | undefined;
  for (const [actor, turn] of Object.entries(right)) {
    if ((left[actor as ActorId] ?? 0) < turn) {
      merged ??= { ...left };
      merged[actor] = turn;
    }
  }
  return merged ?? left;
}

/** The clock with `actor` at `turn`, which must not be lower than before (C1). */
export function tickClock(clock: VectorClock, actor: ActorId, turn: number): VectorClock {
  return { ...clock, [actor]: turn };
}

export function compareClocks(left: VectorClock, right: VectorClock): ClockOrder {
  const leftAhead = hasNewer(left, right);
  const rightAhead = hasNewer(right, left);
  if (leftAhead) return rightAhead ? 'concurrent' : 'after';
  return rightAhead ? 'before' : 'equal';
}

function hasNewer(left: VectorClock, right: VectorClock): boolean {
  for (const [actor, turn] of Object.entries(left)) {
    if (turn > (right[actor as ActorId] ?? 0)) return true;
  }
  return false;
}
