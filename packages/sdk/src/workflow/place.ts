/**
 * A block on its way: where it stands, and what it must come after, gathered while its expressions
 * are written.
 *
 * P1  without a port, a block comes after all that `after` names and all that its refs mean.
 * P2  with one, in `after` or as the failure of a block, it runs when one of these ports is taken,
 *     or what `after` names is done; what its refs mean is only waited for.
 */
import type { Edge } from '@troupe/model';

/** Nothing leaves by it: such an edge only makes wait. */
const settledPort = 'settled';

export class Place {
  readonly id: string;
  /** For errors. */
  readonly name: string;
  /** The container in whose body it stands. */
  readonly body: string | undefined;
  /** Blocks it comes after; true for those that `after` names. */
  readonly #before = new Map<string, boolean>();
  readonly #ports = new Map<string, Set<string>>();

  constructor(id: string, name: string, body: string | undefined) {
    this.id = id;
    this.name = name;
    this.body = body;
  }

  comesAfter(block: string): void {
    this.#before.set(block, true);
  }

  refersTo(block: string): void {
    if (!this.#before.has(block)) this.#before.set(block, false);
  }

  comesAfterPort(block: string, port: string): void {
    const known = this.#ports.get(block);
    if (known === undefined) this.#ports.set(block, new Set([port]));
    else known.add(port);
  }

  after(): readonly string[] {
    if (this.#ports.size === 0) return [...this.#before.keys()];
    const named = [...this.#before].filter(([block, isNamed]) => isNamed && !this.#leaves(block));
    return named.map(([block]) => block);
  }

  edges(): readonly Edge[] {
    if (this.#ports.size === 0) return [];
    const edges: Edge[] = [];
    for (const [from, ports] of this.#ports) {
      for (const port of ports) edges.push({ from, to: this.id, port });
    }
    for (const [from, isNamed] of this.#before) {
      const port = isNamed ? 'done' : settledPort;
      if (isNamed ? this.#leaves(from) : !this.#leaves(from)) {
        edges.push({ from, to: this.id, port });
      }
    }
    return edges;
  }

  #leaves(block: string): boolean {
    return this.#ports.has(block);
  }
}
