/**
 * A client session as the owner of actors: kept by saying again and again that it goes on, through whichever
 * gateway is there. Nothing is said before it owns one.
 */
import { limits } from '@troupe/model';
import type { Platform } from './platform.ts';
import type { Unary } from './wire/unary.ts';

/** How long a client that closes waits for the answer: without one its actors go later. */
const endMs = 2_000;
/** So often within its time a word may be lost. */
const wordsPerTime = 4;

export class SessionOwner {
  readonly session: string;
  readonly #unary: Unary;
  readonly #tenant: string;
  readonly #platform: Platform;
  #owns = false;
  #closed = false;
  #cancelNext = (): void => undefined;

  constructor(unary: Unary, tenant: string, platform: Platform) {
    this.#unary = unary;
    this.#tenant = tenant;
    this.#platform = platform;
    this.session = platform.newId();
  }

  /** It is about to own an actor. */
  owns(): void {
    if (this.#owns || this.#closed) return;
    this.#owns = true;
    this.#keepLater();
  }

  /** Undefined when it owns nothing. What it owns is destroyed soon: at once if that can be said, else when
   *  the session was not heard of for long. */
  end(): Promise<void> | undefined {
    this.#closed = true;
    this.#cancelNext();
    if (!this.#owns) return undefined;
    const of = { tenant: this.#tenant, session: this.session };
    return new Promise((resolve) => {
      const cancel = this.#platform.after(endMs, resolve);
      this.#unary
        .ask('ActorsService/EndSession', of)
        .catch(() => undefined)
        .finally(() => {
          cancel();
          resolve();
        });
    });
  }

  #keepLater(): void {
    const everyMs = limits.owningSessionMs / wordsPerTime;
    this.#cancelNext = this.#platform.after(everyMs, () => void this.#keep());
  }

  async #keep(): Promise<void> {
    const of = { tenant: this.#tenant, session: this.session };
    // What fails is said again the next time.
    await this.#unary.ask('ActorsService/KeepSession', of).catch(() => undefined);
    if (!this.#closed) this.#keepLater();
  }
}
