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
/** Of a tenant: first and last entry, how many, the last one's since, lane in the contest, shape, whether
 *  it is assorted, priority. As wide as a line of a processor's cache. */
const width = 8;

export class SingleFiles<T> {
  #fields = new Float64Array(sizeFirst * width);
  #count = 0;
  readonly #tasks: (T | undefined)[] = [];
  /** Of an entry, side by side: the next one, of its file or of the free ones; since when it waits. */
  #entries = new Float64Array(sizeFirst * 2);
  #free: Slot = none;

  /** The next tenant, with an empty file. */
  add(): void {
    const at = this.#count++ * width;
    if (at === this.#fields.length) this.#fields = doubled(this.#fields);
    this.#fields[at] = none;
    this.#fields[at + 1] = none;
    this.#fields[at + 4] = none;
    this.#fields[at + 5] = none;
  }

  waiting(tenant: Slot): number {
    return this.#fields[tenant * width + 2] ?? 0;
  }
  /** Its lane in the contest; -1 while nothing waits. */
  lane(tenant: Slot): Slot {
    return this.#fields[tenant * width + 4] ?? none;
  }
  setLane(tenant: Slot, lane: Slot): void {
    this.#fields[tenant * width + 4] = lane;
  }
  /** Of what waits, or waited last; -1 before. */
  shape(tenant: Slot): Slot {
    return this.#fields[tenant * width + 5] ?? none;
  }
  setShape(tenant: Slot, shape: Slot): void {
    this.#fields[tenant * width + 5] = shape;
  }
  /** Whether its tasks wait somewhere else, because they are not alike. */
  isAssorted(tenant: Slot): boolean {
    return this.#fields[tenant * width + 6] === 1;
  }
  setAssorted(tenant: Slot, isAssorted: boolean): void {
    this.#fields[tenant * width + 6] = isAssorted ? 1 : 0;
  }

  /** Of what waits, as an index of `priorities`. */
  priority(tenant: Slot): number {
    return this.#fields[tenant * width + 7] ?? 0;
  }
  setPriority(tenant: Slot, priority: number): void {
    this.#fields[tenant * width + 7] = priority;
  }

  first(tenant: Slot): T | undefined {
    const entry = this.#fields[tenant * width] ?? none;
    return entry === none ? undefined : this.#tasks[entry];
  }

  /** Whether a task that waits since then would be the last of the file. */
  isInOrder(tenant: Slot, since: number): boolean {
    const at = tenant * width;
    return this.#fields[at + 2] === 0 || since >= (this.#fields[at + 3] ?? 0);
  }

  push(tenant: Slot, task: T, since: number): void {
    assert(this.isInOrder(tenant, since), 'S1: who joins a file is its last');
    const entry = this.#entry(task, since);
    const at = tenant * width;
    const last = this.#fields[at + 1] ?? none;
    if (last === none) this.#fields[at] = entry;
    else this.#entries[2 * last] = entry;
    this.#fields[at + 1] = entry;
    this.#fields[at + 2] = (this.#fields[at + 2] ?? 0) + 1;
    this.#fields[at + 3] = since;
  }

  /** The first of the file leaves it. */
  shift(tenant: Slot): void {
    const at = tenant * width;
    const entry = this.#fields[at] ?? none;
    assert(entry !== none, 'S1: who leaves a file is in it');
    const next = this.#entries[2 * entry] ?? none;
    this.#fields[at] = next;
    if (next === none) this.#fields[at + 1] = none;
    this.#fields[at + 2] = (this.#fields[at + 2] ?? 0) - 1;
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
    let entry = this.#fields[tenant * width] ?? none;
    while (entry !== none) {
      const task = this.#tasks[entry];
      if (task !== undefined) visit(task, this.#entries[2 * entry + 1] ?? 0);
      entry = this.#entries[2 * entry] ?? none;
    }
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
