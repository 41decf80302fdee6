/** What the leader and the nodes say to each other to find a line through a scope. */
import type { BlockBeyond } from './blocks-beyond.ts';

import type { VectorClock } from './clock.ts';
import type { Failure } from './errors.ts';
import type { ActorId, Incarnation } from './ids.ts';
import type { Line, OutsideEffect } from './line.ts';
import type { Term } from './messages.ts';

/** leader → node, resent until answered for each actor. */
export interface AskTurns {
  readonly kind: 'ask-turns';
  readonly term: Term;
  /** Of this round of questions. */
  readonly ask: number;
  readonly actors: readonly { readonly actor: ActorId; readonly epoch: number }[];
  /** Asked for is the last turn that knows of nothing beyond it; the last one of all when absent. */
  readonly line?: Line;
}

/** node → leader: durable turns. */
export interface TurnsFound {
  readonly kind: 'turns-found';
  readonly incarnation: Incarnation;
  readonly ask: number;
  readonly found: readonly FoundTurn[];
}

export interface FoundTurn {
  readonly actor: ActorId;
  readonly epoch: number;
  /** The turn, or why there is none. */
  readonly turn: number | Failure;
}

/** leader → node, resent until answered for each actor: what of it lies beyond the line. */
export interface AskBeyond {
  readonly kind: 'ask-beyond';
  readonly term: Term;
  readonly ask: number;
  readonly actors: readonly { readonly actor: ActorId; readonly epoch: number }[];
  readonly line: Line;
}

/** node → leader. */
export interface BeyondFound {
  readonly kind: 'beyond-found';
  readonly incarnation: Incarnation;
  readonly ask: number;
  readonly actor: ActorId;
  readonly epoch: number;
  readonly beyond: Beyond | Failure;
}

export interface Beyond {
  /** Its last turn. */
  readonly last: number;
  /** The first turn at which it can still be had; absent when its past is not kept. */
  readonly earliest?: number;
  /** The first of them. */
  readonly effects: readonly OutsideEffect[];
  /** How many there are. */
  readonly count: number;
  /** The first of the blocks of runs that its turns beyond the line have answered, or that the one under way works
   *  for; absent from older nodes. */
  readonly blocks?: readonly BlockBeyond[];
  /** How many there are. */
  readonly blockCount?: number;
}

/** node → leader, now and then: the clocks of its actors name these. Older leaders do not answer. */
export interface AskEnded {
  readonly kind: 'ask-ended';
  readonly incarnation: Incarnation;
  readonly ask: number;
  readonly actors: readonly ActorId[];
}

/** leader → node. */
export interface EndedFound {
  readonly kind: 'ended-found';
  readonly term: Term;
  readonly ask: number;
  /** Those that were destroyed lately, and the number of the end of each. */
  readonly ended: VectorClock;
}

/** node → leader, again and again: two records claim the same turn of these actors, which do not live
 *  here until one of them is gone. */
export interface Quarantined {
  readonly kind: 'quarantined';
  readonly incarnation: Incarnation;
  readonly actors: readonly {
    readonly actor: ActorId;
    readonly epoch: number;
    readonly failure: Failure;
  }[];
}

/** What nodes hear of lines. */
export type LineToNode = AskTurns | AskBeyond | EndedFound;

/** What leaders hear of them. */
export type LineToLeader = TurnsFound | BeyondFound | AskEnded | Quarantined;
