/**
 * Images in the object store: a head, by whose hash the journal names the image, and the parts that it names in
 * their order.
 *
 * IS1 the head is stored when all of its parts are: an image that is there is whole, unless something of it is
 *     damaged.
 * IS2 no two images share a part, so that one may be deleted while another is written.
 */
import { randomBytes } from 'node:crypto';
import type { ObjectStore } from '@troupe/fabric';
import { type Bytes, decode, encode, failureOf } from '@troupe/model';

export interface StoredParts {
  /** Name of the head. */
  readonly object: string;
  /** Of all parts. */
  readonly bytes: number;
}

interface Head {
  readonly parts: readonly string[];
}

/** Makes the parts of an image others than those of any other one (IS2). */
const saltBytes = 16;

export class ImageStore {
  readonly #objects: ObjectStore;

  constructor(objects: ObjectStore) {
    this.#objects = objects;
  }

  /** What was put before a failure is taken away again. */
  async put(parts: Iterable<Bytes>): Promise<StoredParts> {
    const salt = randomBytes(saltBytes);
    const stored: string[] = [];
    let bytes = 0;
    try {
      for (const part of parts) {
        bytes += part.length;
        stored.push(await this.#objects.put(Buffer.concat([salt, part])));
      }
      const object = await this.#objects.put(encode({ parts: stored } satisfies Head));
      return { object, bytes };
    } catch (thrown) {
      await this.#deleteAll(stored).catch(() => undefined);
      throw thrown;
    }
  }

  /** Its parts in their order. Rejects with `LOG_CORRUPT` when one is absent or damaged. */
  async *read(object: string): AsyncGenerator<Bytes> {
    const body = await this.#objects.get(object);
    const parts = partsOf(body);
    // It was written before there were parts.
    if (parts === undefined) yield body;
    for (const part of parts ?? []) yield (await this.#objects.get(part)).subarray(saltBytes);
  }

  async delete(object: string): Promise<void> {
    await this.#deleteAll(await this.#partsIn(object));
    await this.#objects.delete(object);
  }

  /** None of one that is not there any more. */
  async #partsIn(object: string): Promise<readonly string[]> {
    try {
      return partsOf(await this.#objects.get(object)) ?? [];
    } catch (thrown) {
      if (failureOf(thrown).code !== 'LOG_CORRUPT') throw thrown;
      return [];
    }
  }

  async #deleteAll(objects: readonly string[]): Promise<void> {
    for (const object of objects) await this.#objects.delete(object);
  }
}

function partsOf(body: Bytes): readonly string[] | undefined {
  return decode<Partial<Head>>(body).parts;
}
