/**
 * Vector clocks: for every actor of a scope, the number of its latest turn that is in the past.
 *
 * C1  a clock never goes back in any component, but that those of actors that are no more go out of it.
 * C2  `merge` is commutative, associative and idempotent.
 * C3  a clock has at most `limits.clockActorsMax` components: a scope that outgrows this is not
 *     tracked any more, which its clocks say (`untrackedClock` absorbs every other).
 */
import type { ActorId } from './ids.ts';
import { limits } from './limits.ts';

export type VectorClock = { readonly [actor: ActorId]: number };

export type ClockOrder = 'equal' | 'before' | 'after' | 'concurrent';

export const emptyClock: VectorClock = Object.freeze({});

/** No id of an actor is a star: ids hold slashes. */
const star = '*' as ActorId;

/** The clock of a scope that has outgrown `limits.clockActorsMax` (C3). */
export const untrackedClock: VectorClock = Object.freeze({ [star]: 1 });

export function isTracked(clock: VectorClock): boolean {
  return clock[star] === undefined;
}

/** The least clock that has both in its past. Returns `left` itself when nothing is new. */
export function mergeClocks(left: VectorClock, right: VectorClock): VectorClock {
  if (!isTracked(left) || !isTracked(right)) return untrackedClock;
  let merged: Record<string, number> | undefined;
  for (const [actor, turn] of Object.entries(right)) {
    if ((left[actor as ActorId] ?? 0) < turn) {
      merged ??= { ...left };
      merged[actor] = turn;
    }
  }
  return merged === undefined ? left : bounded(merged);
}

/** What of `right` is not in the past of `left`: merging it into `left` gives the merge of both. */
export function clockChanges(left: VectorClock, right: VectorClock): VectorClock {
  const changes: Record<string, number> = {};
  for (const [actor, turn] of Object.entries(right)) {
    if ((left[actor as ActorId] ?? 0) < turn) changes[actor] = turn;
  }
  return changes;
}

/** The clock with `actor` at `turn`, which must not be lower than before (C1). */
export function tickClock(clock: VectorClock, actor: ActorId, turn: number): VectorClock {
  return isTracked(clock) ? bounded({ ...clock, [actor]: turn }) : clock;
}

/** The clock without what it knows of actors that have ended: each under the number of its end. The next one of
 *  such a name goes on from there, so that what is known of it stays. Returns `clock` itself when it knows nothing
 *  of them. */
export function withoutEnded(clock: VectorClock, ended: VectorClock): VectorClock {
  let left: Record<string, number> | undefined;
  for (const [actor, end] of Object.entries(ended)) {
    if ((clock[actor as ActorId] ?? Number.POSITIVE_INFINITY) > end) continue;
    left ??= { ...clock };
    delete left[actor];
  }
  return left ?? clock;
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

function bounded(clock: VectorClock): VectorClock {
  let actors = 0;
  for (const _ in clock) actors += 1;
  return actors > limits.clockActorsMax ? untrackedClock : clock;
}
