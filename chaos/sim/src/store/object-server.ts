/** Large values by name: images. */
import type { Bytes } from '@troupe/model';

export class ObjectServer {
  readonly #objects = new Map<string, Bytes>();

  put(name: string, bytes: Bytes): void {
    this.#objects.set(name, bytes);
  }
  get(name: string): Bytes | undefined {
    return this.#objects.get(name);
  }
  delete(name: string): void {
    this.#objects.delete(name);
  }
}
