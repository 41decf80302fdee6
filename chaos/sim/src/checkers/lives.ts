/**
 * What becomes of actors, read from the facts of the journal with nothing of the tables of a scheduler: which
 * events there were, in their order, and to which topics of lives each is to be told.
 */
import {
  type ActorId,
  actorId,
  actorParts,
  livesTopic,
  type SupervisionEvent,
  type SupervisionKind,
  topicType,
} from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import { tenant } from '../node/program.ts';

export type Life = Pick<SupervisionEvent, 'position' | 'actor' | 'birth' | 'kind'>;

/** An event, and the topics that were there. */
export interface News {
  readonly life: Life;
  readonly topics: readonly ActorId[];
}

export class Lives {
  /** By topic, the position of the last event that it is not known to have taken. */
  readonly untold = new Map<ActorId, number>();
  readonly #births = new Map<ActorId, number>();
  #last = 0;

  /** What this fact tells of an actor, before it is taken in. */
  newsOf(fact: SchedulerFact): News | undefined {
    const of = kindOf(fact);
    const birth = of === undefined ? undefined : this.#births.get(of.actor);
    if (of === undefined || birth === undefined) return undefined;
    const { type, key } = actorParts(of.actor);
    const names = [livesTopic(), livesTopic(type), livesTopic(type, key)];
    const topics = names.map((name) => actorId(tenant, topicType, name));
    return {
      life: { position: this.#last + 1, birth, ...of },
      topics: topics.filter((topic) => this.#births.has(topic)),
    };
  }

  journal(fact: SchedulerFact, position: number): void {
    const news = this.newsOf(fact);
    if (news !== undefined) {
      this.#last = news.life.position;
      for (const topic of news.topics) this.untold.set(topic, this.#last);
    }
    if (fact.kind === 'actor-created') this.#births.set(fact.actor, position);
    if (fact.kind === 'actor-destroyed') {
      this.#births.delete(fact.actor);
      this.untold.delete(fact.actor);
    }
    if (fact.kind === 'lives-taken' && (this.untold.get(fact.topic) ?? 0) <= fact.upTo) {
      this.untold.delete(fact.topic);
    }
  }
}

function kindOf(fact: SchedulerFact): { actor: ActorId; kind: SupervisionKind } | undefined {
  switch (fact.kind) {
    case 'actor-ill': {
      const { actor, failure, loops } = fact;
      if (loops === true) return { actor, kind: 'crash-looping' };
      return { actor, kind: failure.code === 'PAST_CONFLICT' ? 'quarantined' : 'failed' };
    }
    case 'actor-well':
      return { actor: fact.actor, kind: 'recovered' };
    case 'actor-placed':
      return fact.chain.length > 0 ? { actor: fact.actor, kind: 'restarted' } : undefined;
    case 'actor-destroyed':
      return { actor: fact.actor, kind: 'ended' };
    case 'upgrade-failed':
      return { actor: fact.actor, kind: 'upgrade-failed' };
    default:
      return undefined;
  }
}
