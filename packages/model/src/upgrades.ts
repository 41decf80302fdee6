/** Upgrading actors to another bundle: what a leader and its nodes say to each other about it, and how it
 *  is shown. A **rollout** upgrades all actors of a type, in waves. */
import type { Failure } from './errors.ts';
import type { ActorId, BundleHash, Incarnation, TenantName } from './ids.ts';
import type { Term } from './messages.ts';

/** By which the turn of an upgrade goes in records. */
export const upgradeMethod = '$upgrade';

/** A bundle, and the version that it gives to the states of a type. */
export interface CodeVersion {
  readonly bundle: BundleHash;
  readonly version: number;
}

/** What the leader knows of the version of the state of an actor that it places. */
export interface PlacedCode {
  /** Of its type in the bundle of the placement. */
  readonly version: number;
  /** Position of the last rollout that is known to have upgraded it; 0: none has. */
  readonly at: number;
  /** What it had before any rollout, once one has upgraded it. */
  readonly first?: CodeVersion;
}

/** Rides on a placement: between two turns the actor shall go over to this bundle. */
export interface UpgradeOrder extends CodeVersion {
  /** Position of the rollout: a later one goes first. */
  readonly at: number;
  /** To an older version: what turns have done since the state was upgraded is given up. */
  readonly discard?: true;
}

/** node → leader: which bundle an actor has by its own record; with a failure the order changed nothing.
 *  Resent until `upgraded-seen`. */
export interface Upgraded {
  readonly kind: 'upgraded';
  readonly incarnation: Incarnation;
  readonly actors: readonly UpgradedActor[];
}

export interface UpgradedActor {
  readonly actor: ActorId;
  readonly epoch: number;
  readonly bundle: BundleHash;
  /** Position of the rollout that upgraded it, or failed to; 0: none has, as its scope went back. */
  readonly at: number;
  readonly failure?: Failure;
}

export interface UpgradedSeen {
  readonly kind: 'upgraded-seen';
  readonly term: Term;
  readonly actors: readonly Pick<UpgradedActor, 'actor' | 'epoch' | 'at'>[];
}

/** How fast, and when it stops by itself. */
export interface RolloutPace {
  /** Actors of one wave: the next begins when these have ended. */
  readonly atOnce: number;
  readonly pauseMs: number;
  /** It stops when more have failed. */
  readonly failuresMax: number;
}

export type RolloutState = 'running' | 'paused' | 'stopped' | 'done';

export type RolloutRequest =
  | ({
      /** Idempotent by `by`. A rollout of the type that is under way is replaced. */
      readonly kind: 'start-rollout';
      readonly by: string;
      readonly tenant: TenantName;
      readonly type: string;
      /** The latest that serves the type when absent. */
      readonly bundle?: BundleHash;
      readonly discard?: true;
    } & RolloutPace)
  | {
      /** `running` goes on, also with what had failed. */
      readonly kind: 'change-rollout';
      readonly tenant: TenantName;
      readonly type: string;
      readonly to: 'running' | 'paused';
    }
  | { readonly kind: 'list-rollouts'; readonly tenant?: TenantName };

export type RolloutAnswer =
  | { readonly kind: 'rollout'; readonly rollout: RolloutView }
  | { readonly kind: 'rollouts'; readonly rollouts: readonly RolloutView[] };

export interface RolloutView extends RolloutPace {
  readonly tenant: TenantName;
  readonly type: string;
  readonly bundle: BundleHash;
  readonly version: number;
  /** What served the type before: where rolling back leads. */
  readonly before?: CodeVersion;
  readonly state: RolloutState;
  /** Actors of the type by the bundle that they have. */
  readonly actors: readonly (CodeVersion & { readonly count: number })[];
  /** Told to go over, and not heard of yet: a turn of theirs runs or waits. */
  readonly underWay: number;
  readonly failed: number;
  /** The first of them. */
  readonly failures: readonly { readonly actor: ActorId; readonly failure: Failure }[];
  readonly at: number;
}
