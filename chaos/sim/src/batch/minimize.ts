/** Fewer faults and less load, as long as the same promise is broken. */
import type { Operation } from '../plan/load.ts';
import { type LoadName, loadNames } from '../plan/loads.ts';
import { drawPlan, type Plan, type PlanWishes } from '../plan/plan.ts';
import { type RunWishes, runPlan } from '../run/run.ts';
import type { WorldWishes } from '../world/world.ts';

export interface Minimal {
  /** What is left, to be kept as a file. */
  readonly plan: Plan;
  /** The options that draw it from its seed. */
  readonly wishes: PlanWishes;
  readonly checker: string;
  readonly tries: number;
}

const operationsFirst = 64;

/** Undefined when the seed does not fail. */
export async function minimize(seed: number, wishes: RunWishes): Promise<Minimal | undefined> {
  const { mutant, checker: alone, nodes, busy } = wishes;
  const drawn = { nodes, busy };
  const breaks = async (candidate: PlanWishes): Promise<string | undefined> => {
    const { violation } = await runPlan(drawPlan(seed, candidate), { mutant, checker: alone });
    return violation?.checker;
  };
  const { without: first = [], withoutLoads: firstLoads = [], operations } = wishes;
  let best: PlanWishes = { ...drawn, without: first, withoutLoads: firstLoads, operations };
  const checker = await breaks(best);
  if (checker === undefined) return undefined;
  let tries = 1;
  const take = async (candidate: PlanWishes): Promise<boolean> => {
    tries += 1;
    if ((await breaks(candidate)) !== checker) return false;
    best = candidate;
    return true;
  };
  const there = loadsOf(seed, drawn);
  const fewestLoads = () =>
    fewest(
      there.filter((name) => best.withoutLoads?.includes(name) !== true),
      (left) => take({ ...best, withoutLoads: there.filter((name) => !left.includes(name)) }),
    );
  await fewestLoads();
  const all = drawPlan(seed, drawn).faults.map((_, number) => number);
  await fewest(
    all.filter((number) => !first.includes(number)),
    (left) => take({ ...best, without: all.filter((number) => !left.includes(number)) }),
  );
  let most = best.operations ?? operationsFirst;
  for (let step = most; step >= 1; step = Math.floor(step / 2)) {
    while (most - step >= 1 && (await take({ ...best, operations: most - step }))) most -= step;
  }
  // What was needed beside faults that are gone now.
  await fewestLoads();
  return { plan: drawPlan(seed, best), wishes: best, checker, tries };
}

/** The loads of which a seed has anything. */
export function loadsOf(
  seed: number,
  wishes: Pick<PlanWishes, 'nodes' | 'busy'> = {},
): readonly LoadName[] {
  return loadNames.filter((name) => {
    const withoutLoads = loadNames.filter((other) => other !== name);
    const { operations } = drawPlan(seed, { ...wishes, withoutLoads });
    return [...operations.values()].some((list) => list.length > 0);
  });
}

/** Drops any operations and faults, also such as no options can name: for a plan that is kept. */
export async function shrinkPlan(
  { plan, checker }: Pick<Minimal, 'plan' | 'checker'>,
  { mutant, checker: alone }: WorldWishes = {},
): Promise<Plan> {
  let best = plan;
  const take = async (candidate: Plan): Promise<boolean> => {
    const { violation } = await runPlan(candidate, { mutant, checker: alone });
    if (violation?.checker !== checker) return false;
    best = candidate;
    return true;
  };
  const operations = [...plan.operations].flatMap(([client, list]) =>
    list.map((operation) => ({ client, operation })),
  );
  await fewest(operations, (left) => {
    const kept = new Map(plan.places.clients.map((client) => [client, [] as Operation[]]));
    for (const { client, operation } of left) kept.get(client)?.push(operation);
    return take({ ...best, operations: kept });
  });
  await fewest(plan.faults, (faults) => take({ ...best, faults }));
  return best;
}

/** Leaves out half of the items at once, then fewer, then one by one, as long as it is taken. */
async function fewest<T>(
  items: readonly T[],
  take: (left: readonly T[]) => Promise<boolean>,
): Promise<void> {
  let left = [...items];
  for (let size = Math.ceil(left.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < left.length; ) {
      const fewer = [...left.slice(0, at), ...left.slice(at + size)];
      if (await take(fewer)) left = fewer;
      else at += size;
    }
  }
}

/** The options that replay it. */
export function optionsOf(seed: number, wishes: RunWishes): string {
  const { nodes, busy, without = [], withoutLoads = [], operations } = wishes;
  const options = [`--seed ${seed}`];
  if (busy === true) options.push('--busy');
  if (nodes !== undefined) options.push(`--nodes ${nodes}`);
  if (operations !== undefined) options.push(`--operations ${operations}`);
  const out = [...[...without].sort((left, right) => left - right), ...withoutLoads];
  if (out.length > 0) options.push(`--without ${out.join(',')}`);
  return [...options, ...lookOptions(wishes)].join(' ');
}

/** Those that say what is wrong in it and who looks: any replay needs them. */
export function lookOptions({ mutant, checker }: WorldWishes): readonly string[] {
  return [
    ...(mutant === undefined ? [] : [`--mutant ${mutant}`]),
    ...(checker === undefined ? [] : [`--checker ${checker}`]),
  ];
}
