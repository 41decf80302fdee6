/**
 * For whom room is kept: who found none for a minute, one at a time, the oldest first. Volatile: under a
 * new leader the minute begins anew.
 *
 * R1  room is kept only for what waits, and would start there by the quota of its tenant.
 * R2  room is let go when nobody starts although nothing stands in the way, and after an hour whatever
 *     does. Then all of its shape wait for another minute behind the others, so that each shape has its
 *     turn and none closes nodes for ever.
 * R3  at each turn of its own another few sets of nodes are tried, until all were: one that would start on
 *     none of them waits for its next turn.
 */
import { limits } from '@troupe/model';
import type { Desk } from './desk.ts';
import type { QueueItem } from './gang-items.ts';
import type { TaskPlaces } from './task-places.ts';

const lookMs = 1_000;
/** For so long room is kept on nodes on which nothing else runs any more. */
const keptMsMax = 60_000;
/** For so long in any case: what runs there may have no end. */
const keptWholeMsMax = 3_600_000;
/** Of those who are of age, how many are tried at one look. */
const triesMax = 8;
/** Beyond so many the younger ones are noticed when older ones have gone. */
const noticedMax = 1_024;

interface Waiting {
  readonly item: QueueItem;
  readonly since: number;
  /** How often it has waited for a minute before: each time other nodes are tried. */
  readonly turn: number;
}

interface Kept {
  readonly item: QueueItem;
  readonly since: number;
  /** When it was last seen that something must still end there. */
  usedAt: number;
}

export class KeptRoom {
  readonly #desk: Desk;
  readonly #places: TaskPlaces;
  /** The oldest first. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #mayStart: (item: QueueItem) => boolean;
  #kept: Kept | undefined;
  #looking = false;

  /** `mayStart` tells whether the quota of its tenant lets it start. */
  constructor(desk: Desk, places: TaskPlaces, mayStart: (item: QueueItem) => boolean) {
    this.#desk = desk;
    this.#places = places;
    this.#mayStart = mayStart;
  }

  /** It was its turn, and there was no room. */
  refused(item: QueueItem): void {
    if (this.#waiting.has(item.id) || this.#waiting.size >= noticedMax) return;
    this.#waiting.set(item.id, { item, since: this.#desk.now, turn: 0 });
    if (!this.#looking) this.#lookIn(limits.roomAgeMs);
  }

  /** It has started, or waits no longer. True when room that was kept is open to all again. */
  gone(item: QueueItem): boolean {
    this.#waiting.delete(item.id);
    if (this.#kept?.item !== item) return false;
    this.#letGo();
    return true;
  }

  /** True when room that was kept is open to all again. */
  look(): boolean {
    this.#looking = false;
    const before = this.#kept;
    if (before !== undefined) this.#lookAt(before);
    if (this.#kept === undefined) this.#keepForOldest();
    if (this.#waiting.size > 0) this.#lookIn(lookMs);
    return before !== undefined && this.#kept !== before;
  }

  /** Who has waited for long, and would be let start by its quota. */
  *ofAge(): Iterable<QueueItem> {
    for (const { item, since, turn } of this.#waiting.values()) {
      const isOfAge = turn > 0 || this.#desk.now - since >= limits.roomAgeMs;
      if (isOfAge && this.#mayStart(item)) yield item;
    }
  }

  get size(): number {
    return this.#waiting.size;
  }

  #lookAt(kept: Kept): void {
    const { now } = this.#desk;
    const { item, since } = kept;
    // It keeps its turn: the quota may let it start again soon.
    if (!this.#mayStart(item)) return this.#letGo();
    if (this.#places.isInUse(item)) kept.usedAt = now;
    if (now - kept.usedAt >= keptMsMax || now - since >= keptWholeMsMax) {
      this.#letGo();
      return this.#putBack(item.shape.key);
    }
    if (this.#places.keepsFor(item)) return;
    this.#letGo();
    if (this.#places.keepFor(item, this.#turnOf(item))) this.#kept = { item, since, usedAt: now };
    else this.#putBack(item.shape.key);
  }

  #keepForOldest(): void {
    const { now } = this.#desk;
    let tries = 0;
    for (const { item, since, turn } of [...this.#waiting.values()]) {
      if (now - since < limits.roomAgeMs) return;
      if (!this.#mayStart(item)) continue;
      if (tries++ === triesMax) return;
      if (this.#places.keepFor(item, turn)) {
        this.#kept = { item, since: now, usedAt: now };
        return;
      }
      // It would not start even if these nodes were empty: others are tried in a while.
      this.#again(item);
    }
  }

  #letGo(): void {
    this.#kept = undefined;
    this.#places.letGo();
  }

  /** All of the shape had their turn. */
  #putBack(key: string): void {
    for (const { item } of [...this.#waiting.values()]) {
      if (item.shape.key === key) this.#again(item);
    }
  }

  #again(item: QueueItem): void {
    const turn = this.#turnOf(item) + 1;
    this.#waiting.delete(item.id);
    this.#waiting.set(item.id, { item, since: this.#desk.now, turn });
  }

  #turnOf({ id }: QueueItem): number {
    return this.#waiting.get(id)?.turn ?? 0;
  }

  #lookIn(ms: number): void {
    this.#looking = true;
    this.#desk.deadlines.set(this.#desk.now + ms, { kind: 'kept-room' });
  }
}
