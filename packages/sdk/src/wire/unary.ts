/**
 * Unary calls that outlive a change of gateway or leader: what the cluster says it did not do, and
 * what may safely be asked twice, is asked again until the deadline.
 *
 * U1  a call marked `once` is never asked again after it may have been heard.
 * U2  a call marked `begins` that may have been heard, and was not answered then, is not said to be surely
 *     undone, also when it is refused as it is asked again.
 */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type Bytes,
  errorTable,
  limits,
  type StoredObject,
  TroupeError,
  troupeError,
} from '@troupe/model';
import type { Channel } from './channel.ts';
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
  readonly #channels: readonly Channel[];
  readonly #current: () => Channel;
  readonly #checkOpen: () => void;
  readonly #deadlineMs: number;

  constructor(start: {
    readonly channels: readonly Channel[];
    /** The channel that is known to work. */
    readonly current: () => Channel;
    readonly checkOpen: () => void;
    readonly deadlineMs: number;
  }) {
    this.#channels = start.channels;
    this.#current = start.current;
    this.#checkOpen = start.checkOpen;
    this.#deadlineMs = start.deadlineMs;
  }

  async ask<M extends keyof UnaryMethods>(
    method: M,
    request: UnaryMethods[M]['request'],
    options: UnaryOptions = {},
  ): Promise<UnaryMethods[M]['response']> {
    const { waitMs = 0, once = false, begins = false } = options;
    return await this.#untilDone({ waitMs, once, begins }, (channel, leftMs) =>
      channel.unary(method, request, leftMs),
    );
  }

  /** The bytes of a large output, with the hash that they should have. */
  async read(stored: StoredObject): Promise<Bytes> {
    const read = (channel: Channel, leftMs: number) => channel.read(stored, leftMs);
    const asked = { waitMs: limits.objectMs, once: false, begins: false };
    const bytes = await this.#untilDone(asked, read);
    if (createHash('sha256').update(bytes).digest('hex') === stored.hash) return bytes;
    const what = `object ${stored.object} came as other bytes than its hash says`;
    throw troupeError('OBJECT_CORRUPT', what, { object: stored.object, hash: stored.hash });
  }

  async #untilDone<T>(
    { waitMs, once, begins }: Required<UnaryOptions>,
    ask: (channel: Channel, leftMs: number) => Promise<T>,
  ): Promise<T> {
    const until = performance.now() + this.#deadlineMs + waitMs;
    let heard = false;
    for (let attempt = 0; ; attempt++) {
      this.#checkOpen();
      const channel = this.#channelFor(attempt);
      const leftMs = Math.max(1, Math.ceil(until - performance.now()));
      try {
        return await ask(channel, leftMs);
      } catch (thrown) {
        const leftAfter = until - performance.now() - backoffMs;
        heard ||= mayBeHeard(thrown);
        if (!mayRepeat(thrown, once) || leftAfter <= 0) {
          if (begins && heard) throw asUnknown(thrown);
          throw once ? thrown : asUnavailable(thrown);
        }
      }
      await pause(backoffMs);
    }
  }

  #channelFor(attempt: number): Channel {
    const current = this.#current();
    const at = this.#channels.indexOf(current);
    return this.#channels[(at + attempt) % this.#channels.length] ?? current;
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
function asUnknown(thrown: unknown): unknown {
  if (!(thrown instanceof TroupeError) || thrown.outcome !== 'none') return thrown;
  return troupeError('OUTCOME_UNKNOWN', thrown.message, thrown.details, thrown);
}

/** What may be asked again has no unknown outcome: it is just not known yet. */
function asUnavailable(thrown: unknown): unknown {
  if (!(thrown instanceof TroupeError) || thrown.code !== 'OUTCOME_UNKNOWN') return thrown;
  return troupeError('UNAVAILABLE', thrown.message, thrown.details, thrown);
}
