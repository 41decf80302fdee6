/**
 * Why there is no place: how many nodes are out for which reason.
 *
 * W1  the counts add up to the number of nodes: each node is counted once, for its first objection.
 */
import { assert } from '@troupe/model';
import type { Objection } from './filters.ts';

export interface Refusal {
  readonly nodeCount: number;
  readonly reasons: readonly { readonly count: number; readonly why: string }[];
  /** For people: `3 nodes lack gpu, 2 are cordoned`. */
  readonly text: string;
}

export function refusalOf(objections: Iterable<Objection>): Refusal {
  const counted = new Map<string, { readonly objection: Objection; count: number }>();
  let nodeCount = 0;
  for (const objection of objections) {
    nodeCount++;
    const known = counted.get(objection.many);
    if (known === undefined) counted.set(objection.many, { objection, count: 1 });
    else known.count++;
  }
  const sorted = [...counted.values()].sort((left, right) => right.count - left.count);
  const reasons = sorted.map(({ objection, count }) => {
    return { count, why: count === 1 ? objection.one : objection.many };
  });
  const sum = reasons.reduce((total, { count }) => total + count, 0);
  assert(sum === nodeCount, 'W1: the counts add up to the number of nodes');
  return { nodeCount, reasons, text: textOf(reasons) };
}

function textOf(reasons: Refusal['reasons']): string {
  if (reasons.length === 0) return 'there are no nodes';
  return reasons
    .map(({ count, why }, at) => {
      const noun = at > 0 ? '' : count === 1 ? ' node' : ' nodes';
      return `${count}${noun} ${why}`;
    })
    .join(', ');
}
