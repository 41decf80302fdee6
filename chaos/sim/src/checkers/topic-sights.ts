/** Looks on like a checker and notes which interesting states topics were in. */
import { type ActorId, toldMethod } from '@troupe/model';
import { isTopic } from '../node/program.ts';
import type { Coverage } from '../world/coverage.ts';
import type { Checker } from './checker.ts';
import type { Truth } from './truth.ts';

export function topicSights(truth: Truth, coverage: Coverage): Checker {
  /** Topics whose letter to themselves is on its way, since which epoch. */
  const going = new Map<ActorId, number>();
  /** Topics of lives that were told something, by which session and under which epoch. */
  const told = new Map<ActorId, { readonly session: string; readonly epoch: number }>();
  return {
    turnFact(fact) {
      if (fact.kind !== 'turn') return;
      const { actor, cause, epoch, letters, withdrawn = [] } = fact;
      if (cause.kind === 'letter' && isTopic(cause.from) && !isTopic(actor)) {
        coverage.reach('a message comes to a subscriber');
      }
      if (!isTopic(actor)) return;
      if (fact.method === toldMethod && cause.kind === 'call') {
        const { session } = cause;
        const before = told.get(actor);
        told.set(actor, { session, epoch });
        coverage.reach('a topic is told what became of an actor');
        if ((before?.session ?? session) !== session) {
          coverage.reach('a topic is told by the next leader what becomes of actors');
        }
        if ((before?.epoch ?? epoch) < epoch) {
          coverage.reach('a topic that was placed anew is told what becomes of actors');
        }
        if (fact.delta === undefined) coverage.reach('a topic is told again what it has taken');
      }
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
