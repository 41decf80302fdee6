/**
 * How a node comes to exist on some machine: the words of every provider.
 *
 * V1  everything is idempotent by the node's name: `create` of a node that runs says so, `destroy`
 *     of one that is not there does nothing.
 * V2  a `create` that fails leaves nothing behind; where it cannot know (the connection was lost)
 *     it says `HOST_LOST`, and the next `create` or `destroy` finishes the job. What hangs is given
 *     up in bounded time, and makes nothing of a node that was destroyed meanwhile.
 */
import type { Failure } from '@troupe/model';

/** When a node that ended is started again. */
export interface RestartPolicy {
  /** Pause before the first start again; doubles up to `pauseMsMax`. */
  readonly pauseMs: number;
  readonly pauseMsMax: number;
  /** A node that ran so long ended by chance: its crashes are counted anew. */
  readonly steadyMs: number;
  /** After so many crashes in a row it is given up. */
  readonly crashesMax: number;
}

export const restartPolicy: RestartPolicy = {
  pauseMs: 1_000,
  pauseMsMax: 30_000,
  steadyMs: 60_000,
  crashesMax: 5,
};

export interface NodeSpec {
  readonly name: string;
  /** Shared part of the configuration file, with addresses that can be reached from the machine. */
  readonly shared: { readonly [key: string]: unknown };
  /** The section `node` of the configuration file, without name and data folder. */
  readonly node?: { readonly [key: string]: unknown };
  /** Environment of the node beside what it finds on its machine. */
  readonly env?: { readonly [name: string]: string };
  readonly restart?: Partial<RestartPolicy>;
  /** Bound on the time in which the node must be welcomed; a minute. */
  readonly readyMsMax?: number;
}

/** What is known of a node's process; times are milliseconds of its machine's clock. */
export type NodeState =
  | {
      readonly kind: 'running';
      readonly pid: number;
      readonly sinceMs: number;
      /** Absent until it was welcomed. */
      readonly incarnation?: string;
      /** False: nobody would start it again. The next `create` mends that. */
      readonly supervised: boolean;
    }
  /** It ended and is about to be started again. */
  | { readonly kind: 'waiting'; readonly code: number; readonly sinceMs: number }
  /** Without a code: its machine was restarted, or it was killed with its supervisor. */
  | { readonly kind: 'exited'; readonly code?: number; readonly sinceMs?: number }
  | { readonly kind: 'crash-loop'; readonly code: number; readonly sinceMs: number }
  /** A create was cut short, and nothing of the node lies on its machine. */
  | { readonly kind: 'absent' }
  /** Its machine could not be asked, or what lies there or here of the node is damaged. */
  | { readonly kind: 'unknown'; readonly failure: Failure };

export interface NodeStatus {
  readonly name: string;
  readonly provider: string;
  /** The machine, as a person would name it. */
  readonly place: string;
  readonly state: NodeState;
  /** How often it was started again. */
  readonly restarts: number;
}

export interface Created extends NodeStatus {
  /** False when the node ran already. */
  readonly created: boolean;
}

/** A signal to the process of a node, or the end of a runner of it. */
export interface NodeSignal {
  /** `runner`: SIGKILL to one process in which its user code runs. */
  readonly to?: 'node' | 'runner';
  readonly signal: NodeJS.Signals;
  /** Any whole number: which of its runners. */
  readonly which?: number;
  /** Its machine lets it go on after so long, also when nobody asks for that any more. */
  readonly thawAfterMs?: number;
  /** Its next end is on purpose: its machine starts it again after so long. */
  readonly againAfterMs?: number;
}

export interface Signalled {
  readonly pid: number;
}

export interface DestroyOptions {
  /** How long its actors may take to move; then it is killed and failover does the rest. */
  readonly drainMsMax?: number;
  /** Forgets a node whose machine does not answer; what lies there stays. */
  readonly forget?: boolean;
}

export interface Provider<Spec extends NodeSpec = NodeSpec> {
  readonly kind: string;
  /** Answers when the node is welcomed in its cell. */
  create(spec: Spec): Promise<Created>;
  list(): Promise<readonly NodeStatus[]>;
  /** Drains the node, ends it and removes what was put there; false when there was none. */
  destroy(name: string, options?: DestroyOptions): Promise<boolean>;
  /** Absent when no such node was created, or it was destroyed. */
  describe(name: string): Promise<NodeStatus | undefined>;
  /** Absent when the node, or a runner of it, does not run. */
  signal(name: string, given: NodeSignal): Promise<Signalled | undefined>;
  /** The last lines that the node wrote, 200 unless said otherwise. */
  logs(name: string, lines?: number): Promise<string>;
}
