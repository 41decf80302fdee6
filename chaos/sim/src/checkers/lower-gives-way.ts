/** A running attempt is ended for another task only where that one may preempt, has a higher priority
 *  and is of the same tenant; and only one that may be tried again and needs no gang. Whoever it was
 *  ended for starts in its place at once. */
import type { Incarnation, PriorityName, TaskId } from '@troupe/model';
import type { MakeChecker } from './checker.ts';
import { Together } from './records.ts';

type Step =
  | { readonly kind: 'preempted'; readonly by: TaskId; readonly node: Incarnation | undefined }
  | { readonly kind: 'started'; readonly by: TaskId; readonly node: Incarnation };

const ranks: { readonly [P in PriorityName]: number } = { low: 1, normal: 2, high: 3 };

export const lowerGivesWay: MakeChecker = (truth, violate) => {
  const together = new Together<Step>((steps) => {
    for (const { kind, by, node } of steps) {
      const isThere = (step: Step) =>
        step.kind === 'started' && step.by === by && step.node === node;
      if (kind === 'preempted' && !steps.some(isThere)) {
        violate(`an attempt on ${node} is ended for ${by}, which does not start there`);
      }
    }
  });
  const preempted = (id: TaskId, by: TaskId): void => {
    const { asked, grounds, tasks } = truth;
    const what = `${id} is preempted by ${by}`;
    const [victim, other] = [tasks.get(id), tasks.get(by)];
    if (grounds.placed(id) === undefined) violate(`${what}, and does not run`);
    if (grounds.declared(by)?.placement?.preempts !== true) violate(`${what}, which may not`);
    if (victim?.tenant !== other?.tenant) violate(`${what}, which is of another tenant`);
    if (victim?.gang !== undefined) violate(`${what} out of its gang`);
    if (grounds.declared(id)?.retries === 0) violate(`${what}, and may be tried only once`);
    const [mine, its] = [asked.priorityOf(id), asked.priorityOf(by)];
    if (ranks[mine] >= ranks[its]) violate(`${what}, of priority ${mine} by ${its}`);
  };
  return {
    journalFact(fact, _position, { id }) {
      together.next(id);
      if (fact.kind === 'task-preempted') {
        preempted(fact.task, fact.by);
        const node = truth.grounds.placed(fact.task)?.node;
        together.add({ kind: 'preempted', by: fact.by, node });
      } else if (fact.kind === 'task-started') {
        together.add({ kind: 'started', by: fact.task, node: fact.node });
      }
    },
    atRest() {
      together.end();
    },
  };
};
