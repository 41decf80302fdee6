/** What runs on a node never reserves more than the node has, by what its tasks are declared to need;
 *  each task has one attempt at a time, and each attempt one place. */
import type { SchedulerFact } from '@troupe/scheduler-core';
import { nodeResources } from '../node/resources.ts';
import { taskResources } from '../plan/bundles.ts';
import type { MakeChecker } from './checker.ts';

type Started = Extract<SchedulerFact, { kind: 'task-started' }>;

export const noDoubleReservation: MakeChecker = (truth, violate) => {
  /** By task that runs, where. */
  const places = new Map<string, { readonly node: string; readonly attempt: number }>();
  /** By node, the tasks that run there. */
  const running = new Map<string, Set<string>>();
  const leave = (task: string): void => {
    const place = places.get(task);
    if (place === undefined) return;
    places.delete(task);
    running.get(place.node)?.delete(task);
  };
  const start = ({ task, attempt, node }: Started): void => {
    const before = places.get(task);
    if (before !== undefined) {
      violate(`attempt ${attempt} of ${task} starts while ${before.attempt} has ${before.node}`);
    }
    leave(task);
    places.set(task, { node, attempt });
    const tasks = running.get(node) ?? new Set();
    running.set(node, tasks.add(task));
    for (const [resource, has] of Object.entries(nodeResources)) {
      let reserved = 0;
      for (const one of tasks) {
        const name = truth.tasks.get(one as Started['task'])?.name ?? '';
        reserved += taskResources(name)[resource] ?? 0;
      }
      if (reserved <= has) continue;
      violate(`${tasks.size} tasks reserve ${reserved} ${resource} of ${node}, which has ${has}`);
    }
  };
  return {
    journalFact(fact) {
      if (fact.kind === 'task-started') start(fact);
      else if (fact.kind === 'task-retried' || fact.kind === 'task-ended') leave(fact.task);
    },
  };
};
