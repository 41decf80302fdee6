/** Looks on like a checker and notes which interesting states of reserved places were reached. */
import type { TaskId } from '@troupe/model';
import type { Coverage } from '../world/coverage.ts';
import type { Checker } from './checker.ts';
import type { Truth } from './truth.ts';

export function placeSights(truth: Truth, coverage: Coverage): Checker {
  /** By place: its node. */
  const places = new Map<number, string>();
  const inside = new Map<TaskId, number>();
  const letGo = (place: number): void => {
    places.delete(place);
    if (![...inside.values()].includes(place)) return;
    coverage.reach('a place is let go while a task runs in it');
  };
  return {
    journalFact(fact, position) {
      switch (fact.kind) {
        case 'term-opened':
          if (places.size > 0) coverage.reach('places are held across a takeover');
          return;
        case 'place-held':
          places.set(position, fact.node);
          return;
        case 'place-let-go':
          if (fact.why !== undefined) {
            coverage.reach('empty places are let go for whoever came before');
          }
          return letGo(fact.place);
        case 'reservation-dropped':
          for (const place of [...places.keys()]) letGo(place);
          return;
        case 'node-dying':
          for (const [place, node] of places) {
            if (node !== fact.incarnation) continue;
            places.delete(place);
            coverage.reach('a place dies with its node');
          }
          return;
        case 'task-started': {
          const { task, place } = fact;
          if (place === undefined) return;
          inside.set(task, place);
          coverage.reach('a task starts in a reserved place');
          const { gang, attempt = 0 } = truth.tasks.get(task) ?? {};
          if (gang !== undefined && attempt === 0) {
            coverage.reach('a gang starts in reserved places');
          }
          if (attempt > 0) coverage.reach('a task is tried again in a reserved place');
          return;
        }
        case 'task-retried':
        case 'task-preempted':
        case 'task-ended':
          inside.delete(fact.task);
          return;
        default:
      }
    },
  };
}
