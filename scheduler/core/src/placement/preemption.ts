/**
 * Preemption: which tasks of lower priority must end so that a task finds room, with the least waste.
 * The plan says who and why; nothing is ended here.
 *
 * V1  a victim has a lower priority than the task, and may be preempted; none is in a reservation.
 * V2  without any one of the victims there would be no room: none ends in vain.
 * V3  once the victims have ended, nothing is said against the node: not by them, nor for want of them.
 */
import type { Ask } from './demand.ts';
import type { Grant, Placement, Task } from './engine.ts';
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
  readonly mayEnd: (victim: Task) => boolean;
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

/** Compares nodes by the highest priority that is hurt, then by the work lost, then by the number. */
export function planPreemption(
  placement: Placement,
  task: Task,
  now: number,
  mayEnd: (victim: Task) => boolean = () => true,
): PreemptionPlan {
  let best: Candidate | undefined;
  let considered = 0;
  for (const site of placement.sites()) {
    const candidate = victimsOn(placement, site, task, { now, mayEnd });
    if (candidate === undefined) continue;
    considered++;
    if (best === undefined || isLess(candidate, best)) best = candidate;
  }
  if (best === undefined) {
    const below = `priority ${task.priority ?? 0}`;
    return { kind: 'refused', why: `no node has room even without its tasks below ${below}` };
  }
  const { site, victims, waste } = best;
  const list = victims.map((victim) => `${victim.task} (priority ${victim.priority})`).join(', ');
  const why = `${site.spec.name} loses the least of ${considered} nodes: ${list}`;
  return { kind: 'planned', node: site.spec.name, victims, waste, why };
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
  { now, mayEnd }: Rules,
): Lower[] {
  const lower: Lower[] = [];
  for (const id of site.tasks) {
    const grant = placement.grant(id);
    if (grant === undefined || grant.task.spared === true || !mayEnd(grant.task)) continue;
    // Its room would be held, and not open to the task.
    if (grant.task.reserved !== undefined) continue;
    const own = grant.task.priority ?? 0;
    if (own >= priority) continue;
    const ran = Math.max(0, now - (grant.task.at ?? now));
    lower.push({ grant, priority: own, waste: partOf(site, grant.task.ask) * ran });
  }
  return lower.sort((left, right) => right.priority - left.priority || right.waste - left.waste);
}

/** The largest part of the node that the ask holds of any resource. */
function partOf(site: Site, { amounts, gpu }: Ask): number {
  let part = 0;
  for (const { resource, milli } of amounts) {
    part = Math.max(part, milli / (site.capacity[resource] || milli));
  }
  if (gpu !== undefined) part = Math.max(part, (gpu.count * gpu.milli) / (site.gpus.length * 1000));
  return part;
}

function isLess(left: Cost, right: Cost): boolean {
  if (left.highest !== right.highest) return left.highest < right.highest;
  if (left.waste !== right.waste) return left.waste < right.waste;
  return left.victims.length < right.victims.length;
}
