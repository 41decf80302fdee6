/**
 * Preemption: which tasks of lower priority must end so that a task finds room, with the least waste.
 * The plan says who and why; nothing is ended here.
 *
 * V1  a victim has a lower priority than the task, and may be preempted; none is in a reservation.
 * V2  without any one of the victims there would be no room: none ends in vain.
 * V3  once the victims have ended, nothing is said against the node: not by them, nor for want of them.
 */
import type { Grant, Placement, Task } from './engine.ts';
import { type Pool, partOf } from './preemptibles.ts';
import { giveBack, hasRoom, type Site, takeFrom } from './site.ts';

export interface Victim {
  readonly task: string;
  readonly priority: number;
  /** Work lost: the part of the node it holds, times how long it has run. */
  readonly waste: number;
}

export type PreemptionPlan =
  | {
      readonly kind: 'planned';
      readonly node: string;
      readonly victims: readonly Victim[];
      readonly waste: number;
      readonly why: string;
    }
  | { readonly kind: 'refused'; readonly why: string };

interface Rules {
  readonly now: number;
  /** Whose tasks may end; anybody's where it is not said. */
  readonly tenant: string | undefined;
}

interface Cost {
  readonly victims: readonly Victim[];
  readonly waste: number;
  readonly highest: number;
}

interface Candidate extends Cost {
  readonly site: Site;
}

/** Of those on a node whom the task wants to be near: how many are tried as the one that stays. */
const staysMax = 4;

/**
 * Compares nodes by the highest priority that is hurt, then by the work lost, then by the number, then by who
 * joined first. Looks at nodes with tasks that may end, of one tenant if it is given, the lowest and youngest
 * first, for as long as another node could lose less.
 */
export function planPreemption(
  placement: Placement,
  task: Task,
  now: number,
  tenant?: string,
): PreemptionPlan {
  const seen = new Set<Site>();
  let best: Candidate | undefined;
  for (const pool of placement.preemptible(task.priority ?? 0, tenant)) {
    // All that is left hurts a higher priority.
    if (best !== undefined && best.highest < pool.priority) break;
    pool.youngest.firstWhere(({ site, at }) => {
      if (best !== undefined && losesMore(pool, now - at, best)) return true;
      if (seen.has(site)) return false;
      seen.add(site);
      const candidate = victimsOn(placement, site, task, { now, tenant });
      if (candidate === undefined) return false;
      if (best === undefined || isBefore(candidate, best)) best = candidate;
      return false;
    });
  }
  if (best === undefined) {
    const below = `priority ${task.priority ?? 0}`;
    return { kind: 'refused', why: `no node has room even without its tasks below ${below}` };
  }
  const { site, victims, waste } = best;
  const list = victims.map((victim) => `${victim.task} (priority ${victim.priority})`).join(', ');
  const why = `${site.spec.name} loses the least: ${list}`;
  return { kind: 'planned', node: site.spec.name, victims, waste, why };
}

/** Whether on every node that was not looked at more is lost: there all victims are of this pool's priority
 *  or above, and have run for so long or longer. */
function losesMore({ priority, partMin }: Pool, ranMs: number, best: Candidate): boolean {
  return best.highest <= priority && partMin * Math.max(0, ranMs) > best.waste;
}

/** The victims on one node, or none when even without them there is no room or no business. */
function victimsOn(
  placement: Placement,
  site: Site,
  task: Task,
  rules: Rules,
): Candidate | undefined {
  const lower = lowerOn(placement, site, task.priority ?? 0, rules);
  if (lower.length === 0) return undefined;
  const victims = chosen(placement, site, task, lower) ?? [];
  return victims.length === 0 ? undefined : { site, ...costOf(victims) };
}

function costOf(ended: readonly Lower[]): Cost {
  const victims = ended.map(
    ({ grant, priority, waste }): Victim => ({ task: grant.task.id, priority, waste }),
  );
  return {
    victims,
    waste: victims.reduce((sum, victim) => sum + victim.waste, 0),
    highest: Math.max(...victims.map((victim) => victim.priority)),
  };
}

/** Whose end opens the node to the task. Where neighbours have a say, the victims are ended on trial. */
function chosen(
  placement: Placement,
  site: Site,
  task: Task,
  lower: readonly Lower[],
): readonly Lower[] | undefined {
  const forRoom = chosenForRoom(placement, site, task, lower);
  if (forRoom === undefined || !placement.concerns(task)) return forRoom;
  const opens = (victims: readonly Lower[]) =>
    placement.without(
      victims.map(({ grant }) => grant.task.id),
      () => placement.objection(site, task) === undefined,
    );
  if (opens(forRoom)) return forRoom;
  // It may be apart from one of them: all end on trial, but for those whom it wants to be near, and who
  // is in nobody's way is spared.
  let best: readonly Lower[] | undefined;
  for (const most of mostVictims(placement, task, lower)) {
    if (!opens(most)) continue;
    let victims = most;
    for (const each of most) {
      const fewer = victims.filter((victim) => victim !== each);
      if (opens(fewer)) victims = fewer;
    }
    if (best === undefined || isLess(costOf(victims), costOf(best))) best = victims;
  }
  return best;
}

/** Who ends at most: all, or all but those whom the task wants to be near, or but one of these. */
function mostVictims(
  placement: Placement,
  task: Task,
  lower: readonly Lower[],
): readonly (readonly Lower[])[] {
  const wanted = lower.filter(({ grant }) => placement.wants(task, grant.task));
  if (wanted.length === 0) return [lower];
  const without = (spared: readonly Lower[]) => lower.filter((each) => !spared.includes(each));
  const one = wanted.length === 1 ? [] : wanted.slice(0, staysMax).map((each) => without([each]));
  return [lower, without(wanted), ...one];
}

/** The dearest are spared first, as long as there is room without ending them. */
function chosenForRoom(
  placement: Placement,
  site: Site,
  task: Task,
  lower: readonly Lower[],
): readonly Lower[] | undefined {
  const left: Site = { ...site, free: [...site.free], gpus: site.gpus.slice() };
  for (const { grant } of lower) giveBack(left, grant.task.ask, grant.gpus);
  if (placement.ownObjection(left, task) !== undefined) return undefined;
  return lower.filter(({ grant }) => {
    const { ask } = grant.task;
    takeFrom(left, ask, grant.gpus);
    if (hasRoom(left, task.ask)) return false;
    giveBack(left, ask, grant.gpus);
    return true;
  });
}

interface Lower {
  readonly grant: Grant;
  readonly priority: number;
  readonly waste: number;
}

/** The dearest first. */
function lowerOn(
  placement: Placement,
  site: Site,
  priority: number,
  { now, tenant }: Rules,
): Lower[] {
  const lower: Lower[] = [];
  for (const id of site.tasks) {
    const grant = placement.grant(id);
    if (grant === undefined || grant.task.spared === true) continue;
    if (tenant !== undefined && grant.task.tenant !== tenant) continue;
    // Its room would be held, and not open to the task.
    if (grant.task.reserved !== undefined) continue;
    const own = grant.task.priority ?? 0;
    if (own >= priority) continue;
    const ran = Math.max(0, now - (grant.task.at ?? now));
    lower.push({ grant, priority: own, waste: partOf(site, grant.task.ask) * ran });
  }
  return lower.sort((left, right) => right.priority - left.priority || right.waste - left.waste);
}

function isBefore(left: Candidate, right: Candidate): boolean {
  return isLess(left, right) || (!isLess(right, left) && left.site.slot < right.site.slot);
}

function isLess(left: Cost, right: Cost): boolean {
  if (left.highest !== right.highest) return left.highest < right.highest;
  if (left.waste !== right.waste) return left.waste < right.waste;
  return left.victims.length < right.victims.length;
}
