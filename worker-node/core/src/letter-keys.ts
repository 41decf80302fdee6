/**
 * Idempotency keys of letters: of all letters to an actor with one key, one takes effect.
 *
 *   letter with a key ─▶ one with it is at the runner? ──yes──▶ waits behind it
 *                          │ no
 *                          ▼
 *                        key known? ──yes──▶ a turn that runs nothing: taken, and the key heard again
 *                          │ no
 *                          ▼
 *                        runs ─▶ ended well: the key is known; failed: it is not, the next one runs
 *
 * LK1 a letter whose key is known never runs.
 * LK2 a key is known for `limits.sessionMsMax` after it was last heard, as a session is (S3), or longer.
 * LK3 about `limits.letterKeysMax` are known: a letter with another key stays with its sender.
 *
 * `now` is monotonic ms of this node: what is read back was heard of now.
 */
import { limits } from '@troupe/model';
import type { Activation, Input } from './activation.ts';
import { SparseMap } from './sparse.ts';

/** As they stand in a checkpoint: the one heard of longest ago first. */
export type StoredLetterKeys = readonly (readonly [key: string, ageMs: number])[];

export class LetterKeys {
  /** Since when nothing was heard of each: the oldest first. */
  readonly #heardAt = new SparseMap<string, number>();

  get count(): number {
    return this.#heardAt.size;
  }

  has(key: string): boolean {
    return this.#heardAt.has(key);
  }

  hear(key: string, now: number): void {
    this.#heardAt.delete(key);
    this.#heardAt.set(key, now);
  }

  /** LK2 */
  forget(now: number): void {
    for (const [key, heardAt] of this.#heardAt) {
      if (now - heardAt <= limits.sessionMsMax) break;
      this.#heardAt.delete(key);
    }
    this.#heardAt.rest();
  }

  /** LK3: for how long a letter is not taken; undefined when it may be. */
  heldMs(key: string | undefined, now: number): number | undefined {
    if (key === undefined || this.count < limits.letterKeysMax || this.has(key)) return undefined;
    this.forget(now);
    return this.count < limits.letterKeysMax ? undefined : limits.letterKeyRoomMs;
  }

  store(now: number): StoredLetterKeys {
    return [...this.#heardAt].map(([key, heardAt]) => [key, now - heardAt] as const);
  }

  static from(stored: StoredLetterKeys, now: number): LetterKeys {
    const keys = new LetterKeys();
    for (const [key, ageMs] of stored) keys.hear(key, now - ageMs);
    return keys;
  }
}

/** What is to become of the next input of an actor, by its key. */
export function standingOf(activation: Activation, input: Input): 'runs' | 'waits' | 'known' {
  const { idempotencyKey: key } = input;
  const { dispatched, memory } = activation;
  if (key === undefined || memory === undefined) return 'runs';
  if (dispatched.some((turn) => turn.input.idempotencyKey === key)) return 'waits';
  if (!memory.letterKeys.has(key)) return 'runs';
  // Its turn has the number after theirs.
  return dispatched.length > 0 ? 'waits' : 'known';
}
