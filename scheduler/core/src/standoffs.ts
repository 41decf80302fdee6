/**
 * Tenants in each other's way: each holds reserved places that are empty, and what it has waiting for longest has no
 * room but where the empty places of another one are. Gangs hold nothing while they wait, reserved places do:
 * so this is the one wait that could last for ever. Whoever came last lets its empty places go, until the others have
 * started; what is reserved is held again as soon as there is room.
 *
 * W1  places are let go only in a circle of waits, only empty ones, and only by the one that came last.
 */
import type { Incarnation, TenantName } from '@troupe/model';
import type { Desk } from './desk.ts';
import { gangOf, isGang, type QueueItem } from './gang-items.ts';
import { Waits } from './placement/index.ts';
import type { TaskPlaces } from './task-places.ts';

/** Who goes on, in the room of the empty places that were let go. */
export interface Standoff {
  readonly first: QueueItem;
  readonly nodes: readonly Incarnation[];
}

/** Tenants that are compared with each other at one look, those first that wait for longest. */
const tenantsMax = 8;
const lookMs = 5_000;
/** For how long a standoff that was ended is told. */
const toldMs = 600_000;

export class Standoffs {
  readonly #desk: Desk;
  readonly #places: TaskPlaces;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #last: { readonly text: string; readonly at: number } | undefined;

  constructor(desk: Desk, places: TaskPlaces) {
    this.#desk = desk;
    this.#places = places;
  }

  /** Of those who have waited for room for long, the first to have come first. */
  look(waiting: Iterable<QueueItem>): Standoff | undefined {
    const { now } = this.#desk;
    if (now - this.#lookedAt < lookMs) return undefined;
    const oldest = this.#oldestOf(waiting);
    if (oldest.size < 2) return undefined;
    this.#lookedAt = now;
    const waits = new Waits();
    for (const item of oldest.values()) waits.hold(nameOf(item), placesOf(item.tenant));
    for (const item of oldest.values()) {
      for (const tenant of this.#blockersOf(item, oldest)) {
        const circle = waits.wait(nameOf(item), placesOf(tenant));
        const first = [...oldest.values()].find((one) => circle?.owners.includes(nameOf(one)));
        if (circle === undefined || first === undefined) continue;
        const nodes = this.#places.letGoEmpty(item.tenant, circle.text);
        const what = `${nodes.length} empty places of tenant "${item.tenant}" were let go`;
        this.#last = { text: `${circle.text}: ${what}`, at: now };
        return { first, nodes };
      }
    }
    return undefined;
  }

  /** For people. */
  findings(): readonly string[] {
    if (this.#last === undefined || this.#desk.now - this.#last.at > toldMs) return [];
    return [this.#last.text];
  }

  /** By tenant that holds empty places. */
  #oldestOf(waiting: Iterable<QueueItem>): ReadonlyMap<TenantName, QueueItem> {
    const oldest = new Map<TenantName, QueueItem>();
    for (const item of [...waiting].sort(byAge)) {
      if (oldest.size === tenantsMax) break;
      if (oldest.has(item.tenant) || !this.#places.holdsEmpty(item.tenant)) continue;
      oldest.set(item.tenant, item);
    }
    return oldest;
  }

  /** The tenants without whose empty places it would start: one of them, or else all together. */
  #blockersOf(item: QueueItem, oldest: ReadonlyMap<TenantName, QueueItem>): readonly TenantName[] {
    const others = [...oldest.keys()].filter((tenant) => tenant !== item.tenant);
    for (const tenant of others) {
      if (this.#places.wouldStartWithout(item, new Set([tenant]))) return [tenant];
    }
    return this.#places.wouldStartWithout(item, new Set(others)) ? others : [];
  }
}

function byAge(left: QueueItem, right: QueueItem): number {
  return left.since - right.since || (left.id < right.id ? -1 : 1);
}

function nameOf(item: QueueItem): string {
  const what = isGang(item) ? `gang "${gangOf(item)}"` : `task "${item.id}"`;
  return `${what} of tenant "${item.tenant}"`;
}

function placesOf(tenant: TenantName): string {
  return `the empty places of tenant "${tenant}"`;
}
