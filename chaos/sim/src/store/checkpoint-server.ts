/** The last checkpoint of each actor, replaced by compare-and-set on its revision. */
import type { StoredCheckpoint } from '@troupe/fabric/ports';
import type { Bytes } from '@troupe/model';
import type { World } from '../world/world.ts';

interface Kept extends StoredCheckpoint {
  readonly id: string;
}

export class CheckpointServer {
  readonly #world: World;
  readonly #kept = new Map<string, Kept>();
  #revisions = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** The new revision, or undefined when another one stands there. */
  put(
    key: string,
    put: { readonly body: Bytes; readonly expected: number; readonly id: string },
  ): number | undefined {
    const standing = this.#kept.get(key)?.revision ?? 0;
    if (standing !== put.expected && this.#world.mutant !== 'last-written-checkpoint-wins') {
      return undefined;
    }
    this.#revisions += 1;
    const revision = this.#revisions;
    this.#kept.set(key, { body: put.body, revision, id: put.id });
    this.#world.trace?.checkpoint(put.id, key, revision, put.body);
    return revision;
  }

  get(key: string): Kept | undefined {
    return this.#kept.get(key);
  }
}
