/** Which states worth reaching were reached in the lives of actors. */
import type { ActorId, ActorOwner, LetterNotHere } from '@troupe/model';
import type { Coverage } from '../world/coverage.ts';
import type { Checker } from './checker.ts';
import type { Truth } from './truth.ts';

export function lifeSights(truth: Truth, coverage: Coverage): Checker {
  const wishes = new Map<ActorId, string>();
  /** In which term an owner has ended. */
  const endedIn = new Map<string, number>();
  let term = 0;
  return {
    journalFact(fact, position) {
      switch (fact.kind) {
        case 'term-opened':
          term = position;
          return;
        case 'run-ended':
          endedIn.set(ownerKey({ kind: 'run', run: fact.run }), term);
          return;
        case 'actor-wished': {
          wishes.set(fact.actor, fact.wish);
          if (fact.wish !== 'ending') return;
          const { owners } = truth;
          const { birth = 0 } = truth.actors.get(fact.actor) ?? {};
          endedIn.set(ownerKey({ kind: 'actor', actor: fact.actor, birth }), term);
          const owned = owners.get(fact.actor);
          if (owned === undefined || owners.isAsked(fact.actor)) return;
          const { owner } = owned;
          if (owner.kind !== 'session') coverage.reach(`an actor ends with its ${owner.kind}`);
          else if (owners.isClosed(owner)) coverage.reach('an actor ends with a session');
          else coverage.reach('an actor ends with a session that fell silent');
          if ((endedIn.get(ownerKey(owner)) ?? term) < term) {
            coverage.reach('a takeover lies between an owner and what it owns');
          }
          return;
        }
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

function ownerKey(owner: ActorOwner): string {
  if (owner.kind === 'session') return `session ${owner.session}`;
  return owner.kind === 'run' ? `run ${owner.run}` : `actor ${owner.actor}#${owner.birth}`;
}
