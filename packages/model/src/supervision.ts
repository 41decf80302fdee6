/** What became of actors that somebody who supervises them should hear. */
import { type Failure, failure } from './errors.ts';
import type { ActorId, Incarnation, TenantName } from './ids.ts';

export type SupervisionKind =
  /** It cannot be made or brought into memory, crashes its runner, or says that it is not well. */
  | 'failed'
  /** It did so twice in a row, and is held back. */
  | 'crash-looping'
  /** It did so as often in a row as its type lets it, and is not tried again until it is resumed. */
  | 'given-up'
  | 'resumed'
  /** Two records claim the same of its turns. */
  | 'quarantined'
  | 'recovered'
  /** Its node has died, and it was placed anew. */
  | 'restarted'
  | 'upgrade-failed'
  | 'ended';

export interface SupervisionEvent {
  /** Its number among the events of its tenant: from 1, without gaps. */
  readonly position: number;
  readonly actor: ActorId;
  readonly birth: number;
  readonly kind: SupervisionKind;
  readonly failure?: Failure;
}

/** An event as a topic is given it. */
export interface ToldEvent extends SupervisionEvent {
  /** So many before it, which the topic should have been given, are not kept. */
  readonly missed?: number;
}

export interface SupervisionRequest {
  /** Those after this position, the oldest first. */
  readonly kind: 'list-supervision';
  readonly tenant: TenantName;
  readonly after: number;
  readonly limit: number;
}

export interface SupervisionAnswer {
  readonly kind: 'supervision';
  readonly events: readonly SupervisionEvent[];
  /** From where to ask next. */
  readonly next: number;
  /** How many after the position that was asked for are not kept any more. */
  readonly missed: number;
}

/** node → leader, said again every few seconds while there are any: all actors that are ill here, or as
 *  many as one message names. They cannot be brought into memory, or crash whatever runs them. */
export interface AilingActors {
  readonly kind: 'ailing';
  readonly incarnation: Incarnation;
  readonly actors: readonly AilingActor[];
  /** There are others that are not named. Older nodes do not say so. */
  readonly cut?: true;
}

export interface AilingActor {
  readonly actor: ActorId;
  readonly epoch: number;
  readonly failure: Failure;
  /** Twice in a row or more: it is held back. */
  readonly loops?: true;
  /** So often in a row that its type gives it up, under the wish of this position (0: none): after another one it
   *  counts anew. A leader that knows nothing of this lets it be tried on and on. */
  readonly givesUp?: { readonly failures: number; readonly wishAt: number };
}

/** How an actor came to be given up. */
export interface GivenUpActor {
  /** The last one. */
  readonly failure: Failure;
  /** In a row. */
  readonly failures: number;
}

/** What is said to whoever asks for an actor that is given up. */
export function asGivenUp(actor: ActorId, { failure: last, failures }: GivenUpActor): Failure {
  const often = failures === 1 ? 'has failed' : `has failed ${failures} times in a row`;
  const text = `actor ${actor} ${often} and is given up; the last failure: ${last.code}: ${last.message}`;
  return failure('GIVEN_UP', text, { actor, failures, last: last.code });
}
