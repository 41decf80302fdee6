/** Who sees what happens in a world. The simulation judges it; without one, only a bug is of interest. */

import type { StoredCheckpoint } from '@troupe/fabric/ports';
import type { ActorId, Incarnation, LogName, Term } from '@troupe/model';
import type { SchedulerMachine } from '@troupe/scheduler-core';
import type { NodeFact } from '@troupe/worker-node-core';
import type { Stored } from '../store/log-server.ts';
import type { Process } from './process.ts';

export interface Onlooker {
  /** A machine broke an invariant of its own, or threw. */
  bug(process: string, reason: unknown): void;
  /** What an actor needs is not there. */
  unreadable(actor: ActorId, node: string, text: string): void;
  /** A record stands in a log now. */
  stored(log: LogName, record: Stored): void;
  sent(from: string, subject: string, message: object): void;
  restored(restored: Restored): void;
  /** A runner of this node died by the doing of one of these turns. */
  crashed(node: string, callIds: readonly string[]): void;
  obeyed(process: string, term: Term): void;
  followed(process: string, machine: SchedulerMachine): void;
  /** A scheduler hears from the witness of a node that its process runs. */
  testified(process: string, node: Incarnation): void;
  /** A term begins in this process. */
  leads(process: Process): void;
}

/** What an actor was read back from. */
export interface Restored {
  readonly actor: ActorId;
  readonly epoch: number;
  readonly node: string;
  readonly checkpoint: StoredCheckpoint | undefined;
  readonly facts: readonly NodeFact[];
}
