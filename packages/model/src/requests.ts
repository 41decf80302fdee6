/**
 * What a gateway asks of the leader for its clients, and the answers. Every request carries a
 * number unique to its gateway and is resent until answered; `id`s in it are made by the client, so
 * a resend finds what the first one did.
 */

import type { ActorActivity, ProgressView } from './activity.ts';
import type { ConfigAnswer, ConfigRequest } from './config.ts';
import type { DeadLettersView } from './dead-letters.ts';
import type { Failure, Outcome } from './errors.ts';
import type {
  ActorId,
  Address,
  BundleHash,
  Bytes,
  Incarnation,
  NodeName,
  RunId,
  SessionId,
  TaskId,
  TenantName,
} from './ids.ts';
import type { Manifest, Resources } from './manifest.ts';
import type { ActorWish, NodeLoad, Term } from './messages.ts';
import type { GangPolicy, Labels, StrategyName } from './placement.ts';
import type { PriorityName } from './priority.ts';
import type { PlaceShape, ReservationView } from './reservations.ts';
import type { SavepointAnswer, SavepointRequest } from './savepoints.ts';
import type { SupervisionAnswer, SupervisionRequest } from './supervision.ts';
import type { TimerWhen } from './timers.ts';
import type { CodeVersion, RolloutAnswer, RolloutRequest } from './upgrades.ts';

export type RequestBody =
  | SavepointRequest
  | ConfigRequest
  | RolloutRequest
  | SupervisionRequest
  | {
      /** Idempotent by `task`. Answered when the task has finished. */
      readonly kind: 'submit-task';
      readonly task: TaskId;
      readonly tenant: TenantName;
      readonly name: string;
      readonly input: Bytes;
      readonly priority?: PriorityName;
      /** A queue below the tenant; absent, the tenant's own. */
      readonly queue?: string;
      /** In how long from its acceptance it should have ended: it is more urgent within its tenant.
       *  When that is missed nothing happens. */
      readonly dueInMs?: number;
      readonly resources?: Resources;
      readonly retries?: number;
      readonly limitMs?: number;
    }
  | {
      /** Tasks that start together or not at all; idempotent by their ids. Answered when they are
       *  journaled: what each comes to is asked for like that of any task. */
      readonly kind: 'submit-gang';
      readonly gang: string;
      readonly tenant: TenantName;
      readonly policy: GangPolicy;
      readonly priority?: 'low' | 'normal' | 'high';
      readonly members: readonly {
        readonly task: TaskId;
        readonly name: string;
        readonly input: Bytes;
      }[];
    }
  | { readonly kind: 'cancel-task-request'; readonly task: TaskId }
  | {
      /** Idempotent by `run`. Answered as soon as the run is journaled. */
      readonly kind: 'start-run';
      readonly run: RunId;
      readonly tenant: TenantName;
      readonly workflow: string;
      readonly input: Bytes;
      /** How long it may take at most; that of the workflow holds too. */
      readonly limitMs?: number;
      /** Starts anew what an earlier run of the workflow has ended: from a block of it on, or what
       *  had failed. Everything that does not come after that keeps its output. An empty `input` is
       *  that of the earlier run. */
      readonly from?:
        | { readonly run: RunId; readonly block: string }
        | { readonly run: RunId; readonly failedOnly: true };
    }
  | {
      /** Goes on by another version of its workflow: that of the bundle, or the latest. */
      readonly kind: 'move-run';
      readonly run: RunId;
      readonly bundle?: BundleHash;
    }
  | {
      /** Answered when the run has ended, or after `waitMs` with the state it is in. */
      readonly kind: 'wait-run';
      readonly run: RunId;
      readonly waitMs: number;
      /** With what its blocks say of their progress, while it goes on. */
      readonly activity?: true;
    }
  | {
      /** A person's answer to a pause. `block` is the pause's context id. Idempotent by the answer:
       *  another one to a pause that was answered is `WRONG_STATE`. */
      readonly kind: 'resume-run';
      readonly run: RunId;
      readonly block: string;
      readonly answer: Bytes;
    }
  | { readonly kind: 'cancel-run'; readonly run: RunId }
  | { readonly kind: 'list-runs'; readonly tenant?: TenantName; readonly limit: number }
  | {
      /** The manifest was found by a node; the leader only records it. */
      readonly kind: 'deploy';
      readonly tenant: TenantName;
      readonly bundle: BundleHash;
      readonly manifest: Manifest;
      readonly bytes: number;
    }
  | {
      readonly kind: 'put-tenant';
      readonly tenant: TenantName;
      /** What is absent stays as it is; a new tenant begins with weight 1, priority normal, and
       *  neither limits nor queues. */
      readonly weight?: number;
      readonly priority?: PriorityName;
      readonly quota?: QuotaChange;
      readonly queues?: readonly QueueChange[];
      /** Null for that of the cluster. */
      readonly strategy?: StrategyName | null;
      /** It must exist: `UNKNOWN_TENANT` otherwise. */
      readonly existing?: true;
    }
  | {
      /** Holds room for a tenant. The same again changes nothing; another one of that name is
       *  `ALREADY_EXISTS`, unless it is to be changed. */
      readonly kind: 'put-reservation';
      readonly tenant: TenantName;
      readonly reservation: string;
      /** A new one has both; what is absent of one that is changed stays as it is. */
      readonly shape?: PlaceShape;
      readonly count?: number;
      /** It must exist, and is changed: `UNKNOWN_RESERVATION` otherwise. */
      readonly existing?: true;
    }
  | {
      /** What runs in its places goes on; the room is open to all. */
      readonly kind: 'drop-reservation';
      readonly tenant: TenantName;
      readonly reservation: string;
    }
  | { readonly kind: 'status' }
  | {
      readonly kind: 'list-actors';
      readonly tenant: TenantName;
      readonly type?: string;
      readonly prefix?: string;
      readonly limit: number;
      /** Those with all of these labels. */
      readonly labels?: Labels;
      readonly state?: ActorState;
      /** What a page before said as `next`. */
      readonly after?: string;
    }
  | {
      /** A new one, or `ALREADY_EXISTS`. The same `by` again finds what the first request made. */
      readonly kind: 'create-actor';
      readonly actor: ActorId;
      readonly by: string;
      readonly scope?: string;
      readonly labels?: Labels;
      /** It is destroyed when that ends. */
      readonly owner?: ActorOwner;
      /** One that is there will do: it is answered as it is. */
      readonly orExisting?: true;
      /** Its state is what lies under this key among the checkpoints. */
      readonly seed?: string;
      /** What that state was made by: `UNKNOWN_BUNDLE` when no code of its version is deployed. */
      readonly code?: CodeVersion;
    }
  | {
      /** As it is; `UNKNOWN_ACTOR` when there is none. */
      readonly kind: 'get-actor';
      readonly actor: ActorId;
      /** With what it does right now, as its node says. */
      readonly activity?: true;
    }
  | {
      /** Of this birth, so that a repetition never touches the next one of the name. `live` ends a
       *  pause, `ending` is for good; answered when it is so. */
      readonly kind: 'wish-actor';
      readonly actor: ActorId;
      readonly birth: number;
      /** The last wish that was seen (`ActorView.wishAt`, 0 for none): after another one this comes too
       *  late, `WRONG_STATE`. Without it, it is for whatever was wished last. */
      readonly wishAt?: number;
      readonly wish: ActorWish['kind'];
    }
  /** Answered when its node was asked to let it leave memory. */
  | {
      /** The session goes on, or it is over: then what it owns is destroyed. */
      readonly kind: 'keep-session' | 'end-session';
      readonly tenant: TenantName;
      readonly session: SessionId;
    }
  | { readonly kind: 'stop-actor-request'; readonly actor: ActorId; readonly birth: number }
  | {
      /** Moves an actor to another node: the one named, else the one that suits best. Answered when it
       *  is placed there, or after `waitMs` while it is still under way. */
      readonly kind: 'migrate-actor';
      readonly actor: ActorId;
      readonly to?: NodeName;
      readonly waitMs: number;
    }
  | {
      readonly kind: 'list-timers';
      readonly tenant: TenantName;
      readonly actor?: ActorId;
      /** `next` of the page before. */
      readonly after?: string;
      readonly limit: number;
    }
  | {
      /** Actors of the tenant with dead letters, in the order of their ids. */
      readonly kind: 'list-dead-letters';
      readonly tenant: TenantName;
      readonly type?: string;
      /** `next` of the page before. */
      readonly after?: string;
      readonly limit: number;
    }
  | { readonly kind: 'drain-node'; readonly node: NodeName }
  | {
      /** Whether anything new is placed there. */
      readonly kind: 'cordon-node';
      readonly node: NodeName;
      readonly cordoned: boolean;
    }
  | {
      /** Tasks that wait or run, those that wait first. */
      readonly kind: 'list-tasks';
      readonly tenant?: TenantName;
      readonly limit: number;
      /** With what attempts say of their progress. */
      readonly activity?: true;
    }
  /** What tasks declare and use, of one tenant or of all. */
  | { readonly kind: 'list-demands'; readonly tenant?: TenantName; readonly limit: number };

/** What a tenant may use at once and start in a second; what is not named is not limited. */
export interface Quota {
  /** Attempts that run at once. */
  readonly inFlightMax?: number;
  readonly cpuMax?: number;
  readonly memoryMax?: number;
  /** Starts in a second; up to one second's worth may be started at once. */
  readonly startsPerSecondMax?: number;
  /** Tasks that wait: `RESOURCE_EXHAUSTED` beyond. */
  readonly queuedMax?: number;
}

/** Limits that are set, or lifted by null; one that is absent stays as it is. */
export type QuotaChange = { readonly [L in keyof Quota]?: number | null };

/** A queue below a tenant, and its share among the queues of that tenant. */
export interface QueueWeight {
  readonly queue: string;
  readonly weight: number;
}

/** Null closes the queue. */
export interface QueueChange {
  readonly queue: string;
  readonly weight: number | null;
}

/** How a tenant is to share the cluster. */
export interface TenantSettings {
  readonly tenant: TenantName;
  readonly weight: number;
  readonly priority: PriorityName;
  readonly quota: Quota;
  readonly queues: readonly QueueWeight[];
  /** How nodes are chosen for its tasks that name no strategy; that of the cluster when absent. */
  readonly strategy?: StrategyName;
}

/** And how it stands, as far as the present leader knows. */
export interface TenantView extends TenantSettings {
  readonly waiting: number;
  readonly inFlight: number;
  /** Milliseconds of the whole cluster that it is behind its share; below nought: ahead of it. */
  readonly behindMs: number;
}

/** Kinds that change nothing: without an answer they surely did nothing. */
const readOnly: ReadonlySet<RequestBody['kind']> = new Set([
  'status',
  'wait-run',
  'list-runs',
  'list-actors',
  'list-timers',
  'list-dead-letters',
  'get-actor',
  'keep-session',
  'get-config',
  'list-tasks',
  'list-demands',
  'list-rollouts',
  'list-savepoints',
  'list-supervision',
  'show-line',
]);

export function isReadOnly(kind: RequestBody['kind']): boolean {
  return readOnly.has(kind);
}

export interface Request {
  readonly kind: 'request';
  readonly number: number;
  /** The least number of those that its gateway has not settled. */
  readonly low: number;
  /** Number of the term that it is for: its leader serves it, and no other. */
  readonly forTerm: number;
  readonly replyTo: Address;
  readonly body: RequestBody;
}

export type Answer =
  | SavepointAnswer
  | ConfigAnswer
  | RolloutAnswer
  | SupervisionAnswer
  | { readonly kind: 'task-ended'; readonly task: TaskId; readonly outcome: Outcome }
  | { readonly kind: 'run'; readonly run: RunView }
  | { readonly kind: 'runs'; readonly runs: readonly RunView[] }
  | { readonly kind: 'deployed'; readonly bundle: BundleHash; readonly manifest: Manifest }
  | { readonly kind: 'tenant'; readonly settings: TenantSettings }
  | { readonly kind: 'reservation'; readonly reservation: ReservationView }
  | { readonly kind: 'status'; readonly status: ClusterView }
  | { readonly kind: 'demands'; readonly demands: readonly DemandView[]; readonly total: number }
  | {
      readonly kind: 'actors';
      readonly actors: readonly ActorView[];
      /** How many there are of what was looked through; a page may leave out most of them. */
      readonly total: number;
      /** There may be more after it. */
      readonly next?: string;
      /** Of those that are ill not all are known: a node with very many names only the first. */
      readonly cut?: true;
    }
  | { readonly kind: 'actor'; readonly actor: ActorView; readonly created?: true }
  | {
      readonly kind: 'timers';
      readonly timers: readonly PendingTimerView[];
      readonly total: number;
      /** Absent when this is the last page. */
      readonly next?: string;
    }
  | {
      readonly kind: 'dead-letters';
      readonly actors: readonly DeadLettersView[];
      /** On all the nodes that have answered: such actors, and their letters. */
      readonly total: number;
      readonly letters: number;
      /** Actors of which it is not known now. */
      readonly unread: number;
      /** Nodes that have not answered. */
      readonly silent: readonly NodeName[];
      readonly next?: string;
    }
  | { readonly kind: 'tasks'; readonly tasks: readonly TaskView[]; readonly total: number }
  | MigratedAnswer
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** Where the actor is. `there`: it was on that node, and stays. `under-way`: it leaves that one as soon as
 *  it can. */
export interface Migrated {
  readonly actor: ActorId;
  readonly node: Incarnation;
  readonly epoch: number;
  readonly state: 'moved' | 'there' | 'under-way';
}

export interface MigratedAnswer extends Migrated {
  readonly kind: 'migrated';
}

/** leader → gateway. */
export interface Answered {
  readonly kind: 'answered';
  readonly number: number;
  /** In which it was decided. */
  readonly term: Term;
  readonly answer: Answer;
}

export type RunState = 'running' | 'waiting' | 'done' | 'failed' | 'cancelled';

export interface RunView {
  readonly run: RunId;
  readonly tenant: TenantName;
  readonly workflow: string;
  readonly state: RunState;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly blocks: readonly BlockView[];
  readonly outcome?: Outcome;
  /** The run and block that it is. */
  readonly parent?: { readonly run: RunId; readonly block: string };
  readonly progress?: RunProgress;
  /** By whose version of the workflow it goes. */
  readonly bundle?: BundleHash;
  /** There once it has begun to undo what it did; until that is over the run is `running`. */
  readonly undo?: RunUndoView;
}

/** How far a run that did not come to its output is with undoing what it did. */
export interface RunUndoView {
  /** Why the run did not come to its output. */
  readonly failure: Failure;
  /** Blocks undone, those that could not be, and all that have something that undoes them. */
  readonly done: number;
  readonly failed: number;
  readonly all: number;
  /** In the order in which they are undone; of very many the first ones, and none in a list of runs. */
  readonly blocks: readonly UndoneView[];
}

export interface UndoneView {
  /** Context id. */
  readonly block: string;
  readonly state: 'waiting' | 'running' | 'done' | 'failed';
  /** Why it could not be undone. */
  readonly failure?: Failure;
}

/** Contexts of a run, counted. */
export interface RunProgress {
  /** Done, failed or skipped. */
  readonly done: number;
  readonly running: number;
  /** For a person or a time. */
  readonly waiting: number;
  /** Still to begin, as far as the rounds and branches are known: at least so many. */
  readonly rest: number;
}

export interface BlockView {
  /** Context id: `read`, `read[3]` in a branch or round, `read[3][0]` in one within. */
  readonly block: string;
  readonly state: 'waiting' | 'ready' | 'running' | 'paused' | 'done' | 'failed' | 'skipped';
  readonly attempts: number;
  readonly node?: Incarnation;
  /** The run of another workflow that it is, while that is under way. */
  readonly child?: RunId;
  /** Encoded prompt of a pause. */
  readonly prompt?: Bytes;
  /** For a block with `each` and a parallel: branches done and in all. */
  readonly branches?: { readonly done: number; readonly all: number };
  /** For a loop: rounds done, and in all when that is known. */
  readonly rounds?: { readonly done: number; readonly all?: number };
  /** What its attempt said last, where that was asked for. */
  readonly progress?: ProgressView;
}

export interface TaskView {
  readonly task: TaskId;
  readonly tenant: TenantName;
  readonly name: string;
  readonly state: 'waiting' | 'running';
  readonly attempts: number;
  readonly node?: Incarnation;
  /** Numbers of the GPUs of the node. */
  readonly gpus?: readonly number[];
  /** Why it waits, for people: `3 nodes lack gpu, 2 are cordoned`. */
  readonly why?: string;
  /** What its attempt said last, where that was asked for. */
  readonly progress?: ProgressView;
}

export interface NodeView {
  readonly name: NodeName;
  readonly incarnation: Incarnation;
  readonly state: 'joining' | 'alive' | 'draining' | 'dying' | 'gone';
  /** Nothing new is placed there. */
  readonly cordoned?: boolean;
  readonly resources: Resources;
  readonly used: Resources;
  readonly labels: { readonly [name: string]: string };
  readonly actors: number;
  readonly tasks: number;
  readonly silentMs: number;
  readonly load?: NodeLoad;
}

/** How the leader evens out the load of the nodes, and what came of its last look. */
export interface RebalanceView {
  readonly periodMs: number;
  readonly imbalanceShare: number;
  readonly migrationsMax: number;
  readonly lookedMsAgo: number;
  /** What it found, and what followed; for people. */
  readonly why: string;
  /** The last round under this leader. */
  readonly moves: readonly {
    readonly actor: ActorId;
    readonly from: NodeName;
    readonly to: NodeName;
  }[];
  /** Actors on their way anywhere, whoever asked. */
  readonly underWay: number;
}

/** How many nodes a group should have, and why. */
export interface NodeGroupView {
  readonly group: string;
  readonly size: number;
  readonly min: number;
  readonly max: number;
  /** Which rule asked for the most; `floor`, `max`, `threshold`, `queue`, `forecast`, `idle` or `wake`. */
  readonly rule: string;
  /** For people. */
  readonly reason: string;
  /** Nodes that serve, and that join. */
  readonly ready: number;
  readonly starting: number;
  /** Tasks that wait and belong to it. */
  readonly queued: number;
}

export interface ClusterView {
  readonly cell: string;
  readonly term: Term;
  readonly leader: string;
  readonly version: string;
  readonly nodes: readonly NodeView[];
  /** The first thousand; `counts.tenants` says how many there are. */
  readonly tenants: readonly TenantView[];
  readonly reservations: readonly ReservationView[];
  readonly bundles: readonly {
    readonly tenant: TenantName;
    readonly bundle: BundleHash;
    readonly actors: readonly string[];
    readonly tasks: readonly string[];
    readonly workflows: readonly string[];
  }[];
  /** Absent where the cell is not configured to. */
  readonly rebalance?: RebalanceView;
  /** Absent where the cell is not configured with any. */
  readonly groups?: readonly NodeGroupView[];
  /** What is given up under pressure, in the order in which it was; absent where nothing is. */
  readonly givenUp?: { readonly measures: readonly string[]; readonly reason: string };
  /** What is not as it was asked for, since an earlier version let it in; for people. */
  readonly findings?: readonly string[];
  readonly counts: {
    readonly tenants: number;
    readonly actors: number;
    readonly tasksQueued: number;
    readonly tasksRunning: number;
    readonly runs: number;
    /** Appends that the store refused to fenced incarnations, by their own last words. */
    readonly appendsRefused: number;
    /** Answers that fenced incarnations held back. */
    readonly repliesWithheld: number;
    readonly nodesLost: number;
  };
}

/** What a task declares and really uses, and how well its duration is foreseen: as far as the present
 *  leader has seen. */
export interface DemandView {
  readonly bundle: BundleHash;
  readonly task: string;
  /** Attempts that have ended. */
  readonly attempts: number;
  /** How long the next attempt is expected to run. */
  readonly expectedMs: number;
  /** Attempts whose duration was foreseen by those before them, and the mean of how far that was
   *  off, as a share of their mean duration: as it was, and with its sign (above 0: too long). */
  readonly judged: number;
  readonly errorShare: number;
  readonly biasShare: number;
  readonly resources: readonly ResourceDemand[];
}

export interface ResourceDemand {
  readonly resource: string;
  readonly declared: number;
  /** Measured attempts that are remembered; the rest is 0 when there is none. */
  readonly samples: number;
  readonly p50: number;
  readonly p95: number;
  /** What to declare, once enough attempts were measured. */
  readonly proposed?: number;
  readonly fault?: 'over-declared' | 'under-declared';
}

/** A timer of an actor that waits, or is due and has not fired. */
export interface PendingTimerView {
  readonly actor: string;
  readonly number: number;
  /** Absent for a delayed send. */
  readonly name?: string;
  readonly kind: TimerWhen['kind'];
  /** Number of its next firing. */
  readonly firing: number;
  /** 0 when it is due. */
  readonly dueInMs: number;
  readonly everyMs?: number;
  readonly cron?: string;
  readonly zone?: string;
}
/** Another actor of the tenant, a run of it, or a session of a client. */
export type ActorOwner =
  | { readonly kind: 'actor'; readonly actor: ActorId; readonly birth: number }
  | { readonly kind: 'run'; readonly run: RunId }
  | SessionOwner;

export interface SessionOwner {
  readonly kind: 'session';
  readonly tenant: TenantName;
  readonly session: SessionId;
}

/** `moving`: its node has died, and it is not placed anew yet. `failed`: it cannot be brought into
 *  memory, or crashes. */
export type ActorState = 'placed' | 'moving' | 'paused' | 'ending' | 'failed';

export const actorStates: readonly ActorState[] = [
  'placed',
  'moving',
  'paused',
  'ending',
  'failed',
];

export interface ActorView {
  readonly actor: string;
  readonly node: Incarnation;
  readonly birth: number;
  readonly epoch: number;
  readonly scope: string;
  readonly chain: number;
  readonly state: ActorState;
  readonly labels?: Labels;
  /** Position of what was wished of it last; none before the first wish. */
  readonly wishAt?: number;
  /** Why it is `failed`. */
  readonly failure?: Failure;
  /** Where it was asked for, and its node has said it in time. */
  readonly activity?: ActorActivity;
}
