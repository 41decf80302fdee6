/**
 * A node as placement sees it: what it has, what is free, and what it is. Owned by the engine; scores
 * and filters only read it.
 *
 * N1  free is never negative and never more than the capacity, for each resource and each GPU.
 */
import { assert, type Labels, type Resources } from '@troupe/model';
import { capacityOf } from '../resources.ts';
import type { Ask, GpuDemand } from './demand.ts';

export interface NodeSpec {
  readonly name: string;
  /** `gpu` is a whole number of GPUs, all of one model. */
  readonly resources: Resources;
  readonly gpuModel?: string;
  readonly cpuModel?: string;
  readonly labels?: Labels;
  /** Bundles that it can run; absent means that it fetches any. */
  readonly bundles?: readonly string[];
  /** Kinds of isolation that it offers. */
  readonly isolations?: readonly string[];
  readonly cordoned?: boolean;
}

export interface Site {
  readonly spec: NodeSpec;
  slot: number;
  cordoned: boolean;
  /** Nothing is started here but what it is kept for. */
  kept: boolean;
  readonly labels: Labels;
  /** By the number of the resource. */
  readonly capacity: number[];
  readonly free: number[];
  /** Free thousandths of each GPU. */
  readonly gpus: Int32Array;
  gpuFree: number;
  readonly model: string;
  readonly cpuModel: string;
  /** Tasks and held places that reserve something here. */
  readonly tasks: Set<string>;
}

/** What every attempt takes one of, where nodes offer it: so many may run on a node at once. */
export const attemptResource = '$attempts';

/** Names of resources by number: cpu and memory come first. */
export class ResourceNames {
  readonly #numbers = new Map<string, number>([
    ['cpu', 0],
    ['memory', 1],
    [attemptResource, 2],
  ]);
  readonly numberOf = (name: string): number => {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const next = this.#numbers.size;
    this.#numbers.set(name, next);
    return next;
  };
  nameOf(number: number): string {
    return [...this.#numbers.keys()][number] ?? '';
  }
}

export const cpu = 0;
export const memory = 1;
export const attempts = 2;

export function siteOf(spec: NodeSpec, slot: number, names: ResourceNames): Site {
  const capacity: number[] = [0, 0];
  for (const [name, milli] of capacityOf(spec.resources)) {
    if (name === 'gpu') continue;
    const number = names.numberOf(name);
    while (capacity.length <= number) capacity.push(0);
    capacity[number] = milli;
  }
  const count = Math.floor(spec.resources['gpu'] ?? 0);
  return {
    spec,
    slot,
    cordoned: spec.cordoned ?? false,
    kept: false,
    labels: spec.labels ?? {},
    capacity,
    free: [...capacity],
    gpus: new Int32Array(count).fill(1000),
    gpuFree: count * 1000,
    model: spec.gpuModel ?? '',
    cpuModel: spec.cpuModel ?? '',
    tasks: new Set(),
  };
}

/** Whether the node has what is asked for, free. */
export function hasRoom(site: Site, ask: Ask): boolean {
  for (const { resource, milli } of ask.amounts) {
    if ((site.free[resource] ?? 0) < milli) return false;
  }
  return ask.gpu === undefined || gpusWith(site.gpus, ask.gpu.milli) >= ask.gpu.count;
}

export function gpusWith(gpus: Int32Array, milli: number): number {
  let count = 0;
  for (let at = 0; at < gpus.length; at++) if ((gpus[at] ?? 0) >= milli) count++;
  return count;
}

export function takeFrom(site: Site, ask: Ask, gpus: readonly number[]): void {
  for (const { resource, milli } of ask.amounts) {
    const free = (site.free[resource] ?? 0) - milli;
    assert(free >= 0, `N1: ${site.spec.name} has what is reserved on it`);
    site.free[resource] = free;
  }
  if (ask.gpu === undefined) return;
  assert(gpus.length === ask.gpu.count, 'N1: as many GPUs are reserved as were asked for');
  for (const gpu of gpus) {
    const free = (site.gpus[gpu] ?? 0) - ask.gpu.milli;
    assert(free >= 0, `N1: GPU ${gpu} of ${site.spec.name} has what is reserved on it`);
    site.gpus[gpu] = free;
  }
  site.gpuFree -= ask.gpu.milli * gpus.length;
}

export function giveBack(site: Site, ask: Ask, gpus: readonly number[]): void {
  for (const { resource, milli } of ask.amounts) {
    const free = (site.free[resource] ?? 0) + milli;
    assert(free <= (site.capacity[resource] ?? 0), 'N1: only what was reserved is given back');
    site.free[resource] = free;
  }
  if (ask.gpu === undefined) return;
  for (const gpu of gpus) {
    const free = (site.gpus[gpu] ?? 0) + ask.gpu.milli;
    assert(free <= 1000, 'N1: only what was reserved is given back');
    site.gpus[gpu] = free;
  }
  site.gpuFree += ask.gpu.milli * gpus.length;
}

/** The fullest GPUs that still have room, the lowest number first: whole GPUs stay whole. */
export function fullestGpus(gpus: Int32Array, { count, milli }: GpuDemand): number[] {
  const chosen: number[] = [];
  for (let at = 0; at < gpus.length; at++) if ((gpus[at] ?? 0) >= milli) chosen.push(at);
  if (chosen.length > count) {
    chosen.sort((left, right) => (gpus[left] ?? 0) - (gpus[right] ?? 0) || left - right);
    chosen.length = count;
  }
  return chosen.sort((left, right) => left - right);
}
