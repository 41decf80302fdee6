/** The store of checkpoints as somebody has it who is no process of the cluster: at once, and nothing is lost on the way. */
import type { Checkpoints, KeptVersion, StoredCheckpoint } from '@troupe/fabric/ports';
import { type Bytes, troupeError } from '@troupe/model';
import type { CheckpointServer } from './checkpoint-server.ts';

export class OpenCheckpoints implements Checkpoints {
  readonly #server: CheckpointServer;
  #puts = 0;

  constructor(server: CheckpointServer) {
    this.#server = server;
  }

  async put(key: string, body: Bytes, expected: number): Promise<number | undefined> {
    return this.#put(key, { body, expected, onTop: false });
  }
  async putOnTop(key: string, body: Bytes, expected: number): Promise<number | undefined> {
    return this.#put(key, { body, expected, onTop: true });
  }
  async get(key: string): Promise<StoredCheckpoint | undefined> {
    const last = this.#server.get(key);
    return last === undefined ? undefined : this.#sound(key, last);
  }
  async versions(key: string): Promise<readonly KeptVersion[]> {
    return this.#server.versions(key).map(({ revision, body, base }) => {
      return { revision, at: 0, bytes: body.length + (base?.length ?? 0) };
    });
  }
  async version(key: string, revision: number): Promise<StoredCheckpoint | undefined> {
    const found = this.#server.versions(key).find((one) => one.revision === revision);
    return found === undefined ? undefined : this.#sound(key, found);
  }
  async freeBefore(key: string, revision: number): Promise<void> {
    this.#server.freeBefore(key, revision);
  }
  async drop(key: string): Promise<void> {
    this.#server.drop(key);
  }
  async prune(key: string): Promise<void> {
    this.#server.prune(key);
  }
  async dropUpTo(key: string, revision: number): Promise<void> {
    this.#server.dropUpTo(key, revision);
  }

  #put(
    key: string,
    given: { readonly body: Bytes; readonly expected: number; readonly onTop: boolean },
  ): number | undefined {
    this.#puts += 1;
    return this.#server.put(key, { ...given, id: `from outside ${this.#puts}` });
  }

  #sound(key: string, stored: StoredCheckpoint): StoredCheckpoint {
    const { revision } = stored;
    if (!this.#server.isDamaged(key, revision)) return stored;
    const text = `checkpoint ${revision} of "${key}" holds other bytes than were stored`;
    throw troupeError('LOG_CORRUPT', text, { key, revision });
  }
}
