/**
 * How long a lost connection waits before it is tried again. At first it is tried at once and often, so
 * that one that was reset is back before its node is taken for dead, however lately it was reset
 * before: a probe takes 300 ms. An outage that lasts is waited for more slowly, and spread out, so that
 * a server that comes back is not met by all at once.
 */
import type { Clock } from './ports.ts';

const soonMs = 500;
const soonWaitMs = 20;
const laterWaitMs = 250;

export class ReconnectPace {
  readonly #clock: Clock;
  #lostAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Between two attempts; asked for before each. */
  waitMs(): number {
    const now = this.#clock.now();
    this.#lostAt ??= now;
    const waitMs = now - this.#lostAt < soonMs ? soonWaitMs : laterWaitMs;
    return waitMs + Math.floor(Math.random() * waitMs);
  }

  connected(): void {
    this.#lostAt = undefined;
  }
}
