/**
 * A turn that fails undoes what it did, and all of it: each step that can be undone and was done, or
 * lost a race or was at work so that nobody knows, the last asked first, each once. Read from the facts,
 * from what the program says, and, where a turn crashed its runners, from what it had done.
 */
import type { ActorId, Decided, Outcome, Recorded } from '@troupe/model';
import type { BegunTurn } from '@troupe/worker-node-core';
import { ordinalsIn } from '../node/play.ts';
import { decodeArgs, isLeg, type Leg, type Part, undoOf, undoOrdinals } from '../node/program.ts';
import type { MakeChecker } from './checker.ts';

type Failed = Extract<Decided, { kind: 'failed' }>;
type Turn = { readonly begun: BegunTurn; readonly where: string };

export const undoneInReverse: MakeChecker = (truth, violate) => {
  /** Ordinals of what the turn of an actor has done where it is now, recorded or not. */
  const done = new Map<ActorId, { readonly node: string; readonly ordinals: Set<number> }>();

  const isToUndo = ({ begun, where }: Turn, recorded: Failed): void => {
    const names = undosOf({ ...begun, recorded: [...begun.recorded, recorded] });
    const undo = recorded.undo ?? [];
    // A node that found it so does not know the names of what has lost a race: the turn says them when it runs again.
    const isSaid =
      recorded.found === true
        ? undo.every((name) => names.includes(name))
        : names.join() === undo.join();
    if (isSaid) return;
    violate(`${where} is to undo ${undo.join(', ')}, it did ${names.join(', ')}`);
  };
  const undoesAllDone = ({ begun, where }: Turn, actor: ActorId, { undo = [] }: Failed): void => {
    const known = done.get(actor);
    if (known === undefined || known.node !== truth.actors.get(actor)?.node) return;
    for (const { name, ordinal } of undoable(begun)) {
      if (!known.ordinals.has(ordinal) || undo.includes(name)) continue;
      violate(`${where} crashed its runners when ${name} was done, and is not to undo it`);
    }
  };
  const isNext = ({ begun, where }: Turn, recorded: Recorded, failed: Failed): void => {
    const names = undosOf(begun);
    const at = (recorded.ordinal - failed.ordinal - 1) / undoOrdinals;
    const again = begun.recorded.some(({ ordinal }) => ordinal === recorded.ordinal);
    const inTurn = doneSince(begun, failed.ordinal) === at;
    const name = names[at];
    if (again) violate(`${where} undoes ${recorded.name} twice`);
    else if (!inTurn || name === undefined || recorded.name !== undoOf(name)) {
      violate(`${where} does ${recorded.name} as number ${at} of what undoes ${names.join(', ')}`);
    }
  };

  return {
    effect({ effect, actor, node }) {
      if (actor === undefined || truth.actors.get(actor)?.node !== node) return;
      const ordinal = Number(effect.slice(effect.lastIndexOf('/') + 1));
      const known = done.get(actor);
      if (known?.node === node) known.ordinals.add(ordinal);
      else done.set(actor, { node, ordinals: new Set([ordinal]) });
    },
    turnFact(fact) {
      if (fact.kind === 'turn-begun') done.delete(fact.actor);
      if (fact.kind !== 'turn-recorded' && fact.kind !== 'turn') return;
      const begun = truth.actors.get(fact.actor)?.memory.begun;
      if (begun === undefined || begun.seq !== fact.seq) return;
      const turn = { begun, where: `turn ${fact.seq} of ${fact.actor}` };
      if (fact.kind === 'turn') {
        const fault = faultAtEnd(begun, fact.outcome);
        if (fault !== undefined) violate(`${turn.where} ${fault}`);
        return;
      }
      const { recorded } = fact;
      const failed = failedIn(begun.recorded);
      if (recorded.kind !== 'failed') {
        if (failed !== undefined) isNext(turn, recorded, failed);
        return;
      }
      if (failed !== undefined && failed.found !== true) violate(`${turn.where} fails twice`);
      isToUndo(turn, recorded);
      if (failed !== undefined) undoesAllDone(turn, fact.actor, recorded);
    },
  };
};

function faultAtEnd(begun: BegunTurn, outcome: Outcome): string | undefined {
  const failed = failedIn(begun.recorded);
  if (outcome.ok) return failed === undefined ? undefined : 'ends well, and had failed';
  const names = undosOf(begun);
  if (failed === undefined) {
    return names.length === 0 ? undefined : `fails and does not undo ${names.join(', ')}`;
  }
  // The runner may be killed under it again and again: then that is said.
  const { code } = outcome.failure;
  const done = doneSince(begun, failed.ordinal);
  if (done === names.length || code === 'COMPENSATION_FAILED') return undefined;
  return `ends with ${code} and has undone ${done} of ${names.join(', ')}`;
}

function failedIn(recorded: readonly Recorded[]) {
  return recorded.find((one) => one.kind === 'failed');
}

function doneSince({ recorded }: BegunTurn, failedAt: number): number {
  return recorded.filter(({ ordinal }) => ordinal > failedAt).length;
}

/** Names of what is to be undone by now, the last asked first. */
function undosOf(begun: BegunTurn): readonly string[] {
  const { recorded } = begun;
  const done = new Set<number>();
  const end = failedIn(recorded)?.ordinal ?? Infinity;
  for (const one of recorded) {
    if (one.kind === 'step' && one.ordinal < end && one.outcome?.ok !== false)
      done.add(one.ordinal);
    if ('lost' in one) for (const ordinal of one.lost) done.add(ordinal);
  }
  return undoable(begun)
    .filter(({ ordinal }) => done.has(ordinal))
    .map(({ name }) => name)
    .reverse();
}

/** Steps that can be undone, in the order of the asking. */
function undoable({
  args,
}: BegunTurn): readonly { readonly name: string; readonly ordinal: number }[] {
  const { parts } = decodeArgs(args);
  const first = ordinalsIn(parts);
  return parts
    .flatMap((part, at) =>
      legsOf(part).map((leg, place) => ({ leg, ordinal: (first[at] ?? 0) + place })),
    )
    .flatMap(({ leg, ordinal }) =>
      leg[0] === 'step' && leg[2] === 'undo' ? [{ name: leg[1], ordinal }] : [],
    );
}

function legsOf(part: Part): readonly Leg[] {
  if (part[0] === 'race') return part[1];
  return isLeg(part) ? [part] : [];
}
