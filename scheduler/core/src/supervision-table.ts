/**
 * What became of actors, by the facts of the journal: the last events of each tenant, and who is ill.
 *
 * SV1 events of a tenant are numbered from 1 without gaps, in the order of the journal; the last
 *     `limits.supervisionKeptMax` of them are kept.
 * SV2 an event waits for each topic of lives that it belongs to and that is there, until that has taken
 *     it or is no more.
 */
import {
  type ActorId,
  actorId,
  actorParts,
  asGivenUp,
  type Failure,
  limits,
  livesTopic,
  type SupervisionEvent,
  type TenantName,
  type ToldEvent,
  topicType,
} from '@troupe/model';
import type { ActorRecord } from './actors.ts';
import type { SchedulerFact } from './facts.ts';
import { WaitingLives } from './waiting-lives.ts';

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
  /** By topic, what it has not taken; absent where there is nothing, as in images from before topics of
   *  lives. */
  readonly waiting?: readonly (readonly [ActorId, readonly ToldEvent[]])[];
}

type Fact = Extract<
  SchedulerFact,
  {
    kind:
      | 'actor-ill'
      | 'actor-well'
      | 'actor-placed'
      | 'actor-wished'
      | 'actor-destroyed'
      | 'upgrade-failed';
  }
>;

export class SupervisionTable {
  readonly #tenants = new Map<TenantName, Kept>();
  readonly #ill = new Map<ActorId, Illness>();
  readonly #waiting = new Map<ActorId, WaitingLives>();
  /** Topics for which the first event waits since a leader last asked. */
  readonly #stirred = new Set<ActorId>();
  readonly #isThere: (topic: ActorId) => boolean;

  constructor(isThere: (topic: ActorId) => boolean) {
    this.#isThere = isThere;
  }

  get isUsed(): boolean {
    return this.#tenants.size > 0;
  }
  ill(actor: ActorId): Illness | undefined {
    return this.#ill.get(actor);
  }
  allIll(): IterableIterator<ActorId> {
    return this.#ill.keys();
  }

  /** How many topics have not taken all that they are to be given. */
  get topicsWaiting(): number {
    return this.#waiting.size;
  }
  /** The next batch for a topic; empty when there is none. */
  batchFor(topic: ActorId): readonly ToldEvent[] {
    return this.#waiting.get(topic)?.first ?? [];
  }
  /** All topics for which something waits. */
  allWaiting(): readonly ActorId[] {
    this.#stirred.clear();
    return [...this.#waiting.keys()];
  }
  /** Those for which something waits that nobody has asked about. */
  takeStirred(): readonly ActorId[] {
    if (this.#stirred.size === 0) return [];
    const stirred = [...this.#stirred];
    this.#stirred.clear();
    return stirred;
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
  apply(fact: Fact, actor: Pick<ActorRecord, 'id' | 'birth' | 'life'> | undefined): void {
    if (actor === undefined) return;
    const { id, birth, life } = actor;
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
      case 'actor-wished': {
        const { givenUp, wish } = fact;
        if (givenUp === undefined) {
          if (wish === 'live' && life?.givenUp !== undefined)
            this.#add({ ...event, kind: 'resumed' });
          return;
        }
        // Whatever it comes to once it is resumed is another illness.
        this.#ill.delete(id);
        return this.#add({ ...event, kind: 'given-up', failure: asGivenUp(id, givenUp) });
      }
      case 'actor-destroyed':
        this.#ill.delete(id);
        return this.#add({ ...event, kind: 'ended' });
      case 'upgrade-failed':
        return this.#add({ ...event, kind: 'upgrade-failed', failure: fact.failure });
    }
  }

  taken({ topic, upTo }: Extract<SchedulerFact, { kind: 'lives-taken' }>): void {
    const waiting = this.#waiting.get(topic);
    waiting?.taken(upTo);
    if (waiting?.first.length === 0) this.forgetTopic(topic);
  }

  /** Nothing waits for it any more. */
  forgetTopic(topic: ActorId): void {
    this.#waiting.delete(topic);
    this.#stirred.delete(topic);
  }

  image(): SupervisionImage {
    const tenants = [...this.#tenants].map(
      ([tenant, { last, events }]) => [tenant, last, [...events]] as const,
    );
    const image = { tenants, ill: [...this.#ill] };
    if (this.#waiting.size === 0) return image;
    const waiting = [...this.#waiting].map(([topic, { all }]) => [topic, all] as const);
    return { ...image, waiting };
  }

  restore({ tenants, ill, waiting = [] }: SupervisionImage): void {
    for (const [topic, events] of waiting) this.#waiting.set(topic, WaitingLives.from(events));
    for (const [tenant, last, events] of tenants) {
      this.#tenants.set(tenant, { last, events: [...events] });
    }
    for (const [actor, illness] of ill) this.#ill.set(actor, illness);
  }

  #add(of: Omit<SupervisionEvent, 'position'>): void {
    const { tenant, type, key } = actorParts(of.actor);
    const kept = this.#tenants.get(tenant) ?? { events: [], last: 0 };
    this.#tenants.set(tenant, kept);
    kept.last += 1;
    const event = { position: kept.last, ...of };
    kept.events.push(event);
    if (kept.events.length > limits.supervisionKeptMax) kept.events.shift();
    for (const name of [livesTopic(), livesTopic(type), livesTopic(type, key)]) {
      this.#tell(actorId(tenant, topicType, name), event);
    }
  }

  /** SV2 */
  #tell(topic: ActorId, event: SupervisionEvent): void {
    if (!this.#isThere(topic)) return;
    let waiting = this.#waiting.get(topic);
    if (waiting === undefined) {
      waiting = new WaitingLives();
      this.#waiting.set(topic, waiting);
      this.#stirred.add(topic);
    }
    waiting.add(event);
  }
}
