/**
 * Room for what has waited long: the fewest nodes on which nothing else is started, so that it fits as
 * soon as what runs there has ended. Without it a large task starves while small ones come and go.
 *
 * K1  on the nodes that are kept it starts once they are empty: judged on trial by what places it, with
 *     its neighbours as they are. Those whom it wants to be near stay there, and so does what is reserved.
 */
import type { GangPolicy } from '@troupe/model';
import { sizeOf } from './demand.ts';
import type { Placement, Task } from './engine.ts';
import { isOpen } from './filters.ts';
import { Gangs } from './gangs.ts';
import { fullestGpus, gpusWith, type Site, takeFrom } from './site.ts';

export interface Company {
  readonly members: readonly Task[];
  readonly policy: GangPolicy;
}

/** Nodes on which one task is tried before it is looked at again in a while. */
const trialsMax = 16;
/** Sets of nodes on which a gang is tried likewise: each is a plan. */
const setsMax = 4;

/** The names of the nodes; undefined when it would not start even were those empty that were tried. At
 *  its next turn others are tried, until it is the first ones' turn again. */
export function nodesToKeep(
  placement: Placement,
  { members, policy }: Company,
  turn = 0,
): readonly string[] | undefined {
  const [first] = members;
  if (first === undefined) return undefined;
  const sites = [...placement.sites()].filter(({ cordoned }) => !cordoned);
  const freest = sites
    .map((site) => ({ site, free: partFree(site, first) }))
    .sort((left, right) => right.free - left.free || left.site.slot - right.site.slot)
    .map(({ site }) => site);
  const ordered = leastObjectedFirst(placement, first, freest);
  if (members.length === 1) return oneToKeep(placement, first, ordered, turn);
  const company = { members, policy };
  for (let set = turn * setsMax; set < (turn + 1) * setsMax; set++) {
    const kept = fewestToKeep(placement, from(ordered, set), company);
    if (kept !== undefined && wouldStart(placement, company, kept)) return kept;
  }
  return undefined;
}

/** Whether the members would start now if only those whom they want to be near were on the nodes. */
export function wouldStart(
  placement: Placement,
  { members, policy }: Company,
  nodes: readonly string[],
): boolean {
  return placement.without(othersOn(placement, members, nodes), () => {
    const [first] = members;
    if (first === undefined) return false;
    if (members.length > 1)
      return new Gangs(placement).plan({ id: '', policy, members }).kind === 'planned';
    return nodes.some((node) => {
      const site = placement.site(node);
      return site !== undefined && placement.objection(site, first) === undefined;
    });
  });
}

/** Who must end before they start: all on the nodes but those whom they want to be near. What is
 *  reserved never ends for others. */
export function othersOn(
  placement: Placement,
  members: readonly Task[],
  nodes: readonly string[],
): readonly string[] {
  const choosy = members.filter(({ ask }) => (ask.demand.near?.length ?? 0) > 0);
  const tasks = nodes.flatMap((node) => [...(placement.site(node)?.tasks ?? [])]);
  return tasks.filter((id) => {
    const other = placement.grant(id)?.task;
    if (other === undefined || other.reserved !== undefined) return false;
    return !choosy.some((member) => placement.wants(member, other));
  });
}

/** There it is likeliest to start. */
function leastObjectedFirst(
  placement: Placement,
  task: Task,
  freest: readonly Site[],
): readonly Site[] {
  if (!placement.concerns(task)) return freest;
  const objected = placement.neighbourly(task);
  return [
    ...freest.filter((site) => objected(site) === undefined),
    ...freest.filter((site) => objected(site) !== undefined),
  ];
}

/** The same, the one of this number first, and those before it last. */
function from(sites: readonly Site[], number: number): readonly Site[] {
  const at = number % Math.max(1, sites.length);
  return [...sites.slice(at), ...sites.slice(0, at)];
}

function oneToKeep(
  placement: Placement,
  task: Task,
  ordered: readonly Site[],
  turn: number,
): readonly string[] | undefined {
  const company: Company = { members: [task], policy: 'PACK' };
  const large = ordered.filter(
    (site) => restAfter(emptied(placement, site), [task], 'PACK').length === 0,
  );
  const site = from(large, turn * trialsMax)
    .slice(0, trialsMax)
    .find(({ spec }) => wouldStart(placement, company, [spec.name]));
  return site === undefined ? undefined : [site.spec.name];
}

function fewestToKeep(
  placement: Placement,
  freest: readonly Site[],
  { members, policy }: Company,
): readonly string[] | undefined {
  let left = [...members].sort((one, other) => sizeOf(other.ask) - sizeOf(one.ask));
  const kept: string[] = [];
  for (const site of freest) {
    const rest = restAfter(emptied(placement, site), left, policy);
    // Strictly packed, all go on one node; else whoever fits on this one does.
    if (rest.length === left.length || (policy === 'STRICT_PACK' && rest.length > 0)) continue;
    kept.push(site.spec.name);
    left = rest;
    if (left.length === 0) return kept;
  }
  return undefined;
}

/** The node as it is when all has ended there but what is reserved. */
function emptied(placement: Placement, site: Site): Site {
  const empty: Site = {
    ...site,
    free: [...site.capacity],
    gpus: new Int32Array(site.gpus.length).fill(1000),
    gpuFree: site.gpus.length * 1000,
    kept: false,
  };
  for (const id of site.tasks) {
    const grant = placement.grant(id);
    if (grant?.task.reserved !== undefined) takeFrom(empty, grant.task.ask, grant.gpus);
  }
  return empty;
}

/** Who of them finds no room on this node, which is taken up by the others. */
function restAfter(empty: Site, members: readonly Task[], policy: GangPolicy): Task[] {
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
