/** Large values: images by name, outputs of tasks by number. */
import type { Bytes } from '@troupe/model';
import { newerImage } from '../world/newer.ts';
import type { World } from '../world/world.ts';

export class ObjectServer {
  readonly #world: World;
  readonly #objects = new Map<string, Bytes>();
  readonly outputs = new Map<number, Bytes>();

  constructor(world: World) {
    this.#world = world;
  }

  put(name: string, bytes: Bytes): 'stored' | 'full' {
    const { full, asker } = this.#world.requests;
    if (full) return 'full';
    this.#objects.set(name, asker?.newer === true ? newerImage(bytes) : bytes);
    return 'stored';
  }

  get(name: string): Bytes | undefined {
    return this.#objects.get(name);
  }
  delete(name: string): void {
    this.#objects.delete(name);
  }
}
