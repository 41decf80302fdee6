/**
 * What became of actors, by the facts of the journal: the last events of each tenant, and who is ill.
 *
 * SV1 events of a tenant are numbered from 1 without gaps, in the order of the journal; the last
 *     `limits.supervisionKeptMax` of them are kept.
 */
import {
  type ActorId,
  actorParts,
  type Failure,
  limits,
  type SupervisionEvent,
  type TenantName,
} from '@troupe/model';
import type { ActorRecord } from './actors.ts';
import type { SchedulerFact } from './facts.ts';

export interface Illness {
  readonly failure: Failure;
  readonly loops: boolean;
}

interface Kept {
  readonly events: SupervisionEvent[];
  /** Number of the last. */
  last: number;
}

export interface SupervisionImage {
  readonly tenants: readonly (readonly [TenantName, number, readonly SupervisionEvent[]])[];
  readonly ill: readonly (readonly [ActorId, Illness])[];
}

type Fact = Extract<
  SchedulerFact,
  { kind: 'actor-ill' | 'actor-well' | 'actor-placed' | 'actor-destroyed' | 'upgrade-failed' }
>;

export class SupervisionTable {
  readonly #tenants = new Map<TenantName, Kept>();
  readonly #ill = new Map<ActorId, Illness>();

  get isUsed(): boolean {
    return this.#tenants.size > 0;
  }
  ill(actor: ActorId): Illness | undefined {
    return this.#ill.get(actor);
  }
  allIll(): IterableIterator<ActorId> {
    return this.#ill.keys();
  }

  /** Those after a position, the oldest first, and how many of these are not kept. */
  after(
    tenant: TenantName,
    position: number,
    limit: number,
  ): { readonly events: readonly SupervisionEvent[]; readonly missed: number } {
    const events = this.#tenants.get(tenant)?.events ?? [];
    const first = events[0]?.position ?? 0;
    const at = Math.max(0, position + 1 - first);
    return { events: events.slice(at, at + limit), missed: Math.max(0, first - 1 - position) };
  }

  /** `actor` is as it was before the fact. */
  apply(fact: Fact, actor: Pick<ActorRecord, 'id' | 'birth'> | undefined): void {
    if (actor === undefined) return;
    const { id, birth } = actor;
    const event = { actor: id, birth };
    switch (fact.kind) {
      case 'actor-ill': {
        const { failure, loops = false } = fact;
        this.#ill.set(id, { failure, loops });
        const kind = failure.code === 'PAST_CONFLICT' ? 'quarantined' : 'failed';
        return this.#add({ ...event, kind: loops ? 'crash-looping' : kind, failure });
      }
      case 'actor-well':
        this.#ill.delete(id);
        return this.#add({ ...event, kind: 'recovered' });
      case 'actor-placed':
        this.#ill.delete(id);
        // Handed over it has no chain: nobody has lost it.
        if (fact.chain.length > 0) this.#add({ ...event, kind: 'restarted' });
        return;
      case 'actor-destroyed':
        this.#ill.delete(id);
        return this.#add({ ...event, kind: 'ended' });
      case 'upgrade-failed':
        return this.#add({ ...event, kind: 'upgrade-failed', failure: fact.failure });
    }
  }

  image(): SupervisionImage {
    const tenants = [...this.#tenants].map(
      ([tenant, { last, events }]) => [tenant, last, [...events]] as const,
    );
    return { tenants, ill: [...this.#ill] };
  }

  restore({ tenants, ill }: SupervisionImage): void {
    for (const [tenant, last, events] of tenants) {
      this.#tenants.set(tenant, { last, events: [...events] });
    }
    for (const [actor, illness] of ill) this.#ill.set(actor, illness);
  }

  #add(event: Omit<SupervisionEvent, 'position'>): void {
    const { tenant } = actorParts(event.actor);
    const kept = this.#tenants.get(tenant) ?? { events: [], last: 0 };
    this.#tenants.set(tenant, kept);
    kept.last += 1;
    kept.events.push({ position: kept.last, ...event });
    if (kept.events.length > limits.supervisionKeptMax) kept.events.shift();
  }
}
