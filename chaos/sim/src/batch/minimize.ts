/** Fewer faults and less load, as long as the same promise is broken. */
import { drawPlan, type PlanWishes } from '../plan/plan.ts';
import { type RunWishes, runSeed } from '../run/run.ts';

export interface Minimal {
  readonly wishes: PlanWishes;
  readonly faultsLeft: number;
  readonly tries: number;
}

/** Undefined when the seed does not fail. */
export async function minimize(seed: number, wishes: RunWishes): Promise<Minimal | undefined> {
  const checker = (await runSeed(seed, wishes)).violation?.checker;
  if (checker === undefined) return undefined;
  let tries = 1;
  let best: RunWishes = wishes;
  const stillFails = async (candidate: RunWishes): Promise<boolean> => {
    tries += 1;
    return (await runSeed(seed, candidate)).violation?.checker === checker;
  };
  for (let operations = 32; operations >= 1; operations = Math.floor(operations / 2)) {
    const candidate = { ...best, operations };
    if (await stillFails(candidate)) best = candidate;
  }
  const faults = drawPlan(seed, { nodes: wishes.nodes }).faults.length;
  for (let number = faults - 1; number >= 0; number--) {
    if (best.without?.includes(number) === true) continue;
    const candidate = { ...best, without: [...(best.without ?? []), number] };
    if (await stillFails(candidate)) best = candidate;
  }
  const { nodes, without, operations } = best;
  return {
    wishes: { nodes, without, operations },
    faultsLeft: faults - (without?.length ?? 0),
    tries,
  };
}

/** The options that replay it. */
export function optionsOf(seed: number, { nodes, without, operations }: PlanWishes): string {
  const options = [`--seed ${seed}`];
  if (nodes !== undefined) options.push(`--nodes ${nodes}`);
  if (operations !== undefined) options.push(`--operations ${operations}`);
  if (without !== undefined && without.length > 0) {
    options.push(`--without ${[...without].sort((left, right) => left - right).join(',')}`);
  }
  return options.join(' ');
}
