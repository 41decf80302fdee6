/** A clock names only turns that are durable: what a turn knows of others has happened for good. */
import type { ActorId } from '@troupe/model';
import type { MakeChecker } from './checker.ts';

export const consistentCut: MakeChecker = (truth, violate) => ({
  turnFact(fact) {
    if (fact.kind !== 'turn') return;
    for (const [other, seq] of Object.entries(fact.clock)) {
      if (other === fact.actor) {
        if (seq !== fact.seq) violate(`turn ${fact.seq} of ${fact.actor} has clock ${seq}`);
        continue;
      }
      const known = truth.actors.get(other as ActorId)?.memory.seq ?? 0;
      if (seq > known) {
        violate(`turn ${fact.seq} of ${fact.actor} knows turn ${seq} of ${other}, at ${known}`);
      }
    }
  },
});
