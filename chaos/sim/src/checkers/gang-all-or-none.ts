/** The members of a gang are there together, start together, on nodes as their policy says, or are
 *  cancelled together before. What is tried again afterwards starts by itself. */
import type { Incarnation, TaskId } from '@troupe/model';
import type { MakeChecker } from './checker.ts';
import { Together } from './records.ts';

type Step =
  | { readonly kind: 'came' | 'gone'; readonly gang: string }
  | { readonly kind: 'started'; readonly gang: string; readonly node: Incarnation };

export const gangAllOrNone: MakeChecker = (truth, violate) => {
  /** By gang: members that have not started. */
  const waiting = new Map<string, Set<TaskId>>();
  const together = new Together<Step>((steps) => {
    for (const gang of new Set(steps.map((step) => step.gang))) {
      look(
        gang,
        steps.filter((step) => step.gang === gang),
      );
    }
  });
  const look = (gang: string, steps: readonly Step[]): void => {
    const left = waiting.get(gang)?.size ?? 0;
    const count = (kind: Step['kind']) => steps.filter((step) => step.kind === kind).length;
    const [started, gone] = [count('started'), count('gone')];
    const asked = truth.asked.gangs.get(gang);
    const size = asked?.members.length ?? 0;
    const came = count('came');
    if (came > 0 && came !== size) violate(`${came} of ${size} members of ${gang} are submitted`);
    if (started > 0 && left + gone > 0) {
      violate(`${started} members of ${gang} start, ${left + gone} do not`);
    }
    if (gone > 0 && left > 0) violate(`${gone} members of ${gang} end, ${left} still wait`);
    const nodes = steps.flatMap((step) => (step.kind === 'started' ? [step.node] : []));
    const { size: distinct } = new Set(nodes);
    if (asked?.policy === 'STRICT_PACK' && distinct > 1) {
      violate(`${gang} is to be on one node, and starts on ${nodes.join(', ')}`);
    }
    if (asked?.policy === 'STRICT_SPREAD' && distinct < nodes.length) {
      violate(`${gang} is to be on as many nodes as members, and starts on ${nodes.join(', ')}`);
    }
    if (left === 0) waiting.delete(gang);
  };
  const leaves = (task: TaskId): string | undefined => {
    const gang = truth.tasks.get(task)?.gang?.id;
    if (gang === undefined || waiting.get(gang)?.delete(task) !== true) return undefined;
    return gang;
  };
  return {
    journalFact(fact, _position, { id }) {
      together.next(id);
      if (fact.kind === 'task-submitted') {
        const gang = fact.gang?.id;
        // A member that ended so long ago that it is forgotten is asked for as a task by itself.
        if (gang === undefined) {
          const isKnown = truth.tasks.get(fact.task)?.ended !== undefined;
          if (truth.asked.gangOf.has(fact.task) && !isKnown) {
            violate(`${fact.task} is submitted without its gang`);
          }
          return;
        }
        waiting.set(gang, (waiting.get(gang) ?? new Set<TaskId>()).add(fact.task));
        together.add({ kind: 'came', gang });
      } else if (fact.kind === 'task-started') {
        const gang = leaves(fact.task);
        if (gang !== undefined) together.add({ kind: 'started', gang, node: fact.node });
      } else if (fact.kind === 'task-ended') {
        const gang = leaves(fact.task);
        if (gang !== undefined) together.add({ kind: 'gone', gang });
      }
    },
    atRest() {
      together.end();
    },
  };
};
