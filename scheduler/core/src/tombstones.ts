/**
 * Actors that were destroyed lately. The store keeps of each what it had received and answered, so
 * that an actor that is created again under its name takes no letter and no call twice.
 *
 * G1  tombstones stand in the order of their age, and the time led never goes back.
 */
import { type ActorId, assert } from '@troupe/model';

export interface Tombstone {
  readonly id: ActorId;
  readonly birth: number;
  /** Of what stands in the store; absent when nothing was put there. */
  readonly revision?: number;
  /** The number of its end. */
  readonly seq?: number;
  /** When it was destroyed. */
  readonly ledMs: number;
}

export class Tombstones {
  readonly #stones = new Map<ActorId, Tombstone>();

  get size(): number {
    return this.#stones.size;
  }

  get(id: ActorId): Tombstone | undefined {
    return this.#stones.get(id);
  }

  /** The oldest first. */
  all(): IterableIterator<Tombstone> {
    return this.#stones.values();
  }

  add(stone: Tombstone): void {
    // One that was destroyed before under the same name has nothing to say any more.
    this.#stones.delete(stone.id);
    this.#stones.set(stone.id, stone);
  }

  forget(id: ActorId): void {
    this.#stones.delete(id);
  }

  image(): readonly Tombstone[] {
    return [...this.#stones.values()];
  }

  restore(image: readonly Tombstone[]): void {
    for (const stone of image) this.#stones.set(stone.id, stone);
  }

  check(): void {
    let before = Number.NEGATIVE_INFINITY;
    for (const { ledMs } of this.#stones.values()) {
      assert(ledMs >= before, 'G1: tombstones stand in the order of their age');
      before = ledMs;
    }
  }
}
