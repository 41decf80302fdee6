/**
 * Reservations: room kept free for a tenant that must not wait, in **places**, each on a node. A task
 * of the tenant runs inside a place where it fits and takes of it what it needs; when it ends, the
 * place holds that again. What attempts count is apart: a place holds room for one, and the tasks in
 * it beyond the first take theirs from the node.
 *
 * S1  what a place holds and what its tasks reserve add up to the place.
 * S2  nobody but a task of its tenant gets what a place holds.
 */
import { assert } from '@troupe/model';
import type { Ask } from './demand.ts';
import type { Placement, Task } from './engine.ts';
import { suits } from './filters.ts';
import { attempts, type Site } from './site.ts';

export interface HeldPlace {
  readonly id: number;
  readonly tenant: string;
  readonly ask: Ask;
  readonly node: string;
  /** Numbers of the GPUs that it holds. */
  readonly gpus: readonly number[];
}

export interface Entered {
  readonly place: number;
  readonly node: string;
  readonly gpus: readonly number[];
}

interface Place extends HeldPlace {
  /** Thousandths still held, by the number of the resource. */
  readonly amounts: Map<number, number>;
  /** Likewise, by the number of the GPU. */
  readonly gpusLeft: Map<number, number>;
  readonly tasks: Set<string>;
  /** What stands for it in placement. */
  holds: string[];
}

interface Inside {
  readonly task: Task;
  readonly place: Place;
}

export type MayBeOn = (node: string) => boolean;
export const everyNode: MayBeOn = () => true;

/** One attempt. */
const oneAttempt = 1_000;

export class Reservations {
  readonly #placement: Placement;
  readonly #places = new Map<number, Place>();
  readonly #ofTenant = new Map<string, Set<Place>>();
  readonly #onNode = new Map<string, Set<Place>>();
  readonly #inside = new Map<string, Inside>();

  constructor(placement: Placement) {
    this.#placement = placement;
  }

  get size(): number {
    return this.#places.size;
  }
  ids(): IterableIterator<number> {
    return this.#places.keys();
  }
  has(place: number): boolean {
    return this.#places.has(place);
  }
  /** Whether tasks run in it. */
  isUsed(place: number): boolean {
    return (this.#places.get(place)?.tasks.size ?? 0) > 0;
  }
  /** The place in which the task runs. */
  placeOf(task: string): number | undefined {
    return this.#inside.get(task)?.place.id;
  }
  /** How many places are held for the tenant. */
  countOf(tenant: string): number {
    return this.#ofTenant.get(tenant)?.size ?? 0;
  }
  /** The nodes on which places of the tenant are. */
  nodesOf(tenant: string): ReadonlySet<string> {
    return new Set(Array.from(this.#ofTenant.get(tenant) ?? [], ({ node }) => node));
  }
  /** Whether a place of the tenant is on the node. */
  isOn(node: string, tenant: string): boolean {
    for (const place of this.#onNode.get(node) ?? []) if (place.tenant === tenant) return true;
    return false;
  }

  /** Holds a place, for which there is room. */
  hold(held: HeldPlace): void {
    const { id, tenant, ask, node, gpus } = held;
    const amounts = new Map(ask.amounts.map(({ resource, milli }) => [resource, milli]));
    const gpusLeft = new Map(gpus.map((gpu) => [gpu, ask.gpu?.milli ?? 0]));
    const place: Place = { ...held, amounts, gpusLeft, tasks: new Set(), holds: [] };
    assert(!this.#places.has(id), 'S1: a place is held once');
    this.#places.set(id, place);
    add(this.#ofTenant, tenant, place);
    add(this.#onNode, node, place);
    this.#hold(place);
  }

  /** The room is open to all; what runs in it goes on like any other task. */
  letGo(id: number): void {
    const place = this.#forget(id);
    this.#drop(place);
    for (const each of place.tasks) {
      const inside = this.#inside.get(each);
      const grant = this.#placement.grant(each);
      this.#inside.delete(each);
      if (inside === undefined || grant === undefined) continue;
      this.#placement.end(each);
      this.#placement.reserve(inside.task, place.node, grant.gpus);
    }
  }

  /** Before the node leaves placement, with all that runs there. */
  nodeRemoved(node: string): void {
    for (const { id } of [...(this.#onNode.get(node) ?? [])]) {
      for (const task of this.#forget(id).tasks) this.#inside.delete(task);
    }
  }

  /** Whether there is a place for the task. */
  fits(task: Task): boolean {
    return this.#best(task, true) !== undefined;
  }

  /** Reserves in the place in which the least is left beside it. A task without GPUs enters one with
   *  GPUs only where it may (`anyGpus`): those are scarce. */
  enter(task: Task, anyGpus: boolean, may: MayBeOn = everyNode): Entered | undefined {
    const place = this.#best(task, anyGpus, may);
    if (place === undefined) return undefined;
    const gpus = gpusFor(place, task.ask);
    this.#put(task, place, gpus);
    return { place: place.id, node: place.node, gpus };
  }

  /** It runs in this place already. */
  adopt(task: Task, id: number, gpus: readonly number[]): void {
    const place = this.#places.get(id);
    assert(place !== undefined, 'S1: a task runs in a place that is held');
    this.#put(task, place, gpus);
  }

  /** The task has ended; false when it ran in no place. */
  end(task: string): boolean {
    const inside = this.#inside.get(task);
    const grant = this.#placement.grant(task);
    if (inside === undefined || grant === undefined) return false;
    const { place } = inside;
    this.#placement.end(task);
    this.#drop(place);
    this.#inside.delete(task);
    place.tasks.delete(task);
    move(place, grant.task.ask, grant.gpus, 1);
    this.#hold(place);
    return true;
  }

  /** Asserts that what is held equals what follows from the places and their tasks. */
  check(): void {
    for (const place of this.#places.values()) {
      const amounts = new Map(place.ask.amounts.map(({ resource, milli }) => [resource, milli]));
      const gpus = new Map(place.gpus.map((gpu) => [gpu, place.ask.gpu?.milli ?? 0]));
      const anew: Place = { ...place, amounts, gpusLeft: gpus };
      for (const task of place.tasks) {
        const grant = this.#placement.grant(task);
        assert(grant?.site.spec.name === place.node, 'S1: a task is where its place is');
        move(anew, grant.task.ask, grant.gpus, -1);
      }
      const same = [...amounts].every(([name, milli]) => place.amounts.get(name) === milli);
      const alike = [...gpus].every(([gpu, milli]) => place.gpusLeft.get(gpu) === milli);
      assert(same && alike, 'S1: a place holds what its tasks leave of it');
    }
  }

  #best(task: Task, anyGpus: boolean, may: MayBeOn = everyNode): Place | undefined {
    const places = this.#ofTenant.get(task.tenant ?? '');
    if (places === undefined) return undefined;
    const objected = this.#placement.neighbourly(task);
    let best: Place | undefined;
    for (const place of places) {
      if (place.gpus.length > 0 && task.ask.gpu === undefined && !anyGpus) continue;
      if (!may(place.node)) continue;
      if (!hasLeft(place, task.ask) || (best !== undefined && !isLess(place, best))) continue;
      const site = this.#placement.site(place.node);
      if (site === undefined || !this.#admits(place, site, task.ask)) continue;
      if (objected(site) === undefined) best = place;
    }
    return best;
  }

  #admits({ tasks }: Place, site: Site, ask: Ask): boolean {
    const counted = ask.amounts.some(({ resource }) => resource === attempts);
    if (counted && tasks.size > 0 && (site.free[attempts] ?? 0) < oneAttempt) return false;
    return suits(site, ask);
  }

  #put(task: Task, place: Place, gpus: readonly number[]): void {
    this.#drop(place);
    move(place, task.ask, gpus, -1);
    this.#placement.reserve({ ...task, reserved: 'used' }, place.node, gpus);
    place.tasks.add(task.id);
    this.#inside.set(task.id, { task, place });
    this.#hold(place);
  }

  #forget(id: number): Place {
    const place = this.#places.get(id);
    assert(place !== undefined, 'S1: what is let go was held');
    this.#places.delete(id);
    remove(this.#ofTenant, place.tenant, place);
    remove(this.#onNode, place.node, place);
    return place;
  }

  #drop(place: Place): void {
    for (const hold of place.holds) this.#placement.end(hold);
    place.holds = [];
  }

  /** One hold for all GPUs of which the same is left, the first with the amounts. */
  #hold(place: Place): void {
    const byLeft = new Map<number, number[]>();
    for (const [gpu, milli] of place.gpusLeft) {
      if (milli > 0) byLeft.set(milli, [...(byLeft.get(milli) ?? []), gpu]);
    }
    const amounts = [...place.amounts]
      .filter(([resource, milli]) => milli > 0 && (resource !== attempts || place.tasks.size === 0))
      .map(([resource, milli]) => ({ resource, milli }));
    const [first, ...others] = byLeft;
    if (amounts.length > 0 || first !== undefined) this.#holdOne(place, amounts, first);
    for (const group of others) this.#holdOne(place, [], group);
  }

  #holdOne(
    place: Place,
    amounts: Ask['amounts'],
    [milli, gpus]: readonly [number, readonly number[]] = [0, []],
  ): void {
    // No task has such an id: those that begin so are of runs, whose ids have no space.
    const id = `run: place ${place.id} ${place.holds.length}`;
    const gpu = gpus.length === 0 ? undefined : { count: gpus.length, milli, models: [] };
    const ask: Ask = { ...nothing, amounts, gpu };
    const hold: Task = { id, ask, tenant: place.tenant, spared: true, reserved: 'held' };
    this.#placement.reserve(hold, place.node, gpus);
    place.holds.push(id);
  }
}

function hasLeft({ amounts, gpusLeft }: Place, ask: Ask): boolean {
  for (const { resource, milli } of ask.amounts) {
    if (resource !== attempts && (amounts.get(resource) ?? 0) < milli) return false;
  }
  const { gpu } = ask;
  if (gpu === undefined) return true;
  let open = 0;
  for (const left of gpusLeft.values()) if (left >= gpu.milli) open++;
  return open >= gpu.count;
}

/** The fullest that have room, the lowest number first: whole GPUs stay whole. */
function gpusFor({ gpusLeft }: Place, { gpu }: Ask): readonly number[] {
  if (gpu === undefined) return [];
  const open = [...gpusLeft].filter(([, left]) => left >= gpu.milli);
  open.sort(([one, left], [other, right]) => left - right || one - other);
  return open
    .slice(0, gpu.count)
    .map(([number]) => number)
    .sort((one, other) => one - other);
}

/** Whether less is left of the one: of GPUs, then of what comes first. */
function isLess(one: Place, other: Place): boolean {
  const gpus = gpusIn(one) - gpusIn(other);
  if (gpus !== 0) return gpus < 0;
  return firstOf(one) < firstOf(other);
}

function gpusIn({ gpusLeft }: Place): number {
  let sum = 0;
  for (const left of gpusLeft.values()) sum += left;
  return sum;
}

function firstOf({ amounts }: Place): number {
  for (const milli of amounts.values()) return milli;
  return 0;
}

function move(place: Place, { amounts, gpu }: Ask, gpus: readonly number[], by: 1 | -1): void {
  for (const { resource, milli } of amounts) {
    if (resource === attempts) continue;
    const left = (place.amounts.get(resource) ?? 0) + by * milli;
    assert(left >= 0, 'S1: a place gives no more than it holds');
    place.amounts.set(resource, left);
  }
  for (const number of gpus) {
    const left = (place.gpusLeft.get(number) ?? 0) + by * (gpu?.milli ?? 0);
    assert(left >= 0, 'S1: a place gives no more of a GPU than it holds');
    place.gpusLeft.set(number, left);
  }
}

function add(into: Map<string, Set<Place>>, key: string, place: Place): void {
  const known = into.get(key);
  if (known === undefined) into.set(key, new Set([place]));
  else known.add(place);
}

function remove(from: Map<string, Set<Place>>, key: string, place: Place): void {
  const known = from.get(key);
  known?.delete(place);
  if (known?.size === 0) from.delete(key);
}

const nothing: Ask = {
  demand: { resources: {} },
  key: '',
  amounts: [],
  gpu: undefined,
  labels: {},
  social: false,
};
