/**
 * Members of a gang to nodes, one each: a matching by augmenting paths. Where the greedy choice has
 * taken the only node that another member could use, the first is moved, so that a gang is refused
 * only when there is no way at all.
 */
import type { Placement, Task } from './engine.ts';
import type { Site } from './site.ts';

export function matchSpread(
  placement: Placement,
  members: readonly Task[],
): { readonly member: string; readonly text: string } | undefined {
  const open = new Map(members.map((member) => [member, openTo(placement, member)]));
  const owners = new Map<Site, Task>();
  for (const member of members) {
    if (augment(member, open, owners, new Set())) continue;
    const count = open.get(member)?.length ?? 0;
    const text = `${count} nodes are open to it and each is needed by another member of the gang`;
    return { member: member.id, text };
  }
  for (const [site, member] of owners) {
    if (placement.placeOn(site, member)) continue;
    return { member: member.id, text: `members keep each other from ${site.spec.name}` };
  }
  return undefined;
}

function openTo(placement: Placement, member: Task): readonly Site[] {
  const open: Site[] = [];
  placement.eachOpen(member, (site) => open.push(site) > 0);
  return open.filter((site) => placement.objection(site, member) === undefined);
}

/** Gives the member a node, moving others along as need be. */
function augment(
  member: Task,
  open: ReadonlyMap<Task, readonly Site[]>,
  owners: Map<Site, Task>,
  tried: Set<Site>,
): boolean {
  for (const site of open.get(member) ?? []) {
    if (tried.has(site)) continue;
    tried.add(site);
    const owner = owners.get(site);
    if (owner !== undefined && !augment(owner, open, owners, tried)) continue;
    owners.set(site, member);
    return true;
  }
  return false;
}
