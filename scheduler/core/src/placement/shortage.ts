/**
 * Why a gang can have no room, in a number: of places of some kind there are fewer than it needs. Such
 * a number is kept by counting anew only the nodes that have changed, so that a gang that waits is not
 * planned again whenever something ends, but when there may be room for it.
 *
 * H1  what is short has no plan; what is not may have none either.
 */
import { type Ask, sizeOf } from './demand.ts';
import type { Changes, Placement } from './engine.ts';
import { isOpen } from './filters.ts';
import type { Gang, GangRefusal } from './gangs.ts';
import { gpusWith, hasRoom, type Site } from './site.ts';
import { amountsOf, distinctAsks, mayHoldAll, sum } from './together.ts';

/** Places of which a gang needs so many, and how many of them a node has at most. */
interface Need {
  readonly needed: number;
  readonly on: (site: Site) => number;
}

export class Shortage {
  readonly #need: Need;
  readonly #changes: Changes;
  /** By slot. */
  readonly #counts: number[] = [];
  #sum = 0;

  constructor(placement: Placement, need: Need) {
    this.#need = need;
    this.#changes = placement.changes();
    for (const site of placement.sites()) this.#count(site.slot, site);
  }

  /** Whether it is still so; false as well when that is not known any more. */
  holds(): boolean {
    const known = this.#changes.each((slot, site) => this.#count(slot, site));
    return known && this.lacking > 0;
  }

  /** As far as was counted. */
  get lacking(): number {
    return this.#need.needed - this.#sum;
  }

  #count(slot: number, site: Site | undefined): void {
    const count = site === undefined || site.cordoned || site.kept ? 0 : this.#need.on(site);
    this.#sum += count - (this.#counts[slot] ?? 0);
    this.#counts[slot] = count;
  }
}

/** What a look at the free amounts finds, before the gang is planned: planning asks for each member. */
export function shortageBefore(placement: Placement, gang: Gang): Shortage | undefined {
  for (const need of needsByAmounts(placement, gang)) {
    const shortage = new Shortage(placement, need);
    if (shortage.lacking > 0) return shortage;
  }
  return undefined;
}

/** What a plan has found that was refused. */
export function shortageAfter(
  placement: Placement,
  gang: Gang,
  refusal: GangRefusal,
): Shortage | undefined {
  let most: Shortage | undefined;
  for (const need of needsByPlan(gang, refusal)) {
    const shortage = new Shortage(placement, need);
    // What lacks the most is so the longest.
    if (shortage.lacking > (most?.lacking ?? 0)) most = shortage;
  }
  return most;
}

function* needsByAmounts(placement: Placement, { members, policy }: Gang): Iterable<Need> {
  const spread = policy === 'STRICT_SPREAD';
  if (spread) yield { needed: members.length, on: () => 1 };
  for (const [resource, amounts] of amountsOf(members)) {
    const free = ({ free: of }: Site) => of[resource] ?? 0;
    if (!spread) {
      yield { needed: sum(amounts), on: free };
      continue;
    }
    const { milli, needed } = mostLacking(placement, free, amounts);
    yield { needed, on: (site) => +(free(site) >= milli) };
  }
  const [largest] = [...members].sort((left, right) => sizeOf(right.ask) - sizeOf(left.ask));
  if (largest !== undefined) yield { needed: 1, on: (site) => +hasRoom(site, largest.ask) };
}

function* needsByPlan(
  { members, policy }: Gang,
  { member, among = [] }: GangRefusal,
): Iterable<Need> {
  if (policy === 'STRICT_SPREAD') {
    const asks = distinctAsks(among);
    yield { needed: among.length, on: (site) => +asks.some((ask) => isOpen(site, ask)) };
    return;
  }
  if (policy === 'STRICT_PACK') {
    const mayHold = mayHoldAll(members);
    yield { needed: 1, on: (site) => +mayHold(site) };
    return;
  }
  const sorted = [...members].sort((left, right) => sizeOf(right.ask) - sizeOf(left.ask));
  const at = sorted.findIndex(({ id }) => id === member);
  for (const index of new Set([at, Math.floor((at + members.length) / 2), members.length - 1])) {
    const ask = sorted[index]?.ask;
    if (ask === undefined) continue;
    const needed = members.filter((other) => needsAtLeast(other.ask, ask)).length;
    yield { needed, on: (site) => copiesOn(site, ask) };
  }
}

/** Each on a node of its own: of which amount there are the fewest nodes that have it, for those who
 *  need it. */
function mostLacking(
  placement: Placement,
  freeOn: (site: Site) => number,
  amounts: readonly number[],
): { readonly milli: number; readonly needed: number } {
  const open = [...placement.sites()].filter(({ cordoned, kept }) => !cordoned && !kept);
  const free = Float64Array.from(open, freeOn).sort().reverse();
  let most = { milli: 0, needed: 0, lacking: Number.NEGATIVE_INFINITY };
  let have = 0;
  for (const [at, milli] of amounts.entries()) {
    while (have < free.length && (free[have] ?? 0) >= milli) have++;
    const needed = at + 1;
    if (needed - have > most.lacking) most = { milli, needed, lacking: needed - have };
  }
  return most;
}

/** Whether a place of the one would do for the other: in amounts, and on the same nodes. */
function needsAtLeast(ask: Ask, least: Ask): boolean {
  if (ask.key === least.key) return true;
  if (limitsOf(ask) !== limitsOf(least)) return false;
  const of = new Map(ask.amounts.map(({ resource, milli }) => [resource, milli]));
  if (!least.amounts.every(({ resource, milli }) => (of.get(resource) ?? 0) >= milli)) return false;
  if (least.gpu === undefined) return true;
  return (
    ask.gpu !== undefined && ask.gpu.count >= least.gpu.count && ask.gpu.milli >= least.gpu.milli
  );
}

function limitsOf({ demand: { nodes, isolation, bundle }, gpu }: Ask): string {
  return JSON.stringify([nodes ?? 0, isolation ?? 0, bundle ?? 0, gpu?.models ?? 0]);
}

/** How many tasks of this ask the node has room for. */
function copiesOn(site: Site, ask: Ask): number {
  if (!isOpen(site, ask)) return 0;
  let copies = Number.POSITIVE_INFINITY;
  for (const { resource, milli } of ask.amounts) {
    copies = Math.min(copies, Math.floor((site.free[resource] ?? 0) / milli));
  }
  const { gpu } = ask;
  if (gpu !== undefined) copies = Math.min(copies, gpuCopies(site.gpus, gpu));
  // What reserves nothing fits any number of times; more than all members is as good.
  return Math.min(copies, copiesMax);
}

function gpuCopies(gpus: Int32Array, { count, milli }: NonNullable<Ask['gpu']>): number {
  let parts = 0;
  for (let part = milli; part <= 1000; part += milli) parts += gpusWith(gpus, part);
  return Math.floor(parts / count);
}

const copiesMax = 1_000_000;
