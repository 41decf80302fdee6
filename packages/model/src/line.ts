/**
 * Lines: consistent cuts through the turns of a scope. A line names for each actor its last turn that
 * lies before it; what any of these turns knows of another actor lies before it too.
 *
 * A turn is before a line as a whole or not at all. So an actor that was called by a turn which has
 * not ended, or whose end is beyond the line, goes back to before that call: what a turn sends
 * carries its own number, ended or not.
 *
 * Y1  of all consistent lines within a bound one is above all others, since of two consistent lines
 *     the upper one of each actor is one too: that is the one found.
 * Y2  a letter is in transit across a line when the turn that sent it is before the line, and a turn
 *     that took it is not.
 */
import { isTracked, mergeClocks, type VectorClock } from './clock.ts';
import type { ActorId } from './ids.ts';

/** By actor, the number of its last turn before the line: 0 is how it was born, or, where another one of
 *  its name was destroyed, the number at which that ended. What a turn knows of an actor that is not
 *  named binds nobody: it is no more, and so is its past. */
export type Line = { readonly [actor: ActorId]: number };

/** A letter by its sender and its number: numbers rise by one from a sender to a receiver. */
export interface LetterPlace {
  readonly from: ActorId;
  readonly to: ActorId;
  readonly number: number;
}

/** A turn, as far as lines go by it. */
export interface LineTurn {
  readonly seq: number;
  /** What it added to the clock of its actor, itself among it. */
  readonly clock: VectorClock;
  /** The letter that it took, if it is one's. */
  readonly took?: Pick<LetterPlace, 'from' | 'number'>;
  readonly sent: readonly Pick<LetterPlace, 'to' | 'number'>[];
}

/** What is kept of an actor: how it stood somewhere, and every turn after that. */
export interface Strand {
  readonly actor: ActorId;
  readonly base: {
    readonly seq: number;
    readonly clock: VectorClock;
    /** By sender, up to which letter it had taken. */
    readonly taken: { readonly [sender: ActorId]: number };
    /** Letters sent by then that it still knew. */
    readonly letters: readonly Pick<LetterPlace, 'to' | 'number'>[];
  };
  readonly turns: readonly LineTurn[];
}

/** What a turn has done to somebody outside of its scope, or for him. */
export interface OutsideEffect {
  readonly actor: ActorId;
  readonly turn: number;
  /** A step it took, or has begun and may have taken, a call or letter to another scope, a letter from there that it took, or its
   *  answer to a client, a task or an actor of another scope. */
  readonly kind: 'step' | 'step-begun' | 'call' | 'letter' | 'letter-taken' | 'answer';
  /** The step with its effect id (`?` is one that nobody can name), the other actor, or the session and number that was answered. */
  readonly what: string;
}

/** No line within the bound can be reached: this actor would have to go further back than is kept. */
export interface BeyondKept {
  readonly beyond: ActorId;
}

/**
 * The number of the last turn of an actor that is before a line and knows of nothing beyond it;
 * undefined when that is further back than is kept.
 */
export function lastWithin(strand: Strand, line: Line): number | undefined {
  let { seq, clock } = strand.base;
  if (!isWithin(strand.actor, seq, clock, line)) return undefined;
  for (const turn of strand.turns) {
    clock = mergeClocks(clock, turn.clock);
    if (!isWithin(strand.actor, turn.seq, clock, line)) break;
    seq = turn.seq;
  }
  return seq;
}

/**
 * The line above all others that names no later turn than a bound does for those that it names (Y1). Each actor in turn goes to the last of its turns
 * that knows of nothing beyond the line so far, until nobody has to go any further.
 */
export function maximalLine(strands: readonly Strand[], bound: Line): Line | BeyondKept {
  const line: Record<string, number> = {};
  for (const { actor, base, turns } of strands) {
    const last = turns.at(-1)?.seq ?? base.seq;
    line[actor] = Math.min(bound[actor] ?? last, last);
  }
  for (let lowered = true; lowered; ) {
    lowered = false;
    for (const strand of strands) {
      const seq = lastWithin(strand, line);
      if (seq === undefined) return { beyond: strand.actor };
      if (seq === line[strand.actor]) continue;
      line[strand.actor] = seq;
      lowered = true;
    }
  }
  return line;
}

export function isBeyondKept(found: Line | BeyondKept): found is BeyondKept {
  // Ids of actors hold slashes.
  return 'beyond' in found;
}

/** The letters between actors of the line that are in transit across it (Y2), in the order sent. */
export function inTransit(strands: readonly Strand[], line: Line): LetterPlace[] {
  const taken = new Map<string, number>();
  for (const strand of strands) {
    for (const [from, number] of Object.entries(takenAt(strand, line[strand.actor] ?? 0))) {
      taken.set(channel(from, strand.actor), number);
    }
  }
  return strands.flatMap((strand) =>
    sentAt(strand, line[strand.actor] ?? 0)
      .filter(({ to, number }) => {
        return line[to] !== undefined && number > (taken.get(channel(strand.actor, to)) ?? 0);
      })
      .map(({ to, number }) => ({ from: strand.actor, to, number })),
  );
}

/** By sender, up to which letter an actor has taken at a turn that is kept. */
export function takenAt(strand: Strand, seq: number): { readonly [sender: ActorId]: number } {
  const taken: Record<string, number> = { ...strand.base.taken };
  for (const turn of strand.turns) {
    if (turn.seq > seq) break;
    if (turn.took !== undefined) taken[turn.took.from] = turn.took.number;
  }
  return taken;
}

/** False also of a clock that is not tracked: nobody can say what that knows. What is known of `but` does
 *  not count. */
export function knowsNothingBeyond(clock: VectorClock, line: Line, but?: ActorId): boolean {
  if (!isTracked(clock)) return false;
  for (const [other, known] of Object.entries(clock)) {
    if (other !== but && known > (line[other as ActorId] ?? known)) return false;
  }
  return true;
}

/** Letters that an actor has sent at a turn, as far as they are kept. */
function sentAt(strand: Strand, seq: number): Pick<LetterPlace, 'to' | 'number'>[] {
  const sent = [...strand.base.letters];
  for (const turn of strand.turns) {
    if (turn.seq > seq) break;
    sent.push(...turn.sent);
  }
  return sent;
}

function isWithin(actor: ActorId, seq: number, clock: VectorClock, line: Line): boolean {
  return seq <= (line[actor] ?? 0) && knowsNothingBeyond(clock, line, actor);
}

function channel(from: string, to: string): string {
  return `${from} ${to}`;
}
