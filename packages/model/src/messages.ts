/**
 * What travels on the bus between scheduler replicas (the leader and the gateways) and nodes.
 * Core NATS loses, and may repeat after a reconnect: every message here is either resent by its
 * sender until answered, or a hint whose loss only costs time. Receivers are idempotent.
 */
import type { ActivityFound, AskActivity } from './activity.ts';
import type { VectorClock } from './clock.ts';
import type { AskConfig, ConfigNews, ConfigSeen, ConfigTold } from './config.ts';
import type { AskDeadLetters, DeadLettersFound, LetterTries } from './dead-letters.ts';
import type { Failure, Outcome } from './errors.ts';
import type { StoredObject } from './handle.ts';
import type {
  ActorId,
  Address,
  BundleHash,
  Bytes,
  Incarnation,
  LogName,
  NodeName,
  SessionId,
  TaskId,
  TenantName,
} from './ids.ts';
import type { LineToLeader, LineToNode } from './line-messages.ts';
import type { Manifest, Resources } from './manifest.ts';
import type { SaidPriority } from './priority.ts';
import type { AskPassage, HoldActors, PassageFound, TakeBack } from './rewind-messages.ts';
import type { AilingActors, GivenUpActor } from './supervision.ts';
import type { DueTimer, NewsOfActor, NewsSeen } from './timers.ts';
import type { PlacedCode, Upgraded, UpgradedSeen, UpgradeOrder } from './upgrades.ts';

/** A leadership: journal generation, then the number of the fact that opened it. */
export interface Term {
  readonly generation: number;
  readonly number: number;
}

export function termIsOlder(left: Term, right: Term): boolean {
  return (
    left.generation < right.generation ||
    (left.generation === right.generation && left.number < right.number)
  );
}

/** Turns of an actor in a log that was sealed: every record with `from <= position <= to`. */
export interface ChainLink {
  readonly log: LogName;
  /** Log position (stream sequence) from which this actor's turns may lie there; 0 = its start. */
  readonly from: number;
  /** Position of the seal. */
  readonly to: number;
  /** Of the placement whose turns these are; absent from older leaders. */
  readonly epoch?: number;
}

// ---------------------------------------------------------------- calls and letters (data path)

/** Who calls, for deduplication: numbers rise within a session; `low` is the least still open. */
export interface Caller {
  readonly session: SessionId;
  readonly number: number;
  readonly low: number;
  /** What is asked for under an idempotency key, see `keyedPrint`. Absent where there is no key, and from
   *  older gateways: then it is not compared. */
  readonly print?: string;
}

/** gateway | node | leader → node. Resent under the same `caller` until its result is there. */
export interface Call {
  readonly kind: 'call';
  readonly actor: ActorId;
  readonly birth: number;
  readonly epoch: number;
  readonly method: string;
  /** `encodeValue` of the array of arguments. */
  readonly args: Bytes;
  readonly caller: Caller;
  /** The sender: its monotonic clock, which no other process can read, gives the next two. */
  readonly replyTo: Address;
  readonly sentAt: number;
  /** Until when the call may be accepted. */
  readonly deadlineAt: number;
  /** How often the sender has found that it stood still: what it said before is of another time. */
  readonly standstills: number;
  /** Actors that await this call, outermost first: a cycle is refused. */
  readonly path: readonly ActorId[];
  /** Scope and clock of a calling actor, without what the receiver surely knows: merged when that belongs to
   *  the same scope. */
  readonly scope?: string;
  readonly clock?: VectorClock;
  /** Of the latest answer of this receiver that the calling actor has recorded. */
  readonly heard?: AnswerMark;
  /** A read of the actor as it was after this turn. */
  readonly atTurn?: number;
  readonly priority?: SaidPriority;
  /** It takes what its method yields, from this position on: answered by what there is, see `Taken`. */
  readonly from?: number;
  /** Nobody waits for it any more, which is said as long as it is not answered: where nothing is known of it, it
   *  shall not run. Older nodes take no notice. */
  readonly cancelled?: true;
  /** Of the calling actor's scope: how often that went back is told by it. Absent when it never did. */
  readonly incarnation?: number;
}

/** Which answers come after which: those of one placement of an actor are counted together. */
export type AnswerMark = readonly [epoch: number, count: number];

/** node → replyTo of the call. */
export interface CallResult {
  readonly kind: 'call-result';
  readonly actor: ActorId;
  readonly session: SessionId;
  readonly number: number;
  /** As its call said it: under one key several may have been asked for. Absent from older nodes. */
  readonly print?: string;
  readonly outcome: Outcome;
  /** Refused for coming so much too late: a sender that still has time for it stood still. */
  readonly lateMs?: number;
  /**
   * Of a failure: the placement whose word it is. Who has asked a later one since waits for that one:
   * what was refused here may run there, and what ran here is known there. Absent from older nodes.
   */
  readonly epoch?: number;
  /** To a calling actor: scope and birth of the answering one, and its clock without what the caller surely
   *  knows. `abreast`: it knows all that the caller has told it of. */
  readonly scope?: string;
  readonly clock?: VectorClock;
  readonly birth?: number;
  readonly abreast?: true;
  readonly mark?: AnswerMark;
  /** The value of the outcome is a `Taken`. */
  readonly taking?: true;
}

/** node → replyTo: this incarnation does not host the actor under that epoch; resolve again. */
export interface NotHere {
  readonly kind: 'not-here';
  readonly actor: ActorId;
  readonly epoch: number;
  readonly session: SessionId;
  readonly number: number;
  /** As in a result. */
  readonly print?: string;
  /** That birth has not run the call, and never will: it has ended. */
  readonly unrun?: true;
}

/** gateway | node → node: the caller no longer waits. Queued: dropped; running: told by signal. A call that is sent
 *  again says the same (`cancelled`), and is answered. */
export interface CancelCall {
  readonly kind: 'cancel-call';
  readonly actor: ActorId;
  readonly session: SessionId;
  readonly number: number;
}

/** node → node: a durable send. Numbers are contiguous per (sender birth, receiver). */
export interface Letter {
  readonly kind: 'letter';
  readonly to: ActorId;
  readonly epoch: number;
  readonly from: ActorId;
  readonly fromBirth: number;
  readonly number: number;
  /** Everything up to it was taken. A receiver that knows nothing of the sender begins after it: the
   *  one before it is gone, and what it knew was forgotten. Absent from older nodes. */
  readonly base?: number;
  readonly method: string;
  readonly args: Bytes;
  /** Absent: as the receiver declares. */
  readonly tries?: LetterTries;
  readonly priority?: SaidPriority;
  /** Of all letters to its receiver with this key one takes effect. Older nodes run each of them. */
  readonly idempotencyKey?: string;
  readonly replyTo: Address;
  readonly scope: string;
  /** That of the turn that sent it. */
  readonly clock: VectorClock;
  /** Of the receiver, where the clock is without what that one surely knows: nobody else takes it. */
  readonly birth?: number;
  /** Of the sender's scope; absent when that never went back. */
  readonly incarnation?: number;
}

/** node → replyTo of the letter: every letter up to `upTo` is committed at the receiver. */
export interface LetterAck {
  readonly kind: 'letter-ack';
  readonly to: ActorId;
  readonly from: ActorId;
  readonly fromBirth: number;
  readonly upTo: number;
  /** Of the receiver. Absent from older nodes. */
  readonly birth?: number;
  /** For so long the next one is not taken: it waits to be tried again. */
  readonly heldMs?: number;
  /** Of the receiver: what it had taken before its scope went back is nothing to a sender of that scope.
   *  Absent when it never did. */
  readonly scope?: string;
  readonly incarnation?: number;
}

/** node → replyTo of the letter: the receiver is not here under that epoch; resolve again. */
export interface LetterNotHere {
  readonly kind: 'letter-not-here';
  readonly to: ActorId;
  readonly from: ActorId;
  readonly epoch: number;
}

// ---------------------------------------------------------------- location (anyone ↔ leader)

/** gateway | node → leader. Creates and places the actor when it does not exist yet. */
export interface Resolve {
  readonly kind: 'resolve';
  readonly actor: ActorId;
  /** Scope of an actor created by this; the actor alone when absent. */
  readonly scope?: string;
  readonly replyTo: Address;
  /** The epoch that was refused, if this follows a `not-here`: the leader sends `place` again. */
  readonly refusedEpoch?: number;
  /** This birth and no other: nothing is created, and when it is no more the answer is `GONE`. */
  readonly birth?: number;
  /** For the letters of an actor that is being destroyed: one that is so too is `GONE` to it, or the two
   *  would wait for each other. */
  readonly ending?: true;
  /** With `ending`: of this node's looks for such receivers, said again with `GONE`. */
  readonly look?: number;
}

/** leader → replyTo of the resolve. */
export interface Located {
  readonly kind: 'located';
  readonly actor: ActorId;
  readonly location: Location | Failure;
  /** That of the resolve; absent from leaders that do not say it. */
  readonly look?: number;
}

export interface Location {
  readonly node: Incarnation;
  readonly birth: number;
  readonly epoch: number;
}

export function isFailure(value: object): value is Failure {
  return 'code' in value;
}

// ---------------------------------------------------------------- leader ↔ node

/** node → leader, resent until welcomed. */
export interface Join {
  readonly kind: 'join';
  readonly incarnation: Incarnation;
  readonly name: NodeName;
  readonly resources: Resources;
  readonly labels: { readonly [name: string]: string };
  readonly version: string;
}

/** leader → node. The turn log exists and holds its opening record. */
export interface Welcome {
  readonly kind: 'welcome';
  readonly term: Term;
  readonly log: LogName;
  readonly heartbeatMs: number;
}

/** leader → node: this join is refused for good. The node prints the failure and exits. */
export interface JoinRefused {
  readonly kind: 'join-refused';
  readonly term: Term;
  readonly failure: Failure;
}

/** node → leader, every `heartbeatMs`, on the beat subject. */
export interface Heartbeat {
  readonly kind: 'heartbeat';
  readonly incarnation: Incarnation;
  readonly counter: number;
  readonly load: NodeLoad;
  /** A thread of its process answers while its loop stands still; absent where none does. */
  readonly witness?: true;
}

export interface NodeLoad {
  /** Share of the machine's cpu used lately, 0 to 1. */
  readonly cpu: number;
  /** Resident MiB of the node and its runners. */
  readonly memory: number;
  readonly actors: number;
  /** Of these, those whose state it holds in memory. Absent in what older nodes say. */
  readonly inMemory?: number;
  readonly turns: number;
  readonly tasks: number;
}

/** leader → node: answer with a heartbeat at once (a broker notice said you are gone). */
export interface Probe {
  readonly kind: 'probe';
  readonly term: Term;
}

/** leader → node, resent until `place-seen`; with `leave`, until the actor is placed elsewhere. */
export interface Place {
  readonly kind: 'place';
  readonly term: Term;
  readonly actor: ActorId;
  readonly birth: number;
  readonly epoch: number;
  readonly scope: string;
  readonly bundle: BundleHash;
  readonly chain: readonly ChainLink[];
  /** It is to be handed over, as the journal says. A node that knows nothing of this keeps it. */
  readonly leave?: Leave;
  /** An actor of this name was destroyed before it: what that one had received is known to it. */
  readonly heir?: true;
  /** Absent where nothing but living was ever wished. */
  readonly wish?: ActorWish;
  /** Version of the configuration of its tenant, which it sees or a later one; absent for none. */
  readonly config?: number;
  /** Of its scope, where that is, or was, to go back in time. */
  readonly rewind?: PlaceRewind;
  /** Absent where its state has version 1 and was never upgraded. */
  readonly code?: PlacedCode;
  /** It shall go over to another bundle. A node that knows nothing of this lets it be. */
  readonly upgrade?: UpgradeOrder;
  /** Where its first state lies, until it has a checkpoint. A node that knows nothing of this makes a new one. */
  readonly seed?: string;
  /** It was released under this epoch, and nothing was written of it since: what its node handed over then is
   *  what stands in the store. Absent where the leader does not know. */
  readonly follows?: number;
  /** And by then it was not in memory, and had nothing to do until somebody asks it. */
  readonly asleep?: true;
}

/** How an actor stands to going back in time, by the journal. */
export interface PlaceRewind {
  /** Position of the last fact about it; a later one counts. */
  readonly at: number;
  /** It appends nothing until it is known to where its scope goes back. */
  readonly held?: true;
  /** Incarnation of its scope, the position of the fact by which it went back; 0 when it never did. */
  readonly incarnation: number;
  /** It is still to go back, under this epoch: to where is told by `take-back`. */
  readonly back?: true;
}

/** Where an actor is to go from its node, and with which bundle, as far as that is known now: the leader
 *  decides when it is released. */
export interface Leave {
  readonly to?: Incarnation;
  readonly bundle: BundleHash;
}

/** node → node: this actor will soon be placed on you. A hint: have its bundle loaded and its
 *  checkpoint at hand. Resent until answered, for a while. */
export interface Prepare {
  readonly kind: 'prepare';
  readonly actor: ActorId;
  /** Of the placement that it leaves. */
  readonly epoch: number;
  readonly bundle: BundleHash;
  readonly from: Incarnation;
}

/** node → node: what could be done ahead is done. */
export interface Prepared {
  readonly kind: 'prepared';
  readonly actor: ActorId;
  readonly epoch: number;
}

/** node → node: with this checkpoint an actor was released that you have prepared for. A hint, sent once. */
export interface HandedOver {
  readonly kind: 'handed-over';
  readonly actor: ActorId;
  /** Of the placement that it leaves. */
  readonly epoch: number;
  readonly revision: number;
  /** Absent where that is a whole one: you have read it. */
  readonly rest?: {
    readonly body: Bytes;
    /** Revision of the whole one that it lies on. */
    readonly on: number;
  };
}

/** What shall become of an actor, by the journal: `at` is the position of that fact, and a later one
 *  counts. `paused`: it begins no turn. `ending`: it is to be destroyed, for good. */
export interface ActorWish {
  readonly kind: 'live' | 'paused' | 'ending';
  readonly at: number;
  /** It is paused since it failed so often in a row. A node that knows nothing of this takes it for paused. */
  readonly givenUp?: GivenUpActor;
}

/** node → leader: these placements are known here, and the wish that came with each. */
export interface PlaceSeen {
  readonly kind: 'place-seen';
  readonly incarnation: Incarnation;
  readonly placed: readonly {
    readonly actor: ActorId;
    readonly epoch: number;
    readonly wishAt?: number;
    /** Of what it was told about going back. */
    readonly rewindAt?: number;
    /** Of what it was told about another bundle. */
    readonly upgradeAt?: number;
  }[];
}

/** node → leader: it is as wished. A paused actor runs nothing; one that was ending has ended, and
 *  `revision` is that of its tombstone in the store. Resent until `settled-seen`. */
export interface Settled {
  readonly kind: 'settled';
  readonly incarnation: Incarnation;
  readonly actors: readonly SettledActor[];
}

export interface SettledActor {
  readonly actor: ActorId;
  readonly epoch: number;
  readonly wish: ActorWish;
  /** Of one that has ended: what stands in the store, and the number of its end. */
  readonly revision?: number;
  readonly seq?: number;
}

export interface SettledSeen {
  readonly kind: 'settled-seen';
  readonly term: Term;
  readonly actors: readonly SettledActor[];
}

/** leader → node. A hint: let the actor leave memory as soon as it is idle. */
export interface StopActor {
  readonly kind: 'stop-actor';
  readonly term: Term;
  readonly actor: ActorId;
  readonly epoch: number;
}

/** node → leader: a checkpoint of this epoch is stored, the older logs of the chain are not needed.
 *  Resent until a `place` of a later epoch or `rebased-seen`. */
export interface Rebased {
  readonly kind: 'rebased';
  readonly incarnation: Incarnation;
  readonly actors: readonly { readonly actor: ActorId; readonly epoch: number }[];
}

export interface RebasedSeen {
  readonly kind: 'rebased-seen';
  readonly term: Term;
  readonly actors: readonly { readonly actor: ActorId; readonly epoch: number }[];
}

/** leader → node: you are dying or gone by the journal. Exit; come back as a new incarnation. */
export interface Die {
  readonly kind: 'die';
  readonly term: Term;
  readonly incarnation: Incarnation;
}

/** leader → every node: this incarnation is gone; cached locations on it are stale. */
export interface NodeGone {
  readonly kind: 'node-gone';
  readonly term: Term;
  readonly incarnation: Incarnation;
}

/** node → leader: SIGTERM came. Nothing new is placed here; resent until `drain`. */
export interface Leaving {
  readonly kind: 'leaving';
  readonly incarnation: Incarnation;
}

/** leader → node: the wish to leave (or an operator's drain) is journaled; release your actors. */
export interface Drain {
  readonly kind: 'drain';
  readonly term: Term;
}

/** node → leader: checkpointed and released durably here; resent until `release-seen`. */
export interface Released {
  readonly kind: 'released';
  readonly incarnation: Incarnation;
  readonly actors: readonly ReleasedActor[];
}

export interface ReleasedActor {
  readonly actor: ActorId;
  readonly epoch: number;
  /** It was not in memory, and has nothing to do until somebody asks it. */
  readonly asleep?: true;
}

export interface ReleaseSeen {
  readonly kind: 'release-seen';
  readonly term: Term;
  readonly actors: readonly { readonly actor: ActorId; readonly epoch: number }[];
}

/** node → leader: drained, nothing is left here; resent until `die`. */
export interface Left {
  readonly kind: 'left';
  readonly incarnation: Incarnation;
}

/** node → leader: the last words of a fenced incarnation, about itself only. */
export interface Deposed {
  readonly kind: 'deposed';
  readonly incarnation: Incarnation;
  readonly appendsRefused: number;
  readonly repliesWithheld: number;
}

// ---------------------------------------------------------------- tasks (leader ↔ node)

/** leader → node, resent until `task-seen` or `task-result`. */
export interface RunTask {
  readonly kind: 'run-task';
  readonly term: Term;
  readonly task: TaskId;
  readonly attempt: number;
  readonly tenant: TenantName;
  readonly bundle: BundleHash;
  readonly name: string;
  /** `encodeValue` of the input, or `encodeHolding` where there are `objects`. */
  readonly input: Bytes;
  readonly objects?: readonly StoredObject[];
  /** Number of its start in the journal: that of the object, when its output is a large one. */
  readonly started: number;
  readonly limitMs: number;
  /** Numbers of the GPUs of the node that it reserves, if any. */
  readonly gpus?: readonly number[];
  /** Scope of actors that the task creates; the actor alone when absent. */
  readonly scope?: string;
  /** As in `Place`. */
  readonly config?: number;
}

/** node → leader: these attempts have arrived. */
export interface TaskSeen {
  readonly kind: 'task-seen';
  readonly incarnation: Incarnation;
  readonly attempts: readonly { readonly task: TaskId; readonly attempt: number }[];
}

/** node → leader, resent until `task-result-seen`. */
export interface TaskResult {
  readonly kind: 'task-result';
  readonly incarnation: Incarnation;
  readonly task: TaskId;
  readonly attempt: number;
  readonly outcome: Outcome;
  /** Milliseconds that the attempt ran. */
  readonly durationMs: number;
  /** Cpus used on the average and the peak of memory in MiB, where that could be told. */
  readonly used?: Resources;
}

export interface TaskResultSeen {
  readonly kind: 'task-result-seen';
  readonly term: Term;
  readonly results: readonly SeenResult[];
}

export interface SeenResult {
  readonly task: TaskId;
  readonly attempt: number;
  /** No other attempt follows: what this one had asked of actors and not awaited is cancelled. Older leaders
   *  do not say so. */
  readonly ended?: true;
}

/** leader → node. A hint: the attempt's result will be refused anyway. */
export interface CancelTask {
  readonly kind: 'cancel-task';
  readonly term: Term;
  readonly task: TaskId;
  readonly attempt: number;
}

// ---------------------------------------------------------------- timers of actors (leader ↔ node)

/** node → leader: what turns did to timers; resent until `timer-news-seen`. */
export interface TimerNewsTold {
  readonly kind: 'timer-news';
  readonly incarnation: Incarnation;
  readonly actors: readonly NewsOfActor[];
}

export interface TimerNewsSeen {
  readonly kind: 'timer-news-seen';
  readonly term: Term;
  readonly actors: readonly NewsSeen[];
}

/** leader → node, resent until the news is that they have fired. */
export interface TimersDue {
  readonly kind: 'timers-due';
  readonly term: Term;
  readonly timers: readonly DueTimer[];
}

// ---------------------------------------------------------------- requests (bus request/reply)

/** gateway → one node: load this bundle in a fresh runner and say what it declares. */
export interface InspectBundle {
  readonly kind: 'inspect-bundle';
  readonly bundle: BundleHash;
}

export type Inspected = { readonly manifest: Manifest } | { readonly failure: Failure };

// ---------------------------------------------------------------- by destination

export type ToNode =
  | Call
  | CancelCall
  | CallResult
  | NotHere
  | Letter
  | LetterAck
  | LetterNotHere
  | Located
  | Welcome
  | JoinRefused
  | Probe
  | Place
  | Prepare
  | Prepared
  | HandedOver
  | RebasedSeen
  | LineToNode
  | AskDeadLetters
  | AskActivity
  | ConfigNews
  | ConfigTold
  | HoldActors
  | AskPassage
  | TakeBack
  | Die
  | NodeGone
  | Drain
  | ReleaseSeen
  | SettledSeen
  | UpgradedSeen
  | StopActor
  | RunTask
  | TaskResultSeen
  | CancelTask
  | TimerNewsSeen
  | TimersDue;

export type NodeToLeader =
  | Join
  | Heartbeat
  | Resolve
  | PlaceSeen
  | Rebased
  | LineToLeader
  | DeadLettersFound
  | ActivityFound
  | AskConfig
  | ConfigSeen
  | PassageFound
  | Leaving
  | Released
  | Settled
  | Upgraded
  | AilingActors
  | Left
  | Deposed
  | TaskSeen
  | TaskResult
  | TimerNewsTold
  // Of what it has called itself: topics.
  | CallResult
  | NotHere;

/** What a gateway hears from nodes; what it asks of the leader stands in `requests.ts`. */
export type NodeToGateway = CallResult | NotHere;
