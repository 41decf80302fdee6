/** A task starts on a node that serves, is not cordoned and is what its declaration asks of its node: by
 *  its labels, by its GPUs, by which tasks run near it. */
import type { Incarnation, NeighbourTerm, SpreadRule } from '@troupe/model';
import type { MakeChecker, Violate } from './checker.ts';
import { holds, isMeant } from './declared.ts';
import type { Grounds, Placed } from './grounds.ts';

export const wishesKept: MakeChecker = ({ grounds, tasks }, violate) => ({
  journalFact(fact) {
    if (fact.kind !== 'task-started') return;
    const { task, node } = fact;
    if (!grounds.alive.has(node)) violate(`${task} starts on ${node}, which does not serve`);
    if (grounds.cordoned.has(node)) violate(`${task} starts on ${node}, which is cordoned`);
    const placed = grounds.place(fact);
    const { nodes = [], gpuModels = [] } = placed.declared?.placement ?? {};
    const labels = labelsOf(grounds, node);
    const unmet = nodes.find((requirement) => !holds(requirement, labels));
    if (unmet !== undefined) violate(`${task} starts on ${node}, of another ${unmet.label}`);
    const model = labels['gpu-model'] ?? '';
    if (gpuModels.length > 0 && !gpuModels.includes(model)) {
      violate(`${task} starts on ${node} with GPUs of model "${model}"`);
    }
    // Members of a gang find their places in an order that no fact tells.
    const inGang = tasks.get(task)?.gang !== undefined && fact.attempt === 1;
    checkNeighbours(grounds, { placed, inGang }, violate);
  },
});

function checkNeighbours(
  grounds: Grounds,
  { placed, inGang }: { readonly placed: Placed; readonly inGang: boolean },
  violate: Violate,
): void {
  const { task, node } = placed;
  const { near = [], apart = [], spread = [] } = placed.declared?.placement ?? {};
  const others = [...grounds.all()].filter((one) => one.task !== task);
  for (const term of apart) {
    const other = others.find(
      (one) => isMeant(term, one) && areNear(grounds, term, node, one.node),
    );
    if (other !== undefined) violate(`${task} starts on ${node}, too near to ${other.task}`);
  }
  for (const other of others) {
    const terms = other.declared?.placement?.apart ?? [];
    const term = terms.find((one) => isMeant(one, placed));
    if (term === undefined || !areNear(grounds, term, node, other.node)) continue;
    violate(`${task} starts on ${node}, and ${other.task} there must be apart from it`);
  }
  if (inGang) return;
  for (const term of near) {
    const meant = others.filter((one) => isMeant(term, one));
    const isFirst = meant.length === 0 && isMeant(term, placed);
    if (isFirst || meant.some((one) => areNear(grounds, term, node, one.node))) continue;
    violate(`${task} starts on ${node}, near to none that it wants to be near to`);
  }
  for (const rule of spread) if (rule.required) checkSpread(grounds, { placed, rule }, violate);
}

function checkSpread(
  grounds: Grounds,
  { placed, rule }: { readonly placed: Placed; readonly rule: SpreadRule },
  violate: Violate,
): void {
  const counts = new Map<string, number>();
  for (const node of grounds.alive) {
    const domain = domainOf(grounds, rule, node);
    if (domain !== undefined && !grounds.cordoned.has(node)) counts.set(domain, 0);
  }
  const open = [...counts.keys()];
  for (const one of grounds.all()) {
    const domain = domainOf(grounds, rule, one.node);
    if (one.task === placed.task || domain === undefined || !isMeant(rule, one)) continue;
    counts.set(domain, (counts.get(domain) ?? 0) + 1);
  }
  const least = Math.min(...open.map((domain) => counts.get(domain) ?? 0));
  const own = domainOf(grounds, rule, placed.node) ?? '';
  const ahead = (counts.get(own) ?? 0) + (isMeant(rule, placed) ? 1 : 0) - least;
  if (ahead <= rule.skewMax) return;
  violate(
    `${placed.task} starts in ${own}, which is then ${ahead} ahead of another ${rule.across}`,
  );
}

function areNear(
  grounds: Grounds,
  term: NeighbourTerm,
  node: Incarnation,
  other: Incarnation,
): boolean {
  const domain = domainOf(grounds, term, node);
  return domain !== undefined && domain === domainOf(grounds, term, other);
}

function domainOf(grounds: Grounds, { across }: NeighbourTerm, node: Incarnation) {
  return across === 'node' ? node : labelsOf(grounds, node)[across];
}

function labelsOf(grounds: Grounds, node: Incarnation): { readonly [name: string]: string } {
  return { ...grounds.siteOf(node).labels, node: node.split('.')[0] ?? '' };
}
