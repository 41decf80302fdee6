/**
 * The contest in small: the few queues of a tenant, or its three priorities. The same rule as
 * `contest.ts`, found by looking at each of them.
 *
 * F1  who begins to wait starts at the mean of those who wait: nothing is banked.
 */
export interface Few {
  start: number;
  waiting: number;
}

/** What one of them would start next: its cost, and the weight that it has for it. */
export interface Face<M extends Few> {
  readonly member: M;
  readonly cost: number;
  readonly weight: number;
}

/** One more waits. */
export function joinFew<M extends Few>(member: M, all: Iterable<M>): void {
  if (member.waiting === 0) {
    let sum = 0;
    let count = 0;
    let latest = member.start;
    for (const other of all) {
      latest = Math.max(latest, other.start);
      if (other.waiting === 0) continue;
      sum += other.start;
      count++;
    }
    member.start = count === 0 ? latest : Math.max(member.start, sum / count);
  }
  member.waiting++;
}

/** Of those eligible, the one with the earliest deadline. */
export function nextOfFew<M extends Few>(faces: readonly Face<M>[]): Face<M> | undefined {
  const [only] = faces;
  if (faces.length <= 1) return only;
  let weights = 0;
  let sum = 0;
  for (const { member, weight } of faces) {
    weights += weight;
    sum += weight * member.start;
  }
  const time = sum / weights;
  let best: Face<M> | undefined;
  let bestDeadline = Number.POSITIVE_INFINITY;
  for (const face of faces) {
    const { start } = face.member;
    // A rounding must not leave nobody eligible.
    if (start > time + 1e-9 * Math.abs(time)) continue;
    const deadline = start + face.cost / face.weight;
    if (deadline < bestDeadline) {
      best = face;
      bestDeadline = deadline;
    }
  }
  return best;
}
