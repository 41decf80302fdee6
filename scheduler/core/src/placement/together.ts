/** What the members of a gang need together. */
import type { Ask } from './demand.ts';
import type { Task } from './engine.ts';
import { isOpen } from './filters.ts';
import type { Site } from './site.ts';

/** What the members need of each resource, the most first. */
export function amountsOf(members: readonly Task[]): ReadonlyMap<number, readonly number[]> {
  const needed = new Map<number, number[]>();
  for (const { ask } of members) {
    for (const { resource, milli } of ask.amounts) {
      const known = needed.get(resource);
      if (known === undefined) needed.set(resource, [milli]);
      else known.push(milli);
    }
  }
  for (const amounts of needed.values()) amounts.sort((left, right) => right - left);
  return needed;
}

export function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, milli) => total + milli, 0);
}

export function distinctAsks(members: readonly Task[]): readonly Ask[] {
  return [...new Map(members.map(({ ask }) => [ask.key, ask])).values()];
}

/** Whether all may have room on this one node: it has so much, and is open to each. */
export function mayHoldAll(members: readonly Task[]): (site: Site) => boolean {
  const sums = [...amountsOf(members)].map(([resource, amounts]) => {
    return { resource, milli: sum(amounts) };
  });
  const gpu = sum(members.map(({ ask }) => (ask.gpu?.count ?? 0) * (ask.gpu?.milli ?? 0)));
  const asks = distinctAsks(members);
  return (site) =>
    site.gpuFree >= gpu &&
    sums.every(({ resource, milli }) => (site.free[resource] ?? 0) >= milli) &&
    asks.every((ask) => isOpen(site, ask));
}
