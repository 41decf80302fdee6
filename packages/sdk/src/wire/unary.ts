/**
 * Unary calls that outlive a change of gateway or leader: what the cluster says it did not do, and
 * what may safely be asked twice, is asked again until the deadline.
 *
 * U1  a call marked `once` is never asked again after it may have been heard.
 * U2  a call marked `begins` that may have been heard, and was not answered then, is not said to be surely
 *     undone, also when it is refused as it is asked again.
 */
import { createHash } from 'node:crypto';
import {
  type Bytes,
  errorTable,
  limits,
  type StoredObject,
  TroupeError,
  troupeError,
} from '@troupe/model';
import type { Platform } from '../platform.ts';
import type { Door } from './door.ts';
import type { UnaryMethods } from './messages.ts';

const backoffMs = 200;

export interface UnaryOptions {
  /** Time that the cluster itself may wait before it answers. */
  readonly waitMs?: number;
  /** Asking twice is not the same as asking once. */
  readonly once?: boolean;
  /** Something begins by it, and goes on whether the answer is heard or not. */
  readonly begins?: boolean;
}

export class Unary {
  readonly #doors: readonly Door[];
  readonly #current: () => Door;
  readonly #checkOpen: () => void;
  readonly #deadlineMs: number;
  readonly #platform: Platform;

  constructor(start: {
    readonly doors: readonly Door[];
    /** The door that is known to work. */
    readonly current: () => Door;
    readonly checkOpen: () => void;
    readonly deadlineMs: number;
    readonly platform: Platform;
  }) {
    this.#platform = start.platform;
    this.#doors = start.doors;
    this.#current = start.current;
    this.#checkOpen = start.checkOpen;
    this.#deadlineMs = start.deadlineMs;
  }

  newId(): string {
    return this.#platform.newId();
  }

  async ask<M extends keyof UnaryMethods>(
    method: M,
    request: UnaryMethods[M]['request'],
    options: UnaryOptions = {},
  ): Promise<UnaryMethods[M]['response']> {
    const { waitMs = 0, once = false, begins = false } = options;
    return await this.#untilDone({ waitMs, once, begins }, (door, leftMs) =>
      door.unary(method, request, leftMs),
    );
  }

  /** The bytes of a large output, with the hash that they should have. */
  async read(stored: StoredObject): Promise<Bytes> {
    const read = (door: Door, leftMs: number) => door.read(stored, leftMs);
    const asked = { waitMs: limits.objectMs, once: false, begins: false };
    const bytes = await this.#untilDone(asked, read);
    if (createHash('sha256').update(bytes).digest('hex') === stored.hash) return bytes;
    const what = `object ${stored.object} came as other bytes than its hash says`;
    throw troupeError('OBJECT_CORRUPT', what, { object: stored.object, hash: stored.hash });
  }

  async #untilDone<T>(
    { waitMs, once, begins }: Required<UnaryOptions>,
    ask: (door: Door, leftMs: number) => Promise<T>,
  ): Promise<T> {
    const until = this.#platform.now() + this.#deadlineMs + waitMs;
    let heard = false;
    for (let attempt = 0; ; attempt++) {
      this.#checkOpen();
      const door = this.#doorFor(attempt);
      const leftMs = Math.max(1, Math.ceil(until - this.#platform.now()));
      try {
        return await ask(door, leftMs);
      } catch (thrown) {
        const leftAfter = until - this.#platform.now() - backoffMs;
        heard ||= mayBeHeard(thrown);
        if (!mayRepeat(thrown, once) || leftAfter <= 0) {
          if (begins && heard) throw asUnknown(thrown);
          throw once ? thrown : asUnavailable(thrown);
        }
      }
      await new Promise<void>((go) => this.#platform.after(backoffMs, go));
    }
  }

  #doorFor(attempt: number): Door {
    const current = this.#current();
    const at = this.#doors.indexOf(current);
    return this.#doors[(at + attempt) % this.#doors.length] ?? current;
  }
}

function mayRepeat(thrown: unknown, once: boolean): boolean {
  if (!(thrown instanceof TroupeError)) return false;
  // A broken connection is UNAVAILABLE too, and says nothing of what was heard before (U1).
  if (once) return thrown.retryable && thrown.code !== 'UNAVAILABLE';
  return thrown.retryable && errorTable[thrown.code].outcome === 'none';
}

/** Nobody answered, or the connection broke under it: what the cluster itself says has no cause. */
function mayBeHeard(thrown: unknown): boolean {
  if (!(thrown instanceof TroupeError)) return false;
  if (thrown.code === 'OUTCOME_UNKNOWN') return true;
  return thrown.code === 'UNAVAILABLE' && thrown.cause !== undefined;
}

/** U2. What was heard before may still be done, whatever is said to him who asks again. */
export function asUnknown(thrown: unknown): unknown {
  if (!(thrown instanceof TroupeError) || thrown.outcome !== 'none') return thrown;
  return troupeError('OUTCOME_UNKNOWN', thrown.message, thrown.details, thrown);
}

/** What may be asked again has no unknown outcome: it is just not known yet. */
function asUnavailable(thrown: unknown): unknown {
  if (!(thrown instanceof TroupeError) || thrown.code !== 'OUTCOME_UNKNOWN') return thrown;
  return troupeError('UNAVAILABLE', thrown.message, thrown.details, thrown);
}
