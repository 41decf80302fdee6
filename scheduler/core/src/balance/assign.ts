/**
 * A place for every actor from scratch: the largest first, each where the load stays lowest, then
 * the search. Actors that have a place already count as placed and may be moved too.
 *
 * A1  nobody is placed beyond a supply; who fits nowhere is named with the reason.
 */
import { type BalanceSnapshot, Instance, nowhere } from './instance.ts';
import { type Effort, Search } from './search.ts';
import { Standing } from './standing.ts';

export interface Assignment {
  /** The node of each actor, in the order of the snapshot; undefined for those not placed. */
  readonly places: readonly (string | undefined)[];
  readonly maxLoad: number;
  readonly refused: readonly Refused[];
}

export interface Refused {
  readonly actor: string;
  /** For people: which nodes lack what. */
  readonly reason: string;
}

export function assign(snapshot: BalanceSnapshot, effort: Effort): Assignment {
  const instance = new Instance(snapshot);
  const standing = new Standing(instance);
  const refused = placeGreedily(standing);
  new Search(standing, effort).run(effort.steps);
  const places = [...standing.place].map((node) => instance.nodes[node]?.id);
  return { places, maxLoad: standing.maxLoad(), refused };
}

function placeGreedily(standing: Standing): Refused[] {
  const { instance, place } = standing;
  const sizes = instance.actors.map((_, actor) => instance.size(actor));
  const bySize = instance.actors
    .map((_, actor) => actor)
    .filter((actor) => place[actor] === nowhere)
    .sort((left, right) => (sizes[right] ?? 0) - (sizes[left] ?? 0) || left - right);
  const refused: Refused[] = [];
  for (const actor of bySize) {
    const node = lowest(standing, actor);
    if (node === nowhere) {
      const id = instance.actors[actor]?.id ?? '';
      refused.push({ actor: id, reason: reasonFor(standing, actor) });
    } else standing.move(actor, node);
  }
  return refused;
}

function lowest(standing: Standing, actor: number): number {
  const { instance, load } = standing;
  let best = nowhere;
  let least = Number.POSITIVE_INFINITY;
  for (let node = 0; node < load.length; node++) {
    const after = (load[node] ?? 0) + instance.load(node, actor);
    if (after < least && instance.accepts(node, actor) && standing.fits(node, actor)) {
      least = after;
      best = node;
    }
  }
  return best;
}

function reasonFor(standing: Standing, actor: number): string {
  const { instance } = standing;
  if (instance.nodes.length === 0) return 'there is no node';
  const counts = new Map<string, number>();
  instance.nodes.forEach((_, node) => {
    const lacking = standing.lacking(node, actor);
    const why = instance.accepts(node, actor) ? `lack ${lacking ?? ''}` : 'take nobody in';
    counts.set(why, (counts.get(why) ?? 0) + 1);
  });
  const parts = [...counts].map(([why, count]) => `${count} nodes ${why}`);
  return `${parts.join(', ')}; add a node that has room, or lower the demand`;
}
