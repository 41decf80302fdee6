/** Which states worth reaching were reached in the lives of actors. */
import type { ActorId, LetterNotHere } from '@troupe/model';
import type { Coverage } from '../world/coverage.ts';
import type { Checker } from './checker.ts';
import type { Truth } from './truth.ts';

export function lifeSights(truth: Truth, coverage: Coverage): Checker {
  const wishes = new Map<ActorId, string>();
  return {
    journalFact(fact) {
      switch (fact.kind) {
        case 'actor-wished':
          wishes.set(fact.actor, fact.wish);
          return;
        case 'actor-created':
          wishes.delete(fact.actor);
          if (truth.actors.has(fact.actor)) coverage.reach('a name lives again');
          return;
        case 'actor-placed': {
          const wish = wishes.get(fact.actor);
          if (wish === 'ending') coverage.reach('an actor is destroyed after its node has died');
          if (wish === 'paused') coverage.reach('a paused actor is placed anew');
          return;
        }
        default:
      }
    },
    turnFact(fact) {
      if (fact.kind !== 'actor-ended') return;
      if (truth.actors.get(fact.actor)?.memory.begun === undefined) return;
      coverage.reach('an actor is destroyed under a turn that had begun');
    },
    sent(_from, _subject, message) {
      if (!('kind' in message) || message.kind !== 'letter-not-here') return;
      const receiver = truth.actors.get((message as LetterNotHere).to);
      if (receiver?.endedAt !== undefined) coverage.reach('a letter waits for the next of a name');
    },
  };
}
