/**
 * Rollouts by the facts of the journal: the last one of each actor type. Which bundle an actor has stands
 * with the actor (`actors.ts`).
 *
 * RO1 a rollout that is done or was stopped goes on only when somebody says so.
 */
import {
  type ActorId,
  assert,
  type BundleHash,
  type Failure,
  type RolloutPace,
  type RolloutState,
  type TenantName,
} from '@troupe/model';
import type { SchedulerFact } from './facts.ts';

export interface RolloutRecord extends RolloutPace {
  readonly tenant: TenantName;
  readonly type: string;
  readonly bundle: BundleHash;
  /** What served the type before. */
  readonly before?: BundleHash;
  /** Made by whoever asked for it, who finds it again by this. */
  readonly by: string;
  readonly discard?: true;
  /** Wall-clock ms, for people. */
  readonly at: number;
  /** Position of the fact since which it runs: nodes go by the latest. */
  position: number;
  state: RolloutState;
  readonly failed: Map<ActorId, Failure>;
  /** Bundles with the type that were deployed since it began: whoever has one of these is left alone. */
  readonly later: Set<BundleHash>;
}

type Stored = Omit<RolloutRecord, 'failed' | 'later'> & {
  readonly failed: readonly (readonly [ActorId, Failure])[];
  readonly later?: readonly BundleHash[];
};
export type RolloutsImage = readonly Stored[];

type RolloutFact = Extract<
  SchedulerFact,
  { kind: 'rollout-begun' | 'rollout-changed' | 'upgrade-failed' | 'bundle-deployed' }
>;

export class RolloutTable {
  readonly #rollouts = new Map<string, RolloutRecord>();

  get size(): number {
    return this.#rollouts.size;
  }
  get(tenant: TenantName, type: string): RolloutRecord | undefined {
    return this.#rollouts.get(rolloutKey(tenant, type));
  }
  all(): IterableIterator<RolloutRecord> {
    return this.#rollouts.values();
  }

  apply(fact: RolloutFact, position: number): void {
    if (fact.kind === 'rollout-begun') {
      const { tenant, type, bundle, before, by, atOnce, pauseMs, failuresMax, discard, at } = fact;
      this.#rollouts.set(rolloutKey(tenant, type), {
        tenant,
        type,
        bundle,
        ...(before === undefined ? {} : { before }),
        by,
        atOnce,
        pauseMs,
        failuresMax,
        ...(discard === undefined ? {} : { discard }),
        at,
        position,
        state: 'running',
        failed: new Map(),
        later: new Set(),
      });
      return;
    }
    if (fact.kind === 'bundle-deployed') return this.#deployed(fact);
    const rollout = this.get(fact.tenant, fact.type);
    assert(rollout !== undefined, 'RO1: a rollout begins before it changes');
    if (fact.kind === 'upgrade-failed') {
      rollout.failed.set(fact.actor, fact.failure);
      return;
    }
    rollout.state = fact.to;
    if (fact.to !== 'running') return;
    rollout.position = position;
    rollout.failed.clear();
  }

  image(): RolloutsImage {
    return [...this.#rollouts.values()].map(({ failed, later, ...one }) => {
      return {
        ...one,
        failed: [...failed],
        ...(later.size === 0 ? {} : { later: [...later] }),
      };
    });
  }

  restore(image: RolloutsImage): void {
    for (const { failed, later, ...rollout } of image) {
      const key = rolloutKey(rollout.tenant, rollout.type);
      this.#rollouts.set(key, { ...rollout, failed: new Map(failed), later: new Set(later) });
    }
  }

  #deployed({ tenant, bundle, manifest }: Extract<RolloutFact, { kind: 'bundle-deployed' }>): void {
    for (const { type } of manifest.actors) {
      const rollout = this.get(tenant, type);
      // Its own one, deployed again, is the latest: everybody is to have it.
      if (rollout?.bundle === bundle) rollout.later.clear();
      else rollout?.later.add(bundle);
    }
  }
}

export function rolloutKey(tenant: TenantName, type: string): string {
  return `${tenant}/${type}`;
}
