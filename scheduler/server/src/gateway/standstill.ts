/**
 * Notices that this process stood still for long: stopped by a signal, or on a machine that slept or
 * was paused. What waits in its sockets then is of another time, but says how much time it has left
 * as if it were sent now; its clients have asked others meanwhile.
 *
 * W1  the first thing handled after a standstill is that it was noticed.
 * W2  what arrives within `arrivalsMs` after it may have been sent before it.
 */
import type { Clock } from '@troupe/fabric';

/** Well below the time after which an actor forgets a call. */
const standstillMsMin = 60_000;
const lookMs = 1_000;
/** What was waiting in sockets is read by then. */
const arrivalsMs = 1_000;

export class Standstill {
  readonly #clock: Clock;
  readonly #noticed: (why: string) => void;
  #lookedAt: number;
  #noticedAt = Number.NEGATIVE_INFINITY;
  #count = 0;
  #cancel: () => void = () => {};

  constructor(clock: Clock, noticed: (why: string) => void) {
    this.#clock = clock;
    this.#noticed = noticed;
    this.#lookedAt = clock.now();
    this.#lookOften();
  }

  /** Standstills so far. */
  get count(): number {
    return this.#count;
  }

  /** Asked before whatever arrives is handled (W1). */
  look(): void {
    const now = this.#clock.now();
    const stoodMs = now - this.#lookedAt;
    this.#lookedAt = now;
    if (stoodMs > standstillMsMin) this.found(`nothing was done for ${Math.round(stoodMs)} ms`);
  }

  /** True while what arrives may have been sent before a standstill (W2). */
  isOfAnotherTime(): boolean {
    this.look();
    return this.#clock.now() - this.#noticedAt < arrivalsMs;
  }

  /** There was one, by whatever sign. */
  found(why: string): void {
    this.#noticedAt = this.#clock.now();
    this.#count += 1;
    this.#noticed(why);
  }

  stop(): void {
    this.#cancel();
  }

  #lookOften(): void {
    this.#cancel = this.#clock.after(lookMs, () => {
      this.look();
      this.#lookOften();
    });
  }
}
