/**
 * What a contest knows of tenants and of lanes: records side by side in typed arrays, since a decision
 * touches all of a record and of a million records only a few lie in a cache.
 */
import type { Places } from './key-heap.ts';

/** The number of a tenant, of a shape, of a lane. */
export type Slot = number;

export const none: Slot = -1;
const sizeFirst = 16;

/** Start, span, weight, first lane. */
const tenantFields = 4;
/** Tenant, shape, the next lane of the tenant, whether it stands among those ahead; behind them, as wide as
 *  two, how much its shape had forfeited when the lane was last looked at, in virtual time. */
const laneFields = 8;
const forfeitedAt = 2;

export class TenantTable {
  #fields = new Float64Array(sizeFirst * tenantFields);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(): Slot {
    const tenant = this.#count++;
    const at = tenant * tenantFields;
    if (at === this.#fields.length) this.#fields = doubled(this.#fields, Float64Array);
    this.#fields[at + 3] = none;
    return tenant;
  }

  start(tenant: Slot): number {
    return this.#fields[tenant * tenantFields] ?? 0;
  }
  span(tenant: Slot): number {
    return this.#fields[tenant * tenantFields + 1] ?? 0;
  }
  weight(tenant: Slot): number {
    return this.#fields[tenant * tenantFields + 2] ?? 0;
  }
  firstLane(tenant: Slot): Slot {
    return this.#fields[tenant * tenantFields + 3] ?? none;
  }

  setStart(tenant: Slot, start: number): void {
    this.#fields[tenant * tenantFields] = start;
  }
  setSpan(tenant: Slot, span: number): void {
    this.#fields[tenant * tenantFields + 1] = span;
  }
  setWeight(tenant: Slot, weight: number): void {
    this.#fields[tenant * tenantFields + 2] = weight;
  }
  setFirstLane(tenant: Slot, lane: Slot): void {
    this.#fields[tenant * tenantFields + 3] = lane;
  }
}

export class LaneTable {
  readonly places: Places = { at: new Int32Array(sizeFirst) };
  #fields = new Int32Array(sizeFirst * laneFields);
  /** The same bytes. */
  #wide = new Float64Array(this.#fields.buffer);
  #count = 0;
  readonly #free: Slot[] = [];

  add(tenant: Slot, shape: Slot, after: Slot): Slot {
    const lane = this.#free.pop() ?? this.#count++;
    const at = lane * laneFields;
    if (at === this.#fields.length) {
      this.#fields = doubled(this.#fields, Int32Array);
      this.places.at = doubled(this.places.at, Int32Array);
      this.#wide = new Float64Array(this.#fields.buffer);
    }
    this.#fields[at] = tenant;
    this.#fields[at + 1] = shape;
    this.#fields[at + 2] = after;
    this.#fields[at + 3] = 0;
    return lane;
  }

  drop(lane: Slot): void {
    this.#free.push(lane);
  }

  tenant(lane: Slot): Slot {
    return this.#fields[lane * laneFields] ?? none;
  }
  shape(lane: Slot): Slot {
    return this.#fields[lane * laneFields + 1] ?? none;
  }
  after(lane: Slot): Slot {
    return this.#fields[lane * laneFields + 2] ?? none;
  }
  isAhead(lane: Slot): boolean {
    return this.#fields[lane * laneFields + 3] === 1;
  }

  forfeited(lane: Slot): number {
    return this.#wide[(lane * laneFields) / 2 + forfeitedAt] ?? 0;
  }

  setForfeited(lane: Slot, forfeited: number): void {
    this.#wide[(lane * laneFields) / 2 + forfeitedAt] = forfeited;
  }
  setAfter(lane: Slot, after: Slot): void {
    this.#fields[lane * laneFields + 2] = after;
  }
  setAhead(lane: Slot, ahead: boolean): void {
    this.#fields[lane * laneFields + 3] = ahead ? 1 : 0;
  }
}

function doubled<A extends Float64Array | Int32Array>(
  values: A,
  Kind: new (length: number) => A,
): A {
  const larger = new Kind(2 * values.length);
  larger.set(values);
  return larger;
}
