/** What a node machine hears, and what it says. */
import type {
  ActorId,
  Address,
  BundleHash,
  Bytes,
  CallResult,
  ChainLink,
  Failure,
  FromRunner,
  Incarnation,
  LetterAck,
  LetterNotHere,
  LogName,
  Manifest,
  NodeToLeader,
  NotHere,
  ObjectBody,
  StoredObject,
  TaskId,
  ToNode,
  ToRunner,
} from '@troupe/model';
import type { NodeFact } from './facts.ts';
import type { PastKept } from './past.ts';
import type { VersionsKept } from './versions.ts';

/** Number the host gives to a runner process; never used again. */
export type RunnerId = number;

export type NodeEvent = { readonly wall: number } & (
  | { readonly kind: 'tick' }
  | { readonly kind: 'message'; readonly message: ToNode }
  /** A runner for this bundle is up and has loaded it. */
  | {
      readonly kind: 'runner-ready';
      readonly runner: RunnerId;
      readonly bundle: BundleHash;
      readonly manifest: Manifest;
    }
  /** No runner can be had for this bundle: it does not load, or cannot be fetched. */
  | { readonly kind: 'bundle-failed'; readonly bundle: BundleHash; readonly failure: Failure }
  | { readonly kind: 'runner-exited'; readonly runner: RunnerId; readonly reason: string }
  | { readonly kind: 'from-runner'; readonly runner: RunnerId; readonly frame: FromRunner }
  /** What `restore` found: the last checkpoint, and the actor's facts after it, in order. */
  | {
      readonly kind: 'restored';
      readonly actor: ActorId;
      readonly epoch: number;
      readonly checkpoint?: ReadCheckpoint;
      readonly facts: readonly NodeFact[];
      /** The last checkpoint was damaged, as this says, and this is an older one: from there on all facts are
       *  here. */
      readonly damaged?: Failure;
      /** Revision of the last one then. */
      readonly last?: number;
      /** What lay under the key of its first state. */
      readonly seed?: Bytes;
    }
  | {
      readonly kind: 'restore-failed';
      readonly actor: ActorId;
      readonly epoch: number;
      readonly failure: Failure;
    }
  /** Where a `restore` is, for people. */
  | {
      readonly kind: 'restore-is-at';
      readonly actor: ActorId;
      readonly epoch: number;
      readonly at: string;
    }
  /** `revision` is absent when a newer checkpoint of the actor stands in the store, and with
   *  `baseGone` when an older one stands there that is not the one that a rest was to lie on. With `rival` one
   *  stands there that cannot be true beside this one, and is left as it is. */
  | {
      readonly kind: 'checkpoint-stored';
      readonly actor: ActorId;
      readonly epoch: number;
      readonly seq: number;
      readonly revision?: number;
      readonly baseGone?: true;
      readonly rival?: RivalCheckpoint;
    }
  /** What `read-ahead` asked for is at hand, or, without a checkpoint, cannot be had. */
  | {
      readonly kind: 'read-ahead';
      readonly actor: ActorId;
      readonly epoch: number;
      readonly checkpoint?: ReadCheckpoint;
    }
  /** The output of an attempt is in the object store. */
  | {
      readonly kind: 'object-stored';
      readonly task: TaskId;
      readonly attempt: number;
      readonly stored: StoredObject;
    }
  /** What the input of an attempt refers to. */
  | {
      readonly kind: 'objects-read';
      readonly task: TaskId;
      readonly attempt: number;
      readonly objects: readonly ObjectBody[];
    }
  /** One of these two cannot be had. */
  | {
      readonly kind: 'objects-failed';
      readonly task: TaskId;
      readonly attempt: number;
      readonly failure: Failure;
    }
  /** What lies under the keys of `read-past`, in their order; undefined where nothing does. */
  | {
      readonly kind: 'past-read';
      readonly ask: number;
      readonly bodies: readonly (Bytes | undefined)[];
    }
  | { readonly kind: 'past-failed'; readonly ask: number; readonly failure: Failure }
  /** Everything the machine said up to this batch is durable at this position of the turn log. */
  | { readonly kind: 'log-durable'; readonly position: number; readonly bytes: number }
  /** SIGTERM: hand everything over, then leave. */
  | { readonly kind: 'leave' }
);

/** As it stands in the store; `base` is what it lies on, when it is a rest. */
/** One that stands in the store in the place of another. */
export interface RivalCheckpoint {
  readonly epoch: number;
  readonly seq: number;
  readonly revision: number;
}

export interface ReadCheckpoint {
  readonly body: Bytes;
  readonly revision: number;
  readonly base?: Bytes;
  readonly baseRevision?: number;
}

/** Read an actor back: last checkpoint, then its facts in the chain's logs, then those in this node's own
 *  log after `uncoveredFrom`, up to its end now. Answered by `restored`. A send, so that it finds there what
 *  its actor did; a work where nothing of that is looked for. */
interface RestoreOrder {
  readonly kind: 'restore';
  readonly actor: ActorId;
  readonly birth: number;
  readonly epoch: number;
  readonly chain: readonly ChainLink[];
  /** Position in the own log up to which the last checkpoint holds all that it did; undefined when
   *  that holds all: nothing is read there. */
  readonly uncoveredFrom: number | undefined;
  /** Position in the own log before which this actor has no facts: how far an older checkpoint, in the
   *  place of a damaged one, is to be read on from; undefined when it has none there. */
  readonly ownFrom: number | undefined;
  /** Its facts are all there from its birth on, whatever is checkpointed. */
  readonly fromBirth?: true;
  /** Its scope went back in time by the fact at this position, last. */
  readonly backAt?: number;
  /** Revision of its last checkpoint, as far as this node knows: an older one is not the last. */
  readonly known?: number;
  /** Key of its first state: read when there is no checkpoint of this birth. */
  readonly seed?: string;
  /** It was handed over by its former node and is what stands in the store: nothing is read. */
  readonly handed?: ReadCheckpoint;
}

/** Released when everything before it is durable. */
export type NodeSend =
  | { readonly kind: 'to-leader'; readonly message: NodeToLeader }
  | { readonly kind: 'to-node'; readonly node: Incarnation; readonly message: ToNode }
  | { readonly kind: 'to-runner'; readonly runner: RunnerId; readonly frame: ToRunner }
  | {
      /** Store a checkpoint; answered by `checkpoint-stored`. `expected` is the revision known. */
      readonly kind: 'put-checkpoint';
      readonly actor: ActorId;
      readonly epoch: number;
      readonly seq: number;
      readonly body: Bytes;
      readonly expected: number;
      /** To be stored before it, by the same rule, under a key of its own. */
      readonly segment?: { readonly key: string; readonly body: Bytes };
      /** Keys that are not needed any more once it is stored. */
      readonly dropped?: readonly string[];
      /** Nothing else is kept of it: what stood there before is freed with its objects. */
      readonly last?: true;
      /** A rest: only on top of that revision. */
      readonly onTop?: true;
    }
  | RestoreOrder
  | {
      /** Put the output of an attempt into the object store, under this number. Answered by
       *  `object-stored` or `objects-failed`, in bounded time. */
      readonly kind: 'put-object';
      readonly task: TaskId;
      readonly attempt: number;
      readonly object: number;
      readonly body: Bytes;
    }
  | { readonly kind: 'trim-log'; readonly before: number }
  /** Drained and left: the process may end with exit code 0. */
  | { readonly kind: 'exit' };

/** Released after the sends. */
export type NodeReply = {
  readonly to: Address;
  readonly message: CallResult | NotHere | LetterAck | LetterNotHere;
};

/** Done at once: nothing of it can leave the node. */
export type NodeWork =
  | { readonly kind: 'to-runner'; readonly runner: RunnerId; readonly frame: ToRunner }
  /** Start one more runner for this bundle; answered by `runner-ready` or `bundle-failed`. */
  | { readonly kind: 'start-runner'; readonly bundle: BundleHash }
  | RestoreOrder
  /** Read these; answered by `objects-read` or `objects-failed`, in bounded time. */
  | {
      readonly kind: 'read-objects';
      readonly task: TaskId;
      readonly attempt: number;
      readonly objects: readonly StoredObject[];
    }
  /** Read segments of a past; answered by `past-read` or `past-failed`, in bounded time. */
  | { readonly kind: 'read-past'; readonly ask: number; readonly keys: readonly string[] }
  /** Read one version of an actor, and what it lies on: the bodies of its `past-read`. */
  | {
      readonly kind: 'read-version';
      readonly ask: number;
      readonly actor: ActorId;
      readonly revision: number;
    }
  /** Read the checkpoint of an actor that may soon be placed here, and keep it for its `restore`.
   *  Answered by `read-ahead`. */
  | { readonly kind: 'read-ahead'; readonly actor: ActorId; readonly epoch: number }
  /** Free the checkpoints before this revision, never the last one; whether that went well matters to nobody. */
  | { readonly kind: 'free-checkpoints'; readonly actor: ActorId; readonly before: number }
  /** End this runner process with SIGKILL: what it runs has passed its limit and does not stop. */
  | { readonly kind: 'kill-runner'; readonly runner: RunnerId }
  /** Nothing is at this runner, and nothing will be: end it. Its `runner-exited` changes nothing. */
  | { readonly kind: 'end-runner'; readonly runner: RunnerId }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly text: string };

export interface NodeConfig {
  readonly incarnation: Incarnation;
  /** The turn log of this incarnation. */
  readonly log: LogName;
  readonly resendMs: number;
  readonly checkpointTurns: number;
  readonly checkpointMs: number;
  readonly logBytesBeyondCheckpointsMax: number;
  /** An activation without a turn for so long is checkpointed and leaves memory. */
  readonly idleMs: number;
  /** Runners of a bundle that nothing has used for so long end, if another bundle was used since; ten minutes unless given. */
  readonly runnersIdleMs?: number;
  /** How soon after a takeover an actor is checkpointed, so that its chain is short again. */
  readonly rebaseMs: number;
  /** Runner processes per bundle. */
  readonly runners: number;
  /** Bytes of its own log that a node keeps behind its checkpoints. */
  readonly logBytesKeptMax: number;
  /** Whose past is kept, and how long; that of shared scopes for a day unless given. */
  readonly past?: PastKept;
  /** Which checkpoints are kept. */
  readonly versions?: VersionsKept;
  /** A changed actor is checkpointed no later, however large it is; `checkpointMs` unless given. */
  readonly checkpointMsMax?: number;
  /** Of states as large as this what has changed is written between two whole checkpoints. */
  readonly incrementBytesMin?: number;
  /** How long it may take to read an actor back; as in `limits` unless given. */
  readonly restoreMs?: number;
  /** Clocks of no more actors are sent whole; as in `limits` unless given. */
  readonly wholeClockMax?: number;
}
