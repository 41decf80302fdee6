/**
 * A message of a topic comes to each that had subscribed when the topic took it, once, and in the order in
 * which it took them; to nobody else. Read from the facts and from what was asked, with nothing of the
 * topic itself: who subscribed, what was published, and what was taken by whom.
 */
import {
  type ActorId,
  actorId,
  actorParts,
  type Call,
  decodeValue,
  toldMethod,
} from '@troupe/model';
import type { NodeFact } from '@troupe/worker-node-core';
import { isTopic, lifeMessage, messageIn, tenant } from '../node/program.ts';
import type { MakeChecker } from './checker.ts';
import { eventsIn } from './lives-each-once.ts';
import { causeKey, type Truth } from './truth.ts';

type TurnFact = Extract<NodeFact, { kind: 'turn' }>;

/** What is to come to a follower. When it has left the topic meanwhile it may come, or not. */
interface Due {
  readonly message: string;
  optional: boolean;
}

export const topicEachOnce: MakeChecker = (truth, violate) => {
  const asked = new Map<string, Uint8Array>();
  const followers = new Map<ActorId, Set<ActorId>>();
  const due = new Map<string, Due[]>();
  /** By topic of lives, the position of the last event that it has taken. */
  const told = new Map<ActorId, number>();
  const dueTo = (topic: ActorId, follower: ActorId): Due[] => {
    const key = `${topic} ${follower}`;
    const list = due.get(key) ?? [];
    due.set(key, list);
    return list;
  };

  return {
    sent(_from, _subject, message) {
      if (!('kind' in message) || message.kind !== 'call') return;
      const { actor, caller, args } = message as Call;
      if (isTopic(actor)) asked.set(`${actor} ${caller.session}:${caller.number}`, args);
    },
    turnFact(fact) {
      if (fact.kind === 'actor-ended' && isTopic(fact.actor)) return ended(fact.actor);
      if (fact.kind !== 'turn') return;
      if (isTopic(fact.actor)) return took(fact);
      const { cause } = fact;
      if (cause.kind !== 'letter' || !isTopic(cause.from)) return;
      const letter = truth.lettersOf(cause.from, cause.fromBirth, fact.actor)[cause.number - 1];
      if (letter === undefined) return;
      const message = messageIn(letter.args);
      const list = dueTo(cause.from, fact.actor);
      const at = list.findIndex((one) => one.message === message);
      const missed = list.slice(0, Math.max(at, 0)).find(({ optional }) => !optional);
      if (at < 0) violate(`${fact.actor} hears ${message} of ${cause.from}, which is not due`);
      else if (missed !== undefined) {
        violate(`${fact.actor} hears ${message} of ${cause.from} before ${missed.message}`);
      }
      list.splice(0, at + 1);
    },
    atRest() {
      for (const [who, list] of due) {
        const left = list.find(({ optional }) => !optional);
        if (left !== undefined) violate(`${left.message} never came: ${who}`);
      }
    },
  };

  /** With a topic goes who followed it, and what it had not sent; what it had sent is taken first. */
  function ended(topic: ActorId): void {
    for (const follower of followers.get(topic) ?? []) {
      for (const one of dueTo(topic, follower)) one.optional = true;
    }
    followers.delete(topic);
    told.delete(topic);
  }

  function took(fact: TurnFact): void {
    const args = argsOf(truth, fact, asked);
    if (!fact.outcome.ok || args === undefined) return;
    const all = followers.get(fact.actor) ?? new Set();
    followers.set(fact.actor, all);
    if (fact.method === 'publish') {
      for (const follower of all) {
        dueTo(fact.actor, follower).push({ message: messageIn(args), optional: false });
      }
      return;
    }
    if (fact.method === toldMethod) {
      for (const { position } of eventsIn(args)) {
        if (position <= (told.get(fact.actor) ?? 0)) continue;
        told.set(fact.actor, position);
        const message = lifeMessage(actorParts(fact.actor).key, position);
        for (const follower of all) dueTo(fact.actor, follower).push({ message, optional: false });
      }
      return;
    }
    if (fact.method !== 'subscribe' && fact.method !== 'unsubscribe') return;
    const [type, key] = decodeValue(args) as readonly [string, string];
    const follower = actorId(tenant, type, key);
    if (fact.method === 'subscribe') all.add(follower);
    else if (all.delete(follower)) {
      for (const one of dueTo(fact.actor, follower)) one.optional = true;
    }
  }
};

/** What a turn of a topic was given. */
function argsOf(
  truth: Truth,
  { actor, cause }: TurnFact,
  asked: ReadonlyMap<string, Uint8Array>,
): Uint8Array | undefined {
  if (cause.kind !== 'letter') return asked.get(`${actor} ${causeKey(cause)}`);
  return truth.lettersOf(cause.from, cause.fromBirth, actor)[cause.number - 1]?.args;
}
