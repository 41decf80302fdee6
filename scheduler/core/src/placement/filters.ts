/**
 * Which nodes an ask may go to, and why not to the others.
 *
 * F1  a node is open to an ask exactly when there is nothing to say against it.
 */
import type { Requirement } from '@troupe/model';
import type { Ask } from './demand.ts';
import { matches } from './labels.ts';
import { gpusWith, hasRoom, type ResourceNames, type Site } from './site.ts';

/** Why a node is out, said of one node and of several. */
export interface Objection {
  readonly one: string;
  readonly many: string;
}

/** Whether the node is open to the ask by itself: other tasks are not looked at. */
export function isOpen(site: Site, ask: Ask): boolean {
  return !site.kept && hasRoom(site, ask) && suits(site, ask);
}

/** Whether it is open to the ask but for what is free there, and for whom it is kept. */
export function suits(site: Site, ask: Ask): boolean {
  if (site.cordoned) return false;
  const { gpu, demand } = ask;
  if (gpu !== undefined && !hasModel(site, gpu.models)) return false;
  if (demand.nodes !== undefined && !matches(demand.nodes, site.labels)) return false;
  return hasBundle(site, demand.bundle) && hasIsolation(site, demand.isolation);
}

/** Whether it has room for it when nothing else is there. */
export function mayEverHold({ capacity, gpus }: Site, { amounts, gpu }: Ask): boolean {
  if (gpu !== undefined && gpus.length < gpu.count) return false;
  return amounts.every(({ resource, milli }) => (capacity[resource] ?? 0) >= milli);
}

/** The first objection, from what only an operator can mend to what time will. */
export function objectionTo(site: Site, ask: Ask, names: ResourceNames): Objection | undefined {
  if (site.cordoned) return { one: 'is cordoned', many: 'are cordoned' };
  const { bundle, isolation, nodes } = ask.demand;
  if (!hasBundle(site, bundle)) return lacking(`bundle ${bundle}`);
  if (!hasIsolation(site, isolation)) return lacking(`isolation ${isolation}`);
  const unmet = nodes?.find((requirement) => !matches([requirement], site.labels));
  if (unmet !== undefined) return lacking(`label ${requirementText(unmet)}`);
  return gpuObjection(site, ask) ?? amountObjection(site, ask, names) ?? keptObjection(site);
}

function gpuObjection(site: Site, { gpu }: Ask): Objection | undefined {
  if (gpu === undefined) return undefined;
  if (site.gpus.length === 0) return lacking('gpu');
  if (!hasModel(site, gpu.models)) return lacking(`gpu ${gpu.models.join(' or ')}`);
  if (site.gpus.length < gpu.count) return having(`fewer than ${gpu.count} gpus`);
  if (gpusWith(site.gpus, gpu.milli) >= gpu.count) return undefined;
  if (gpu.milli === 1000) return having(`fewer than ${gpu.count} free gpus`);
  return having(`too little free of a gpu`);
}

function amountObjection(site: Site, ask: Ask, names: ResourceNames): Objection | undefined {
  for (const { resource, milli } of ask.amounts) {
    const capacity = site.capacity[resource] ?? 0;
    if (capacity >= milli) continue;
    const name = names.nameOf(resource);
    return capacity === 0 ? lacking(name) : having(`too little ${name}`);
  }
  for (const { resource, milli } of ask.amounts) {
    if ((site.free[resource] ?? 0) < milli)
      return having(`too little free ${names.nameOf(resource)}`);
  }
  return undefined;
}

function keptObjection({ kept }: Site): Objection | undefined {
  if (!kept) return undefined;
  const why = 'kept for a task that has waited long';
  return { one: `is ${why}`, many: `are ${why}` };
}

function hasModel(site: Site, models: readonly string[]): boolean {
  return models.length === 0 || models.includes(site.model);
}

function hasBundle(site: Site, bundle: string | undefined): boolean {
  return bundle === undefined || (site.spec.bundles?.includes(bundle) ?? true);
}

function hasIsolation(site: Site, isolation: string | undefined): boolean {
  return isolation === undefined || (site.spec.isolations?.includes(isolation) ?? false);
}

function lacking(what: string): Objection {
  return { one: `lacks ${what}`, many: `lack ${what}` };
}

function having(what: string): Objection {
  return { one: `has ${what}`, many: `have ${what}` };
}

function requirementText(requirement: Requirement): string {
  const { label, op } = requirement;
  if (op === 'in' || op === 'not-in') return `${label} ${op} (${requirement.values.join(', ')})`;
  return `${label} ${op}`;
}
