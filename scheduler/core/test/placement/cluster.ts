/** A small cluster for the tests of placement. */
import { type Demand, type NodeSpec, Placement, type Task } from '../../src/placement/index.ts';

export class Cluster {
  readonly placement: Placement;
  #made = 0;

  constructor(nodes: readonly NodeSpec[], strategy: Demand['strategy'] = 'first-fit') {
    this.placement = new Placement({ strategy: strategy ?? 'first-fit', mix: [] });
    for (const node of nodes) this.placement.addNode(node);
  }

  task(demand: Demand, more: Partial<Task> = {}): Task {
    return { id: `t${++this.#made}`, ask: this.placement.ask(demand), ...more };
  }

  /** The node, or why there is none. */
  put(demand: Demand, more: Partial<Task> = {}): string {
    const choice = this.placement.place(this.task(demand, more));
    return choice.kind === 'placed' ? choice.node : choice.explain().text;
  }
}

export function many(count: number, spec: Omit<NodeSpec, 'name'>): NodeSpec[] {
  return Array.from({ length: count }, (_, number) => ({ name: `n${number}`, ...spec }));
}
