/**
 * What an actor is beside its user state: turn number, clock, what it has received, answered and
 * sent. It is rebuilt from a checkpoint and the facts after it, exactly as it grew live.
 *
 * M1  turn numbers of an actor rise by one over all its epochs; replay refuses a gap.
 * M2  replaying a fact that the checkpoint already holds changes nothing.
 *
 * `now` is monotonic ms of this node: what is read back was heard of now (S3).
 */
import {
  type ActorId,
  type Bytes,
  emptyClock,
  encodeValue,
  type LetterTries,
  mergeClocks,
  type Outcome,
  type Recorded,
  troupeError,
  type VectorClock,
  withoutEnded,
} from '@troupe/model';
import { applyEnd } from './end-of-actor.ts';
import type { NodeFact, TurnCause } from './facts.ts';
import { LetterBook, type StoredLetterBook } from './letter-book.ts';
import { LetterKeys, type StoredLetterKeys } from './letter-keys.ts';
import { Outbox, type StoredChannel } from './outbox.ts';
import { Sessions, type StoredSession } from './sessions.ts';
import { Signals, type StoredSignals } from './signals.ts';
import { codeFrom, type StateCode, type StoredStateCode, storeCode } from './state-code.ts';
import { type StoredTimers, TimerBook } from './timer-book.ts';
import { applyYielded, type StoredStream, Yields } from './yields.ts';

/** A turn that has left its actor before it ended: it runs again if its node dies. */
export interface BegunTurn {
  readonly seq: number;
  readonly cause: TurnCause;
  readonly method: string;
  readonly args: Bytes;
  readonly path: readonly ActorId[];
  readonly tries?: LetterTries;
  /** Number of the dead letter that it delivers anew. */
  readonly redelivers?: number;
  readonly idempotencyKey?: string;
  readonly recorded: Recorded[];
  /** Version of the configuration that it was begun with; absent when there was none. */
  readonly config?: number;
  /** Nothing is left to do but to wait, as its runner said: it need not run before a wait ends. */
  parked: boolean;
  /** Values that it has yielded in all its runs; undefined when nobody takes any. */
  yielded: number | undefined;
  /** Since when each of its waits lasts, by ordinal: monotonic ms of this node (S3). */
  readonly since: Map<number, number>;
}

/** As it stands in a checkpoint. */
type StoredBegun = Omit<BegunTurn, 'parked' | 'since' | 'yielded'> & {
  readonly parked?: boolean;
  readonly yielded?: number;
  /** Milliseconds that each wait has lasted. */
  readonly waited?: readonly (readonly [ordinal: number, ms: number])[];
};

export interface Memory {
  seq: number;
  clock: VectorClock;
  /** How often it has forgotten who has ended. */
  prunings: number;
  /** Highest contiguous letter number committed, by `sender#birth`. */
  readonly recv: Map<string, number>;
  readonly sessions: Sessions;
  readonly outbox: Outbox;
  readonly signals: Signals;
  readonly timers: TimerBook;
  readonly letters: LetterBook;
  readonly letterKeys: LetterKeys;
  begun: BegunTurn | undefined;
  /** Undefined until it was upgraded for the first time. */
  madeBy: StateCode | undefined;
}

export interface StoredMemory {
  readonly seq: number;
  readonly clock: VectorClock;
  readonly recv: readonly (readonly [string, number])[];
  readonly sessions: readonly StoredSession[];
  readonly outbox: readonly StoredChannel[];
  /** Absent where no timer was ever set. */
  readonly timers?: StoredTimers;
  readonly begun?: StoredBegun;
  readonly signals?: StoredSignals;
  /** Absent where no letter has failed. */
  readonly letters?: StoredLetterBook;
  /** Absent where none is known. */
  readonly letterKeys?: StoredLetterKeys;
  /** Absent where nothing that was yielded is kept. */
  readonly yields?: readonly StoredStream[];
  /** Absent where there were none, and from older nodes. */
  readonly prunings?: number;
  /** Absent where no rollout has upgraded it. */
  readonly madeBy?: StoredStateCode;
}

type TurnFact = Extract<NodeFact, { kind: 'turn' }>;
type DiscardFact = Extract<NodeFact, { kind: 'letter-discarded' }>;
type PrunedFact = Extract<NodeFact, { kind: 'clock-pruned' }>;
type SignalFact = Extract<NodeFact, { kind: 'signalled' }>;

/** What whoever signals, or discards, is answered. */
export const signalled: Outcome = { ok: true, value: encodeValue(null) };

export function freshMemory(): Memory {
  return {
    seq: 0,
    clock: emptyClock,
    prunings: 0,
    recv: new Map(),
    sessions: new Sessions(),
    outbox: new Outbox(),
    signals: new Signals(),
    timers: new TimerBook(),
    letters: new LetterBook(),
    letterKeys: new LetterKeys(),
    begun: undefined,
    madeBy: undefined,
  };
}

export function storeMemory(memory: Memory, now: number): StoredMemory {
  const { begun, signals, letterKeys } = memory;
  const yields = memory.sessions.storeYields();
  return {
    seq: memory.seq,
    clock: memory.clock,
    recv: [...memory.recv],
    sessions: memory.sessions.store(now),
    outbox: memory.outbox.store(),
    ...(begun === undefined ? {} : { begun: storeBegun(begun, now) }),
    ...(signals.count === 0 ? {} : { signals: signals.store() }),
    ...(memory.prunings === 0 ? {} : { prunings: memory.prunings }),
    ...(yields.length === 0 ? {} : { yields }),
    ...(memory.timers.isUsed ? { timers: memory.timers.store() } : {}),
    ...(memory.letters.isUsed ? { letters: memory.letters.store(now) } : {}),
    ...(letterKeys.count === 0 ? {} : { letterKeys: letterKeys.store(now) }),
    ...(memory.madeBy === undefined ? {} : { madeBy: storeCode(memory.madeBy, now) }),
  };
}

export function memoryFrom(stored: StoredMemory, now: number): Memory {
  return {
    seq: stored.seq,
    clock: stored.clock,
    prunings: stored.prunings ?? 0,
    recv: new Map(stored.recv),
    sessions: Sessions.from(stored.sessions, now, yieldsFrom(stored, now)),
    outbox: Outbox.from(stored.outbox),
    signals: Signals.from(stored.signals),
    timers: stored.timers === undefined ? new TimerBook() : TimerBook.from(stored.timers, now),
    letters: LetterBook.from(stored.letters, now),
    letterKeys: LetterKeys.from(stored.letterKeys ?? [], now),
    begun: stored.begun === undefined ? undefined : begunFrom(stored.begun, now),
    madeBy: stored.madeBy === undefined ? undefined : codeFrom(stored.madeBy, now),
  };
}

/** The one place where a turn changes an actor's memory: live and at replay. */
export function applyTurn(memory: Memory, fact: TurnFact, now: number): void {
  memory.seq = fact.seq;
  memory.clock = mergeClocks(memory.clock, fact.clock);
  memory.begun = undefined;
  const { cause } = fact;
  if (cause.kind === 'call') {
    memory.sessions.record(cause, fact.outcome, now);
  } else if (cause.kind === 'letter') {
    const sender = senderOf(cause.from, cause.fromBirth);
    // One that is tried again is not taken: those after it wait.
    if (fact.letterEnd?.kind !== 'again') memory.recv.set(sender, cause.number);
    memory.letters.ended(sender, { ...fact, cause }, now);
  } else if (cause.kind === 'timer') memory.timers.fired(cause.number, cause.firing);
  if (fact.upgrade !== undefined) memory.madeBy = { ...fact.upgrade, seq: fact.seq, since: now };
  if (fact.redelivers !== undefined) memory.letters.redelivered(fact.redelivers, fact.outcome);
  // One that failed has changed nothing: the next one with its key may.
  const { idempotencyKey } = fact;
  if (idempotencyKey !== undefined && fact.outcome.ok) memory.letterKeys.hear(idempotencyKey, now);
  if (fact.timers !== undefined) memory.timers.change(fact.timers, now);
  for (const to of fact.withdrawn ?? []) memory.outbox.drop(to);
  for (const letter of fact.letters) memory.outbox.add(letter, memory.clock);
}

/** The one place where a signal changes an actor's memory: live and at replay. */
export function applySignal(memory: Memory, fact: SignalFact, now: number): void {
  const { number, name, value, cause } = fact;
  memory.signals.add({ number, name, value });
  memory.clock = mergeClocks(memory.clock, fact.clock);
  memory.sessions.record(cause, signalled, now);
}

/** The one place where a discard changes an actor's memory: live and at replay. */
export function applyDiscard(memory: Memory, fact: DiscardFact, now: number): void {
  const { number, letter, cause } = fact;
  memory.letters.discard(number, letter);
  memory.clock = mergeClocks(memory.clock, fact.clock);
  memory.sessions.record(cause, signalled, now);
}

/** The one place where an actor forgets who has ended: live and at replay. */
export function applyPruned(memory: Memory, { number, ended }: PrunedFact): void {
  memory.prunings = number;
  memory.clock = withoutEnded(memory.clock, ended);
  memory.outbox.forgetEnded(ended);
}

/** Forgets who was not heard of for too long. */
export function forgetOld({ sessions, letterKeys }: Memory, now: number): void {
  sessions.forget(now);
  letterKeys.forget(now);
}

/** Replays one fact of this actor. Answers the delta when the user state changes by it. */
export function replay(
  memory: Memory,
  actor: ActorId,
  fact: NodeFact,
  now: number,
): Bytes | undefined {
  switch (fact.kind) {
    case 'turn':
      if (fact.seq <= memory.seq) return undefined;
      refuseGap(memory, actor, fact.seq);
      applyTurn(memory, fact, now);
      return fact.delta;
    case 'turn-begun':
      if (fact.seq <= memory.seq || memory.begun?.seq === fact.seq) return undefined;
      refuseGap(memory, actor, fact.seq);
      memory.clock = mergeClocks(memory.clock, fact.clock);
      memory.begun = {
        seq: fact.seq,
        cause: fact.cause,
        method: fact.method,
        args: fact.args,
        path: fact.path,
        ...letterPart(fact),
        recorded: [],
        parked: false,
        yielded: fact.streamed === true ? 0 : undefined,
        since: new Map(),
        ...(fact.config === undefined ? {} : { config: fact.config }),
      };
      return undefined;
    case 'turn-recorded':
      if (fact.seq <= memory.seq) return undefined;
      refuseGap(memory, actor, fact.seq);
      if (memory.begun === undefined) {
        throw troupeError('LOG_CORRUPT', `${actor} recorded in turn ${fact.seq} before it began`);
      }
      record(memory, memory.begun, fact.recorded, now);
      if (fact.clock !== undefined) memory.clock = mergeClocks(memory.clock, fact.clock);
      return undefined;
    case 'turn-yielded':
      if (fact.seq <= memory.seq || fact.position < (memory.begun?.yielded ?? 0)) return undefined;
      refuseGap(memory, actor, fact.seq);
      applyYielded(memory, fact, now);
      return undefined;
    case 'signalled':
      if (fact.number <= memory.signals.count) return undefined;
      if (fact.number !== memory.signals.count + 1) {
        const missing = memory.signals.count + 1;
        throw troupeError('LOG_CORRUPT', `signal ${missing} of ${actor} is missing`, { actor });
      }
      applySignal(memory, fact, now);
      return undefined;
    case 'letter-discarded':
      if (fact.number > memory.letters.discards) applyDiscard(memory, fact, now);
      return undefined;
    case 'clock-pruned':
      if (fact.number > memory.prunings) applyPruned(memory, fact);
      return undefined;
    case 'actor-ended':
      if (fact.seq <= memory.seq) return undefined;
      refuseGap(memory, actor, fact.seq);
      applyEnd(memory, fact, now);
      return undefined;
    case 'actor-released':
    case 'barrier':
      return undefined;
  }
}

/** Adds or completes what a begun turn has recorded under one ordinal. */
export function record(memory: Memory, begun: BegunTurn, recorded: Recorded, now: number): void {
  const { ordinal } = recorded;
  const index = begun.recorded.findIndex(
    (one) => one.ordinal === ordinal || (recorded.kind === 'failed' && isFound(one)),
  );
  const known = begun.recorded[index];
  if (known === undefined) begun.recorded.push(recorded);
  else if (known.outcome === undefined || isFound(known)) begun.recorded[index] = recorded;
  else return;
  if (recorded.outcome !== undefined) begun.parked = false;
  if (recorded.kind === 'wait') {
    if (recorded.outcome === undefined) begun.since.set(ordinal, now);
    else begun.since.delete(ordinal);
    if (recorded.signal !== undefined) memory.signals.drop(recorded.signal);
  }
  if ('lost' in recorded) giveBack(memory, begun, recorded.lost);
}

/** That the turn fails, as a node found it: the runner that undoes it says so in more detail. */
export function isFound(one: Recorded): boolean {
  return one.kind === 'failed' && one.found === true;
}

/** A signal whose wait has lost a race, unheard, is kept for the next one. */
function giveBack(memory: Memory, begun: BegunTurn, lost: readonly number[]): void {
  for (const one of begun.recorded) {
    if (one.kind !== 'wait' || !lost.includes(one.ordinal)) continue;
    begun.since.delete(one.ordinal);
    if (one.signal === undefined || one.outcome?.ok !== true) continue;
    memory.signals.giveBack({ number: one.signal, name: one.name, value: one.outcome.value });
  }
}

/** What a turn that has begun has to know of its letter. */
export function letterPart(of: {
  readonly tries?: LetterTries | undefined;
  readonly redelivers?: number | undefined;
  readonly idempotencyKey?: string | undefined;
}): Pick<BegunTurn, 'tries' | 'redelivers' | 'idempotencyKey'> {
  const { tries, redelivers, idempotencyKey } = of;
  return {
    ...(tries === undefined ? {} : { tries }),
    ...(redelivers === undefined ? {} : { redelivers }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

export function senderOf(from: ActorId, birth: number): string {
  return `${from}#${birth}`;
}

/** True when both ask for the same turn. */
export function sameCause(left: TurnCause, right: TurnCause): boolean {
  if (left.kind === 'call' && right.kind === 'call') {
    return left.session === right.session && left.number === right.number;
  }
  if (left.kind === 'letter' && right.kind === 'letter') {
    return (
      left.from === right.from && left.fromBirth === right.fromBirth && left.number === right.number
    );
  }
  if (left.kind === 'timer' && right.kind === 'timer') {
    return left.number === right.number && left.firing === right.firing;
  }
  return false;
}

/** What it has said and nobody has acknowledged: letters, and news of timers. */
export function unheard({ outbox, timers }: Memory): number {
  return outbox.size + timers.newsCount;
}

function yieldsFrom({ yields }: StoredMemory, now: number): Yields | undefined {
  return yields === undefined ? undefined : Yields.from(yields, now);
}

function refuseGap(memory: Memory, actor: ActorId, seq: number): void {
  if (seq === memory.seq + 1) return;
  throw troupeError('LOG_CORRUPT', `turn ${memory.seq + 1} of ${actor} is missing, found ${seq}`, {
    actor,
    missing: memory.seq + 1,
  });
}

function storeBegun({ since, parked, yielded, ...begun }: BegunTurn, now: number): StoredBegun {
  const waited = [...since].map(([ordinal, from]) => [ordinal, now - from] as const);
  return {
    ...begun,
    ...(parked ? { parked } : {}),
    ...(yielded === undefined ? {} : { yielded }),
    ...(waited.length === 0 ? {} : { waited }),
  };
}

function begunFrom(
  { parked = false, yielded, waited = [], ...begun }: StoredBegun,
  now: number,
): BegunTurn {
  const since = new Map(waited.map(([ordinal, ms]) => [ordinal, now - ms]));
  return { ...begun, recorded: [...begun.recorded], parked, yielded, since };
}
