/**
 * Requests that are idempotent are simply made again until the server gives an answer: a yes, or a
 * definite no. They end with the connection only; a line is logged while they wait.
 */
import type { NatsLink } from './nats-connection.ts';
import { isDefinite, textOf } from './nats-errors.ts';
import { pause } from './real-clock.ts';

const waitMsMin = 50;
const waitMsMax = 500;
const sayEveryMs = 10_000;

/** Waits between tries, growing, and a line in the log for whoever wonders. */
export class Patience {
  readonly #link: NatsLink;
  readonly #what: string;
  readonly #since: number;
  #tries = 0;
  #saidAt: number;

  constructor(link: NatsLink, what: string) {
    this.#link = link;
    this.#what = what;
    this.#since = link.clock.now();
    this.#saidAt = this.#since - sayEveryMs + 1_000;
  }

  async wait(cause: unknown): Promise<void> {
    const { clock, logger } = this.#link;
    this.#tries += 1;
    if (clock.now() - this.#saidAt >= sayEveryMs) {
      this.#saidAt = clock.now();
      const waitedMs = Math.round(clock.now() - this.#since);
      const fields = { what: this.#what, waitedMs, tries: this.#tries, cause: textOf(cause) };
      logger.warn(fields, 'still waiting for NATS');
    }
    if (this.#link.connected) {
      await pause(clock, Math.min(waitMsMax, waitMsMin * 2 ** Math.min(this.#tries - 1, 5)));
    }
    await this.#link.ready();
  }
}

/** `request` again and again until it is answered; a definite refusal is thrown. */
export async function untilAnswered<T>(
  link: NatsLink,
  what: string,
  request: () => Promise<T>,
): Promise<T> {
  const patience = new Patience(link, what);
  for (;;) {
    await link.ready();
    try {
      return await link.whileConnected(request);
    } catch (cause) {
      if (isDefinite(cause)) throw cause;
      await patience.wait(cause);
    }
  }
}
