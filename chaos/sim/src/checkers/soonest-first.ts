/**
 * Of the tasks of one tenant, queue, priority and kind that wait, the one that is due first starts first;
 * one without a due time counts as due a minute after it came. Who is tried again is passed over as
 * long as nobody can tell when its back-off was over; it may still go before nobody.
 */
import type { TaskId } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { MakeChecker } from './checker.ts';

const ageMs = 60_000;
const roundingMs = 2;

interface Waiting {
  readonly lane: string;
  /** As `ledMs`, but for the part of it that goes with each try. */
  readonly due: number | undefined;
  since: number;
}

type Submitted = Extract<SchedulerFact, { kind: 'task-submitted' }>;

export const soonestFirst: MakeChecker = (truth, violate) => {
  const tasks = new Map<TaskId, Waiting>();
  /** By lane: those that were never tried. */
  const lanes = new Map<string, Map<TaskId, Waiting>>();
  const leave = (task: TaskId): void => {
    const known = tasks.get(task);
    if (known !== undefined) lanes.get(known.lane)?.delete(task);
  };
  const came = (fact: Submitted): void => {
    // Members of a gang wait as one.
    if (fact.gang !== undefined) return;
    const { task, tenant, queue = '', priority, resources, placement = {} } = fact;
    const lane = JSON.stringify([tenant, queue, priority, resources, placement]);
    const dueInMs = fact.run === undefined ? truth.asked.tasks.get(task)?.dueInMs : undefined;
    const due = dueInMs === undefined ? undefined : fact.ledMs + dueInMs;
    const waiting = { lane, due, since: fact.ledMs };
    tasks.set(task, waiting);
    const there = lanes.get(lane) ?? new Map<TaskId, Waiting>();
    lanes.set(lane, there.set(task, waiting));
  };
  const started = (task: TaskId): void => {
    leave(task);
    const own = tasks.get(task);
    if (own === undefined) return;
    for (const [id, other] of lanes.get(own.lane) ?? []) {
      const laterMs = keyOf(own) - keyOf(other);
      if (laterMs <= roundingMs) continue;
      return violate(`${task} starts before ${id}, which is due ${laterMs.toFixed(0)} ms earlier`);
    }
  };
  return {
    journalFact(fact) {
      if (fact.kind === 'task-submitted') came(fact);
      else if (fact.kind === 'task-started') started(fact.task);
      else if (fact.kind === 'task-retried') {
        const known = tasks.get(fact.task);
        if (known !== undefined) known.since = fact.ledMs + fact.waitMs;
      } else if (fact.kind === 'task-ended') {
        leave(fact.task);
        tasks.delete(fact.task);
      }
    },
  };
};

function keyOf({ due, since }: Waiting): number {
  return Math.min(due ?? Number.POSITIVE_INFINITY, since + ageMs);
}
