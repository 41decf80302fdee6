/** Gangs in places that are reserved for their tenant: all of the members enter one, or none does. */
import { sizeOf } from './demand.ts';
import type { Task } from './engine.ts';
import type { Gang } from './gangs.ts';
import { type Entered, everyNode, type MayBeOn, type Reservations } from './reservations.ts';

/** Whom the nodes of those who entered before leave to which nodes. */
type Rule = (used: ReadonlySet<string>) => MayBeOn;

const anywhere: Rule = () => everyNode;
const apart: Rule = (used) => (node) => !used.has(node);

/** Answers in the order of the members. Those that must be apart each go where the least is left beside
 *  them; what that does not find is not found. */
export function enterAll(
  places: Reservations,
  { members, policy }: Gang,
  anyGpus: boolean,
): readonly Entered[] | undefined {
  const tenant = members[0]?.tenant ?? '';
  if (places.countOf(tenant) === 0) return undefined;
  const enter = (rule: Rule) => enterBy(places, members, { anyGpus, rule });
  switch (policy) {
    case 'STRICT_PACK':
      return onOne(places, tenant, enter);
    case 'PACK':
      return onOne(places, tenant, enter) ?? enter(anywhere);
    case 'STRICT_SPREAD':
      return enter(apart);
    case 'SPREAD':
      return enter(apart) ?? enter(anywhere);
  }
}

function onOne(
  places: Reservations,
  tenant: string,
  enter: (rule: Rule) => readonly Entered[] | undefined,
): readonly Entered[] | undefined {
  for (const node of places.nodesOf(tenant)) {
    const entered = enter(() => (other) => other === node);
    if (entered !== undefined) return entered;
  }
  return undefined;
}

/** The largest first. */
function enterBy(
  places: Reservations,
  members: readonly Task[],
  { anyGpus, rule }: { readonly anyGpus: boolean; readonly rule: Rule },
): readonly Entered[] | undefined {
  const entered = new Map<string, Entered>();
  const used = new Set<string>();
  for (const task of [...members].sort((one, other) => sizeOf(other.ask) - sizeOf(one.ask))) {
    const one = places.enter(task, anyGpus, rule(used));
    if (one === undefined) {
      for (const id of entered.keys()) places.end(id);
      return undefined;
    }
    entered.set(task.id, one);
    used.add(one.node);
  }
  return members.flatMap(({ id }) => entered.get(id) ?? []);
}
