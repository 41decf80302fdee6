/**
 * A turn that fails undoes what it did, and all of it: each step that can be undone and was done, or
 * lost a race so that nobody knows, the last asked first, each once. Read from the facts and from what
 * the program says.
 */
import type { Outcome, Recorded } from '@troupe/model';
import type { BegunTurn } from '@troupe/worker-node-core';
import { ordinalsIn } from '../node/play.ts';
import { decodeArgs, isLeg, type Leg, type Part, undoOf, undoOrdinals } from '../node/program.ts';
import type { MakeChecker } from './checker.ts';

export const undoneInReverse: MakeChecker = (truth, violate) => ({
  turnFact(fact) {
    if (fact.kind !== 'turn-recorded' && fact.kind !== 'turn') return;
    const begun = truth.actors.get(fact.actor)?.memory.begun;
    if (begun === undefined || begun.seq !== fact.seq) return;
    const where = `turn ${fact.seq} of ${fact.actor}`;
    if (fact.kind === 'turn') {
      const fault = faultAtEnd(begun, fact.outcome);
      if (fault !== undefined) violate(`${where} ${fault}`);
      return;
    }
    const { recorded } = fact;
    const failed = failedIn(begun.recorded);
    if (failed !== undefined) {
      const names = undosOf(begun);
      const at = (recorded.ordinal - failed.ordinal - 1) / undoOrdinals;
      const again = begun.recorded.some(({ ordinal }) => ordinal === recorded.ordinal);
      const inTurn = doneSince(begun, failed.ordinal) === at;
      const name = names[at];
      if (again) violate(`${where} undoes ${recorded.name} twice`);
      else if (!inTurn || name === undefined || recorded.name !== undoOf(name)) {
        violate(
          `${where} does ${recorded.name} as number ${at} of what undoes ${names.join(', ')}`,
        );
      }
    } else if (recorded.kind === 'failed' && recorded.undo !== undefined) {
      const names = undosOf({ ...begun, recorded: [...begun.recorded, recorded] });
      if (names.join() === recorded.undo.join()) return;
      violate(`${where} is to undo ${recorded.undo.join(', ')}, it did ${names.join(', ')}`);
    }
  },
});

function faultAtEnd(begun: BegunTurn, outcome: Outcome): string | undefined {
  const failed = failedIn(begun.recorded);
  if (outcome.ok) return failed === undefined ? undefined : 'ends well, and had failed';
  const names = undosOf(begun);
  if (failed === undefined) {
    return names.length === 0 ? undefined : `fails and does not undo ${names.join(', ')}`;
  }
  // The runner may be killed under it again and again.
  const { code } = outcome.failure;
  const done = doneSince(begun, failed.ordinal);
  if (done === names.length || code === 'COMPENSATION_FAILED' || code === 'RUNNER_CRASHED') {
    return undefined;
  }
  return `ends with ${code} and has undone ${done} of ${names.join(', ')}`;
}

function failedIn(recorded: readonly Recorded[]) {
  return recorded.find((one) => one.kind === 'failed');
}

function doneSince({ recorded }: BegunTurn, failedAt: number): number {
  return recorded.filter(({ ordinal }) => ordinal > failedAt).length;
}

/** Names of what is to be undone by now, the last asked first. */
function undosOf({ args, recorded }: BegunTurn): readonly string[] {
  const { parts } = decodeArgs(args);
  const done = new Set<number>();
  const end = failedIn(recorded)?.ordinal ?? Infinity;
  for (const one of recorded) {
    if (one.kind === 'step' && one.ordinal < end && one.outcome.ok) done.add(one.ordinal);
    if ('lost' in one) for (const ordinal of one.lost) done.add(ordinal);
  }
  const first = ordinalsIn(parts);
  return parts
    .flatMap((part, at) =>
      legsOf(part).map((leg, place) => ({ leg, at: (first[at] ?? 0) + place })),
    )
    .flatMap(({ leg, at }) =>
      leg[0] === 'step' && leg[2] === 'undo' && done.has(at) ? [leg[1]] : [],
    )
    .reverse();
}

function legsOf(part: Part): readonly Leg[] {
  if (part[0] === 'race') return part[1];
  return isLeg(part) ? [part] : [];
}
