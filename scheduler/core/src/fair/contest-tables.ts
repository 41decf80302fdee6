/**
 * What a contest knows of tenants and of their lanes: records side by side in typed arrays, since a decision
 * touches all of a record and of a million records only a few lie in a cache. Most tenants have one lane,
 * their **own**, which has the number of its tenant and stands in the same record. Further lanes have
 * numbers below `none`, and records apart.
 */
import { assert } from '@troupe/model';
import { furtherPlacesApart, type Places, placesApart } from './key-heap.ts';

/** The number of a tenant, of a shape, of a lane. */
export type Slot = number;

export const none: Slot = -1;
const furtherFirst = -2;
const sizeFirst = 16;

/**
 * Of a tenant: start, span, weight, and how much the shape of its own lane had forfeited when that was last
 * looked at, in virtual time; then, half as wide each, that shape, the next lane of the tenant, whether
 * the own lane stands among those ahead, the tenant's first lane, and the place of the own lane in its
 * queue. As wide as a line of a cache.
 */
const width = placesApart / 2;
const forfeitedAt = 3;
const shapeAt = 8;
const afterAt = 9;
const aheadAt = 10;
const firstAt = 11;
const placeAt = 12;
/** The first record begins where a line does: the allocator puts its own words before an array. */
const leadIn = 6;

/** Of a further lane: what was forfeited; then, half as wide, shape, next lane, whether ahead, tenant, place. */
const furtherWidth = furtherPlacesApart / 2;
const furtherShapeAt = 2;
const furtherAfterAt = 3;
const furtherAheadAt = 4;
const furtherTenantAt = 5;
const furtherPlaceAt = 6;

export class ContestTables {
  #wide = new Float64Array(leadIn + sizeFirst * width);
  /** The same bytes. */
  #narrow = new Int32Array(this.#wide.buffer);
  #count = 0;
  #furtherWide = new Float64Array(sizeFirst * furtherWidth);
  #further = new Int32Array(this.#furtherWide.buffer);
  readonly places: Places = {
    at: this.#narrow.subarray(2 * leadIn + placeAt),
    further: this.#further.subarray(furtherPlaceAt),
  };
  #furtherCount = 0;
  readonly #free: Slot[] = [];

  /** How many tenants there are. */
  get count(): number {
    return this.#count;
  }

  addTenant(): Slot {
    const tenant = this.#count++;
    const at = leadIn + tenant * width;
    if (at === this.#wide.length) {
      this.#wide = enlarged(this.#wide, leadIn + 2 * tenant * width);
      this.#narrow = new Int32Array(this.#wide.buffer);
      this.places.at = this.#narrow.subarray(2 * leadIn + placeAt);
    }
    this.#narrow[2 * at + shapeAt] = none;
    this.#narrow[2 * at + firstAt] = none;
    return tenant;
  }

  /** Reads the records of so many lanes, whose keys and numbers stand here side by side, into the cache. */
  touch(entries: Float64Array, count: number): void {
    let touched = 0;
    for (let at = 1; at < 2 * count; at += 2) {
      const lane = entries[at] as number;
      if (lane >= 0) touched += this.#wide[leadIn + lane * width] as number;
    }
    assert(!Number.isNaN(touched), 'C1: a start is a number');
  }

  start(tenant: Slot): number {
    return this.#wide[leadIn + tenant * width] as number;
  }
  setStart(tenant: Slot, start: number): void {
    this.#wide[leadIn + tenant * width] = start;
  }
  span(tenant: Slot): number {
    return this.#wide[leadIn + tenant * width + 1] as number;
  }
  setSpan(tenant: Slot, span: number): void {
    this.#wide[leadIn + tenant * width + 1] = span;
  }
  weight(tenant: Slot): number {
    return this.#wide[leadIn + tenant * width + 2] as number;
  }
  setWeight(tenant: Slot, weight: number): void {
    this.#wide[leadIn + tenant * width + 2] = weight;
  }
  firstLane(tenant: Slot): Slot {
    return this.#narrow[2 * (leadIn + tenant * width) + firstAt] as number;
  }

  /** The new lane is the tenant's first. */
  addLane(tenant: Slot, shape: Slot): Slot {
    const at = 2 * (leadIn + tenant * width);
    const narrow = this.#narrow;
    const after = narrow[at + firstAt] as number;
    const lane = narrow[at + shapeAt] === none ? tenant : this.#addFurther(tenant, shape, after);
    narrow[at + firstAt] = lane;
    if (lane !== tenant) return lane;
    narrow[at + shapeAt] = shape;
    narrow[at + afterAt] = after;
    return lane;
  }

  dropLane(lane: Slot): void {
    const tenant = this.tenant(lane);
    const after = this.after(lane);
    let other = this.firstLane(tenant);
    if (other === lane) this.#narrow[2 * (leadIn + tenant * width) + firstAt] = after;
    else {
      while (this.after(other) !== lane) other = this.after(other);
      this.#setAfter(other, after);
    }
    if (lane >= 0) this.#narrow[2 * (leadIn + lane * width) + shapeAt] = none;
    else this.#free.push(lane);
  }

  tenant(lane: Slot): Slot {
    return lane >= 0 ? lane : (this.#further[2 * furtherOf(lane) + furtherTenantAt] as number);
  }
  shape(lane: Slot): Slot {
    return lane >= 0
      ? (this.#narrow[2 * (leadIn + lane * width) + shapeAt] as number)
      : (this.#further[2 * furtherOf(lane) + furtherShapeAt] as number);
  }
  /** The next lane of its tenant. */
  after(lane: Slot): Slot {
    return lane >= 0
      ? (this.#narrow[2 * (leadIn + lane * width) + afterAt] as number)
      : (this.#further[2 * furtherOf(lane) + furtherAfterAt] as number);
  }
  isAhead(lane: Slot): boolean {
    return lane >= 0
      ? this.#narrow[2 * (leadIn + lane * width) + aheadAt] === 1
      : this.#further[2 * furtherOf(lane) + furtherAheadAt] === 1;
  }
  setAhead(lane: Slot, ahead: boolean): void {
    if (lane >= 0) this.#narrow[2 * (leadIn + lane * width) + aheadAt] = ahead ? 1 : 0;
    else this.#further[2 * furtherOf(lane) + furtherAheadAt] = ahead ? 1 : 0;
  }
  forfeited(lane: Slot): number {
    return lane >= 0
      ? (this.#wide[leadIn + lane * width + forfeitedAt] as number)
      : (this.#furtherWide[furtherOf(lane)] as number);
  }
  setForfeited(lane: Slot, forfeited: number): void {
    if (lane >= 0) this.#wide[leadIn + lane * width + forfeitedAt] = forfeited;
    else this.#furtherWide[furtherOf(lane)] = forfeited;
  }

  #setAfter(lane: Slot, after: Slot): void {
    if (lane >= 0) this.#narrow[2 * (leadIn + lane * width) + afterAt] = after;
    else this.#further[2 * furtherOf(lane) + furtherAfterAt] = after;
  }

  #addFurther(tenant: Slot, shape: Slot, after: Slot): Slot {
    const lane = this.#free.pop() ?? furtherFirst - this.#furtherCount++;
    const at = furtherOf(lane);
    if (at === this.#furtherWide.length) {
      this.#furtherWide = enlarged(this.#furtherWide, 2 * at);
      this.#further = new Int32Array(this.#furtherWide.buffer);
      this.places.further = this.#further.subarray(furtherPlaceAt);
    }
    this.#further[2 * at + furtherShapeAt] = shape;
    this.#further[2 * at + furtherAfterAt] = after;
    this.#further[2 * at + furtherTenantAt] = tenant;
    return lane;
  }
}

/** Where its record begins. */
function furtherOf(lane: Slot): number {
  return (furtherFirst - lane) * furtherWidth;
}

function enlarged(values: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length);
  larger.set(values);
  return larger;
}
