/** One seed from its first event to its last. */

import { limits } from '@troupe/model';
import type { Trace } from '@troupe/virtual';
import type { Violation } from '../checkers/checks.ts';
import { spoiltLimits } from '../mutants/spoilt-config.ts';
import type { FaultKind } from '../plan/faults.ts';
import { drawPlan, type Plan, type PlanWishes } from '../plan/plan.ts';
import type { InterestingState } from '../world/coverage.ts';
import { World, type WorldWishes } from '../world/world.ts';
import { Cluster } from './cluster.ts';
import { Misfortune } from './misfortune.ts';
import { leaksAtRest, leaksOfLeaders, restOf, unfinishedOf } from './rest.ts';

export type RunWishes = PlanWishes & WorldWishes;

export interface Result {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** Names of all checkers that noticed something. */
  readonly noticed: readonly string[];
  readonly events: number;
  readonly virtualMs: number;
  /** Two runs are the same when it is. */
  readonly hash: number;
  readonly nodes: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly coverage: ReadonlyMap<InterestingState, number>;
  readonly trace: Trace | undefined;
}

const lookMs = 200;
/** How long everything may take to come to its end when the faults are over. */
const progressMsMax = 150_000;
const restMs = 3_500;
/** What ends by itself may end late, such as a question that was just asked again: a leak stays. */
const restLooksMax = 8;

export function runSeed(seed: number, wishes: RunWishes = {}): Promise<Result> {
  return runPlan(drawPlan(seed, wishes), wishes);
}

/** One at a time in a thread: the limits of a run hold for all code in it. */
export async function runPlan(plan: Plan, wishes: WorldWishes = {}): Promise<Result> {
  const usual = { ...limits };
  Object.assign(limits, plan.limits, spoiltLimits(wishes.mutant));
  try {
    return await runWithin(plan, wishes);
  } finally {
    Object.assign(limits, usual);
  }
}

async function runWithin(plan: Plan, wishes: WorldWishes): Promise<Result> {
  const world = new World(plan, wishes);
  const { timeline, checks, coverage, trace } = world;
  const cluster = new Cluster(world, plan);
  const misfortune = new Misfortune(world, cluster, plan);
  try {
    watch(world, cluster);
    await live(world, cluster, { misfortune, healAt: plan.healAt });
  } catch (thrown) {
    checks.bug('the simulation', thrown);
  }
  if (checks.violation !== undefined) {
    trace?.say('*', `${checks.violation.checker}: ${checks.violation.text}`);
  }
  return {
    seed: plan.seed,
    violation: checks.violation,
    noticed: [...checks.noticed.keys()],
    events: timeline.events,
    virtualMs: timeline.now,
    hash: timeline.hash,
    nodes: plan.places.nodes.length,
    faults: misfortune.counts,
    coverage: coverage.counts,
    trace,
  };
}

async function live(
  world: World,
  cluster: Cluster,
  { misfortune, healAt }: { readonly misfortune: Misfortune; readonly healAt: number },
): Promise<void> {
  const { timeline, checks, trace } = world;
  const violated = (): boolean => checks.violation !== undefined;
  await timeline.run(healAt, violated);
  if (violated()) return;
  trace?.say('*', 'the faults are over');
  misfortune.end();
  const limit = healAt + progressMsMax;
  const finish = async (): Promise<boolean> => {
    while (!violated() && timeline.now < limit && unfinishedOf(world, cluster).length > 0) {
      await timeline.run(timeline.now + lookMs, violated);
    }
    return !violated() && timeline.now < limit;
  };
  if (await finish()) {
    // What a process had not heard while it stood still comes through first, and may fill a mailbox.
    await timeline.run(timeline.now + restMs, violated);
    // What was taken may not have been acknowledged yet.
    const restAt = timeline.now + restMs * restLooksMax;
    while (!violated() && timeline.now < restAt && !isQuiet(cluster)) {
      await timeline.run(timeline.now + lookMs, violated);
    }
    trace?.say('*', 'all has come to its end; whoever asks now is served');
    cluster.askLast();
    await finish();
  }
  for (let look = 0; look < restLooksMax && !violated(); look += 1) {
    await timeline.run(timeline.now + restMs, violated);
    const still = unfinishedOf(world, cluster).length === 0;
    if (still && isQuiet(cluster)) break;
  }
  if (!violated()) lookAtRest(world, cluster);
}

function isQuiet(cluster: Cluster): boolean {
  return [...leaksAtRest(cluster), ...leaksOfLeaders(cluster)].every(
    ({ leaks }) => leaks.length === 0,
  );
}

function lookAtRest(world: World, cluster: Cluster): void {
  try {
    world.checks.atRest(restOf(world, cluster));
  } catch (thrown) {
    world.checks.bug('a restored scheduler', thrown);
  }
}

/** Looks now and then at what no single event shows. */
function watch(world: World, cluster: Cluster): void {
  world.timeline.after(lookMs, () => {
    const believers = [...cluster.schedulers.values()].filter(
      ({ believes, process }) => believes && process.alive,
    );
    if (believers.length > 1) world.coverage.reach('two leaders believe at once');
    for (const { leading, process, history } of cluster.schedulers.values()) {
      if (!leading || history === undefined) continue;
      try {
        history.machine.checkInvariants();
      } catch (thrown) {
        world.checks.bug(process.name, thrown);
      }
    }
    watch(world, cluster);
  });
}
