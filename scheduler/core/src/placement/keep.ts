/**
 * Room for what has waited long: the fewest nodes on which nothing else is started, so that it fits as
 * soon as what runs there has ended. Without it a large task starves while small ones come and go.
 *
 * K1  on the nodes that are kept it fits once they are empty.
 */
import type { GangPolicy } from '@troupe/model';
import { sizeOf } from './demand.ts';
import type { Placement, Task } from './engine.ts';
import { isOpen } from './filters.ts';
import { fullestGpus, gpusWith, type Site, takeFrom } from './site.ts';

/** The names of the nodes; undefined when it does not fit even on empty ones. */
export function nodesToKeep(
  placement: Placement,
  members: readonly Task[],
  policy: GangPolicy = 'PACK',
): readonly string[] | undefined {
  const [first] = members;
  if (first === undefined) return undefined;
  const sites = [...placement.sites()].filter(({ cordoned }) => !cordoned);
  const freest = sites
    .map((site) => ({ site, free: partFree(site, first) }))
    .sort((left, right) => right.free - left.free || left.site.slot - right.site.slot);
  let left = [...members].sort((one, other) => sizeOf(other.ask) - sizeOf(one.ask));
  const kept: string[] = [];
  for (const { site } of freest) {
    const rest = restAfter(site, left, policy);
    // Strictly packed, all go on one node; else whoever fits on this one does.
    if (rest.length === left.length || (policy === 'STRICT_PACK' && rest.length > 0)) continue;
    kept.push(site.spec.name);
    left = rest;
    if (left.length === 0) return kept;
  }
  return undefined;
}

/** Who of them finds no room on this node when it is empty. */
function restAfter(site: Site, members: readonly Task[], policy: GangPolicy): Task[] {
  const empty: Site = {
    ...site,
    free: [...site.capacity],
    gpus: new Int32Array(site.gpus.length).fill(1000),
    gpuFree: site.gpus.length * 1000,
    kept: false,
  };
  const rest: Task[] = [];
  let taken = 0;
  for (const member of members) {
    const { ask } = member;
    const full = policy === 'STRICT_SPREAD' && taken > 0;
    if (full || !isOpen(empty, ask)) {
      rest.push(member);
      continue;
    }
    takeFrom(empty, ask, ask.gpu === undefined ? [] : fullestGpus(empty.gpus, ask.gpu));
    taken++;
  }
  return rest;
}

/** How much of what the task needs is free there now, by what is scarcest. */
function partFree(site: Site, { ask }: Task): number {
  let part = 1;
  for (const { resource, milli } of ask.amounts) {
    part = Math.min(part, (site.free[resource] ?? 0) / milli);
  }
  const { gpu } = ask;
  if (gpu !== undefined) part = Math.min(part, gpusWith(site.gpus, gpu.milli) / gpu.count);
  return part;
}
