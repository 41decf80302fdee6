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
  mergeClocks,
  type Outcome,
  type Recorded,
  troupeError,
  type VectorClock,
} from '@troupe/model';
import { applyEnd } from './end-of-actor.ts';
import type { NodeFact, TurnCause } from './facts.ts';
import { Outbox, type StoredChannel } from './outbox.ts';
import { Sessions, type StoredSession } from './sessions.ts';
import { Signals, type StoredSignals } from './signals.ts';
import { type StoredTimers, TimerBook } from './timer-book.ts';

/** A turn that has left its actor before it ended: it runs again if its node dies. */
export interface BegunTurn {
  readonly seq: number;
  readonly cause: TurnCause;
  readonly method: string;
  readonly args: Bytes;
  readonly path: readonly ActorId[];
  readonly recorded: Recorded[];
  /** Version of the configuration that it was begun with; absent when there was none. */
  readonly config?: number;
  /** Nothing is left to do but to wait, as its runner said: it need not run before a wait ends. */
  parked: boolean;
  /** Since when each of its waits lasts, by ordinal: monotonic ms of this node (S3). */
  readonly since: Map<number, number>;
}

/** As it stands in a checkpoint. */
type StoredBegun = Omit<BegunTurn, 'parked' | 'since'> & {
  readonly parked?: boolean;
  /** Milliseconds that each wait has lasted. */
  readonly waited?: readonly (readonly [ordinal: number, ms: number])[];
};

export interface Memory {
  seq: number;
  clock: VectorClock;
  /** Highest contiguous letter number committed, by `sender#birth`. */
  readonly recv: Map<string, number>;
  readonly sessions: Sessions;
  readonly outbox: Outbox;
  readonly signals: Signals;
  readonly timers: TimerBook;
  begun: BegunTurn | undefined;
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
}

type TurnFact = Extract<NodeFact, { kind: 'turn' }>;
type SignalFact = Extract<NodeFact, { kind: 'signalled' }>;

/** What whoever signals is answered. */
export const signalled: Outcome = { ok: true, value: encodeValue(null) };

export function freshMemory(): Memory {
  return {
    seq: 0,
    clock: emptyClock,
    recv: new Map(),
    sessions: new Sessions(),
    outbox: new Outbox(),
    signals: new Signals(),
    timers: new TimerBook(),
    begun: undefined,
  };
}

export function storeMemory(memory: Memory, now: number): StoredMemory {
  const { begun, signals } = memory;
  return {
    seq: memory.seq,
    clock: memory.clock,
    recv: [...memory.recv],
    sessions: memory.sessions.store(now),
    outbox: memory.outbox.store(),
    ...(begun === undefined ? {} : { begun: storeBegun(begun, now) }),
    ...(signals.count === 0 ? {} : { signals: signals.store() }),
    ...(memory.timers.isUsed ? { timers: memory.timers.store() } : {}),
  };
}

export function memoryFrom(stored: StoredMemory, now: number): Memory {
  return {
    seq: stored.seq,
    clock: stored.clock,
    recv: new Map(stored.recv),
    sessions: Sessions.from(stored.sessions, now),
    outbox: Outbox.from(stored.outbox),
    signals: Signals.from(stored.signals),
    timers: stored.timers === undefined ? new TimerBook() : TimerBook.from(stored.timers, now),
    begun: stored.begun === undefined ? undefined : begunFrom(stored.begun, now),
  };
}

/** The one place where a turn changes an actor's memory: live and at replay. */
export function applyTurn(memory: Memory, fact: TurnFact, now: number): void {
  memory.seq = fact.seq;
  memory.clock = mergeClocks(memory.clock, fact.clock);
  memory.begun = undefined;
  const { cause } = fact;
  if (cause.kind === 'call') {
    memory.sessions.record(cause.session, cause.number, cause.low, fact.outcome, now);
  } else if (cause.kind === 'letter') {
    memory.recv.set(senderOf(cause.from, cause.fromBirth), cause.number);
  } else memory.timers.fired(cause.number, cause.firing);
  if (fact.timers !== undefined) memory.timers.change(fact.timers, now);
  for (const letter of fact.letters) memory.outbox.add(letter, memory.clock);
}

/** The one place where a signal changes an actor's memory: live and at replay. */
export function applySignal(memory: Memory, fact: SignalFact, now: number): void {
  const { number, name, value, cause } = fact;
  memory.signals.add({ number, name, value });
  memory.clock = mergeClocks(memory.clock, fact.clock);
  memory.sessions.record(cause.session, cause.number, cause.low, signalled, now);
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
        recorded: [],
        parked: false,
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
    case 'signalled':
      if (fact.number <= memory.signals.count) return undefined;
      if (fact.number !== memory.signals.count + 1) {
        const missing = memory.signals.count + 1;
        throw troupeError('LOG_CORRUPT', `signal ${missing} of ${actor} is missing`, { actor });
      }
      applySignal(memory, fact, now);
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
  const index = begun.recorded.findIndex((one) => one.ordinal === ordinal);
  if (index < 0) begun.recorded.push(recorded);
  else if (begun.recorded[index]?.outcome === undefined) begun.recorded[index] = recorded;
  else return;
  if (recorded.outcome !== undefined) begun.parked = false;
  if (recorded.kind === 'wait') {
    if (recorded.outcome === undefined) begun.since.set(ordinal, now);
    else begun.since.delete(ordinal);
    if (recorded.signal !== undefined) memory.signals.drop(recorded.signal);
  }
  if ('lost' in recorded) giveBack(memory, begun, recorded.lost);
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

function refuseGap(memory: Memory, actor: ActorId, seq: number): void {
  if (seq === memory.seq + 1) return;
  throw troupeError('LOG_CORRUPT', `turn ${memory.seq + 1} of ${actor} is missing, found ${seq}`, {
    actor,
    missing: memory.seq + 1,
  });
}

function storeBegun({ since, parked, ...begun }: BegunTurn, now: number): StoredBegun {
  const waited = [...since].map(([ordinal, from]) => [ordinal, now - from] as const);
  return {
    ...begun,
    ...(parked ? { parked } : {}),
    ...(waited.length === 0 ? {} : { waited }),
  };
}

function begunFrom({ parked = false, waited = [], ...begun }: StoredBegun, now: number): BegunTurn {
  const since = new Map(waited.map(([ordinal, ms]) => [ordinal, now - ms]));
  return { ...begun, recorded: [...begun.recorded], parked, since };
}
