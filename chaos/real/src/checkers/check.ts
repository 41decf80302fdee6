/** All promises, each checked against the history of the workload that puts it to the test. */
import type { History } from '../history/history.ts';
import { appendOrder } from './append-order.ts';
import { attempts } from './attempts.ts';
import { codedErrors } from './coded-errors.ts';
import { conservedTotal } from './conserved-total.ts';
import { effectOnce, placedOnce } from './effect-once.ts';
import { exactResults } from './exact-results.ts';
import { exactVoyages } from './exact-voyages.ts';
import { fairShares } from './fair-shares.ts';
import { forksExact } from './forks-exact.ts';
import { gangsTogether } from './gangs-together.ts';
import { goesBackWhole } from './goes-back-whole.ts';
import { goesOverWhole } from './goes-over-whole.ts';
import { gpusOnce } from './gpus-once.ts';
import { heardByAll } from './heard-by-all.ts';
import { linearizable } from './linearizable.ts';
import { parcelsKept } from './parcels-kept.ts';
import { selectedNodes } from './selected-nodes.ts';
import { timersOnce } from './timers-once.ts';
import { type Evidence, type Finding, UnreadableError, type Verdict } from './verdict.ts';
import { wholeStreams } from './whole-streams.ts';
import { wholeTrips } from './whole-trips.ts';

type Checker = (promise: string, evidence: Evidence) => Verdict;

interface Promised {
  readonly promise: string;
  readonly workload: string;
  readonly checker: Checker;
}

/** A workload that is added brings its line. */
const promises: readonly Promised[] = [
  { promise: 'a call takes effect once', workload: 'counters', checker: placedOnce },
  { promise: 'a transfer keeps the total', workload: 'bank', checker: conservedTotal },
  { promise: 'a list keeps its order', workload: 'lists', checker: appendOrder },
  { promise: 'a register is linearizable', workload: 'registers', checker: linearizable },
  { promise: 'an attempt takes effect once', workload: 'tasks', checker: attempts },
  { promise: 'a block calls an actor once', workload: 'runs', checker: effectOnce },
  { promise: 'a run gives its exact result', workload: 'runs', checker: exactResults },
  { promise: 'a nested run is exact', workload: 'voyages', checker: exactVoyages },
  { promise: 'what is cancelled has no effect', workload: 'cancellations', checker: placedOnce },
  { promise: 'no GPU is given twice', workload: 'placings', checker: gpusOnce },
  { promise: 'a gang starts together or not at all', workload: 'placings', checker: gangsTogether },
  { promise: 'a task runs where its selector says', workload: 'placings', checker: selectedNodes },
  { promise: 'a trip is whole or undone', workload: 'trips', checker: wholeTrips },
  { promise: 'no letter that fails is lost', workload: 'parcels', checker: parcelsKept },
  { promise: 'a timer comes once, and not early', workload: 'timers', checker: timersOnce },
  { promise: 'a method that yields takes effect once', workload: 'streams', checker: effectOnce },
  { promise: 'a stream is taken whole', workload: 'streams', checker: wholeStreams },
  { promise: 'a scope goes back as a whole', workload: 'vaults', checker: goesBackWhole },
  { promise: 'a message comes once to each', workload: 'broadcasts', checker: heardByAll },
  { promise: 'a fork is what its source was', workload: 'forks', checker: forksExact },
  { promise: 'who goes over loses nothing', workload: 'rollouts', checker: goesOverWhole },
];

/** Of its tasks only who was served when is checked. */
const sharing = 'shares';
const known = new Set([...promises.map(({ workload }) => workload), sharing]);
/** Came when histories said already which workloads were at work: an older one cannot have them. */
const newer: ReadonlySet<string> = new Set([
  'broadcasts',
  'forks',
  'parcels',
  'placings',
  'rollouts',
  'streams',
  'timers',
  'trips',
  'vaults',
]);

export function checkHistory(history: History): readonly Verdict[] {
  const coded = codedErrors('every operation is answered, with a code', history);
  // H2: what is missing in it would look like what is lost.
  if (history.flaws.length > 0) return [coded];
  const looked = new Set<string>();
  const due = promises.filter(({ workload }) => isDue(workload, history));
  const verdicts = due.map(({ promise, workload, checker }) => {
    const mine = (one: { readonly workload: string }) => one.workload === workload;
    const operations = history.operations.filter(mine);
    const evidence = { operations, finals: history.finals.filter(mine) };
    const verdict = checked(checker, promise, evidence);
    const stray = looked.has(workload) ? [] : strayFinals(promise, evidence);
    looked.add(workload);
    return { ...verdict, findings: [...verdict.findings, ...stray] };
  });
  return [...verdicts, fairShares('tenants are served by their weights', history), coded];
}

/** Whether it is missed where nothing is told of it. */
function isDue(name: string, { begin, operations, finals }: History): boolean {
  if (!newer.has(name) || begin?.workloads?.includes(name) === true) return true;
  return [...operations, ...finals].some(({ workload }) => workload === name);
}

/** What is told of a workload that no promise is of would be believed unseen. */
export function strangeWorkloads({ operations, finals }: History): readonly string[] {
  const all = [...operations, ...finals].map(({ workload }) => workload);
  return [...new Set(all)].filter((workload) => !known.has(workload));
}

function checked(checker: Checker, promise: string, evidence: Evidence): Verdict {
  try {
    return checker(promise, evidence);
  } catch (reason) {
    if (!(reason instanceof UnreadableError)) throw reason;
    const unreadable = reason.message;
    return { promise, checked: 0, undecided: 0, findings: [], unreadable };
  }
}

/** Nothing is in a place where nobody put it; accounts and writers belong to what stands before their slash. */
function strayFinals(promise: string, { operations, finals }: Evidence): Finding[] {
  const keys = new Set(operations.map(({ key }) => key));
  return finals.flatMap(({ key }): Finding[] => {
    const [whole = key] = key.split('/');
    if (keys.has(key) || keys.has(whole)) return [];
    const what = 'it has a final state, and no operation went to it';
    return [{ kind: 'wrong', promise, key, what, operations: [] }];
  });
}
