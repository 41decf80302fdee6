/**
 * Bundles on this machine's disk, fetched once from the object store.
 *
 * B1  a file under a bundle's name holds exactly the bytes of that hash: it is checked when
 *     fetched, and again when a file of an earlier start is found.
 * B2  a file appears whole or not at all.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectStore } from '@troupe/fabric';
import { type BundleHash, TroupeError, troupeError } from '@troupe/model';

const fetchAttemptsMax = 5;
const fetchBackoffMs = 200;

export class BundleFiles {
  readonly #folder: string;
  readonly #objects: ObjectStore;
  readonly #files = new Map<BundleHash, Promise<string>>();

  constructor(folder: string, objects: ObjectStore) {
    this.#folder = join(folder, 'bundles');
    this.#objects = objects;
  }

  /** Path of the bundle's file. Many asks at once make one fetch; a failed one is forgotten. */
  file(bundle: BundleHash): Promise<string> {
    const known = this.#files.get(bundle);
    if (known !== undefined) return known;
    const fetched = this.#fetch(bundle);
    this.#files.set(bundle, fetched);
    fetched.catch(() => this.#files.delete(bundle));
    return fetched;
  }

  async #fetch(bundle: BundleHash): Promise<string> {
    const path = join(this.#folder, `${bundle}.mjs`);
    if (await holds(path, bundle)) return path;
    const bytes = await this.#get(bundle);
    if (sha256(bytes) !== bundle) {
      throw troupeError(
        'LOG_CORRUPT',
        `the stored bytes of bundle ${bundle} do not match its hash`,
        {
          bundle,
        },
      );
    }
    await mkdir(this.#folder, { recursive: true });
    const draft = join(this.#folder, `.${bundle}.${randomUUID()}`);
    try {
      await writeFile(draft, bytes, { flag: 'wx' });
      await rename(draft, path);
    } finally {
      await rm(draft, { force: true });
    }
    return path;
  }

  async #get(bundle: BundleHash): Promise<Uint8Array> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#objects.get(bundle);
      } catch (reason) {
        const again = reason instanceof TroupeError && reason.retryable;
        if (again && attempt < fetchAttemptsMax) {
          await new Promise((resolve) => setTimeout(resolve, fetchBackoffMs * 2 ** attempt));
          continue;
        }
        if (reason instanceof TroupeError) throw reason;
        throw troupeError(
          'UNAVAILABLE',
          `bundle ${bundle} could not be read from the object store`,
          { bundle },
          reason,
        );
      }
    }
  }
}

async function holds(path: string, bundle: BundleHash): Promise<boolean> {
  try {
    return sha256(await readFile(path)) === bundle;
  } catch (reason) {
    if (reason instanceof Error && 'code' in reason && reason.code === 'ENOENT') return false;
    throw reason;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
