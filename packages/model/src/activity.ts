/**
 * What goes on at an actor or an attempt of a task right now, as its node says it when somebody looks.
 * For people: nothing of it is durable, and nothing is decided by it.
 */
import type { ActorId, Incarnation, TaskId } from './ids.ts';
import type { Term } from './messages.ts';

/** How far user code says that it has come. */
export interface Progress {
  /** From 0 to 1. */
  readonly share: number;
  readonly text?: string;
}

/** And how long ago it said so. */
export interface ProgressView extends Progress {
  readonly agoMs: number;
}

export interface ActorActivity {
  readonly inMemory: boolean;
  /** Calls and letters that wait for it on its node. */
  readonly queued: number;
  /** The turn that it runs, or that waits for a signal. */
  readonly turn?: TurnActivity;
  /** While it is read back from the store: where that is. */
  readonly restoring?: { readonly forMs: number; readonly at: string };
  /** Absent while it has not done anything there. */
  readonly use?: ActorUse;
}

/** What turns and reads of an actor have used since it was placed on its node. */
export interface ActorUse {
  readonly turns: number;
  readonly reads: number;
  /** Of those that could be measured. */
  readonly cpuMs: number;
  /** Turns and reads whose cpu time could not be told. */
  readonly unmeasured: number;
  /** Of arguments. */
  readonly inBytes: number;
  /** Of replies and letters. */
  readonly outBytes: number;
  /** Of what they changed in the state. */
  readonly deltaBytes: number;
  /** Of the state, encoded, when it was last given or taken whole. */
  readonly stateBytes?: number;
  /** The last turn that ended. */
  readonly last?: TurnUse;
}

export interface TurnUse {
  readonly method: string;
  readonly tookMs: number;
  /** Absent when it could not be told. */
  readonly cpuMs?: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly deltaBytes: number;
}

export interface TurnActivity {
  readonly method: string;
  /** Since when this node runs it; absent while it waits for a signal. */
  readonly forMs?: number;
  readonly progress?: ProgressView;
}

export interface AttemptActivity {
  readonly task: TaskId;
  readonly attempt: number;
  readonly progress?: ProgressView;
}

/** leader → node. Asked once: without an answer the view is shown without it. */
export interface AskActivity {
  readonly kind: 'ask-activity';
  readonly term: Term;
  readonly ask: number;
  readonly actors: readonly { readonly actor: ActorId; readonly epoch: number }[];
  readonly attempts: readonly { readonly task: TaskId; readonly attempt: number }[];
}

/** node → leader: one answer to each question. What is not here is left out. */
export interface ActivityFound {
  readonly kind: 'activity-found';
  readonly incarnation: Incarnation;
  readonly ask: number;
  readonly actors: readonly {
    readonly actor: ActorId;
    readonly epoch: number;
    readonly activity: ActorActivity;
  }[];
  readonly attempts: readonly AttemptActivity[];
}
