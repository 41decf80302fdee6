/** An actor as it was after a turn: a segment before that, and the facts that lead from there. */
import { type ActorId, type Bytes, type Failure, failure, type VectorClock } from '@troupe/model';
import { decodeCheckpoint } from './checkpoint.ts';
import type { NodeFact } from './facts.ts';
import { freshMemory, type Memory, replay } from './memory.ts';

export interface Rolled {
  readonly memory: Memory;
  readonly state: Bytes | undefined;
  readonly deltas: readonly Bytes[];
  /** Those that lead there. */
  readonly facts: readonly NodeFact[];
}

/** Whether what came without a turn knew only of what is wanted. */
export type IsKnown = (fact: { readonly clock: VectorClock }) => boolean;

/**
 * `bodies` are segments that follow each other; the first one is where it begins, unless it begins at the
 * birth, at turn `from`. `rest` are facts beyond the last segment.
 *
 * Signals are of no turn: those that came before the next turn had ended are there, if what they knew
 * `isKnown`. They get new numbers when some are left out.
 */
export function rollForward(
  actor: ActorId,
  kept: {
    readonly bodies: readonly (Bytes | undefined)[];
    readonly fromBirth: boolean;
    readonly from: number;
    readonly rest: readonly NodeFact[];
    /** What the first of them lies on, if on anything. */
    readonly base?: Bytes;
  },
  to: {
    readonly seq: number;
    readonly now: number;
    readonly isKnown: IsKnown;
  },
): Rolled | Failure {
  const { seq, now } = to;
  const read = kept.bodies.map((body, at) =>
    body === undefined ? undefined : decodeCheckpoint(body, now, at === 0 ? kept.base : undefined),
  );
  if (read.includes(undefined)) {
    return failure('TOO_FAR_BACK', `a segment of the past of ${actor} is not there any more`);
  }
  const [base, ...following] = kept.fromBirth ? [undefined, ...read] : read;
  const memory = base?.memory ?? { ...freshMemory(), seq: kept.from };
  // What only the turn under way had learnt is known to it, if that is wanted too.
  if (base?.past?.ended !== undefined && base.head.seq === seq && memory.signals.size === 0) {
    memory.clock = base.past.ended;
  }
  const deltas: Bytes[] = [...(base?.deltas ?? [])];
  const facts: NodeFact[] = [];
  let ended = false;
  for (const some of [...following.map(factsOf), kept.rest]) {
    for (const fact of some) {
      ended ||= fact.kind === 'turn' && fact.seq > seq;
      const applied = ended ? undefined : upTo(fact, seq, memory, to.isKnown);
      if (applied === undefined) continue;
      const delta = replay(memory, actor, applied, now);
      if (delta !== undefined) deltas.push(delta);
      facts.push(applied);
    }
  }
  dropBegun(memory);
  if (memory.seq !== seq) {
    const text = `turn ${seq} of ${actor} was abandoned when its scope went back, or is not kept`;
    return failure('TOO_FAR_BACK', text, { actor });
  }
  return { memory, state: base?.state, deltas, facts };
}

/** The turn under way comes to nothing, and the signals that it was given are there again. */
export function dropBegun(memory: Memory): void {
  for (const one of memory.begun?.recorded ?? []) {
    if (one.kind !== 'wait' || one.signal === undefined || one.outcome?.ok !== true) continue;
    memory.signals.giveBack({ number: one.signal, name: one.name, value: one.outcome.value });
  }
  memory.begun = undefined;
}

/** The fact, if it leads to this turn. */
function upTo(
  fact: NodeFact,
  seq: number,
  { signals, letters }: Memory,
  isKnown: IsKnown,
): NodeFact | undefined {
  if (fact.kind === 'signalled') {
    if (fact.number <= signals.count || !isKnown(fact)) return undefined;
    return { ...fact, number: signals.count + 1 };
  }
  // So are discards, which keep their numbers: that one is left out matters to nobody.
  if (fact.kind === 'letter-discarded') {
    return fact.number > letters.discards && isKnown(fact) ? fact : undefined;
  }
  // Who has ended by now is on no line.
  if (fact.kind === 'clock-pruned') return fact;
  return 'seq' in fact && fact.seq <= seq ? fact : undefined;
}

function factsOf(
  segment: { readonly facts: readonly NodeFact[] } | undefined,
): readonly NodeFact[] {
  return segment?.facts ?? [];
}
