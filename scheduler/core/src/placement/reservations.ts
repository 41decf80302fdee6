/**
 * Reservations: room kept free for a tenant that must not wait. A reservation is a number of places of
 * one shape, each held on a node. A task of the tenant runs inside its places first and takes of them
 * what it needs; when it ends, the place holds that again.
 *
 * S1  what a place holds and what its tasks reserve add up to the place.
 */
import { assert } from '@troupe/model';
import type { Ask } from './demand.ts';
import type { Choice, Placement, Task } from './engine.ts';

export interface Reservation {
  readonly id: string;
  readonly tenant: string;
  readonly ask: Ask;
  /** How many places. */
  readonly count: number;
}

interface Place {
  readonly id: string;
  readonly node: string;
  readonly tenant: string;
  /** Thousandths still held, by the number of the resource. */
  readonly amounts: Map<number, number>;
  /** Likewise, by the number of the GPU. */
  readonly gpus: Map<number, number>;
  holds: string[];
}

export class Reservations {
  readonly #placement: Placement;
  readonly #places = new Map<string, Place[]>();
  readonly #inside = new Map<string, Place>();
  #made = 0;

  constructor(placement: Placement) {
    this.#placement = placement;
  }

  /** Holds as many of the places as there is room for, and says how many, and why not more. */
  reserve({ id, tenant, ask, count }: Reservation): {
    readonly held: number;
    readonly why: string;
  } {
    for (let held = 0; held < count; held++) {
      const choice = this.#placement.choose({ id: `hold ${id}`, ask, tenant });
      if (choice.kind === 'refused') return { held, why: choice.explain().text };
      const place: Place = {
        id: `hold ${id} ${this.#made++}`,
        node: choice.node,
        tenant,
        amounts: new Map(ask.amounts.map(({ resource, milli }) => [resource, milli])),
        gpus: new Map(choice.gpus.map((gpu) => [gpu, ask.gpu?.milli ?? 0])),
        holds: [],
      };
      this.#hold(place);
      const places = this.#places.get(tenant);
      if (places === undefined) this.#places.set(tenant, [place]);
      else places.push(place);
    }
    return { held: count, why: '' };
  }

  /** In a place of the tenant if one has room, else wherever placement finds it. */
  place(task: Task): Choice {
    for (const place of this.#places.get(task.tenant ?? '') ?? []) {
      const gpus = this.#fits(place, task);
      if (gpus === undefined) continue;
      this.#move(place, task.ask, gpus, -1);
      this.#placement.reserve(task, place.node, gpus);
      this.#inside.set(task.id, place);
      this.#hold(place);
      return { kind: 'placed', node: place.node, gpus };
    }
    return this.#placement.place(task);
  }

  end(task: string): void {
    const place = this.#inside.get(task);
    const grant = this.#placement.grant(task);
    this.#placement.end(task);
    if (place === undefined || grant === undefined) return;
    this.#inside.delete(task);
    this.#move(place, grant.task.ask, grant.gpus, 1);
    this.#hold(place);
  }

  /** Forgets the places of a node that left; answers how many each tenant lost. */
  nodeRemoved(node: string): ReadonlyMap<string, number> {
    const lost = new Map<string, number>();
    for (const [tenant, places] of this.#places) {
      const kept = places.filter((place) => place.node !== node);
      if (kept.length < places.length) lost.set(tenant, places.length - kept.length);
      this.#places.set(tenant, kept);
    }
    for (const [task, place] of this.#inside) if (place.node === node) this.#inside.delete(task);
    return lost;
  }

  /** GPUs of the place for the task, or undefined when it does not fit inside. */
  #fits(place: Place, { ask, id, tenant }: Task): readonly number[] | undefined {
    for (const { resource, milli } of ask.amounts) {
      if ((place.amounts.get(resource) ?? 0) < milli) return undefined;
    }
    const milli = ask.gpu?.milli ?? 0;
    const count = ask.gpu?.count ?? 0;
    const open = [...place.gpus].filter(([, left]) => left >= milli).map(([gpu]) => gpu);
    if (open.length < count) return undefined;
    const site = this.#placement.site(place.node);
    if (site === undefined) return undefined;
    // What the place holds counts as taken, so it is put down before the node is asked.
    this.#drop(place);
    const objection = this.#placement.objection(site, { id, ask, ...(tenant && { tenant }) });
    if (objection === undefined) return open.slice(0, count);
    this.#hold(place);
    return undefined;
  }

  #move(place: Place, { amounts, gpu }: Ask, gpus: readonly number[], by: 1 | -1): void {
    this.#drop(place);
    for (const { resource, milli } of amounts) {
      const left = (place.amounts.get(resource) ?? 0) + by * milli;
      assert(left >= 0, 'S1: a place gives no more than it holds');
      place.amounts.set(resource, left);
    }
    for (const number of gpus) {
      place.gpus.set(number, (place.gpus.get(number) ?? 0) + by * (gpu?.milli ?? 0));
    }
  }

  #drop(place: Place): void {
    for (const hold of place.holds) this.#placement.end(hold);
    place.holds = [];
  }

  #hold(place: Place): void {
    const amounts = [...place.amounts]
      .filter(([, milli]) => milli > 0)
      .map(([resource, milli]) => ({ resource, milli }));
    this.#holdOne(place, { ...nothing, amounts }, []);
    for (const [gpu, milli] of place.gpus) {
      if (milli === 0) continue;
      this.#holdOne(place, { ...nothing, gpu: { count: 1, milli, models: [] } }, [gpu]);
    }
  }

  #holdOne(place: Place, ask: Ask, gpus: readonly number[]): void {
    const id = `${place.id} ${place.holds.length}`;
    this.#placement.reserve({ id, ask, tenant: place.tenant, spared: true }, place.node, gpus);
    place.holds.push(id);
  }
}

const nothing: Ask = {
  demand: { resources: {} },
  key: '',
  amounts: [],
  gpu: undefined,
  labels: {},
  social: false,
};
