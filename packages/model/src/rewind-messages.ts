/**
 * What the leader and the nodes say to each other to take a scope back in time:
 *
 *   hold-actors ─▶ turns-found    nobody of the scope appends anything any more
 *   ask-turns   ─▶ turns-found    the line (see line-messages.ts)
 *   ask-passage ─▶ passage-found  which letters are in transit across it, and can they be had
 *   take-back   ─▶ rebased        each actor is what it was, durably
 */
import type { Failure } from './errors.ts';
import type { ActorId, Incarnation } from './ids.ts';
import type { Line } from './line.ts';
import type { Term } from './messages.ts';

/** leader → node, resent until answered for each actor by its last turn. */
export interface HoldActors {
  readonly kind: 'hold-actors';
  readonly term: Term;
  readonly ask: number;
  /** Position of the fact that says so. */
  readonly at: number;
  readonly actors: readonly { readonly actor: ActorId; readonly epoch: number }[];
}

/** Letters that an actor has to send again: to each receiver those with greater numbers, as far as it had sent
 *  them at its line. */
export type Owed = readonly (readonly [to: ActorId, after: number])[];

/** leader → node, resent until answered for each actor. */
export interface AskPassage {
  readonly kind: 'ask-passage';
  readonly term: Term;
  readonly ask: number;
  readonly line: Line;
  readonly actors: readonly {
    readonly actor: ActorId;
    readonly epoch: number;
    /** Asked for is whether it can be had at the line with these letters. */
    readonly owed?: Owed;
  }[];
}

/** node → leader. */
export interface PassageFound {
  readonly kind: 'passage-found';
  readonly incarnation: Incarnation;
  readonly ask: number;
  readonly actor: ActorId;
  readonly epoch: number;
  readonly passage: Passage | Failure;
}

/** Of an actor at a line, by receivers and senders that the line names. */
export interface Passage {
  /** Number of the last letter sent; also to others that have not taken all that it has sent since. */
  readonly sent: readonly (readonly [to: ActorId, number: number])[];
  /** Up to which number letters were taken, by `sender#birth`. */
  readonly taken: readonly (readonly [sender: string, number: number])[];
}

/** leader → node, resent until each actor is `rebased`. */
export interface TakeBack {
  readonly kind: 'take-back';
  readonly term: Term;
  /** Incarnation of the scope that begins with it. */
  readonly incarnation: number;
  readonly line: Line;
  readonly actors: readonly {
    readonly actor: ActorId;
    readonly epoch: number;
    readonly owed: Owed;
  }[];
}
