/** Who may try to lead: one key with a lease, by the server's own clock. It decides nothing else. */
import type { World } from '../world/world.ts';

export interface Holder {
  readonly id: string;
  /** Unique to this win. */
  readonly value: string;
}

export class LeaseServer {
  readonly #world: World;
  #holder: (Holder & { until: number }) | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  holder(): Holder | undefined {
    if (this.#holder !== undefined && this.#holder.until <= this.#world.timeline.now) {
      this.#holder = undefined;
    }
    return this.#holder;
  }

  /** Takes the key when nobody holds it; true when `value` holds it afterwards. */
  take(id: string, value: string, ms: number): boolean {
    const holder = this.holder();
    if (holder === undefined) {
      this.#holder = { id, value, until: this.#world.timeline.now + ms };
      return true;
    }
    return holder.value === value;
  }

  /** False: the lease is gone. */
  renew(value: string, ms: number): boolean {
    if (this.holder()?.value !== value || this.#holder === undefined) return false;
    this.#holder.until = this.#world.timeline.now + ms;
    return true;
  }

  /** Time in which nothing happened, at its holder neither. */
  leapt(ms: number): void {
    if (this.#holder !== undefined) this.#holder.until += ms;
  }

  give(value: string): void {
    if (this.#holder?.value === value) this.#holder = undefined;
  }

  /** Somebody saw that this holder is gone. */
  revoke(id: string): void {
    if (this.#holder?.id === id) this.#holder = undefined;
  }
}
