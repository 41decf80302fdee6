/**
 * Where things go: pure functions of a snapshot of the nodes. Least loaded first; ties go to the
 * first candidate, and candidates come in the order of their incarnations, so the same snapshot
 * always gives the same place. Cost: one look at each node.
 *
 * P1  a task is placed only where all that it reserves is free.
 */
import type { Shape } from './resources.ts';

export interface Candidate {
  readonly capacity: ReadonlyMap<string, number>;
  readonly used: ReadonlyMap<string, number>;
  /** Largest share reserved of any resource. */
  readonly load: number;
}

/** Attempts that run on one node at once, however little they reserve. */
export const attemptsPerNodeMax = 1_000;

/** A running attempt weighs this much beside what it reserves: those that reserve nothing spread. */
const attemptWeight = 1 / attemptsPerNodeMax;

export function fits(candidate: Candidate, shape: Shape): boolean {
  for (const { name, milli } of shape.amounts) {
    const capacity = candidate.capacity.get(name) ?? 0;
    if (capacity - (candidate.used.get(name) ?? 0) < milli) return false;
  }
  return true;
}

/** The least loaded candidate that has room for the shape. */
export function placeTask<C extends Candidate>(
  candidates: readonly C[],
  shape: Shape,
  attemptsOn: (candidate: C) => number,
): C | undefined {
  let best: C | undefined;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const attempts = attemptsOn(candidate);
    if (attempts >= attemptsPerNodeMax || !fits(candidate, shape)) continue;
    const score = candidate.load + attempts * attemptWeight;
    if (score < bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}

/** The candidate with the fewest actors for its cpus. */
export function placeActor<C extends Candidate>(
  candidates: readonly C[],
  actorsOn: (candidate: C) => number,
): C | undefined {
  let best: C | undefined;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const score = actorsOn(candidate) / Math.max(candidate.capacity.get('cpu') ?? 0, 1);
    if (score < bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}
