/**
 * What was wished of an actor holds. One that was said to be paused begins nothing until something else is
 * wished. One that has ended is never seen again: no turn of its birth, no placement of one that was
 * destroyed; and it was destroyed only when what it had sent was taken.
 */
import { type ActorId, limits, type Settled } from '@troupe/model';
import type { MakeChecker } from './checker.ts';

export const asWished: MakeChecker = (truth, violate) => {
  /** Position of the wish by which it was said to rest. */
  const resting = new Map<ActorId, number>();
  const wished = new Map<ActorId, { readonly kind: string; readonly at: number }>();
  /** Births whose end is durable. */
  const ended = new Map<ActorId, number>();
  const destroyed = new Map<ActorId, number>();
  /** When it was last wished to end, and when it was last destroyed; virtual time. */
  const doomedAt = new Map<ActorId, number>();
  const goneAt = new Map<ActorId, number>();
  return {
    sent(_from, _subject, message) {
      if (!('kind' in message) || message.kind !== 'settled') return;
      for (const { actor, wish } of (message as Settled).actors) {
        if (wish.kind === 'paused' && wished.get(actor)?.at === wish.at)
          resting.set(actor, wish.at);
      }
    },
    journalFact(fact, position) {
      if (fact.kind === 'actor-wished') {
        wished.set(fact.actor, { kind: fact.wish, at: position });
        resting.delete(fact.actor);
        if (fact.wish === 'ending') doomedAt.set(fact.actor, truth.now());
      }
      if (fact.kind !== 'actor-destroyed') return;
      const actor = truth.actors.get(fact.actor);
      destroyed.set(fact.actor, fact.birth);
      wished.delete(fact.actor);
      if (ended.get(fact.actor) !== fact.birth) {
        return violate(`${fact.actor} #${fact.birth} is destroyed, and its end is not durable`);
      }
      const since = doomedAt.get(fact.actor) ?? 0;
      goneAt.set(fact.actor, truth.now());
      // A minute later what nobody took is given up; clocks may be fast.
      if (actor === undefined || truth.now() - (actor.endedAt ?? 0) > limits.endingMs / 8) return;
      for (const [to, letters] of actor.letters) {
        const taken = truth.settled(actor, to);
        if (to === actor.id || taken >= letters.length) continue;
        // What two that end together have written to each other dies with both.
        if (wished.get(to)?.kind === 'ending' || (goneAt.get(to) ?? 0) > since) continue;
        violate(
          `${actor.id} is destroyed, and ${to} has taken ${taken} of ${letters.length} letters`,
        );
      }
    },
    turnFact(fact) {
      if (fact.kind === 'barrier' || fact.kind === 'actor-released') return;
      const { actor: id } = fact;
      const birth = truth.actors.get(id)?.birth ?? 0;
      if (fact.kind === 'actor-ended') {
        if (wished.get(id)?.kind !== 'ending') violate(`${id} ends, and nobody wished it`);
        ended.set(id, fact.birth);
        return;
      }
      if (ended.get(id) === birth) violate(`${fact.kind} of ${id} #${birth}, which has ended`);
      if (destroyed.get(id) === birth) violate(`${fact.kind} of ${id} #${birth}, which is no more`);
      // A turn under way goes on, signals are taken in, dead letters discarded and who has ended forgotten; what has not begun does
      // not begin.
      const goesOn = [
        'turn-recorded',
        'turn-yielded',
        'signalled',
        'letter-discarded',
        'clock-pruned',
      ];
      const begins = !goesOn.includes(fact.kind);
      if (resting.has(id) && begins) {
        violate(`${fact.kind} of ${id}, which is paused`);
      }
    },
  };
};
