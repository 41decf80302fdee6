/**
 * The load of every node, kept event by event, and whether a rebalance is due. It answers "is it
 * worth looking" in O(log n); the search itself works on a snapshot.
 *
 * L1  a load is the sum over exactly the actors that were placed and not taken away since.
 * L2  a rebalance is due only when the hottest node exceeds the mean by `imbalanceShare`, and no
 *     sooner than `restMs` after the last one.
 */
import { assert, type Resources } from '@troupe/model';
import { Heap } from '../heap.ts';

interface Loaded {
  readonly id: string;
  supply: Resources;
  readonly actors: Map<string, Resources>;
  load: number;
  slot: number;
}

export interface RebalanceTerms {
  readonly imbalanceShare: number;
  readonly restMs: number;
}

export const rebalanceTerms: RebalanceTerms = { imbalanceShare: 0.25, restMs: 60_000 };

export class NodeLoads {
  readonly #nodes = new Map<string, Loaded>();
  readonly #hottest = new Heap<Loaded>(
    (left, right) => left.load > right.load || (left.load === right.load && left.id < right.id),
  );
  readonly #terms: RebalanceTerms;
  #total = 0;
  #rebalancedAt = Number.NEGATIVE_INFINITY;

  constructor(terms: RebalanceTerms = rebalanceTerms) {
    this.#terms = terms;
  }

  /** A node joined, or its supply changed. */
  node(id: string, supply: Resources): void {
    const known = this.#nodes.get(id);
    if (known === undefined) {
      const node = { id, supply, actors: new Map(), load: 0, slot: -1 };
      this.#nodes.set(id, node);
      this.#hottest.push(node);
      return;
    }
    known.supply = supply;
    let load = 0;
    for (const demand of known.actors.values()) load += loadOf(demand, supply);
    this.#set(known, load);
  }

  /** It left, with everything on it. */
  gone(id: string): void {
    const node = this.#nodes.get(id);
    if (node === undefined) return;
    this.#total -= node.load;
    this.#hottest.remove(node);
    this.#nodes.delete(id);
  }

  placed(id: string, actor: string, demand: Resources): void {
    const node = this.#nodes.get(id);
    assert(node !== undefined, 'L1: an actor is placed on a node that is known');
    const before = node.actors.get(actor);
    const load = node.load - (before === undefined ? 0 : loadOf(before, node.supply));
    node.actors.set(actor, demand);
    this.#set(node, load + loadOf(demand, node.supply));
  }

  left(id: string, actor: string): void {
    const node = this.#nodes.get(id);
    const demand = node?.actors.get(actor);
    if (node === undefined || demand === undefined) return;
    node.actors.delete(actor);
    this.#set(node, node.actors.size === 0 ? 0 : node.load - loadOf(demand, node.supply));
  }

  load(id: string): number | undefined {
    return this.#nodes.get(id)?.load;
  }

  /** The reason for which a rebalance is due now, for people. */
  due(now: number): string | undefined {
    const hottest = this.#hottest.first;
    if (hottest === undefined || this.#nodes.size < 2) return undefined;
    if (now - this.#rebalancedAt < this.#terms.restMs) return undefined;
    const mean = this.#total / this.#nodes.size;
    if (hottest.load <= mean * (1 + this.#terms.imbalanceShare)) return undefined;
    return (
      `node "${hottest.id}" has load ${hottest.load.toFixed(2)}, ` +
      `${Math.round((hottest.load / mean - 1) * 100)} % above the mean ${mean.toFixed(2)}`
    );
  }

  rebalanced(now: number): void {
    this.#rebalancedAt = now;
  }

  #set(node: Loaded, load: number): void {
    this.#total += load - node.load;
    node.load = load;
    this.#hottest.moved(node);
  }
}

/** L of one actor on a node; what a node does not supply carries no load. */
function loadOf(demand: Resources, supply: Resources): number {
  let load = 0;
  for (const [name, value] of Object.entries(demand)) {
    const offered = supply[name] ?? 0;
    if (offered > 0) load += value / offered;
  }
  return load;
}
