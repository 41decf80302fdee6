/**
 * What a turn log holds: what the actors of one node incarnation did. Facts of one actor, in the
 * order of the log, rebuild it from its last checkpoint; facts of other actors do not matter to it.
 */
import type {
  ActorId,
  Bytes,
  Incarnation,
  LetterTries,
  Outcome,
  Recorded,
  SaidPriority,
  SessionId,
  TimerChange,
  VectorClock,
} from '@troupe/model';
import type { UpgradedTo } from './state-code.ts';

/** Whose request a turn answers. */
export type TurnCause =
  | {
      readonly kind: 'call';
      readonly session: SessionId;
      readonly number: number;
      readonly low: number;
      /** Of a call under an idempotency key: what was asked for. Older nodes do not compare it. */
      readonly print?: string;
    }
  | {
      readonly kind: 'letter';
      readonly from: ActorId;
      readonly fromBirth: number;
      readonly number: number;
    }
  /** A timer of the actor itself was due, for the time with this number. */
  | { readonly kind: 'timer'; readonly number: number; readonly firing: number };

/** A rollout, and no request: see upgrades.ts. To an older node it is a damaged record, so that it never runs
 *  its actor with the wrong code. */
export interface UpgradeCause {
  readonly kind: 'upgrade';
  readonly at: number;
}

export interface OutboxLetter {
  readonly to: ActorId;
  readonly number: number;
  readonly method: string;
  readonly args: Bytes;
  /** Absent: as its receiver declares. */
  readonly tries?: LetterTries;
  readonly priority?: SaidPriority;
  readonly idempotencyKey?: string;
}

/** What a failed turn makes of its letter. A node of before there were dead letters takes it in any case. */
export type LetterEnd =
  /** It is not taken, and tried again no sooner than after so long; with `full` only when there is room for
   *  it among the dead. */
  | { readonly kind: 'again'; readonly waitMs: number; readonly full?: true }
  /** It is taken, and lies among the dead. */
  | { readonly kind: 'dead'; readonly attempts: number; readonly args: Bytes };

export type NodeFact =
  /** One turn, whole: the only fact that changes an actor's state. */
  | {
      readonly kind: 'turn';
      readonly actor: ActorId;
      readonly birth: number;
      readonly epoch: number;
      /** Turn number of the actor, from 1, without gaps over all epochs. */
      readonly seq: number;
      readonly cause: TurnCause | UpgradeCause;
      /** The bundle and version that the state is of after it. */
      readonly upgrade?: UpgradedTo;
      readonly method: string;
      readonly delta?: Bytes;
      readonly outcome: Outcome;
      /** Of a letter that failed. */
      readonly letterEnd?: LetterEnd;
      /** Number of the dead letter that it delivered anew: it is dead no longer if that went well. */
      readonly redelivers?: number;
      /** Of its letter: known once a turn has ended well. A letter whose key is known takes a turn that runs
       *  nothing. Older nodes remember no keys. */
      readonly idempotencyKey?: string;
      readonly letters: readonly OutboxLetter[];
      /** Letters to these that were not taken are sent no more: those of this turn are. Older nodes send
       *  them still, which breaks no promise of a topic. */
      readonly withdrawn?: readonly ActorId[];
      /** Timers set and cancelled, in order; absent when none were. */
      readonly timers?: readonly TimerChange[];
      /** What the turn added to the actor's clock, itself among it. */
      readonly clock: VectorClock;
      /** Version of the configuration that it saw; absent when there was none. */
      readonly config?: number;
      /** Wall-clock ms, for people. */
      readonly at: number;
    }
  /** A turn is about to leave its actor: it will run again from its start if the node dies. */
  | {
      readonly kind: 'turn-begun';
      readonly actor: ActorId;
      readonly epoch: number;
      readonly seq: number;
      readonly cause: TurnCause;
      readonly method: string;
      readonly args: Bytes;
      readonly path: readonly ActorId[];
      /** Of a letter, when its sender said so. */
      readonly tries?: LetterTries;
      /** How often the letter has failed before; absent when it has not. */
      readonly failed?: number;
      readonly redelivers?: number;
      readonly idempotencyKey?: string;
      readonly clock: VectorClock;
      /** What it yields is taken. */
      readonly streamed?: true;
      /** Version of the configuration that it sees, also when it runs again; absent when there is none. */
      readonly config?: number;
    }
  /** A value that the turn has yielded: it counts, whatever the turn yields there when it runs again. */
  | {
      readonly kind: 'turn-yielded';
      readonly actor: ActorId;
      readonly epoch: number;
      readonly seq: number;
      readonly position: number;
      readonly value: Bytes;
    }
  /** A step's result; an awaited call that goes out or a wait that begins (no outcome), or what these
   *  came to; who won a race; that the turn has failed and is being undone. */
  | {
      readonly kind: 'turn-recorded';
      readonly actor: ActorId;
      readonly epoch: number;
      readonly seq: number;
      readonly recorded: Recorded;
      readonly clock?: VectorClock;
    }
  /** A signal that the actor keeps until a turn waits for it: no turn, it changes no state. */
  | {
      readonly kind: 'signalled';
      readonly actor: ActorId;
      readonly epoch: number;
      /** Signals of an actor are numbered from 1, without gaps over all epochs. */
      readonly number: number;
      readonly cause: Extract<TurnCause, { kind: 'call' }>;
      readonly name: string;
      readonly value: Bytes;
      /** What the signal added to the actor's clock. */
      readonly clock: VectorClock;
    }
  /** A dead letter that nobody wants: no turn, it changes no state. */
  | {
      readonly kind: 'letter-discarded';
      readonly actor: ActorId;
      readonly epoch: number;
      /** Discards of an actor are numbered from 1, without gaps over all epochs. */
      readonly number: number;
      readonly cause: Extract<TurnCause, { kind: 'call' }>;
      readonly letter: number;
      /** What the caller knew. */
      readonly clock: VectorClock;
    }
  /** It forgets actors that have ended: no turn, it changes no state. Older nodes know them still, which only
   *  makes their clocks longer. */
  | {
      readonly kind: 'clock-pruned';
      readonly actor: ActorId;
      readonly epoch: number;
      /** These facts of an actor are numbered from 1, over all its epochs. */
      readonly number: number;
      /** Each up to the number of its end. */
      readonly ended: VectorClock;
    }
  /** By older nodes: after this nothing of the actor under this epoch stands in this log. */
  | { readonly kind: 'actor-released'; readonly actor: ActorId; readonly epoch: number }
  /** It is being destroyed: after this no turn of this birth stands anywhere. It has a turn number. */
  | {
      readonly kind: 'actor-ended';
      readonly actor: ActorId;
      readonly birth: number;
      readonly epoch: number;
      readonly seq: number;
    }
  /** Read barrier: says only that the writer still owned the log when it was appended. */
  | { readonly kind: 'barrier' };

/** Opening record of a turn log. */
export interface TurnLogOpening {
  readonly cell: string;
  readonly incarnation: Incarnation;
}
