/** At every moment one node commits for an actor: the one that the journal placed it on, under the
 *  epoch of that placement, until it is released or its log sealed. */
import type { MakeChecker } from './checker.ts';

export const oneActivation: MakeChecker = (truth, violate) => ({
  turnFact(fact, log) {
    if (fact.kind === 'barrier') return;
    const actor = truth.actors.get(fact.actor);
    if (actor === undefined) return violate(`${fact.actor} acts in ${log} and was never placed`);
    if (fact.epoch !== actor.epoch) {
      return violate(
        `${fact.kind} of ${actor.id} under epoch ${fact.epoch} in ${log}, its epoch is ${actor.epoch}`,
      );
    }
    if (actor.log !== log) violate(`${actor.id} acts in ${log}, it lives in ${actor.log}`);
    if (actor.releasedEpoch === fact.epoch) {
      violate(`${actor.id} acts in ${log} after it was released`);
    }
  },
});
