/** The answer of a person reaches the pause that it names: no other takes it, and one that names no
 *  open pause is refused. */
import { type Answered, decodeValue, type Request } from '@troupe/model';
import type { MakeChecker } from './checker.ts';

export const answersById: MakeChecker = (truth, violate) => {
  const asked = new Map<string, { readonly run: string; readonly block: string }>();
  return {
    journalFact(fact) {
      if (fact.kind !== 'block-ended' || !fact.outcome.ok) return;
      const spot = truth.ledgers.get(fact.run)?.spotOf(fact.block);
      if (spot?.where.place.block.kind !== 'pause') return;
      const { to, run } = decodeValue(fact.outcome.value) as { to?: string; run?: string };
      if (to === fact.block && run === fact.run) return;
      violate(`pause ${fact.block} of ${fact.run} takes the answer to ${to} of ${run}`);
    },
    sent(_from, subject, message) {
      if (!('kind' in message)) return;
      if (message.kind === 'request') {
        const { replyTo, number, body } = message as Request;
        if (body.kind === 'resume-run') asked.set(`${replyTo} ${number}`, body);
        return;
      }
      if (message.kind !== 'answered') return;
      const { number, answer } = message as Answered;
      const { run, block } = asked.get(`${subject} ${number}`) ?? {};
      asked.delete(`${subject} ${number}`);
      if (run === undefined || block === undefined || answer.kind !== 'run') return;
      const ledger = truth.ledgers.get(run);
      // What was answered before a leader stood still may be told when its run is forgotten.
      if (ledger === undefined) return;
      const spot = ledger.spotOf(block);
      const isAnswered =
        spot?.where.place.block.kind === 'pause' && spot.came?.outcome?.ok === true;
      if (!isAnswered) violate(`an answer to ${block} of ${run} is taken, which has none`);
    },
  };
};
