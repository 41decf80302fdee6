/**
 * Who stands where, and the load that follows: kept up to date move by move.
 *
 * S1  `load` and `free` of a node are the sums over exactly the actors that stand on it.
 * S2  `away` lists the actors that stand elsewhere than at home, each once.
 */
import { type Instance, nowhere } from './instance.ts';

export class Standing {
  readonly instance: Instance;
  readonly place: Int32Array;
  readonly load: Float64Array;
  readonly away: number[] = [];
  readonly #free: Float64Array;
  /** What is free may not fall below this (B2). */
  #floor: Float64Array;
  readonly #members: number[][];
  /** The place of each actor among the members of its node, and in `away`. */
  readonly #memberSlot: Int32Array;
  readonly #awaySlot: Int32Array;

  constructor(instance: Instance) {
    this.instance = instance;
    this.place = new Int32Array(instance.actors.length).fill(nowhere);
    this.load = new Float64Array(instance.nodes.length);
    this.#free = instance.supply.slice();
    this.#members = instance.nodes.map(() => []);
    this.#memberSlot = new Int32Array(instance.actors.length);
    this.#awaySlot = new Int32Array(instance.actors.length).fill(nowhere);
    this.#floor = new Float64Array(this.#free.length);
    for (let actor = 0; actor < this.place.length; actor++) {
      const home = instance.home[actor] ?? nowhere;
      if (home !== nowhere) this.#enter(actor, home);
    }
    this.#floor = this.#free.map((free) => Math.min(0, free));
  }

  /** The actor goes to a node, or from everywhere to none. */
  move(actor: number, to: number): void {
    const from = this.place[actor] ?? nowhere;
    if (from === to) return;
    if (from !== nowhere) this.#leave(actor, from);
    if (to === nowhere) this.place[actor] = nowhere;
    else this.#enter(actor, to);
    const home = this.instance.home[actor];
    if (home === nowhere) return;
    if (to === home) this.#cameHome(actor);
    else if (from === home) {
      this.#awaySlot[actor] = this.away.length;
      this.away.push(actor);
    }
  }

  /** Is the node within its supply, whoever has just joined it? */
  holds(node: number): boolean {
    const width = this.instance.resources.length;
    for (let at = node * width; at < (node + 1) * width; at++) {
      if ((this.#free[at] ?? 0) < (this.#floor[at] ?? 0) - slack) return false;
    }
    return true;
  }

  /** Would the actor fit on the node as it is now? */
  fits(node: number, actor: number): boolean {
    return this.lacking(node, actor) === undefined;
  }

  /** The first resource of which the node has too little for the actor. */
  lacking(node: number, actor: number): string | undefined {
    const { resources, demand } = this.instance;
    const width = resources.length;
    for (let at = 0; at < width; at++) {
      const asked = demand[actor * width + at] ?? 0;
      if (asked > 0 && (this.#free[node * width + at] ?? 0) - asked < -slack) return resources[at];
    }
    return undefined;
  }

  members(node: number): readonly number[] {
    return this.#members[node] ?? [];
  }

  maxLoad(): number {
    let most = 0;
    for (let node = 0; node < this.load.length; node++) most = Math.max(most, this.load[node] ?? 0);
    return most;
  }

  #enter(actor: number, node: number): void {
    this.place[actor] = node;
    const members = this.#members[node] ?? [];
    this.#memberSlot[actor] = members.length;
    members.push(actor);
    this.#change(actor, node, 1);
  }

  #leave(actor: number, node: number): void {
    const members = this.#members[node] ?? [];
    const slot = this.#memberSlot[actor] ?? 0;
    const last = members.pop();
    if (last !== undefined && last !== actor) {
      members[slot] = last;
      this.#memberSlot[last] = slot;
    }
    this.#change(actor, node, -1);
  }

  #change(actor: number, node: number, sign: 1 | -1): void {
    const { resources, demand } = this.instance;
    const width = resources.length;
    this.load[node] = (this.load[node] ?? 0) + sign * this.instance.load(node, actor);
    for (let at = 0; at < width; at++) {
      const free = this.#free[node * width + at] ?? 0;
      this.#free[node * width + at] = free - sign * (demand[actor * width + at] ?? 0);
    }
  }

  #cameHome(actor: number): void {
    const slot = this.#awaySlot[actor] ?? nowhere;
    const last = this.away.pop();
    if (last !== undefined && last !== actor) {
      this.away[slot] = last;
      this.#awaySlot[last] = slot;
    }
    this.#awaySlot[actor] = nowhere;
  }
}

/** Absorbs the rounding of sums of fractions. */
const slack = 1e-6;
