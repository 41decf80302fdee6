/**
 * What is kept of an actor's turns, so that a line may go back to them: in memory what the last ones
 * added to its clock, and, where its past is kept, segments in the store. A segment is a checkpoint
 * with the facts since the segment before: what lies between two of them is reached by rolling forward.
 *
 * Y3  segments of an actor follow each other without a gap: what is missing is further back than kept.
 * Y4  a segment is stored before the checkpoint that lists it, and goes after one that does not. What is
 *     listed is what was stored by whoever listed it, also when another one has written since.
 * Y5  only time in which the actor was in memory somewhere makes a segment older (S3).
 */
import {
  type ActorId,
  actorParts,
  type Bytes,
  clockChanges,
  emptyClock,
  isBuiltInType,
  type LineTurn,
  limits,
  mergeClocks,
  type Strand,
  type VectorClock,
  withoutEnded,
} from '@troupe/model';
import type { Activation } from './activation.ts';
import type { NodeFact } from './facts.ts';

export interface Segment {
  readonly number: number;
  /** The epoch of who wrote it, and how often that has written this number if more than once: whoever did not
   *  know of it uses the number too. Absent from older nodes. */
  readonly by?: string;
  /** It leads from this turn to `to`: it holds the facts between, and how the actor stood at `to`. */
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  /** Monotonic ms of this node; before its start for one that is old already. */
  readonly madeAt: number;
}

/** As it stands in a checkpoint. */
export interface StoredPast {
  readonly next: number;
  readonly shared: boolean;
  /** The clock after the last turn that had ended, where another one had begun. */
  readonly ended?: VectorClock;
  /** Of a rest: the turn after which its facts begin. */
  readonly from?: number;
  /** Number, from, to, bytes, age in ms, by whom. */
  readonly segments: readonly (readonly [number, number, number, number, number, string?])[];
  readonly strays?: readonly string[];
}

export interface Past {
  /** The last turns, and what was known before them. */
  base: { seq: number; clock: VectorClock };
  readonly turns: LineTurn[];
  /** How often who has ended was forgotten. */
  prunings: number;
  /** What the turn under way has learnt. */
  learnt: VectorClock;
  /** The actor has, or had, to do with others of its scope. */
  shared: boolean;
  /** Oldest first. */
  segments: readonly Segment[];
  /** Number of the next segment. */
  next: number;
  /** Since the last segment, or since the birth. */
  facts: NodeFact[];
  /** The turn after which `facts` begin; undefined when some before them were not kept. */
  from: number | undefined;
  /** Of turns that the scope went back behind: they go with the next checkpoint. */
  readonly abandoned: Segment[];
  /** Keys of what others may have stored whose checkpoint is not the last: they go once that is sure. */
  strays: readonly string[];
  /** Its scope went back: a segment ends there, since what it remembers does not follow from before. */
  anew: boolean;
  /** The segment that is being stored. */
  pending: { readonly number: number; readonly body: Bytes } | undefined;
}

/** Turns at hand of an actor that has to do with nobody. */
const aloneTurnsMax = 32;

export type KeptScopes = 'shared' | 'all' | 'none';

/** How far back an actor's past is kept. */
export interface PastKept {
  readonly scopes: KeptScopes;
  readonly ms: number;
  readonly segmentsMax: number;
  readonly bytesMax: number;
}

export const pastKeptDefault: PastKept = {
  scopes: 'shared',
  ms: limits.pastMs,
  segmentsMax: limits.pastSegmentsMax,
  bytesMax: limits.pastBytesMax,
};

export function freshPast({ id, scope }: Pick<Activation, 'id' | 'scope'>): Past {
  return {
    base: { seq: 0, clock: emptyClock },
    turns: [],
    prunings: 0,
    learnt: emptyClock,
    shared: scope !== id,
    segments: [],
    next: 1,
    facts: [],
    from: 0,
    abandoned: [],
    strays: [],
    anew: false,
    pending: undefined,
  };
}

/** Of an actor that was read back: its checkpoint's, to which the facts after it are added. */
export function pastFrom(
  activation: Pick<Activation, 'id' | 'scope'>,
  stored: StoredPast | undefined,
  base: { readonly seq: number; readonly clock: VectorClock; readonly prunings: number },
  now: number,
): Past {
  const past = freshPast(activation);
  past.base = { seq: base.seq, clock: stored?.ended ?? base.clock };
  past.learnt = clockChanges(past.base.clock, base.clock);
  past.prunings = base.prunings;
  past.from = undefined;
  if (stored === undefined) return past;
  past.shared ||= stored.shared;
  past.next = stored.next;
  past.strays = stored.strays ?? [];
  past.segments = stored.segments.map(([number, from, to, bytes, age, by]) => {
    const segment = { number, from, to, bytes, madeAt: now - age };
    return by === undefined ? segment : { ...segment, by };
  });
  if (past.segments.at(-1)?.to === base.seq) past.from = base.seq;
  if (stored.from !== undefined) past.from = stored.from;
  return past;
}

export function storePast(past: Past, now: number, begun: boolean): StoredPast {
  const segments = past.segments.map(({ number, by, from, to, bytes, madeAt }) => {
    const segment = [number, from, to, bytes, now - madeAt] as const;
    return by === undefined ? segment : ([...segment, by] as const);
  });
  const { next, shared, strays } = past;
  const known = { next, shared, segments };
  const stored = strays.length === 0 ? known : { ...known, strays };
  return begun ? { ...stored, ended: clockOf(past) } : stored;
}

/** A fact of the actor, live or read back. Of the last turns only so many stay, unless all shall. */
export function notePast(past: Past, fact: NodeFact, kept: PastKept, whole = false): void {
  if (fact.kind === 'barrier' || fact.kind === 'actor-released') return;
  // What was yielded is no part of what an actor was.
  if (fact.kind === 'turn-yielded') return;
  if (fact.kind === 'clock-pruned') {
    if (fact.number <= past.prunings) return;
    if (past.from !== undefined && isKept(past, kept)) past.facts.push(fact);
    return prune(past, fact);
  }
  if (fact.kind === 'signalled' || fact.kind === 'letter-discarded') {
    // Of no turn: the next one knows what whoever asked for it knew. Replay knows a copy by its number.
    if (past.from !== undefined && isKept(past, kept)) past.facts.push(fact);
    past.learnt = mergeClocks(past.learnt, fact.clock);
    return;
  }
  const { seq: last } = past.turns.at(-1) ?? past.base;
  if (fact.seq <= last) return;
  if (!past.shared && leads(fact)) {
    past.shared = true;
    if (kept.scopes === 'shared') past.from = undefined;
  }
  // Whom its last turn had called knows of the number of its end.
  if (fact.kind === 'actor-ended') {
    past.turns.push({ seq: fact.seq, clock: past.learnt, sent: [] });
    return;
  }
  if (past.from !== undefined && isKept(past, kept)) past.facts.push(fact);
  if (fact.clock !== undefined) past.learnt = mergeClocks(past.learnt, fact.clock);
  if (fact.kind !== 'turn') return;
  past.turns.push({ seq: fact.seq, clock: past.learnt, sent: [] });
  past.learnt = emptyClock;
  if (!whole) forget(past);
}

export function isKept(past: Past, { scopes }: PastKept): boolean {
  return scopes === 'all' || (scopes === 'shared' && past.shared);
}

/** The last turns, as a line sees them. */
export function strandOf(actor: ActorId, { base, turns }: Past): Strand {
  return { actor, base: { ...base, taken: {}, letters: [] }, turns };
}

/** Ends a segment at this turn. The next one begins there. */
export function endSegment(
  past: Past,
  { by, to, bytes }: Required<Pick<Segment, 'by' | 'to' | 'bytes'>>,
  now: number,
): Segment {
  const segment = { number: past.next, by, from: past.from ?? to, to, bytes, madeAt: now };
  past.segments = [...past.segments, segment];
  past.next += 1;
  past.facts = [];
  past.from = to;
  past.anew = false;
  return segment;
}

/** Takes the segments that are to go: the oldest, as long as those after them reach far enough. */
export function expire(past: Past, kept: PastKept, now: number): readonly Segment[] {
  let bytes = past.segments.reduce((sum, one) => sum + one.bytes, 0);
  let gone = 0;
  for (const [index, segment] of past.segments.entries()) {
    const following = past.segments[index + 1];
    if (following === undefined) break;
    const many = past.segments.length - gone > kept.segmentsMax || bytes > kept.bytesMax;
    if (!many && now - following.madeAt <= kept.ms) break;
    bytes -= segment.bytes;
    gone += 1;
  }
  const expired = past.segments.slice(0, gone);
  past.segments = past.segments.slice(gone);
  return expired;
}

/** The first turn at which the actor can still be had; undefined when it is only what it is now. */
export function earliestOf(past: Past, kept: PastKept): number | undefined {
  if (!isKept(past, kept)) return undefined;
  const [first] = past.segments;
  if (first === undefined) return past.from;
  return startsAtBirth(first) ? first.from : first.to;
}

/** True of a segment that begins with the birth of its actor; the first turn of one that follows a
 *  destroyed one of its name is not 1. */
export function startsAtBirth({ number, from, to }: Segment): boolean {
  return from === 0 || (number === 1 && from < to);
}

/** Others may come to know of it by this: who it sends to, or calls, may belong to its scope. */
function leads(fact: NodeFact): boolean {
  if (fact.kind === 'turn') {
    // What all share is a scope of its own, and is not taken back with those who share it.
    return fact.letters.length > 0 && !isBuiltInType(actorParts(fact.actor).type);
  }
  return fact.kind === 'turn-recorded' && fact.recorded.kind === 'call';
}

/** The number of its last turn. */
export function lastTurnOf({ turns, base }: Past): number {
  return turns.at(-1)?.seq ?? base.seq;
}

/** True when nothing is missing of what it was since its birth. */
export function reachesBirth({ segments, next, from }: Past): boolean {
  const [first] = segments;
  return first === undefined ? next === 1 && from !== undefined : startsAtBirth(first);
}

/** After the last turn that has ended. */
export function clockOf({ base, turns }: Past): VectorClock {
  return turns.reduce((clock, turn) => mergeClocks(clock, turn.clock), base.clock);
}

/** Who has ended binds none of its turns. */
function prune(past: Past, { number, ended }: Extract<NodeFact, { kind: 'clock-pruned' }>): void {
  past.prunings = number;
  past.base = { ...past.base, clock: withoutEnded(past.base.clock, ended) };
  past.learnt = withoutEnded(past.learnt, ended);
  for (const [index, turn] of past.turns.entries()) {
    const clock = withoutEnded(turn.clock, ended);
    if (clock !== turn.clock) past.turns[index] = { ...turn, clock };
  }
}

/** In steps, since each one makes a clock anew. */
function forget(past: Past): void {
  const most = past.shared ? limits.recentTurnsMax : aloneTurnsMax;
  if (past.turns.length < 2 * most) return;
  const gone = past.turns.splice(0, past.turns.length - most);
  const clock: Record<string, number> = { ...past.base.clock };
  for (const turn of gone) Object.assign(clock, mergeClocks(clock, turn.clock));
  past.base = { seq: gone.at(-1)?.seq ?? past.base.seq, clock };
}
