/**
 * A small gang on few nodes where placing one member after the other found no way: the largest first,
 * each where the least is left over, and back again where that leads nowhere. Nodes that are alike at a
 * step are tried once. Members whose neighbours have a say are not searched for.
 *
 * Bounded, since the question is hard: beyond 16 members, the 32 roomiest nodes, 300 steps and 20,000
 * looks at nodes, of which one with many GPUs takes several, a gang waits as if it did not fit. In vain to
 * its end a search took 0.2 ms on nodes without GPUs, 0.4 with 8 GPUs each, 0.7 with 64 and 1.8 with 1,024
 * (5.5 without the bound on looks); to find the roomiest of 10,000 nodes took 4 ms. Measured on one core of
 * a virtual machine, the least of 30.
 */
import { type Ask, sizeOf } from './demand.ts';
import type { Placement, Task } from './engine.ts';
import { isOpen } from './filters.ts';
import { fullestGpus, giveBack, type Site, takeFrom } from './site.ts';

const membersMax = 16;
const sitesMax = 32;
const stepsMax = 300;
/** Each at up to 64 GPUs of a node. */
const looksMax = 20_000;
const gpusOfLook = 64;

/** Reserves for all of them; false when no way was found, and then some may be reserved. */
export function packSmall(placement: Placement, members: readonly Task[]): boolean {
  if (members.length > membersMax) return false;
  if (members.some((member) => placement.concerns(member))) return false;
  const sorted = [...members].sort(
    (left, right) =>
      sizeOf(right.ask) - sizeOf(left.ask) || (left.ask.key < right.ask.key ? -1 : 1),
  );
  const search = new PackSearch(roomiest(placement, sorted), sorted);
  if (!search.from(0)) return false;
  return search.chosen.every(({ spec }, at) => {
    const site = placement.site(spec.name);
    const member = sorted[at];
    return site !== undefined && member !== undefined && placement.placeOn(site, member);
  });
}

/** Copies of nodes that are open to one of them at least. */
function roomiest(placement: Placement, members: readonly Task[]): Site[] {
  const open = [...placement.sites()].filter((site) =>
    members.some(({ ask }) => isOpen(site, ask)),
  );
  const size = ({ gpuFree, free }: Site) => 1e6 * gpuFree + (free[0] ?? 0);
  open.sort((left, right) => size(right) - size(left) || left.slot - right.slot);
  return open
    .slice(0, sitesMax)
    .map((site) => ({ ...site, free: [...site.free], gpus: site.gpus.slice() }));
}

/** Over copies of nodes, which it changes. */
export class PackSearch {
  readonly #sites: readonly Site[];
  readonly #members: readonly Task[];
  /** By member. */
  readonly #at: number[] = [];
  /** By node: which members it was open to at first. What was not open then never is. */
  readonly #kinds: readonly string[];
  #steps = 0;
  #looks = 0;

  constructor(sites: readonly Site[], members: readonly Task[]) {
    this.#sites = sites;
    this.#members = members;
    this.#kinds = sites.map((site) => members.map(({ ask }) => +isOpen(site, ask)).join(''));
  }

  /** How many it took. */
  get looks(): number {
    return this.#looks;
  }

  get chosen(): readonly Site[] {
    return this.#at.flatMap((at) => this.#sites[at] ?? []);
  }

  /** Whether this member and all after it find room. */
  from(number: number): boolean {
    const ask = this.#members[number]?.ask;
    if (ask === undefined) return true;
    for (const at of this.#candidates(ask, number)) {
      const site = this.#sites[at];
      if (site === undefined || ++this.#steps > stepsMax || this.#looks > looksMax) return false;
      const gpus = ask.gpu === undefined ? [] : fullestGpus(site.gpus, ask.gpu);
      takeFrom(site, ask, gpus);
      this.#at[number] = at;
      if (this.from(number + 1)) return true;
      giveBack(site, ask, gpus);
    }
    return false;
  }

  /** Where the least is left over first. Of equal members none goes before the one before it: the same
   *  places in another order are no other way. */
  #candidates(ask: Ask, number: number): readonly number[] {
    const equal = number > 0 && this.#members[number - 1]?.ask.key === ask.key;
    const least = equal ? (this.#at[number - 1] ?? 0) : 0;
    const found: { readonly at: number; readonly left: number }[] = [];
    for (let at = least; at < this.#sites.length; at++) {
      const site = this.#sites[at];
      this.#looks += 1 + Math.ceil((site?.gpus.length ?? 0) / gpusOfLook);
      if (site !== undefined && isOpen(site, ask)) found.push({ at, left: leftOver(site, ask) });
    }
    found.sort((one, other) => one.left - other.left || one.at - other.at);
    return found
      .filter(({ at, left }, index) => {
        const before = found[index - 1];
        return before === undefined || before.left !== left || !this.#alike(before.at, at);
      })
      .map(({ at }) => at);
  }

  #alike(one: number, other: number): boolean {
    const [left, right] = [this.#sites[one], this.#sites[other]];
    if (left === undefined || right === undefined) return false;
    return (
      this.#kinds[one] === this.#kinds[other] &&
      left.free.length === right.free.length &&
      left.free.every((milli, at) => milli === right.free[at]) &&
      left.gpus.length === right.gpus.length &&
      left.gpus.every((milli, at) => milli === right.gpus[at])
    );
  }
}

function leftOver(site: Site, { amounts, gpu }: Ask): number {
  const gpus = gpu === undefined ? site.gpuFree : site.gpuFree - gpu.count * gpu.milli;
  return amounts.reduce((sum, { resource, milli }) => {
    return sum + ((site.free[resource] ?? 0) - milli) / (site.capacity[resource] || 1);
  }, gpus);
}
