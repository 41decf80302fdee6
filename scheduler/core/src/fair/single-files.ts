/**
 * What waits of tenants whose tasks are all alike: one shape, one priority, no queue, no deadline. They
 * wait in a file, first come first served: a list in typed arrays, since most tenants have no other
 * work, and of a million of them there is no room for maps and heaps.
 *
 * S1  a file is in the order of its tasks' `since`, so that its first task is due first.
 */
import { assert } from '@troupe/model';
import { none, type Slot } from './contest-tables.ts';

const sizeFirst = 16;
/** Of a tenant: first and last entry, how many, lane in the contest, shape, priority and whether it is assorted;
 *  behind them, twice as wide, the last one's since. As wide as half a line of a processor's cache. */
const width = 8;
const lastAt = 1;
const countAt = 2;
const laneAt = 3;
const shapeAt = 4;
const markAt = 5;
const sinceAt = 3;
/** A mark is the priority, and this if the tenant is assorted. */
const assorted = 4;
/** The first record begins where a line does: the allocator puts its own words before an array. */
const leadIn = 12;

export class SingleFiles<T> {
  #fields = new Int32Array(leadIn + sizeFirst * width);
  /** The same bytes. */
  #wide = new Float64Array(this.#fields.buffer);
  #count = 0;
  readonly #tasks: (T | undefined)[] = [];
  /** Of an entry, side by side: the next one, of its file or of the free ones; since when it waits. */
  #entries = new Float64Array(sizeFirst * 2);
  #free: Slot = none;

  /** The next tenant, with an empty file. */
  add(): void {
    const tenant = this.#count++;
    const at = leadIn + tenant * width;
    if (at === this.#fields.length) {
      const larger = new Int32Array(leadIn + 2 * tenant * width);
      larger.set(this.#fields);
      this.#fields = larger;
      this.#wide = new Float64Array(larger.buffer);
    }
    this.#fields[at] = none;
    this.#fields[at + lastAt] = none;
    this.#fields[at + laneAt] = none;
    this.#fields[at + shapeAt] = none;
  }

  waiting(tenant: Slot): number {
    return this.#fields[leadIn + tenant * width + countAt] ?? 0;
  }
  /** Its lane in the contest; -1 while nothing waits. */
  lane(tenant: Slot): Slot {
    return this.#fields[leadIn + tenant * width + laneAt] ?? none;
  }
  setLane(tenant: Slot, lane: Slot): void {
    this.#fields[leadIn + tenant * width + laneAt] = lane;
  }
  /** Of what waits, or waited last; -1 before. */
  shape(tenant: Slot): Slot {
    return this.#fields[leadIn + tenant * width + shapeAt] ?? none;
  }
  setShape(tenant: Slot, shape: Slot): void {
    this.#fields[leadIn + tenant * width + shapeAt] = shape;
  }
  /** Whether its tasks wait somewhere else, because they are not alike. */
  isAssorted(tenant: Slot): boolean {
    return (this.#mark(tenant) & assorted) !== 0;
  }
  setAssorted(tenant: Slot, isAssorted: boolean): void {
    const mark = this.#mark(tenant) & ~assorted;
    this.#fields[leadIn + tenant * width + markAt] = isAssorted ? mark | assorted : mark;
  }
  /** Of what waits, as an index of `priorities`. */
  priority(tenant: Slot): number {
    return this.#mark(tenant) & ~assorted;
  }
  setPriority(tenant: Slot, priority: number): void {
    const mark = this.#mark(tenant) & assorted;
    this.#fields[leadIn + tenant * width + markAt] = mark | priority;
  }

  first(tenant: Slot): T | undefined {
    const entry = this.#fields[leadIn + tenant * width] ?? none;
    return entry === none ? undefined : this.#tasks[entry];
  }

  /** Whether a task that waits since then would be the last of the file. */
  isInOrder(tenant: Slot, since: number): boolean {
    return this.waiting(tenant) === 0 || since >= (this.#wide[this.#sinceOf(tenant)] ?? 0);
  }

  push(tenant: Slot, task: T, since: number): void {
    assert(this.isInOrder(tenant, since), 'S1: who joins a file is its last');
    const entry = this.#entry(task, since);
    const fields = this.#fields;
    const at = leadIn + tenant * width;
    const last = fields[at + lastAt] ?? none;
    if (last === none) fields[at] = entry;
    else this.#entries[2 * last] = entry;
    fields[at + lastAt] = entry;
    fields[at + countAt] = (fields[at + countAt] ?? 0) + 1;
    this.#wide[this.#sinceOf(tenant)] = since;
  }

  /** The first of the file leaves it. */
  shift(tenant: Slot): void {
    const fields = this.#fields;
    const at = leadIn + tenant * width;
    const entry = fields[at] ?? none;
    assert(entry !== none, 'S1: who leaves a file is in it');
    const next = this.#entries[2 * entry] ?? none;
    fields[at] = next;
    if (next === none) fields[at + lastAt] = none;
    fields[at + countAt] = (fields[at + countAt] ?? 0) - 1;
    this.#tasks[entry] = undefined;
    this.#entries[2 * entry] = this.#free;
    this.#free = entry;
  }

  /** Takes one out of a file by looking at each; false when it is not there. */
  remove(tenant: Slot, isIt: (task: T) => boolean): boolean {
    const others: (readonly [task: T, since: number])[] = [];
    this.each(tenant, (task, since) => {
      if (!isIt(task)) others.push([task, since]);
    });
    if (others.length === this.waiting(tenant)) return false;
    while (this.waiting(tenant) > 0) this.shift(tenant);
    for (const [task, since] of others) this.push(tenant, task, since);
    return true;
  }

  /** In their order, with since when they wait. */
  each(tenant: Slot, visit: (task: T, since: number) => void): void {
    let entry: Slot = this.#fields[leadIn + tenant * width] ?? none;
    while (entry !== none) {
      const task = this.#tasks[entry];
      if (task !== undefined) visit(task, this.#entries[2 * entry + 1] ?? 0);
      entry = this.#entries[2 * entry] ?? none;
    }
  }

  #mark(tenant: Slot): number {
    return this.#fields[leadIn + tenant * width + markAt] ?? 0;
  }

  #sinceOf(tenant: Slot): number {
    return (leadIn + tenant * width) / 2 + sinceAt;
  }

  #entry(task: T, since: number): Slot {
    const entry = this.#free === none ? this.#tasks.length : this.#free;
    if (this.#free === none) this.#tasks.push(task);
    else {
      this.#free = this.#entries[2 * entry] ?? none;
      this.#tasks[entry] = task;
    }
    if (2 * entry === this.#entries.length) this.#entries = doubled(this.#entries);
    this.#entries[2 * entry] = none;
    this.#entries[2 * entry + 1] = since;
    return entry;
  }
}

function doubled(fields: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * fields.length);
  larger.set(fields);
  return larger;
}
