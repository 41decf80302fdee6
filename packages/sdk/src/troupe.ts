/** What `connect` gives: the cluster as an application sees it. */
import type {
  ClusterView,
  DemandView,
  GangPolicy,
  PriorityName,
  QuotaChange,
  ReservationView,
  Resources,
  Retries,
  RunView,
  StrategyName,
  TaskView,
  TenantSettings,
} from '@troupe/model';
import type { ActorCalls, AnyActorDefinition, ClientCalls, UntypedClientCalls } from './actor.ts';
import type { Actors } from './actors.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Config } from './config.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { PoolOptions } from './pool.ts';
import type { Rollouts } from './rollouts.ts';
import type { Scope } from './scopes.ts';
import type { SemaphoreHandle } from './semaphores.ts';
import type { AwaitedSends, ClientSendOptions, UntypedAwaitedSends } from './sends.ts';
import type { TaskDefinition } from './task.ts';
import type { TimersAsked, TimersPage } from './timer-list.ts';
import type { Topic, TopicsAsked, TopicsPage } from './topics.ts';
import type { WorkflowDefinition } from './workflow.ts';

export interface ConnectOptions {
  /** `host:port`, several with commas; `TROUPE_ADDRESS`, else `127.0.0.1:7411` unless given. */
  readonly address?: string;
  readonly tenant?: string;
  /** Milliseconds in which a call must be accepted, unless the call says otherwise; 30 s. */
  readonly deadlineMs?: number;
  /** Milliseconds in which the cluster must first answer; 10 s. */
  readonly connectMs?: number;
}

export interface CallOptions {
  /** Milliseconds in which the call must be accepted. */
  readonly deadlineMs?: number;
  /** Cancels the calls made through this handle. */
  readonly signal?: AbortSignal;
  /** Among all that waits for the same actor; normal unless given. */
  readonly priority?: PriorityName;
  /** Names one call of this actor, whoever makes it: asked for again under the key it has the first reply, also from another
   *  process after this one died. Another method or other arguments under it are `ALREADY_EXISTS`. 1 to 128 characters; known for
   *  15 minutes after it was last asked for. Who is aborted leaves the call, and does not cancel it. */
  readonly idempotencyKey?: string;
  /** Scope of an actor that the call creates. */
  readonly scope?: string;
  /** Milliseconds that the turn may wait for signals; what its type declares unless given. Not of streams, nor of calls
   *  with an idempotency key, which are awaited for as long as their turn goes on. */
  readonly waitsMs?: number;
  /** Reads go to the actor as it was after this turn; 0 is how it was born. Not of streams, nor under a key. */
  readonly atTurn?: number;
  /** The actor of this birth, as a view says it: `GONE` when it was destroyed. */
  readonly birth?: number;
  /** Id of the stream that is opened through this handle, or was: its idempotency key, or one of its own, unless given. */
  readonly stream?: string;
  /** Position from which values of that stream are taken; above 0 it must have begun. */
  readonly from?: number;
}

export interface SubmitOptions {
  readonly priority?: PriorityName;
  /** A queue of the tenant, which `putTenant` opened; without one, the tenant's own. */
  readonly queue?: string;
  /** In how long it should have ended: it becomes more urgent within its tenant. Nothing happens
   *  when that is missed. */
  readonly dueInMs?: number;
  readonly signal?: AbortSignal;
  /** Submitting the same id again answers with the same task's result; with another task or another input it is
   *  `ALREADY_EXISTS`. */
  readonly id?: string;
  /** Tries after the first, or `unlimited`; as the task declares unless given. */
  readonly retries?: Retries;
  readonly limitMs?: number;
}

export interface GangOptions {
  /** How its members share nodes; `PACK`, on as few as may be, unless given. */
  readonly policy?: GangPolicy;
  readonly priority?: 'low' | 'normal' | 'high';
  readonly signal?: AbortSignal;
  /** Submitting the same id again answers with what the same tasks come to. */
  readonly id?: string;
}

/** One task of a gang, with its input. */
export interface GangMember<O> {
  readonly task: TaskDefinition<never, O> | string;
  readonly input: unknown;
}

/** What is absent stays as it is; a new tenant begins with weight 1, priority normal, no limits. */
export interface TenantOptions {
  /** Its share beside the others, which its priority multiplies by 3, 2 or 1. */
  readonly weight?: number;
  readonly priority?: PriorityName;
  /** Limits; null lifts one. */
  readonly quota?: QuotaChange;
  /** Queues below it by name, with their shares of the tenant's; null closes one. */
  readonly queues?: { readonly [queue: string]: number | null };
  /** How nodes are chosen for its tasks that name no strategy; null for that of the cluster. */
  readonly strategy?: StrategyName | null;
  /** Only change a tenant that exists; fail with `UNKNOWN_TENANT` otherwise. */
  readonly existing?: boolean;
}

/** What each place of a reservation holds, as tasks declare it, and on which nodes it may be. */
export interface PlaceOptions {
  /** `cpu` in cores, `memory` in MiB, `gpu` in GPUs, `storage`, `io`, and names of your own. */
  readonly resources?: Resources;
  /** Several GPUs, so many thousandths of each, instead of `gpu` in the resources. */
  readonly gpus?: { readonly count: number; readonly milli: number };
  /** Any of these models; all unless given. */
  readonly gpuModels?: readonly string[];
  /** What the labels of its node must be. */
  readonly labels?: { readonly [name: string]: string };
  readonly isolation?: string;
}

/** A new reservation says both; what is absent of one that is changed stays as it is. */
export interface ReservationOptions {
  /** How many places are to be held. */
  readonly count?: number;
  readonly place?: PlaceOptions;
  /** Change one that exists; fail with `UNKNOWN_RESERVATION` otherwise. */
  readonly existing?: boolean;
}

export interface StartOptions {
  /** Starting the same id again finds the run that is there. */
  readonly run?: string;
  /** Milliseconds that the run may take at most, pauses included; what its workflow says holds too. */
  readonly limitMs?: number;
}

/** From where a run starts again: what does not come after that keeps its output. */
export type AgainOptions = (
  | {
      /** A block that stands in no loop or parallel: it and what comes after it run again. */
      readonly block: string;
    }
  | {
      /** What failed, was cancelled or never began runs again, with what comes after it. */
      readonly failedOnly: true;
    }
) & {
  /** Id of the new run; starting the same id again finds the run that is there. */
  readonly run?: string;
  /** The input of the earlier run unless given. */
  readonly input?: unknown;
};

export interface MigrateOptions {
  /** Name of a node; the one that suits best unless given. */
  readonly to?: string;
  /** 30 seconds unless given, a minute at most. */
  readonly waitMs?: number;
}

/** Where the actor is. `there`: it was on that node, and stays. `under-way`: it leaves that one as soon as
 *  it can, also if nobody waits for it. */
export interface Migrated {
  readonly node: string;
  readonly epoch: number;
  readonly state: 'moved' | 'there' | 'under-way';
}

export interface RunHandle<O> {
  readonly id: string;
  /** What the run comes to, however long it takes; a failed run throws its failure. */
  result(): Promise<O>;
  /** The state of the run: as it is, or as soon as it has ended within `waitMs`; with `activity` also
   *  what its blocks say of their progress. */
  view(waitMs?: number, options?: { readonly activity?: boolean }): Promise<RunView>;
  /** A person's answer to a pause; `block` is the pause's context id. The same answer again is taken for
   *  the first; another one is refused with `WRONG_STATE`. */
  resume(block: string, answer: unknown): Promise<RunView>;
  /** Starts a new run from where this one, which has ended, had come. */
  again(options: AgainOptions): Promise<RunHandle<O>>;
  /** Goes on by the version of its workflow in that bundle, or in the latest one; refused with the
   *  first difference where the two do not agree on all that has begun. */
  move(bundle?: string): Promise<RunView>;
  cancel(): Promise<RunView>;
}

export interface Deployed {
  /** Content hash of the bundle. */
  readonly bundle: string;
  readonly actors: readonly string[];
  readonly tasks: readonly string[];
  readonly workflows: readonly string[];
}

export interface Troupe {
  /** An actor, to be called. It comes to be with its first call. */
  actor<A extends AnyActorDefinition>(actor: A, key: string, options?: CallOptions): ClientCalls<A>;
  actor(type: string, key: string, options?: CallOptions): UntypedClientCalls;
  /** An actor, to send to: a letter that is durable when this resolves, and then takes effect once, whoever lives; nobody waits
   *  for what it comes to. Those to one actor are taken in the order in which they were sent. */
  send<A extends AnyActorDefinition>(
    actor: A,
    key: string,
    options?: ClientSendOptions,
  ): AwaitedSends<A>;
  send(type: string, key: string, options?: ClientSendOptions): UntypedAwaitedSends;
  /** Gives an actor what a turn of it waits for by `c.waitFor`; kept until one does. Resolves when the
   *  signal is durable. */
  signal(
    actor: AnyActorDefinition | string,
    key: string,
    name: string,
    value?: unknown,
    options?: Omit<CallOptions, 'idempotencyKey'>,
  ): Promise<void>;
  /** What is published to it comes to each actor that has subscribed, once and in order. It comes to be
   *  with its first message or subscriber. */
  topic<T = unknown>(name: string): Topic<T>;
  /** The topics of the tenant, page by page, in the order of their names. */
  topics(asked?: TopicsAsked): Promise<TopicsPage>;
  /** So many permits under this name, which turns take by `withPermit`. The bundle of the tenant
   *  exports `Semaphore`. The number that was said last counts. */
  semaphore(name: string, permits: number): SemaphoreHandle;
  /** So many actors of a type that are alike: each call goes to the one with the fewest of ours. */
  pool<A extends AnyActorDefinition>(
    actor: A,
    size: number,
    options?: PoolOptions & Omit<CallOptions, 'idempotencyKey'>,
  ): ActorCalls<A>;
  /** The actors whose causality is tracked together under this name. */
  scope(name: string): Scope;
  /** Submits a task and answers with what it comes to. */
  task<I, O>(task: TaskDefinition<I, O>, input: I, options?: SubmitOptions): Promise<O>;
  task(name: string, input: unknown, options?: SubmitOptions): Promise<unknown>;
  /** Submits tasks that start together or not at all, and answers with what each comes to, in their
   *  order; rejects with the first failure. At most 256. */
  gang<O>(members: readonly GangMember<O>[], options?: GangOptions): Promise<O[]>;
  /** Starts a run; answers as soon as the run is durable. */
  start<I, O>(
    workflow: WorkflowDefinition<I, O>,
    input: I,
    options?: StartOptions,
  ): Promise<RunHandle<O>>;
  start(workflow: string, input: unknown, options?: StartOptions): Promise<RunHandle<unknown>>;
  /** The run of this id, whether it exists or not. */
  run<O = unknown>(id: string): RunHandle<O>;
  /** The latest runs, without what they came to; `run(id).view()` says that. */
  runs(options?: { readonly limit?: number }): Promise<readonly RunView[]>;
  /** Deploys the bytes of a bundle for the tenant. */
  deploy(bytes: Uint8Array): Promise<Deployed>;
  status(): Promise<ClusterView>;
  /** The actors of the tenant, listed, made, paused and destroyed. */
  readonly actors: Actors;
  /** Letters whose turns have failed for good, found, delivered anew and discarded. */
  readonly deadLetters: DeadLetters;
  /** Versions of actors that are kept: listed, shown, compared, pinned, gone back to, and copied. */
  readonly checkpoints: Checkpoints;
  /** What the tenant is configured with. */
  readonly config: Config;
  /** All actors of a type go over to another bundle, in waves, or back. */
  readonly rollouts: Rollouts;
  /** Moves one live actor to another node, with all that waits for it; its callers notice only latency.
   *  Answers when it is there, or as soon as `waitMs` are over while it finishes its last turn. */
  migrate(type: string, key: string, options?: MigrateOptions): Promise<Migrated>;
  /** Timers of an actor that wait, or of all actors of the tenant, page by page. */
  timers(asked?: TimersAsked): Promise<TimersPage>;
  /** Tasks of the tenant that wait or run, those that wait first, with the reason; with `activity`
   *  also what attempts say of their progress. */
  tasks(options?: { readonly limit?: number; readonly activity?: boolean }): Promise<{
    readonly tasks: readonly TaskView[];
    readonly total: number;
  }>;
  /** Makes a tenant, or lets it share otherwise from now on. A number is its weight. */
  putTenant(name: string, options: number | TenantOptions): Promise<TenantSettings>;
  /** Holds room for a tenant, in which only its tasks run. `status()` lists all reservations. */
  putReservation(
    tenant: string,
    reservation: string,
    options: ReservationOptions,
  ): Promise<ReservationView>;
  /** What runs in its places goes on; the room is open to all. */
  dropReservation(tenant: string, reservation: string): Promise<void>;
  drainNode(name: string): Promise<void>;
  /** Whether anything new is placed on a node; what is there stays. */
  cordonNode(name: string, cordoned: boolean): Promise<void>;
  /** What tasks declare beside what they use, of one tenant or of all; the worst first. The leader
   *  learns it while it leads: a new one begins anew. */
  demands(options?: {
    readonly tenant?: string;
    readonly limit?: number;
  }): Promise<{ readonly demands: readonly DemandView[]; readonly total: number }>;
  /** Ends the session; calls still open reject with `OUTCOME_UNKNOWN`. */
  close(): Promise<void>;
}
