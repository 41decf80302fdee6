/**
 * Where actors go: a pure function of a snapshot of the nodes. Ties go to the first candidate, and
 * candidates come in the order of their incarnations, so the same snapshot always gives the same
 * place. Cost: one look at each node.
 */
export interface Candidate {
  readonly capacity: ReadonlyMap<string, number>;
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
