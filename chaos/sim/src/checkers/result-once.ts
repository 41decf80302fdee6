/** An attempt of a task runs once; the task ends once, by a result of its present attempt, and everybody
 *  is told that result. A context of a run settles once. */
import { callTask, decodeValue, type Outcome } from '@troupe/model';
import type { ClientMessage } from '@troupe/virtual';
import type { MakeChecker } from './checker.ts';
import { nameOf } from './runs/tree.ts';
import { sameOutcome } from './truth.ts';

export const resultOnce: MakeChecker = (truth, violate) => {
  const told = new Map<string, Outcome>();
  const attempts = new Map<string, { readonly node: string; readonly nights: number }>();
  /** Nights before a task was asked for: it may have ended, and been forgotten, in one after that. */
  const asked = new Map<string, number>();
  /** Results of tasks that were forgotten after a night, since when their ids are new ones. Who asked before may
   *  still be told. */
  const forgotten = new Map<string, Outcome>();
  return {
    sent(_from, _subject, message) {
      if (!('kind' in message) || message.kind !== 'client-request') return;
      const { body } = message as ClientMessage & { readonly kind: 'client-request' };
      if (body.kind !== 'submit-task' || asked.has(body.task)) return;
      asked.set(body.task, truth.nights);
    },
    attempted({ task, attempt, node }) {
      const once = `attempt ${attempt} of ${task}`;
      const before = attempts.get(once);
      // An ended task is known for 15 minutes; after that its id is a new one.
      const slept = (asked.get(task) ?? truth.nights) < truth.nights;
      if (before !== undefined && before.nights === truth.nights && !slept) {
        violate(`${once} runs on ${node}, it ran on ${before.node} before`);
      }
      if (before !== undefined) asked.set(task, truth.nightsBefore);
      attempts.set(once, { node, nights: truth.nightsBefore });
    },
    journalFact(fact) {
      if (fact.kind === 'block-ended' || fact.kind === 'run-ended') {
        const ledger = truth.ledgers.get(fact.run);
        const spot = fact.kind === 'block-ended' ? ledger?.spotOf(fact.block) : undefined;
        if (ledger?.ended !== undefined) violate(`${fact.kind} after the end of ${fact.run}`);
        if (spot?.came !== undefined) violate(`${nameOf(spot.where)} of ${fact.run} settles twice`);
        return;
      }
      if (fact.kind === 'tasks-forgotten') {
        for (const id of fact.tasks) {
          const ended = truth.tasks.get(id)?.ended;
          if (ended !== undefined) forgotten.set(id, ended);
        }
        return;
      }
      if (fact.kind !== 'task-ended') return;
      const task = truth.tasks.get(fact.task);
      if (task === undefined) return violate(`${fact.task} ended and was never submitted`);
      if (task.ended !== undefined) violate(`${fact.task} ended twice`);
      if (!fact.outcome.ok || task.name === callTask || fact.outcome.objects !== undefined) return;
      const { attempt, node, ...of } = decodeValue(fact.outcome.value) as {
        task: string;
        attempt: number;
        node: string;
      };
      if (of.task !== fact.task) violate(`${fact.task} ended by a result of ${of.task}`);
      if (attempt !== task.attempt || node !== task.node) {
        violate(
          `${fact.task} ended by attempt ${attempt} on ${node}, its attempt is ${task.attempt} on ${task.node}`,
        );
      }
    },
    answered({ operation, outcome, client }) {
      if (operation.kind !== 'task' || (!outcome.ok && outcome.failure.code === 'NO_LEADER'))
        return;
      const before = told.get(operation.id);
      if (before !== undefined && !sameOutcome(before, outcome)) {
        violate(`${client} was told two results of ${operation.id}`);
      }
      told.set(operation.id, outcome);
      const durable = [truth.tasks.get(operation.id)?.ended, forgotten.get(operation.id)];
      if (outcome.ok && !durable.some((one) => one !== undefined && sameOutcome(one, outcome))) {
        violate(`${client} was told a result of ${operation.id} that is not durable`);
      }
    },
  };
};
