/**
 * A quick look at whether a gang can have room at all, before it is planned: planning asks for each
 * member, and gangs that wait are planned anew whenever something ends.
 *
 * H1  what is called hopeless has no plan; what is not may have none either.
 */
import { sizeOf } from './demand.ts';
import type { Gang } from './gangs.ts';
import { hasRoom, type Site } from './site.ts';

export function isHopeless(all: Iterable<Site>, { members, policy }: Gang): boolean {
  const sites = [...all].filter(({ cordoned, kept }) => !cordoned && !kept);
  if (policy === 'STRICT_SPREAD' && sites.length < members.length) return true;
  const needed = new Map<number, number[]>();
  for (const { ask } of members) {
    for (const { resource, milli } of ask.amounts) {
      const known = needed.get(resource);
      if (known === undefined) needed.set(resource, [milli]);
      else known.push(milli);
    }
  }
  for (const [resource, amounts] of needed) {
    const free = sites.map((site) => site.free[resource] ?? 0);
    if (policy === 'STRICT_SPREAD' ? !coversEach(free, amounts) : sum(free) < sum(amounts))
      return true;
  }
  const [largest] = [...members].sort((left, right) => sizeOf(right.ask) - sizeOf(left.ask));
  return largest !== undefined && !sites.some((site) => hasRoom(site, largest.ask));
}

/** Each on its own: the largest needs the freest at most, the next the next. */
function coversEach(free: readonly number[], amounts: readonly number[]): boolean {
  const freest = Float64Array.from(free).sort().reverse();
  const largest = Float64Array.from(amounts).sort().reverse();
  return largest.every((milli, at) => milli <= (freest[at] ?? -1));
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, milli) => total + milli, 0);
}
