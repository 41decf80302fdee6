/** What the queue must know of tasks, and what it says of those that start. */
import type { Quota } from '@troupe/model';
import type { Shape } from '../resources.ts';
import type { Prices, Queued } from './backlog.ts';
import type { Slot } from './contest-tables.ts';

export interface TenantTask extends Queued {
  readonly tenant: string;
}

export interface FairRules<T extends TenantTask, N> extends Prices<T> {
  /** Where a task of this shape starts now: what is answered is taken. */
  place(shape: Shape, task: T): N | undefined;
}

/** Who was charged how much for a task: `landed` wants it back. */
export interface Charge {
  readonly cost: number;
  /** The number of the tenant in this queue: to give it back spares a look for the name. */
  readonly tenant: Slot;
}

export interface Picked<T, N> extends Charge {
  readonly task: T;
  readonly place: N;
}

/** Of a task that has landed. */
export interface Costs {
  readonly charged: number;
  readonly real: number;
  readonly tenant?: Slot;
}

/** How a tenant stands. */
export interface TenantShare {
  readonly weight: number;
  readonly quota: Quota;
  readonly waiting: number;
  readonly inFlight: number;
  /** All that it was charged, corrections included. */
  readonly charged: number;
  /** Cost that it is owed, against an ideal fluid server; below nought what it owes. */
  readonly lag: number;
}
