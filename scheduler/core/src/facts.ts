/**
 * What the journal holds. A fact is a decision already taken: applying the facts in order to an
 * empty state gives the leader's durable state, and nothing else does. The number of a fact in the
 * journal is its **position**; epochs and births of actors and the numbers of terms are positions.
 * `at` is wall-clock ms of the leader that wrote the fact, for people. `ledMs` is the time for which
 * leaders have led since the journal began: whatever waits or is kept for a while is timed by it.
 */
import type {
  ActorId,
  ActorOwner,
  ActorWish,
  BundleHash,
  Bytes,
  ChainLink,
  Failure,
  GangPolicy,
  GivenUpActor,
  Incarnation,
  Labels,
  Line,
  LineTarget,
  LogName,
  Manifest,
  NodeName,
  Outcome,
  Owed,
  PlacementWishes,
  PlaceShape,
  PriorityName,
  QueueWeight,
  Quota,
  Resources,
  RolloutState,
  RunId,
  StoredObject,
  StrategyName,
  TaskId,
  TenantName,
} from '@troupe/model';
import type { TimerDecision } from './timer-table.ts';

export type SchedulerFact =
  | {
      readonly kind: 'term-opened';
      readonly scheduler: string;
      readonly generation: number;
      readonly at: number;
    }
  // membership
  | {
      readonly kind: 'node-joining';
      readonly incarnation: Incarnation;
      readonly name: NodeName;
      readonly resources: Resources;
      readonly labels: { readonly [name: string]: string };
      readonly at: number;
    }
  /** Its turn log exists. */
  | { readonly kind: 'node-joined'; readonly incarnation: Incarnation }
  | { readonly kind: 'node-draining'; readonly incarnation: Incarnation }
  /** Nothing new is placed there until it is uncordoned; what is there stays. */
  | {
      readonly kind: 'node-cordoned';
      readonly incarnation: Incarnation;
      readonly cordoned: boolean;
    }
  /** Irreversible. `reason` for people: `silent`, `left`, `replaced` … */
  | {
      readonly kind: 'node-dying';
      readonly incarnation: Incarnation;
      readonly reason: string;
      readonly at: number;
    }
  | { readonly kind: 'node-sealed'; readonly incarnation: Incarnation; readonly to: number }
  /** No chain needs its log any more, the stream is deleted. */
  | { readonly kind: 'log-deleted'; readonly log: LogName }
  // directory
  | {
      readonly kind: 'actor-created';
      readonly actor: ActorId;
      readonly scope: string;
      readonly labels?: Labels;
      /** Made by whoever asked for it, who finds it again by this. */
      readonly by?: string;
      readonly owner?: ActorOwner;
      /** Key of its first state, among the checkpoints. */
      readonly seed?: string;
    }
  /** Epoch = position of this fact. */
  | {
      readonly kind: 'actor-placed';
      readonly actor: ActorId;
      readonly node: Incarnation;
      readonly bundle: BundleHash;
      readonly chain: readonly ChainLink[];
    }
  /** It is wished elsewhere, on the node of this name if that can take it. Until its next placement. */
  | {
      readonly kind: 'actor-migrating';
      readonly actor: ActorId;
      readonly epoch: number;
      readonly to: NodeName;
      /** Of one that the leader moves to even out the load; absent where an operator asked. */
      readonly why?: string;
    }
  /** The chain before this epoch is not needed any more. */
  | { readonly kind: 'actor-rebased'; readonly actor: ActorId; readonly epoch: number }
  // scopes
  | {
      readonly kind: 'savepoint-made';
      readonly tenant: TenantName;
      readonly scope: string;
      readonly savepoint: string;
      readonly line: Line;
      readonly at: number;
    }
  | {
      readonly kind: 'savepoint-dropped';
      readonly tenant: TenantName;
      readonly scope: string;
      readonly savepoint: string;
    }
  /** Its actors are held until it is known to where they go back. */
  | {
      readonly kind: 'rewind-begun';
      readonly tenant: TenantName;
      readonly scope: string;
      readonly to: LineTarget;
      /** Whoever asked for it finds it again by this. */
      readonly by: string;
    }
  /** Nobody goes back: they go on. */
  | { readonly kind: 'rewind-refused'; readonly tenant: TenantName; readonly scope: string }
  /** A new incarnation of the scope: each of its actors is what it was at the line, under a new epoch, and
   *  has to send these letters again. Whoever was written to and is not there stands in the line as 0. */
  | {
      readonly kind: 'scope-rewound';
      readonly tenant: TenantName;
      readonly scope: string;
      readonly line: Line;
      readonly owed: { readonly [actor: ActorId]: Owed };
      readonly at: number;
    }
  /** `ending` is irreversible: the actor takes no turn any more, wherever it is. */
  | {
      readonly kind: 'actor-wished';
      readonly actor: ActorId;
      readonly wish: ActorWish['kind'];
      /** It is to be paused since it failed so often. */
      readonly givenUp?: GivenUpActor;
    }
  /** It has ended, and what it had received stands under `revision` in the store. */
  | {
      readonly kind: 'actor-destroyed';
      readonly actor: ActorId;
      readonly birth: number;
      readonly revision?: number;
      /** The number of its end: the turns of the next one of the name follow. */
      readonly seq?: number;
      readonly ledMs: number;
    }
  | { readonly kind: 'tombstones-forgotten'; readonly actors: readonly ActorId[] }
  // deployments and tenants
  | {
      readonly kind: 'tenant-put';
      readonly tenant: TenantName;
      readonly weight: number;
      /** Of these it keeps what it has where one is absent. */
      readonly priority?: PriorityName;
      readonly quota?: Quota;
      /** With a quota: until then the rate before it holds. */
      readonly ledMs?: number;
      readonly queues?: readonly QueueWeight[];
      /** Null for that of the cluster. */
      readonly strategy?: StrategyName | null;
    }
  | {
      readonly kind: 'bundle-deployed';
      readonly tenant: TenantName;
      readonly bundle: BundleHash;
      readonly manifest: Manifest;
      readonly bytes: number;
      readonly at: number;
    }
  /** All actors of a type are to have this bundle, which serves the type from now on. */
  | {
      readonly kind: 'rollout-begun';
      readonly tenant: TenantName;
      readonly type: string;
      readonly bundle: BundleHash;
      readonly before?: BundleHash;
      /** Whoever asked for it finds it again by this. */
      readonly by: string;
      readonly atOnce: number;
      readonly pauseMs: number;
      readonly failuresMax: number;
      readonly discard?: true;
      readonly at: number;
    }
  /** `running`: also what had failed is tried again. */
  | {
      readonly kind: 'rollout-changed';
      readonly tenant: TenantName;
      readonly type: string;
      readonly to: RolloutState;
    }
  /** It keeps the bundle that it had. */
  | {
      readonly kind: 'upgrade-failed';
      readonly tenant: TenantName;
      readonly type: string;
      readonly actor: ActorId;
      readonly failure: Failure;
    }
  /** Its node has recorded that it has this bundle, by the rollout of this position; 0: as it had before
   *  any, since its scope went back. */
  | {
      readonly kind: 'actor-upgraded';
      readonly actor: ActorId;
      readonly bundle: BundleHash;
      readonly at: number;
    }
  /** Its node said so: for the first time, of another illness, or that it is held back since. */
  | {
      readonly kind: 'actor-ill';
      readonly actor: ActorId;
      readonly failure: Failure;
      readonly loops?: true;
    }
  | { readonly kind: 'actor-well'; readonly actor: ActorId }
  /** A topic of lives has taken all events that waited for it, up to this position. */
  | { readonly kind: 'lives-taken'; readonly topic: ActorId; readonly upTo: number }
  /** Whole, as it is from now on: versions of one tenant are numbered from 1 without gaps. */
  | {
      readonly kind: 'config-put';
      readonly tenant: TenantName;
      readonly version: number;
      readonly values: Bytes;
      readonly at: number;
    }
  // reservations
  /** Another shape than before: the places held so far are held no longer. */
  | {
      readonly kind: 'reservation-put';
      readonly tenant: TenantName;
      readonly reservation: string;
      readonly shape: PlaceShape;
      readonly count: number;
    }
  | {
      readonly kind: 'reservation-dropped';
      readonly tenant: TenantName;
      readonly reservation: string;
    }
  /** Id of the place = position of this fact. It is held until it is let go, its reservation is put
   *  with another shape or dropped, or its node is dying. */
  | {
      readonly kind: 'place-held';
      readonly tenant: TenantName;
      readonly reservation: string;
      readonly node: Incarnation;
      /** Numbers of the GPUs of the node, if it holds any. */
      readonly gpus?: readonly number[];
    }
  /** `why`: others have waited for it for long. */
  | { readonly kind: 'place-let-go'; readonly place: number; readonly why?: string }
  // how many nodes there should be, and what is given up
  /** A group of nodes should have so many from now on, by this rule. */
  | {
      readonly kind: 'group-sized';
      readonly group: string;
      readonly size: number;
      readonly rule: string;
      readonly reason: string;
      readonly ledMs: number;
    }
  | { readonly kind: 'group-dropped'; readonly group: string }
  /** So many of the measures, in their order, are given up from now on. */
  | {
      readonly kind: 'measures-given-up';
      readonly count: number;
      readonly reason: string;
      readonly ledMs: number;
    }
  // tasks
  | {
      readonly kind: 'task-submitted';
      readonly task: TaskId;
      readonly tenant: TenantName;
      readonly name: string;
      readonly bundle: BundleHash;
      readonly input: Bytes;
      /** What the handles in the input stand for, if there are any. */
      readonly objects?: readonly StoredObject[];
      readonly resources: Resources;
      readonly placement?: PlacementWishes;
      readonly priority: PriorityName;
      /** A queue below the tenant. */
      readonly queue?: string;
      /** When it should have ended, as `ledMs`. */
      readonly due?: number;
      readonly retries: number;
      readonly backoffMs: readonly number[];
      readonly limitMs: number;
      /** It starts together with the others of its gang. */
      readonly gang?: { readonly id: string; readonly policy: GangPolicy };
      /** The run and context id whose block this is. */
      readonly run?: { readonly run: RunId; readonly block: string };
      readonly at: number;
      /** Since when it waits. */
      readonly ledMs: number;
    }
  /** Its position is the number of the object, when its output is a large one. */
  | {
      readonly kind: 'task-started';
      readonly task: TaskId;
      readonly attempt: number;
      readonly node: Incarnation;
      /** Numbers of the GPUs of the node, if it reserves any. */
      readonly gpus?: readonly number[];
      /** The place of its tenant that it runs in, if it does. */
      readonly place?: number;
      /** Where its tenant has a start rate: what is left of that is known by it. */
      readonly ledMs?: number;
    }
  /** An attempt was ended to make room for another task, and counts for nothing. */
  | {
      readonly kind: 'task-preempted';
      readonly task: TaskId;
      readonly attempt: number;
      readonly by: TaskId;
      readonly at: number;
    }
  /** An attempt ended badly and another follows at `ledMs + waitMs`. */
  | {
      readonly kind: 'task-retried';
      readonly task: TaskId;
      readonly attempt: number;
      readonly reason: Outcome;
      readonly at: number;
      readonly ledMs: number;
      readonly waitMs: number;
    }
  | {
      readonly kind: 'task-ended';
      readonly task: TaskId;
      readonly outcome: Outcome;
      readonly at: number;
      readonly ledMs: number;
    }
  | { readonly kind: 'tasks-forgotten'; readonly tasks: readonly TaskId[] }
  // runs
  | {
      readonly kind: 'run-started';
      readonly run: RunId;
      readonly tenant: TenantName;
      readonly workflow: string;
      readonly bundle: BundleHash;
      /** Empty for that of `from`. */
      readonly input: Bytes;
      /** What the handles in the input stand for, if there are any. */
      readonly objects?: readonly StoredObject[];
      /** It is this block of another run, whose end its own is. */
      readonly parent?: { readonly run: RunId; readonly block: string };
      /** It keeps what that run had come to, all but what comes after the block, or after anything
       *  that is not done. `inside`: nor is a container in which a failure was not taken. */
      readonly from?: { readonly run: RunId; readonly block?: string; readonly inside?: true };
      /** When it must have ended, as `ledMs`. */
      readonly until?: number;
      readonly at: number;
    }
  /** A block with `each`, a parallel or a loop begins: with so many branches or rounds, or with a
   *  first round after which it is asked. */
  | {
      readonly kind: 'branches-expanded';
      readonly run: RunId;
      readonly block: string;
      readonly count?: number;
    }
  /** A loop that is asked whether there is another round. */
  | {
      readonly kind: 'round-decided';
      readonly run: RunId;
      readonly block: string;
      readonly more: boolean;
    }
  | {
      readonly kind: 'block-paused';
      readonly run: RunId;
      readonly block: string;
      readonly prompt: Bytes;
      /** When it fails unless answered, as `ledMs`. */
      readonly until?: number;
    }
  | {
      readonly kind: 'block-waiting';
      readonly run: RunId;
      readonly block: string;
      /** As `ledMs`. */
      readonly until: number;
    }
  /** A pause was answered, a time has come, a value was found, or a block could not start. The end
   *  of a block that runs a task or a run is the end of that; a container is done with its last
   *  round or branch. None of these has a fact of its own, so no outcome stands in the journal
   *  twice. The port that a choice leaves by stands in its outcome. */
  | {
      readonly kind: 'block-ended';
      readonly run: RunId;
      readonly block: string;
      readonly outcome: Outcome;
    }
  /** It goes on by another version of its workflow. */
  | { readonly kind: 'run-moved'; readonly run: RunId; readonly bundle: BundleHash }
  /** It will not come to its output, and undoes what it did before it ends with this: what is at work is
   *  let go of. */
  | {
      readonly kind: 'run-undoing';
      readonly run: RunId;
      readonly state: 'failed' | 'cancelled';
      readonly failure: Failure;
      readonly at: number;
      /** When it must be over, as `ledMs`. */
      readonly until: number;
    }
  /** The task that undoes a block could not even be asked for. What a task came to that was is the end of that. */
  | {
      readonly kind: 'block-not-undone';
      readonly run: RunId;
      readonly block: string;
      readonly failure: Failure;
    }
  | {
      readonly kind: 'run-ended';
      readonly run: RunId;
      readonly state: 'done' | 'failed' | 'cancelled';
      readonly outcome: Outcome;
      readonly at: number;
      readonly ledMs: number;
    }
  | { readonly kind: 'runs-forgotten'; readonly runs: readonly RunId[] }
  // timers of actors
  /** News of an actor up to this number of their channel, and what they come to; with `anew` nothing
   *  that was told of it before counts. */
  | {
      readonly kind: 'timers-told';
      readonly actor: ActorId;
      readonly birth: number;
      readonly channel: number;
      readonly upTo: number;
      readonly anew?: true;
      readonly decisions: readonly TimerDecision[];
      readonly ledMs: number;
    }
  // the journal itself
  /** So that a successor knows how long was led while something waits for a time. */
  | { readonly kind: 'time-led'; readonly ledMs: number }
  /** An image with every fact below `facts` stands in the object store; records before `position`
   *  may be trimmed. */
  | {
      readonly kind: 'image-stored';
      readonly object: string;
      readonly facts: number;
      readonly position: number;
      /** Of the image; absent in journals from before it was said. */
      readonly bytes?: number;
    };
