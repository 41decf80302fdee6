/** Looks on like a checker and notes which interesting states topics were in. */
import type { ActorId } from '@troupe/model';
import { isTopic } from '../node/program.ts';
import type { Coverage } from '../world/coverage.ts';
import type { Checker } from './checker.ts';
import type { Truth } from './truth.ts';

export function topicSights(truth: Truth, coverage: Coverage): Checker {
  /** Topics whose letter to themselves is on its way, since which epoch. */
  const going = new Map<ActorId, number>();
  return {
    turnFact(fact) {
      if (fact.kind !== 'turn') return;
      const { actor, cause, epoch, letters, withdrawn = [] } = fact;
      if (cause.kind === 'letter' && isTopic(cause.from) && !isTopic(actor)) {
        coverage.reach('a message comes to a subscriber');
      }
      if (!isTopic(actor)) return;
      if (cause.kind === 'letter' && cause.from === actor) {
        coverage.reach('a topic goes on with a message');
        if ((going.get(actor) ?? epoch) < epoch) {
          coverage.reach('a topic goes on where it was placed anew');
        }
        going.delete(actor);
      }
      if (letters.some(({ to }) => to === actor)) going.set(actor, epoch);
      const sender = truth.actors.get(actor);
      for (const to of withdrawn) {
        const sent = sender?.letters.get(to)?.length ?? 0;
        if (sender !== undefined && truth.settled(sender, to) < sent) {
          coverage.reach('a message is withdrawn');
        }
      }
    },
  };
}
