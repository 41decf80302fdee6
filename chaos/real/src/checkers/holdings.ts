/**
 * GPUs and who has them: where more is had of one at a time than there is.
 *
 * G1  what only touches does not overlap.
 * G2  one GPU is one of one process of a node. Another process of that name has them anew.
 */

import type { Held } from '../gpus.ts';
import type { Operation } from '../history/history.ts';
import { answersOf, askedOf } from './placings.ts';

/** One GPU, had by one attempt. */
export interface Holding {
  readonly operation: Operation;
  readonly member: number;
  readonly held: Held;
  readonly gpu: number;
  readonly milli: number;
  /** From when on it surely is its own: not later than its attempt began. */
  readonly from: number;
  readonly until: number;
}

/** Whole ones, in thousandths. */
const whole = 1_000;

/** All that is surely had by the attempts of answered operations; how early is said by `since`. */
export function holdingsOf(
  operations: readonly Operation[],
  since: (operation: Operation, held: Held) => number,
): readonly Holding[] {
  return operations.flatMap((operation) => {
    if (operation.outcome !== 'ok') return [];
    const { members } = askedOf(operation);
    return (answersOf(operation) ?? []).flatMap((held, member) => {
      const milli = members[member]?.milli ?? 0;
      const from = since(operation, held);
      const { until } = held;
      return held.gpus.map((gpu) => ({ operation, member, held, gpu, milli, from, until }));
    });
  });
}

/** Each time that a GPU was taken and had too much of it taken: by whom then. The taker is last. */
export function crowdsOf(holdings: readonly Holding[]): readonly (readonly Holding[])[] {
  const byGpu = new Map<string, Holding[]>();
  for (const holding of holdings) {
    const { node, process } = holding.held;
    const name = JSON.stringify([node, process, holding.gpu]);
    const same = byGpu.get(name);
    if (same === undefined) byGpu.set(name, [holding]);
    else same.push(holding);
  }
  return [...byGpu.values()].flatMap(crowdsOn);
}

function crowdsOn(holdings: readonly Holding[]): readonly (readonly Holding[])[] {
  const crowds: Holding[][] = [];
  let having: Holding[] = [];
  for (const holding of holdings.toSorted((left, right) => left.from - right.from)) {
    // G1
    having = having.filter(({ until }) => until > holding.from);
    having.push(holding);
    const taken = having.reduce((sum, { milli }) => sum + milli, 0);
    if (taken > whole) crowds.push([...having]);
  }
  return crowds;
}
