/** What placement without a search comes to, in the order in which the actors are listed. */
import type { LbInstance } from './instances.ts';

export type Naive = 'firstFit' | 'roundRobin' | 'greedy';

/** max L, or undefined when somebody finds no room. */
export function naiveMaxLoad(instance: LbInstance, strategy: Naive): number | undefined {
  const free = instance.nodes.map((supply) => [...supply]);
  const load = instance.nodes.map(() => 0);
  let turn = 0;
  for (const demand of instance.agents) {
    const added = instance.nodes.map((supply) =>
      demand.reduce((sum, asked, at) => sum + asked / (supply[at] ?? 1), 0),
    );
    const node = pick(strategy, { free, load, added, demand, turn });
    if (node === undefined) return undefined;
    turn = node + 1;
    load[node] = (load[node] ?? 0) + (added[node] ?? 0);
    free[node] = (free[node] ?? []).map((left, at) => left - (demand[at] ?? 0));
  }
  return Math.max(...load);
}

interface Choice {
  readonly free: readonly (readonly number[])[];
  readonly load: readonly number[];
  readonly added: readonly number[];
  readonly demand: readonly number[];
  readonly turn: number;
}

function pick(strategy: Naive, choice: Choice): number | undefined {
  const { free, load, added, demand, turn } = choice;
  const fitting = free
    .map((_, node) => node)
    .filter((node) => demand.every((asked, at) => asked <= (free[node]?.[at] ?? 0)));
  if (strategy === 'firstFit') return fitting[0];
  if (strategy === 'roundRobin') return fitting.find((node) => node >= turn) ?? fitting[0];
  const after = (node: number) => (load[node] ?? 0) + (added[node] ?? 0);
  return fitting.reduce<number | undefined>(
    (best, node) => (best === undefined || after(node) < after(best) ? node : best),
    undefined,
  );
}
