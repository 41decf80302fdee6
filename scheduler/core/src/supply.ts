/** What all serving nodes have together, and how large a part of it a shape is. */
import type { Desk } from './desk.ts';
import { cpusOf, demandCoefficient, dominantCpusOf } from './fair/demand.ts';
import type { Shape } from './resources.ts';

/** Shares that are remembered. */
const sharesMax = 1_000;

export class Supply {
  readonly #desk: Desk;
  readonly #shares = new Map<string, number>();
  readonly #totals = new Map<string, number>();
  #totalsOf = -1;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** Of what it reserves, by what is scarcest, in cpus. */
  shareOf(shape: Shape): number {
    const totals = this.#supply();
    let share = this.#shares.get(shape.key);
    if (share === undefined) {
      if (this.#shares.size > sharesMax) this.#shares.clear();
      share = dominantCpusOf(shape, totals);
      this.#shares.set(shape.key, share);
    }
    return share;
  }

  /** By which the weight of a tenant is multiplied while a task of this shape is next. */
  coefficientOf(shape: Shape): number {
    if (this.#desk.config.demandCoefficient !== true) return 1;
    return demandCoefficient(shape, this.#supply()) * cpusOf(this.#supply());
  }

  /** All that the serving nodes have. */
  #supply(): ReadonlyMap<string, number> {
    const { nodes } = this.#desk.state;
    if (this.#totalsOf === nodes.changes) return this.#totals;
    this.#totalsOf = nodes.changes;
    this.#shares.clear();
    this.#totals.clear();
    for (const { capacity } of nodes.serving) {
      for (const [name, milli] of capacity) {
        this.#totals.set(name, (this.#totals.get(name) ?? 0) + milli);
      }
    }
    return this.#totals;
  }
}
