/**
 * Letters of a client: each is dropped into the postbox of the client, by a call, and is durable when that is answered.
 *
 * SE1 what a client sends to one actor is dropped in the order in which it was sent: the next one when the one before it was
 *     answered, or given up.
 */
import {
  decodeValue,
  dropMethod,
  encodeValue,
  limits,
  postboxOf,
  troupeError,
} from '@troupe/model';
import type { AnyActorDefinition, UntypedCalls } from './actor.ts';
import type { SendOptions } from './context.ts';
import { checkWhole } from './definition.ts';
import { makeHandle, nameOf } from './handle.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { letterTriesOf } from './letter-tries.ts';
import type { Platform } from './platform.ts';
import { saidPriority } from './priority.ts';

/** Of tries nothing given means as the receiver declares. */
export interface ClientSendOptions extends SendOptions {
  /** Milliseconds in which it must be accepted; as the connection says unless given. */
  readonly deadlineMs?: number;
  /** Gives it up, unless it has been sent. */
  readonly signal?: AbortSignal;
}

/** The handle by which a client or a task sends to an actor: it resolves when the letter is durable. */
export type AwaitedSends<A extends AnyActorDefinition> = {
  readonly [K in keyof A['methods']]: A['methods'][K] extends (
    c: never,
    ...args: infer P
  ) => unknown
    ? (...args: P) => Promise<void>
    : never;
};

/** The same of an actor addressed by the name of its type only. */
export interface UntypedAwaitedSends {
  readonly [method: string]: (...args: unknown[]) => Promise<void>;
}

interface Limit {
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

/** What `$postbox` is told of a letter; throws where an option is none. */
export function deliveryOf(what: string, options: SendOptions): object {
  const { delayMs, priority, retries, backoffMs } = options;
  checkWhole(`delayMs of ${what}`, delayMs, 0, limits.timerMsMax);
  letterTriesOf(what, options);
  saidPriority(what, priority);
  const idempotencyKey = idempotencyKeyOf(what, options.idempotencyKey);
  return {
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(priority === undefined ? {} : { priority }),
    ...(retries === undefined ? {} : { retries }),
    ...(backoffMs === undefined ? {} : { backoffMs }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

export class ClientSends {
  readonly #platform: Platform;
  readonly #deadlineMs: number;
  readonly #callsOf: (postbox: string, limit: Limit) => UntypedCalls;
  readonly #postbox: string;
  /** What was sent last to each receiver, while it is not answered. */
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(
    platform: Platform,
    deadlineMs: number,
    callsOf: (postbox: string, limit: Limit) => UntypedCalls,
  ) {
    this.#platform = platform;
    this.#deadlineMs = deadlineMs;
    this.#callsOf = callsOf;
    this.#postbox = postboxOf(platform.newId());
  }

  to<T>(target: string | { readonly name: string }, key: string, options: ClientSendOptions): T {
    const type = nameOf(target);
    const { deadlineMs = this.#deadlineMs, signal, ...delivery } = options;
    const said = deliveryOf(`letters to ${type}`, delivery);
    checkWhole('deadlineMs', deadlineMs, 1, limits.deadlineMsMax);
    const limit: Limit = signal === undefined ? { deadlineMs } : { deadlineMs, signal };
    return makeHandle<T>(async (method, args) => {
      const letter = { receiver: `${type}/${key}`, name: `letter ${type}/${key}.${method}` };
      // As they are now: it may have to wait for those before it.
      const kept: unknown = decodeValue(encodeValue([...args], 'args'));
      await this.#inOrder(letter, limit, async (left) => {
        await this.#callsOf(this.#postbox, left)[dropMethod]?.(type, key, method, kept, said);
      });
    });
  }

  /** SE1 */
  async #inOrder(
    { receiver, name }: { readonly receiver: string; readonly name: string },
    limit: Limit,
    send: (left: Limit) => Promise<void>,
  ): Promise<void> {
    const before = this.#last.get(receiver);
    if (before === undefined) return await this.#keep(receiver, send(limit));
    const until = this.#platform.now() + limit.deadlineMs;
    const sent = this.#after(before, name, limit).then(() =>
      send({ ...limit, deadlineMs: Math.max(1, Math.ceil(until - this.#platform.now())) }),
    );
    await this.#keep(receiver, sent, before);
  }

  /** Until it and those before it are answered, what comes next waits. */
  async #keep(receiver: string, sent: Promise<void>, before?: Promise<unknown>): Promise<void> {
    const answered: Promise<unknown> = Promise.allSettled([before, sent]).then(() => {
      if (this.#last.get(receiver) === answered) this.#last.delete(receiver);
    });
    this.#last.set(receiver, answered);
    await sent;
  }

  /** Rejects when its own time is over before, or nobody wants it any more: then it was not sent. */
  async #after(
    before: Promise<unknown>,
    name: string,
    { deadlineMs, signal }: Limit,
  ): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const refuse = (code: 'DEADLINE_EXCEEDED' | 'CANCELLED', why: string) => (): void =>
        reject(troupeError(code, `${name} was not sent (${why})`));
      const late = refuse('DEADLINE_EXCEEDED', 'one before it was not answered');
      const aborted = refuse('CANCELLED', 'aborted');
      const cancel = this.#platform.after(deadlineMs, late);
      signal?.addEventListener('abort', aborted, { once: true });
      if (signal?.aborted === true) aborted();
      void before.then(() => {
        cancel();
        signal?.removeEventListener('abort', aborted);
        resolve();
      });
    });
  }
}
