/**
 * Members of a gang to nodes, one each: a matching by augmenting paths. Where the greedy choice has
 * taken the only node that another member could use, the first is moved, so that a gang is refused
 * only when there is no way at all; then it is told which members are most in want of nodes.
 */
import type { Placement, Task } from './engine.ts';
import type { GangRefusal } from './gangs.ts';
import type { Site } from './site.ts';

export function matchSpread(
  placement: Placement,
  members: readonly Task[],
): GangRefusal | undefined {
  const open = new Map(members.map((member) => [member, openTo(placement, member)]));
  const owners = new Map<Site, Task>();
  const left: Task[] = [];
  // Nodes that a search in vain went over: no later one finds a way by them.
  const vain = new Set<Site>();
  for (const member of members) {
    const tried = new Set<Site>();
    if (augment(member, { open, owners, vain, tried })) continue;
    left.push(member);
    for (const site of tried) vain.add(site);
  }
  const [first] = left;
  if (first !== undefined) {
    const count = open.get(first)?.length ?? 0;
    const text = `${count} nodes are open to it and each is needed by another member of the gang`;
    // They have no other nodes than these, and each of these is one's of them.
    const among = [...left, ...[...vain].flatMap((site) => owners.get(site) ?? [])];
    return { member: first.id, text, among };
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

interface Search {
  readonly open: ReadonlyMap<Task, readonly Site[]>;
  readonly owners: Map<Site, Task>;
  readonly vain: ReadonlySet<Site>;
  readonly tried: Set<Site>;
}

/** Gives the member a node, moving others along as need be. */
function augment(member: Task, search: Search): boolean {
  const { open, owners, vain, tried } = search;
  for (const site of open.get(member) ?? []) {
    if (tried.has(site) || vain.has(site)) continue;
    tried.add(site);
    const owner = owners.get(site);
    if (owner !== undefined && !augment(owner, search)) continue;
    owners.set(site, member);
    return true;
  }
  return false;
}
