/** What runs on a node never reserves more than the node has, nor more of a GPU than the whole of it, by
 *  what its tasks are declared to need; each task has one attempt at a time, and each attempt one place. */
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { MakeChecker } from './checker.ts';
import { gpusOf } from './declared.ts';
import type { Placed } from './grounds.ts';

type Started = Extract<SchedulerFact, { kind: 'task-started' }>;

export const noDoubleReservation: MakeChecker = (truth, violate) => {
  const start = (fact: Started): void => {
    const { task, attempt, node } = fact;
    const before = truth.grounds.placed(task);
    if (before !== undefined) {
      violate(`attempt ${attempt} of ${task} starts while ${before.attempt} has ${before.node}`);
    }
    const placed = truth.grounds.place(fact);
    const others = [...truth.grounds.on(node)].filter((one) => one.task !== task);
    const { resources } = truth.grounds.siteOf(node);
    for (const [name, needed] of Object.entries(placed.declared?.resources ?? {})) {
      const has = resources[name] ?? 0;
      const reserved = others.reduce((sum, one) => sum + amountOf(one, name), needed);
      if (reserved <= has + rounding) continue;
      violate(`${others.length + 1} tasks reserve ${reserved} ${name} of ${node}, it has ${has}`);
    }
    checkGpus(placed, { others, count: resources['gpu'] ?? 0 }, violate);
  };
  return {
    journalFact(fact) {
      if (fact.kind === 'task-started') start(fact);
    },
  };
};

/** Amounts are thousandths. */
const rounding = 1e-6;

function amountOf({ declared }: Placed, name: string): number {
  return declared?.resources[name] ?? 0;
}

function checkGpus(
  placed: Placed,
  given: { readonly others: readonly Placed[]; readonly count: number },
  violate: (text: string) => void,
): void {
  const { task, node, gpus } = placed;
  const wanted = gpusOf(placed);
  if (new Set(gpus).size !== gpus.length || gpus.length !== wanted.count) {
    violate(`${task} is given GPUs ${gpus.join(', ')} of ${node}, it needs ${wanted.count}`);
  }
  for (const gpu of gpus) {
    if (gpu >= given.count) violate(`${task} is given GPU ${gpu} of ${node}, which has none such`);
    const users = given.others.filter((one) => one.gpus.includes(gpu));
    const milli = users.reduce((sum, one) => sum + gpusOf(one).milli, wanted.milli);
    if (milli <= 1_000) continue;
    const names = users.map((one) => one.task).join(', ');
    violate(`${task} and ${names} reserve ${milli} thousandths of GPU ${gpu} of ${node}`);
  }
}
