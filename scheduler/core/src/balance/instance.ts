/**
 * A snapshot of nodes and of the actors on them, as columns of numbers: what the search reads.
 * The load that actor j puts on node i is Σ_k demand_kj / supply_ki; the load L of a node is the
 * sum of them.
 *
 * B1  a resource that a node does not supply is supplied as 0: it carries no load, and nothing
 *     that demands it fits there.
 * B2  nobody joins a node beyond its supply. A node that starts beyond it never gets worse.
 */
import type { Resources } from '@troupe/model';

export interface BalanceNode {
  readonly id: string;
  readonly supply: Resources;
  /** A cordoned or draining node takes nobody in. */
  readonly accepts?: boolean;
}

export interface BalanceActor {
  readonly id: string;
  readonly demand: Resources;
  /** Where it is now; absent when it has no place yet. */
  readonly node?: string;
  /** It stays where it is. */
  readonly pinned?: boolean;
}

export interface BalanceSnapshot {
  readonly nodes: readonly BalanceNode[];
  readonly actors: readonly BalanceActor[];
}

/** No place. */
export const nowhere = -1;

export class Instance {
  readonly nodes: readonly BalanceNode[];
  readonly actors: readonly BalanceActor[];
  readonly resources: readonly string[];
  readonly supply: Float64Array;
  readonly demand: Float64Array;
  /** The node on which each actor is now. */
  readonly home: Int32Array;
  readonly #perUnit: Float64Array;

  constructor({ nodes, actors }: BalanceSnapshot) {
    this.nodes = nodes;
    this.actors = actors;
    this.resources = namesIn(nodes, actors);
    const width = this.resources.length;
    this.supply = columns(nodes, width, (node, at) => node.supply[this.resources[at] ?? ''] ?? 0);
    this.demand = columns(actors, width, (one, at) => one.demand[this.resources[at] ?? ''] ?? 0);
    this.#perUnit = this.supply.map((supply) => (supply > 0 ? 1 / supply : 0));
    const places = new Map(nodes.map((node, at) => [node.id, at]));
    this.home = Int32Array.from(actors, ({ node }) =>
      node === undefined ? nowhere : (places.get(node) ?? nowhere),
    );
  }

  load(node: number, actor: number): number {
    const width = this.resources.length;
    let load = 0;
    for (let at = 0; at < width; at++) {
      load += (this.demand[actor * width + at] ?? 0) * (this.#perUnit[node * width + at] ?? 0);
    }
    return load;
  }

  /** The load averaged over all nodes: how large an actor is, wherever it goes. */
  size(actor: number): number {
    let total = 0;
    for (let node = 0; node < this.nodes.length; node++) total += this.load(node, actor);
    return total / Math.max(1, this.nodes.length);
  }

  accepts(node: number, actor: number): boolean {
    return this.nodes[node]?.accepts !== false || this.home[actor] === node;
  }

  /** May a search move it: it has a place, and is not pinned to it. */
  movable(actor: number): boolean {
    return this.actors[actor]?.pinned !== true;
  }
}

function namesIn(nodes: readonly BalanceNode[], actors: readonly BalanceActor[]): string[] {
  const names = new Set<string>();
  for (const { id, supply } of nodes) checked('node', id, supply, names);
  for (const { id, demand } of actors) checked('actor', id, demand, names);
  return [...names].sort();
}

function checked(kind: string, id: string, amounts: Resources, names: Set<string>): void {
  for (const [name, value] of Object.entries(amounts)) {
    if (!Number.isFinite(value) || value < 0)
      throw new RangeError(`${kind} "${id}" has ${value} of "${name}"; give a number from 0 on`);
    names.add(name);
  }
}

function columns<T>(
  rows: readonly T[],
  width: number,
  value: (row: T, at: number) => number,
): Float64Array {
  const filled = new Float64Array(rows.length * width);
  rows.forEach((row, index) => {
    for (let at = 0; at < width; at++) filled[index * width + at] = value(row, at);
  });
  return filled;
}
