/**
 * For whom room is kept: who found none for a minute, one at a time, the oldest first. Volatile: under a
 * new leader the minute begins anew.
 *
 * R1  room is kept only for what waits.
 */
import type { Desk } from './desk.ts';
import type { QueueItem } from './gang-items.ts';
import type { TaskPlaces } from './task-places.ts';

/** What found no room for so long is of age. */
const ageMs = 60_000;
const lookMs = 1_000;
/** Of those who are of age, how many are tried at one look. */
const triesMax = 8;
/** Beyond so many the younger ones are noticed when older ones have gone. */
const noticedMax = 1_024;

interface Waiting {
  readonly item: QueueItem;
  readonly since: number;
}

export class KeptRoom {
  readonly #desk: Desk;
  readonly #places: TaskPlaces;
  /** The oldest first. */
  readonly #waiting = new Map<string, Waiting>();
  #keptFor: QueueItem | undefined;
  #looking = false;

  constructor(desk: Desk, places: TaskPlaces) {
    this.#desk = desk;
    this.#places = places;
  }

  /** It was its turn, and there was no room. */
  refused(item: QueueItem): void {
    if (this.#waiting.has(item.id) || this.#waiting.size >= noticedMax) return;
    this.#waiting.set(item.id, { item, since: this.#desk.now });
    if (!this.#looking) this.#lookIn(ageMs);
  }

  /** It has started, or waits no longer. True when room that was kept is open to all again. */
  gone(item: QueueItem): boolean {
    this.#waiting.delete(item.id);
    if (this.#keptFor !== item) return false;
    this.#keptFor = undefined;
    this.#places.letGo();
    return true;
  }

  look(): void {
    this.#looking = false;
    const kept = this.#keptFor;
    if (kept !== undefined && !this.#places.keepsAll()) this.#places.keepFor(kept);
    if (kept === undefined) this.#keepForOldest();
    if (this.#waiting.size > 0) this.#lookIn(lookMs);
  }

  get size(): number {
    return this.#waiting.size;
  }

  #keepForOldest(): void {
    const { now } = this.#desk;
    let tries = 0;
    for (const [id, { item, since }] of this.#waiting) {
      if (now - since < ageMs || tries++ === triesMax) return;
      if (this.#places.keepFor(item)) {
        this.#keptFor = item;
        return;
      }
      // No node could hold it even if it were empty: looked at again in a while.
      this.#waiting.delete(id);
      this.#waiting.set(id, { item, since: now });
    }
  }

  #lookIn(ms: number): void {
    this.#looking = true;
    this.#desk.deadlines.set(this.#desk.now + ms, { kind: 'kept-room' });
  }
}
