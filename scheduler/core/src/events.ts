/** What a scheduler machine hears, and what it says. */
import type {
  ActorId,
  Address,
  Answered,
  Incarnation,
  Labels,
  Located,
  LogName,
  NodeToLeader,
  Request,
  StrategyName,
  ToNode,
} from '@troupe/model';
import type { PowerModel } from './placement/index.ts';

/** Every event carries `wall`, the wall-clock ms of this process, for the `at` of facts. */
export type SchedulerEvent = { readonly wall: number } & (
  | {
      /** The first event of a leader, after every fact of the journal was applied. */
      readonly kind: 'lead';
      readonly scheduler: string;
      readonly generation: number;
    }
  | { readonly kind: 'tick' }
  | { readonly kind: 'from-node'; readonly message: NodeToLeader }
  | { readonly kind: 'request'; readonly request: Request }
  /** The broker says the connection of this incarnation closed: probe it. */
  | { readonly kind: 'disconnect-notice'; readonly incarnation: Incarnation }
  /** The witness that we asked says that the process of this incarnation runs. */
  | { readonly kind: 'witness-answered'; readonly incarnation: Incarnation }
  /** Our own connection was lost and is back, or this process was paused: nobody is judged by
   *  silence that was ours. */
  | { readonly kind: 'back-after-silence' }
  /** Of this process: whether what it may hold in memory is all but used up. */
  | { readonly kind: 'memory'; readonly short: boolean }
  // Results of the I/O asked for below.
  | { readonly kind: 'log-created'; readonly incarnation: Incarnation }
  | { readonly kind: 'log-sealed'; readonly incarnation: Incarnation; readonly position: number }
  | { readonly kind: 'log-deleted'; readonly log: LogName }
  /** Numbers of all outputs that lie in the object store, whole or by half. */
  | { readonly kind: 'objects-listed'; readonly objects: readonly number[] }
  | {
      readonly kind: 'image-written';
      readonly object: string;
      readonly facts: number;
      readonly position: number;
      readonly bytes?: number;
    }
);

/** Released when everything before it is durable. I/O answers with an event; the rim retries I/O
 *  until it succeeds, and all of it is idempotent. */
export type SchedulerSend =
  | { readonly kind: 'to-node'; readonly node: Incarnation; readonly message: ToNode }
  | { readonly kind: 'to-all-nodes'; readonly message: ToNode }
  /** Answered by `witness-answered`, or not at all. */
  | { readonly kind: 'ask-witness'; readonly incarnation: Incarnation }
  | { readonly kind: 'create-log'; readonly incarnation: Incarnation }
  | { readonly kind: 'seal-log'; readonly incarnation: Incarnation }
  | { readonly kind: 'delete-log'; readonly log: LogName }
  | { readonly kind: 'trim-journal'; readonly before: number }
  /** What stands in the store of actors that are no more, each up to its revision. */
  | {
      readonly kind: 'drop-checkpoints';
      readonly of: readonly { readonly actor: ActorId; readonly revision: number }[];
    }
  /** Answered by `objects-listed`. */
  | { readonly kind: 'list-objects' }
  | { readonly kind: 'delete-objects'; readonly objects: readonly number[] };

export type SchedulerReply = { readonly to: Address; readonly message: Answered | Located };

/** The scheduler hands nothing to its own process before it is durable. */
export type SchedulerWork = never;

export interface RebalanceConfig {
  /** How often the loads are looked at. */
  readonly periodMs: number;
  /** By how large a share the hottest node must lie above the mean before anybody is moved. */
  readonly imbalanceShare: number;
  /** Actors moved in one round. */
  readonly migrationsMax: number;
}

/** Nodes that have all of these labels, and how many of them there should be. */
export interface NodeGroupConfig {
  readonly name: string;
  readonly labels: Labels;
  readonly min: number;
  readonly max: number;
  /** Grows and shrinks by the share that is reserved. */
  readonly threshold?: {
    readonly upShare: number;
    readonly downShare: number;
    readonly upRestMs: number;
    readonly downRestMs: number;
  };
  /** Tasks that may wait or run for each node. */
  readonly tasksPerNode?: number;
  /** By what arrivals are forecast for when a node that is ordered now serves. */
  readonly forecast?: { readonly startMs: number; readonly caution: number };
  /** Such as `min 10 on weekdays 8-18`. */
  readonly clock?: readonly string[];
  /** Falls to zero after so long without work; for `min` 0 alone. */
  readonly idleMs?: number;
}

export interface AutoscaleConfig {
  readonly groups: readonly NodeGroupConfig[];
  /** What the clock rules mean by their hours. */
  readonly utcOffsetMinutes: number;
}

/** What can be borne; beyond, something is given up in a stated order. */
export interface PressureConfig {
  /** Tasks that wait. */
  readonly tasksMax: number;
  /** Facts of the journal since its last image. */
  readonly factsMax: number;
  /** For how long it must be too much before the next thing is given up, and little before the last one comes
   *  back; as in `degradationTerms` unless given. */
  readonly downMs?: number;
  readonly upMs?: number;
}

export interface SchedulerConfig {
  readonly cell: string;
  readonly version: string;
  readonly heartbeatMs: number;
  /** A node silent for so long is dying. */
  readonly nodeSilenceMs: number;
  readonly probeMs: number;
  readonly resendMs: number;
  /** What tasks demand of cpu, memory and io raises the weight of their tenants. Off unless given. */
  readonly demandCoefficient?: boolean;
  /** How a node is chosen where neither the task nor its tenant says; `load-balanced` unless given. */
  readonly placement?: {
    readonly strategy?: StrategyName;
    /** What nodes draw, for `energy-aware`. */
    readonly power?: PowerModel;
  };
  /** Actors are moved to even out the load of the nodes; off unless given. */
  readonly rebalance?: RebalanceConfig;
  /** Groups of nodes are sized; off unless given. */
  readonly autoscale?: AutoscaleConfig;
  /** Under pressure things are given up; off unless given. */
  readonly pressure?: PressureConfig;
  /** Seed of the generator in the state. */
  readonly seed: number;
}
