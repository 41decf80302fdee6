/**
 * The numbers of each tenant that every start and landing touches: records side by side in one typed
 * array, as wide as a line of a processor's cache. With objects, of a million tenants a decision would
 * wait for memory a dozen times.
 *
 * U1  what is counted as used is what was started and has not landed.
 */
import { assert } from '@troupe/model';
import { milliOf, type Shape } from '../resources.ts';
import type { Slot } from './contest-tables.ts';

const sizeFirst = 16;
/** Weight, charged, in flight, cpu and memory in use, time of the latest start, mean interval of starts;
 *  one is spare. */
const width = 8;
/** Weight of the latest interval between starts. */
const latestWeight = 0.2;

export class Accounts {
  #fields = new Float64Array(sizeFirst * width);
  #count = 0;
  /** Of the shape that came last: many of one shape come after each other. */
  #latest = amountsOf({ key: '', amounts: [] });

  /** The next tenant, of weight 1. */
  add(): Slot {
    const tenant = this.#count++;
    const at = tenant * width;
    if (at === this.#fields.length) {
      const larger = new Float64Array(2 * at);
      larger.set(this.#fields);
      this.#fields = larger;
    }
    this.#fields[at] = 1;
    this.#fields[at + 5] = Number.NaN;
    this.#fields[at + 6] = Number.NaN;
    return tenant;
  }

  weight(tenant: Slot): number {
    return this.#fields[tenant * width] ?? 1;
  }
  setWeight(tenant: Slot, weight: number): void {
    this.#fields[tenant * width] = weight;
  }
  charged(tenant: Slot): number {
    return this.#fields[tenant * width + 1] ?? 0;
  }
  inFlight(tenant: Slot): number {
    return this.#fields[tenant * width + 2] ?? 0;
  }
  cpuMilli(tenant: Slot): number {
    return this.#fields[tenant * width + 3] ?? 0;
  }
  memoryMilli(tenant: Slot): number {
    return this.#fields[tenant * width + 4] ?? 0;
  }
  /** How long passes between two starts, in ms; undefined before the second. */
  startEveryMs(tenant: Slot): number | undefined {
    const every = this.#fields[tenant * width + 6] ?? Number.NaN;
    return Number.isNaN(every) ? undefined : every;
  }

  charge(tenant: Slot, cost: number): void {
    const at = tenant * width + 1;
    this.#fields[at] = (this.#fields[at] ?? 0) + cost;
  }

  started(tenant: Slot, shape: Shape, now: number): void {
    this.adopt(tenant, shape);
    const at = tenant * width + 5;
    const tookMs = now - (this.#fields[at] ?? Number.NaN);
    this.#fields[at] = now;
    if (Number.isNaN(tookMs)) return;
    const every = this.#fields[at + 1] ?? Number.NaN;
    this.#fields[at + 1] = Number.isNaN(every) ? tookMs : every + (tookMs - every) * latestWeight;
  }

  /** It runs already. */
  adopt(tenant: Slot, shape: Shape): void {
    this.#use(tenant, shape, 1);
  }

  landed(tenant: Slot, shape: Shape): void {
    assert(this.inFlight(tenant) > 0, 'U1: what lands was started');
    this.#use(tenant, shape, -1);
  }

  #use(tenant: Slot, shape: Shape, sign: 1 | -1): void {
    if (shape !== this.#latest.shape) this.#latest = amountsOf(shape);
    const { cpuMilli, memoryMilli } = this.#latest;
    const fields = this.#fields;
    const at = tenant * width + 2;
    fields[at] = (fields[at] ?? 0) + sign;
    fields[at + 1] = (fields[at + 1] ?? 0) + sign * cpuMilli;
    fields[at + 2] = (fields[at + 2] ?? 0) + sign * memoryMilli;
  }
}

function amountsOf(shape: Shape): {
  readonly shape: Shape;
  readonly cpuMilli: number;
  readonly memoryMilli: number;
} {
  return { shape, cpuMilli: milliOf(shape, 'cpu'), memoryMilli: milliOf(shape, 'memory') };
}
