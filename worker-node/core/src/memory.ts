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
  mergeClocks,
  type Recorded,
  troupeError,
  type VectorClock,
} from '@troupe/model';
import { applyEnd } from './end-of-actor.ts';
import type { NodeFact, TurnCause } from './facts.ts';
import { Outbox, type StoredChannel } from './outbox.ts';
import { Sessions, type StoredSession } from './sessions.ts';
import { type StoredTimers, TimerBook } from './timer-book.ts';

/** A turn that has left its actor before it ended: it runs again if its node dies. */
export interface BegunTurn {
  readonly seq: number;
  readonly cause: TurnCause;
  readonly method: string;
  readonly args: Bytes;
  readonly path: readonly ActorId[];
  readonly recorded: Recorded[];
}

export interface Memory {
  seq: number;
  clock: VectorClock;
  /** Highest contiguous letter number committed, by `sender#birth`. */
  readonly recv: Map<string, number>;
  readonly sessions: Sessions;
  readonly outbox: Outbox;
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
  readonly begun?: BegunTurn;
}

type TurnFact = Extract<NodeFact, { kind: 'turn' }>;

export function freshMemory(): Memory {
  return {
    seq: 0,
    clock: emptyClock,
    recv: new Map(),
    sessions: new Sessions(),
    outbox: new Outbox(),
    timers: new TimerBook(),
    begun: undefined,
  };
}

export function storeMemory(memory: Memory, now: number): StoredMemory {
  const stored = {
    seq: memory.seq,
    clock: memory.clock,
    recv: [...memory.recv],
    sessions: memory.sessions.store(now),
    outbox: memory.outbox.store(),
    ...(memory.timers.isUsed ? { timers: memory.timers.store() } : {}),
  };
  return memory.begun === undefined ? stored : { ...stored, begun: memory.begun };
}

export function memoryFrom(stored: StoredMemory, now: number): Memory {
  return {
    seq: stored.seq,
    clock: stored.clock,
    recv: new Map(stored.recv),
    sessions: Sessions.from(stored.sessions, now),
    outbox: Outbox.from(stored.outbox),
    timers: stored.timers === undefined ? new TimerBook() : TimerBook.from(stored.timers, now),
    begun: stored.begun === undefined ? undefined : copyBegun(stored.begun),
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
      };
      return undefined;
    case 'turn-recorded':
      if (fact.seq <= memory.seq) return undefined;
      refuseGap(memory, actor, fact.seq);
      if (memory.begun === undefined) {
        throw troupeError('LOG_CORRUPT', `${actor} recorded in turn ${fact.seq} before it began`);
      }
      record(memory.begun, fact.recorded);
      if (fact.clock !== undefined) memory.clock = mergeClocks(memory.clock, fact.clock);
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
export function record(begun: BegunTurn, recorded: Recorded): void {
  const index = begun.recorded.findIndex((one) => one.ordinal === recorded.ordinal);
  if (index < 0) begun.recorded.push(recorded);
  else if (begun.recorded[index]?.outcome === undefined) begun.recorded[index] = recorded;
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

function copyBegun(begun: BegunTurn): BegunTurn {
  return { ...begun, recorded: [...begun.recorded] };
}
