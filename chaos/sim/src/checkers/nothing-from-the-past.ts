/** What was given up stays given up: nobody acts for a leader after he has heard of a later one, and
 *  nothing is placed on, started on or believed from a node that is dying. */
import { callTask, decodeValue, type Incarnation, type Term, termIsOlder } from '@troupe/model';
import type { MakeChecker } from './checker.ts';

export const nothingFromThePast: MakeChecker = (truth, violate) => {
  const latest = new Map<string, Term>();
  const dying = new Set<Incarnation>();
  return {
    obeyed(process, term) {
      const known = latest.get(process);
      if (known !== undefined && termIsOlder(term, known)) {
        return violate(`${process} obeys term ${term.number} after it heard of ${known.number}`);
      }
      latest.set(process, term);
    },
    journalFact(fact) {
      switch (fact.kind) {
        case 'node-dying':
          dying.add(fact.incarnation);
          return;
        case 'node-joined':
          if (dying.has(fact.incarnation))
            violate(`${fact.incarnation} joins after it was given up`);
          return;
        case 'actor-placed':
          if (dying.has(fact.node))
            violate(`${fact.actor} is placed on ${fact.node}, which is dying`);
          return;
        case 'task-started':
          if (dying.has(fact.node)) violate(`${fact.task} starts on ${fact.node}, which is dying`);
          return;
        case 'task-ended': {
          const task = truth.tasks.get(fact.task);
          if (!fact.outcome.ok || task === undefined || task.name === callTask) return;
          // A large one names the start of its attempt, which `no-leak` compares.
          if (fact.outcome.objects !== undefined) return;
          const { node } = decodeValue(fact.outcome.value) as { node: Incarnation };
          if (dying.has(node)) violate(`${fact.task} ends by a result of ${node}, which is dying`);
          return;
        }
        default:
      }
    },
  };
};
