/**
 * Room that is reserved for a tenant is there when it needs it, and nobody else gets it: by what clients
 * asked to be reserved, what the plan says that nodes have and what bundles declare of tasks.
 *
 * What is judged as waiting is told by the journal at the end of a record: what a leader decides on one
 * event stands in one batch.
 */
import type { Incarnation, PlaceShape, TaskId, TenantName } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { AskedReservation } from './asked.ts';
import type { MakeChecker, Violate } from './checker.ts';
import { gpusOf } from './declared.ts';
import type { Placed } from './grounds.ts';
import type { Truth } from './truth.ts';

interface Place {
  readonly tenant: TenantName;
  readonly reservation: string;
  readonly node: Incarnation;
  readonly gpus: readonly number[];
  readonly shape: PlaceShape;
}
type Started = Extract<SchedulerFact, { kind: 'task-started' }>;
type Put = Extract<SchedulerFact, { kind: 'reservation-put' }>;
type Held = Extract<SchedulerFact, { kind: 'place-held' }>;

/** Amounts are thousandths. */
const rounding = 1e-6;

export const reservedIsThere: MakeChecker = (truth, violate) => {
  const reserved = new Reserved(truth, violate);
  return {
    record(log) {
      if (log.startsWith('journal')) reserved.atEnd();
    },
    journalFact: (fact, position) => reserved.on(fact, position),
  };
};

class Reserved {
  readonly #truth: Truth;
  readonly #violate: Violate;
  readonly #puts = new Map<string, Put>();
  readonly #places = new Map<number, Place>();
  /** Tasks that started in a place, which may not be held any more. */
  readonly #inside = new Map<TaskId, number>();
  /** Tasks that never started, of tenants that something is reserved for. */
  readonly #waiting = new Map<TaskId, TenantName>();

  constructor(truth: Truth, violate: Violate) {
    this.#truth = truth;
    this.#violate = violate;
  }

  on(fact: SchedulerFact, position: number): void {
    switch (fact.kind) {
      case 'reservation-put':
        return this.#put(fact);
      case 'reservation-dropped':
        this.#puts.delete(keyOf(fact));
        return this.#letGo((place) => keyOf(place) === keyOf(fact));
      case 'place-held':
        return this.#hold(fact, position);
      case 'place-let-go':
        this.#places.delete(fact.place);
        return;
      case 'node-dying':
        return this.#letGo(({ node }) => node === fact.incarnation);
      case 'task-submitted':
        if (fact.gang === undefined) this.#waiting.set(fact.task, fact.tenant);
        return;
      case 'task-started':
        this.#waiting.delete(fact.task);
        return this.#start(fact);
      case 'task-preempted':
      case 'task-retried':
        this.#inside.delete(fact.task);
        return;
      case 'task-ended':
        this.#waiting.delete(fact.task);
        this.#inside.delete(fact.task);
        return;
      default:
    }
  }

  /** Whoever waits does not wait beside a free place of its own. */
  atEnd(): void {
    for (const [id, place] of this.#places) {
      const cpu = (place.shape.resources['cpu'] ?? 0) - this.#usedIn(id, 'cpu');
      for (const [task, tenant] of this.#waiting) {
        if (tenant !== place.tenant || !isPlain(this.#truth, task, cpu)) continue;
        this.#violate(`${task} waits beside place ${id} of ${tenant}, which has ${cpu} cpu free`);
      }
    }
  }

  #put(fact: Put): void {
    const asked = this.#truth.asked.reservations.filter((body) => keyOf(body) === keyOf(fact));
    const before = this.#puts.get(keyOf(fact));
    if (!asked.some((body) => isOf(fact, body, before))) {
      const { tenant, reservation, count } = fact;
      const what = `${reservation} of ${tenant} is put with ${count} places`;
      this.#violate(`${what} of ${JSON.stringify(fact.shape)}, which nobody asked for`);
    }
    this.#puts.set(keyOf(fact), fact);
    if (before === undefined || isSame(before.shape, fact.shape)) return;
    this.#letGo((place) => keyOf(place) === keyOf(fact));
  }

  #hold({ tenant, reservation, node, gpus = [] }: Held, position: number): void {
    const put = this.#puts.get(keyOf({ tenant, reservation }));
    if (put === undefined) {
      return this.#violate(`a place of ${reservation} of ${tenant} is held, which is not declared`);
    }
    this.#places.set(position, { tenant, reservation, node, gpus, shape: put.shape });
    const own = [...this.#places.values()].filter((one) => keyOf(one) === keyOf(put));
    if (own.length > put.count) {
      this.#violate(
        `${own.length} places of ${reservation} of ${tenant} are held, not ${put.count}`,
      );
    }
    this.#checkNode(node, [...this.#truth.grounds.on(node)]);
  }

  #start(fact: Started): void {
    const { task, node, place: id } = fact;
    const placed = this.#truth.grounds.place(fact);
    const others = [...this.#truth.grounds.on(node)].filter((one) => one.task !== task);
    if (id === undefined) return this.#checkNode(node, [...others, placed]);
    const place = this.#places.get(id);
    const tenant = this.#truth.tasks.get(task)?.tenant;
    if (place?.node !== node || place.tenant !== tenant) {
      const whose = place === undefined ? 'not held' : `of ${place.tenant} on ${place.node}`;
      return this.#violate(`${task} of ${tenant} starts on ${node} in place ${id}, ${whose}`);
    }
    this.#inside.set(task, id);
    for (const [name, needed] of Object.entries(placed.declared?.resources ?? {})) {
      const used = this.#usedIn(id, name, task) + needed;
      const holds = place.shape.resources[name] ?? 0;
      if (used <= holds + rounding) continue;
      this.#violate(`tasks in place ${id} reserve ${used} ${name}, it holds ${holds}`);
    }
    const foreign = placed.gpus.find((gpu) => !place.gpus.includes(gpu));
    if (foreign !== undefined) this.#violate(`${task} in place ${id} is given GPU ${foreign}`);
  }

  /** What places hold and what tasks outside of them reserve is no more than the node has. */
  #checkNode(node: Incarnation, tasks: readonly Placed[]): void {
    const places = [...this.#places.values()].filter((place) => place.node === node);
    if (places.length === 0) return;
    const outside = tasks.filter(({ task }) => !this.#isInside(task));
    const { resources } = this.#truth.grounds.siteOf(node);
    for (const name of new Set(places.flatMap(({ shape }) => Object.keys(shape.resources)))) {
      const held = places.reduce((sum, { shape }) => sum + (shape.resources[name] ?? 0), 0);
      const taken = outside.reduce((sum, one) => sum + (one.declared?.resources[name] ?? 0), 0);
      const has = resources[name] ?? 0;
      if (held + taken <= has + rounding) continue;
      this.#violate(`${held} ${name} of ${node} are reserved, and ${taken} taken; it has ${has}`);
    }
    for (const { gpus, tenant } of places) {
      const thief = outside.find((one) => gpusOf(one).milli > 0 && meet(one.gpus, gpus));
      if (thief === undefined) continue;
      this.#violate(`${thief.task} is given GPUs of ${node} that are reserved for ${tenant}`);
    }
  }

  #isInside(task: TaskId): boolean {
    const place = this.#inside.get(task);
    return place !== undefined && this.#places.has(place);
  }

  #usedIn(place: number, name: string, but?: TaskId): number {
    let used = 0;
    for (const [task, id] of this.#inside) {
      if (id !== place || task === but) continue;
      used += this.#truth.grounds.declared(task)?.resources[name] ?? 0;
    }
    return used;
  }

  #letGo(which: (place: Place) => boolean): void {
    for (const [id, place] of [...this.#places]) if (which(place)) this.#places.delete(id);
  }
}

/** Needs no more than that of the cpu, and nothing else. */
function isPlain({ grounds }: Truth, task: TaskId, cpu: number): boolean {
  const declared = grounds.declared(task);
  if (declared === undefined) return false;
  const { strategy: _, ...wishes } = declared.placement ?? {};
  const { cpu: needed = 0, ...more } = declared.resources;
  const isMore = Object.keys(wishes).length + Object.keys(more).length > 0;
  return !isMore && needed <= cpu + rounding;
}

function isOf(fact: Put, asked: AskedReservation, before: Put | undefined): boolean {
  const shape = asked.shape ?? before?.shape;
  return (
    shape !== undefined &&
    isSame(shape, fact.shape) &&
    (asked.count ?? before?.count) === fact.count
  );
}

function isSame(one: PlaceShape, other: PlaceShape): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function meet(some: readonly number[], others: readonly number[]): boolean {
  return some.some((one) => others.includes(one));
}

function keyOf({ tenant, reservation }: Pick<Put, 'tenant' | 'reservation'>): string {
  return `${tenant} ${reservation}`;
}
