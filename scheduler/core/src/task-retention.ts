/** How long the journal knows of tasks: those that have ended, and since when the others wait. */
import { limits, type TaskId } from '@troupe/model';
import type { Desk } from './desk.ts';
import { objectsOf } from './task-table.ts';

/** Tasks forgotten by one fact. */
const forgottenMax = 2_000;

/** Forgets what ended long ago, or is too much. True when there is more to forget at once. */
export function forgetTasks(desk: Desk): boolean {
  const { tasks } = desk.state;
  let tooMany = tasks.endedCount - limits.finishedTasksMax;
  let tooMuch = tasks.endedObjectBytes - limits.finishedObjectBytesMax;
  const forgotten: TaskId[] = [];
  for (const { id, ledMs, outcome } of tasks.allEnded()) {
    const old = ledMs + limits.finishedMs <= desk.ledMs;
    const fits = tooMany <= 0 && tooMuch <= 0;
    if ((!old && fits) || forgotten.length === forgottenMax) break;
    forgotten.push(id);
    tooMany--;
    for (const { bytes } of objectsOf(outcome)) tooMuch -= bytes;
  }
  if (forgotten.length > 0) desk.decide({ kind: 'tasks-forgotten', tasks: forgotten });
  return forgotten.length === forgottenMax;
}

/** Whether so many have ended that it cannot wait for its time. */
export function mustForget({ state }: Desk): boolean {
  return state.tasks.endedCount >= limits.finishedTasksMax + forgottenMax;
}
