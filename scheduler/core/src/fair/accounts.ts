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
/** The first record begins where a line does: the allocator puts its own words before an array. */
const leadIn = 6;
/** Weight of the latest interval between starts. */
const latestWeight = 0.2;

export class Accounts {
  #fields = new Float64Array(leadIn + sizeFirst * width);
  #count = 0;
  /** The shape that came last, and its amounts: many of one shape come after each other. */
  #shape: Shape | undefined;
  #cpuMilli = 0;
  #memoryMilli = 0;

  /** The next tenant, of weight 1. */
  add(): Slot {
    const tenant = this.#count++;
    const at = leadIn + tenant * width;
    if (at === this.#fields.length) {
      const larger = new Float64Array(leadIn + 2 * tenant * width);
      larger.set(this.#fields);
      this.#fields = larger;
    }
    this.#fields[at] = 1;
    this.#fields[at + 5] = Number.NaN;
    this.#fields[at + 6] = Number.NaN;
    return tenant;
  }

  weight(tenant: Slot): number {
    return this.#fields[leadIn + tenant * width] ?? 1;
  }
  setWeight(tenant: Slot, weight: number): void {
    this.#fields[leadIn + tenant * width] = weight;
  }
  charged(tenant: Slot): number {
    return this.#fields[leadIn + tenant * width + 1] ?? 0;
  }
  inFlight(tenant: Slot): number {
    return this.#fields[leadIn + tenant * width + 2] ?? 0;
  }
  cpuMilli(tenant: Slot): number {
    return this.#fields[leadIn + tenant * width + 3] ?? 0;
  }
  memoryMilli(tenant: Slot): number {
    return this.#fields[leadIn + tenant * width + 4] ?? 0;
  }
  /** How long passes between two starts, in ms; undefined before the second. */
  startEveryMs(tenant: Slot): number | undefined {
    const every = this.#fields[leadIn + tenant * width + 6] ?? Number.NaN;
    return Number.isNaN(every) ? undefined : every;
  }

  charge(tenant: Slot, cost: number): void {
    const at = leadIn + tenant * width + 1;
    this.#fields[at] = (this.#fields[at] ?? 0) + cost;
  }

  started(tenant: Slot, shape: Shape, now: number): void {
    this.adopt(tenant, shape);
    const at = leadIn + tenant * width + 5;
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
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#cpuMilli = milliOf(shape, 'cpu');
      this.#memoryMilli = milliOf(shape, 'memory');
    }
    const fields = this.#fields;
    const at = leadIn + tenant * width + 2;
    fields[at] = (fields[at] ?? 0) + sign;
    fields[at + 1] = (fields[at + 1] ?? 0) + sign * this.#cpuMilli;
    fields[at + 2] = (fields[at + 2] ?? 0) + sign * this.#memoryMilli;
  }
}
