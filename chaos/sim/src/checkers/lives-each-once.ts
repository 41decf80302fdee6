/**
 * What becomes of an actor is taken by each topic of lives that is there and that it belongs to, once and
 * in the order of the journal; nothing else is. How it comes from there to subscribers is the promise of
 * topics (`topic-each-once`).
 */
import { type ActorId, type Call, decodeValue, type ToldEvent, toldMethod } from '@troupe/model';
import { isTopic } from '../node/program.ts';
import type { MakeChecker } from './checker.ts';
import type { Life } from './lives.ts';
import { causeKey } from './truth.ts';

export const livesEachOnce: MakeChecker = (truth, violate) => {
  /** By call, what a leader told by it. */
  const told = new Map<string, readonly ToldEvent[]>();
  /** By topic, what it has not taken. */
  const due = new Map<ActorId, Life[]>();
  const taken = new Map<ActorId, number>();
  return {
    journalFact(fact) {
      const news = truth.lives.newsOf(fact);
      for (const topic of news?.topics ?? []) {
        const list = due.get(topic) ?? [];
        due.set(topic, list);
        if (news !== undefined) list.push(news.life);
      }
      if (fact.kind !== 'actor-destroyed') return;
      due.delete(fact.actor);
      taken.delete(fact.actor);
    },
    sent(_from, _subject, message) {
      if (!('kind' in message) || message.kind !== 'call') return;
      const { actor, caller, method, args } = message as Call;
      if (method === toldMethod)
        told.set(`${actor} ${caller.session}:${caller.number}`, eventsIn(args));
    },
    turnFact(fact) {
      if (fact.kind !== 'turn' || fact.method !== toldMethod || !isTopic(fact.actor)) return;
      if (!fact.outcome.ok) return violate(`${fact.actor} takes nothing of what becomes of actors`);
      const { actor: topic } = fact;
      for (const event of told.get(`${topic} ${causeKey(fact.cause)}`) ?? []) {
        if (event.position <= (taken.get(topic) ?? 0)) continue;
        taken.set(topic, event.position);
        const next = due.get(topic)?.shift();
        if (next === undefined || !isSame(next, event)) {
          violate(`${topic} is told ${textOf(event)}, and next was ${textOf(next)}`);
        }
      }
    },
    atRest() {
      for (const [topic, [next]] of due) {
        if (next !== undefined) violate(`${topic} was never told ${textOf(next)}`);
      }
    },
  };
};

export function eventsIn(args: Uint8Array): readonly ToldEvent[] {
  const [events] = decodeValue(args) as readonly [readonly ToldEvent[]];
  return events;
}

function isSame(life: Life, event: Life): boolean {
  return textOf(life) === textOf(event);
}

function textOf(life: Life | undefined): string {
  if (life === undefined) return 'nothing';
  const { position, kind, actor, birth } = life;
  return `${position}: ${actor} #${birth} ${kind}`;
}
