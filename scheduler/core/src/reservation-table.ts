/**
 * Reservations, durably: what operators declared, and the places that are held for it. Which task runs
 * in which place stands with the task (`task-table.ts`).
 *
 * H1  a place is held on a node that lives, and by one reservation, which holds no more than its count.
 * H2  the tasks in a place take no more than it holds, of each GPU too; attempts are counted apart.
 * H3  what the places of a node hold, and what tasks outside of them reserve there, is never more than
 *     the node has.
 */
import {
  assert,
  type Incarnation,
  type PlaceShape,
  type ReservationSettings,
  type TenantName,
} from '@troupe/model';
import type { SchedulerFact } from './facts.ts';
import type { NodeTable } from './nodes.ts';
import { type Shape, shapeOf } from './resources.ts';
import type { TaskRecord, TaskTable } from './task-table.ts';

export interface PlaceRecord {
  readonly id: number;
  readonly node: Incarnation;
  readonly gpus: readonly number[];
}

export interface ReservationRecord {
  readonly tenant: TenantName;
  readonly reservation: string;
  readonly declared: PlaceShape;
  readonly shape: Shape;
  readonly count: number;
  /** By their ids, the oldest first. */
  readonly places: Map<number, PlaceRecord>;
}

export type ReservationsImage = readonly (ReservationSettings & {
  readonly places: readonly PlaceRecord[];
})[];

type ReservationFact = Extract<
  SchedulerFact,
  { kind: 'reservation-put' | 'reservation-dropped' | 'place-held' | 'place-let-go' }
>;

export class ReservationTable {
  /** In the order in which they were first put. */
  readonly #all = new Map<string, ReservationRecord>();
  readonly #ofPlace = new Map<number, ReservationRecord>();
  readonly #nodes: NodeTable;
  #count = 0;

  constructor(nodes: NodeTable) {
    this.#nodes = nodes;
  }

  get size(): number {
    return this.#all.size;
  }
  /** Places that are held. */
  get heldCount(): number {
    return this.#ofPlace.size;
  }
  /** Places that are to be held. */
  get count(): number {
    return this.#count;
  }
  all(): IterableIterator<ReservationRecord> {
    return this.#all.values();
  }
  get(tenant: TenantName, reservation: string): ReservationRecord | undefined {
    return this.#all.get(keyOf(tenant, reservation));
  }
  place(id: number): PlaceRecord | undefined {
    return this.#ofPlace.get(id)?.places.get(id);
  }

  apply(fact: ReservationFact, position: number): void {
    switch (fact.kind) {
      case 'reservation-put':
        return this.#put(fact);
      case 'reservation-dropped': {
        const known = this.#at(fact.tenant, fact.reservation);
        for (const id of known.places.keys()) this.#ofPlace.delete(id);
        this.#all.delete(keyOf(fact.tenant, fact.reservation));
        this.#count -= known.count;
        return;
      }
      case 'place-held': {
        const { node, gpus = [] } = fact;
        const known = this.#at(fact.tenant, fact.reservation);
        assert(known.places.size < known.count, 'H1: no more places are held than declared');
        return this.#hold(known, { id: position, node, gpus });
      }
      case 'place-let-go':
        return this.#letGo(fact.place);
    }
  }

  /** The places of the node are gone with it. */
  nodeDying(node: Incarnation): void {
    for (const [id, { places }] of [...this.#ofPlace]) {
      if (places.get(id)?.node === node) this.#letGo(id);
    }
  }

  image(): ReservationsImage {
    return [...this.#all.values()].map(({ declared, places, shape: _, ...settings }) => {
      return { ...settings, shape: declared, places: [...places.values()] };
    });
  }

  restore(image: ReservationsImage): void {
    for (const { places, ...settings } of image) {
      this.#put(settings);
      const record = this.#at(settings.tenant, settings.reservation);
      for (const place of places) this.#hold(record, place);
    }
  }

  check(tasks: TaskTable): void {
    let held = 0;
    const inside = new Map<number, TaskRecord[]>();
    for (const task of tasks.live()) {
      if (task.state.kind !== 'running' || task.state.place === undefined) continue;
      const place = this.place(task.state.place);
      if (place === undefined) continue;
      assert(place.node === task.state.node, 'H2: a task in a place is on its node');
      inside.set(place.id, [...(inside.get(place.id) ?? []), task]);
    }
    const free = new Map<string, number>();
    for (const { shape, places, count, tenant } of this.#all.values()) {
      assert(places.size <= count, 'H1: no more places are held than declared');
      for (const place of places.values()) {
        held++;
        assert(this.#ofPlace.has(place.id), 'H1: a place is of one reservation');
        const phase = this.#nodes.get(place.node)?.phase.kind;
        assert(phase === 'alive' || phase === 'draining', 'H1: places are on living nodes');
        const within = inside.get(place.id) ?? [];
        assert(
          within.every((task) => task.tenant === tenant),
          'H2: tasks in a place are of its tenant',
        );
        for (const { name, left } of leftOf(shape, within)) {
          assert(left >= 0, 'H2: tasks in a place take no more than it holds');
          const key = `${place.node} ${name}`;
          free.set(key, (free.get(key) ?? 0) + left);
        }
      }
    }
    assert(held === this.#ofPlace.size, 'H1: a place is of one reservation');
    for (const node of this.#nodes.kept()) {
      for (const [name, capacity] of node.capacity) {
        const left = free.get(`${node.incarnation} ${name}`) ?? 0;
        const used = node.used.get(name) ?? 0;
        assert(left + used <= capacity, 'H3: places and tasks together fit on their node');
      }
    }
  }

  #put({ tenant, reservation, shape: declared, count }: ReservationSettings): void {
    const shape = shapeOf(declared.resources, declared.placement);
    const known = this.get(tenant, reservation);
    const isSame = known?.shape.key === shape.key;
    if (known !== undefined && !isSame) {
      for (const id of known.places.keys()) this.#ofPlace.delete(id);
    }
    const places = isSame ? known.places : new Map<number, PlaceRecord>();
    assert(places.size <= count, 'H1: what is too much is let go before');
    const record = { tenant, reservation, declared, shape, count, places };
    this.#all.set(keyOf(tenant, reservation), record);
    this.#count += count - (known?.count ?? 0);
    for (const id of places.keys()) this.#ofPlace.set(id, record);
  }

  #hold(record: ReservationRecord, place: PlaceRecord): void {
    const phase = this.#nodes.get(place.node)?.phase.kind;
    assert(phase === 'alive' || phase === 'draining', 'H1: places are on living nodes');
    record.places.set(place.id, place);
    this.#ofPlace.set(place.id, record);
  }

  #letGo(id: number): void {
    const record = this.#ofPlace.get(id);
    assert(record !== undefined, 'H1: what is let go was held');
    record.places.delete(id);
    this.#ofPlace.delete(id);
  }

  #at(tenant: TenantName, reservation: string): ReservationRecord {
    const known = this.get(tenant, reservation);
    assert(known !== undefined, 'H1: a place is held for what was declared');
    return known;
  }
}

/** Of each resource, what a place of this shape holds beside what the tasks in it take. */
function leftOf(
  shape: Shape,
  inside: readonly TaskRecord[],
): readonly { readonly name: string; readonly left: number }[] {
  const left = new Map(shape.amounts.map(({ name, milli }) => [name, milli]));
  for (const task of inside) {
    for (const { name, milli } of task.shape.amounts) {
      left.set(name, (left.get(name) ?? 0) - milli);
    }
  }
  return [...left].map(([name, milli]) => ({ name, left: milli }));
}

/** Names have no space. */
function keyOf(tenant: TenantName, reservation: string): string {
  return `${tenant} ${reservation}`;
}
