/** What became of actors that somebody who supervises them should hear. */
import type { Failure } from './errors.ts';
import type { ActorId, TenantName } from './ids.ts';

export type SupervisionKind =
  /** It cannot be made or brought into memory, crashes its runner, or says that it is not well. */
  | 'failed'
  /** It did so twice in a row, and is held back. */
  | 'crash-looping'
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
