/** What a checker may look at. Each hook is called before the truth takes the fact in. */
import type { ActorId, Incarnation, LogName, Outcome, Term } from '@troupe/model';
import type { SchedulerFact, SchedulerMachine } from '@troupe/scheduler-core';
import type { Stored } from '@troupe/virtual';
import type { NodeFact } from '@troupe/worker-node-core';
import type { Operation } from '../plan/load.ts';
import type { Truth } from './truth.ts';

export interface Answered {
  readonly client: string;
  readonly session: string;
  readonly number: number;
  /** Of a call: its number at its client, which is another one under an idempotency key. */
  readonly ask?: number;
  readonly operation: Operation;
  readonly outcome: Outcome;
  /** A task or a gang that was not taken at all. */
  readonly refused?: boolean;
  /** Of a read: how much of the state was acknowledged when it was first asked. */
  readonly acknowledgedBefore: number;
  /** And the birth of the actor then. */
  readonly bornBefore?: number | undefined;
  /** And its dead letters. */
  readonly deadBefore?: readonly number[];
}

export interface Effect {
  /** Call id and ordinal. */
  readonly effect: string;
  readonly actor: ActorId | undefined;
  readonly node: string;
}

/** A turn begins to run, with the configuration that it sees. */
export interface Configured {
  readonly actor: ActorId;
  readonly callId: string;
  readonly version: number;
  readonly node: string;
}

/** A state is given to a runner, which takes it for one of version `from`. */
export interface Ran {
  readonly actor: ActorId;
  /** Of the bundle. */
  readonly version: number;
  /** Of the state. */
  readonly form: number;
  readonly from: number;
  readonly node: string;
}

export interface Restored {
  readonly actor: ActorId;
  readonly epoch: number;
  readonly node: string;
  readonly checkpoint: { readonly body: Uint8Array; readonly base?: Uint8Array } | undefined;
  readonly facts: readonly NodeFact[];
}

export interface TookAll {
  readonly actor: ActorId;
  /** Session and number. */
  readonly cause: string;
  readonly values: readonly Uint8Array[];
}

export interface Attempted {
  readonly task: string;
  readonly attempt: number;
  readonly node: string;
}

/** What is left when everything has come to rest. */
export interface Rest {
  readonly nodes: readonly { readonly name: string; readonly leaks: readonly string[] }[];
  readonly gateways: readonly { readonly name: string; readonly open: number }[];
  readonly leaders: readonly { readonly name: string; readonly leaks: readonly string[] }[];
  /** Large outputs that somebody refers to, and that are not in the store as they should be. */
  readonly lost: readonly string[];
  /** What has not come to its end. */
  readonly unfinished: readonly string[];
  /** The leader's machine, and one restored from the store. */
  readonly machines: readonly { readonly name: string; readonly machine: SchedulerMachine }[];
}

export interface Checker {
  record?(log: LogName, record: Stored): void;
  journalFact?(fact: SchedulerFact, position: number, record: Stored): void;
  turnFact?(fact: NodeFact, log: LogName, record: Stored): void;
  sent?(from: string, subject: string, message: object): void;
  answered?(answer: Answered): void;
  /** A client has taken all that a call has yielded, and its end. */
  tookAll?(took: TookAll): void;
  effect?(effect: Effect): void;
  configured?(configured: Configured): void;
  ran?(ran: Ran): void;
  /** A task's function begins. */
  attempted?(attempted: Attempted): void;
  /** A runner dies, by the doing of these turns, or by nobody's while these were at it. */
  crashed?(callIds: readonly string[]): void;
  restored?(restored: Restored): void;
  /** A process acts on a message that names a term. */
  obeyed?(process: string, term: Term): void;
  /** A scheduler hears from the witness of a node that its process runs. */
  testified?(process: string, node: Incarnation): void;
  activated?(actor: ActorId, ids: readonly string[], node: string): void;
  followed?(process: string, machine: SchedulerMachine): void;
  atRest?(rest: Rest): void;
}

/** Says what is broken; the first one counts. */
export type Violate = (text: string) => void;

export type MakeChecker = (truth: Truth, violate: Violate) => Checker;
