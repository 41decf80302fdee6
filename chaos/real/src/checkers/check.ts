/** All promises, each checked against the history of the workload that puts it to the test. */
import type { History } from '../history/history.ts';
import { appendOrder } from './append-order.ts';
import { attempts } from './attempts.ts';
import { codedErrors } from './coded-errors.ts';
import { conservedTotal } from './conserved-total.ts';
import { effectOnce } from './effect-once.ts';
import { exactResults } from './exact-results.ts';
import { exactVoyages } from './exact-voyages.ts';
import { fairShares } from './fair-shares.ts';
import { linearizable } from './linearizable.ts';
import type { Evidence, Verdict } from './verdict.ts';

type Checker = (promise: string, evidence: Evidence) => Verdict;

interface Promised {
  readonly promise: string;
  readonly workload: string;
  readonly checker: Checker;
}

/** A workload that is added brings its line. */
const promises: readonly Promised[] = [
  { promise: 'a call takes effect once', workload: 'counters', checker: effectOnce },
  { promise: 'a transfer keeps the total', workload: 'bank', checker: conservedTotal },
  { promise: 'a list keeps its order', workload: 'lists', checker: appendOrder },
  { promise: 'a register is linearizable', workload: 'registers', checker: linearizable },
  { promise: 'an attempt takes effect once', workload: 'tasks', checker: attempts },
  { promise: 'a block calls an actor once', workload: 'runs', checker: effectOnce },
  { promise: 'a run gives its exact result', workload: 'runs', checker: exactResults },
  { promise: 'a nested run is exact', workload: 'voyages', checker: exactVoyages },
  { promise: 'what is cancelled has no effect', workload: 'cancellations', checker: effectOnce },
];

export function checkHistory(history: History): readonly Verdict[] {
  const verdicts = promises.map(({ promise, workload, checker }) => {
    const mine = (one: { readonly workload: string }) => one.workload === workload;
    const operations = history.operations.filter(mine);
    return checker(promise, { operations, finals: history.finals.filter(mine) });
  });
  return [
    ...verdicts,
    fairShares('tenants are served by their weights', history),
    codedErrors('every operation is answered, with a code', history),
  ];
}
