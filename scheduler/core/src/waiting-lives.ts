/**
 * What a topic of lives is to be given: the events that it has not taken, in their order. The first ones may
 * be on their way to it, so the one that is dropped for want of room is the first behind them.
 *
 * WL1 at most `limits.supervisionWaitingMax` wait; the next one that is kept says how many were dropped
 *     before it.
 */
import { assert, limits, type SupervisionEvent, type ToldEvent } from '@troupe/model';

/** As many as one batch has. */
const firstMax = 16;

export class WaitingLives {
  /** What a batch may hold. */
  #first: ToldEvent[] = [];
  /** Those behind, from `#from` on. */
  readonly #rest: ToldEvent[] = [];
  #from = 0;

  static from(events: readonly ToldEvent[]): WaitingLives {
    const waiting = new WaitingLives();
    waiting.#rest.push(...events);
    waiting.#fill();
    return waiting;
  }

  /** The next batch; empty when nothing waits. */
  get first(): readonly ToldEvent[] {
    return this.#first;
  }

  get all(): readonly ToldEvent[] {
    return [...this.#first, ...this.#rest.slice(this.#from)];
  }

  add(event: SupervisionEvent): void {
    assert(event.position > (this.#last?.position ?? 0), 'SV1: events come in their order');
    this.#rest.push(event);
    this.#fill();
    if (this.#first.length + this.#rest.length - this.#from <= limits.supervisionWaitingMax) return;
    const dropped = this.#shift();
    const next = this.#rest[this.#from];
    assert(dropped !== undefined && next !== undefined, 'WL1: one behind it is kept');
    const missed = 1 + (dropped.missed ?? 0) + (next.missed ?? 0);
    this.#rest[this.#from] = { ...next, missed };
  }

  /** The topic has taken all up to this position. */
  taken(upTo: number): void {
    this.#first = this.#first.filter(({ position }) => position > upTo);
    this.#fill();
  }

  get #last(): ToldEvent | undefined {
    return this.#rest.at(-1) ?? this.#first.at(-1);
  }

  #fill(): void {
    while (this.#first.length < firstMax) {
      const next = this.#shift();
      if (next === undefined) return;
      this.#first.push(next);
    }
  }

  #shift(): ToldEvent | undefined {
    const next = this.#rest[this.#from];
    if (next === undefined) return undefined;
    this.#from += 1;
    // Half of it is over: each is moved once on the average.
    if (this.#from * 2 >= this.#rest.length) {
      this.#rest.splice(0, this.#from);
      this.#from = 0;
    }
    return next;
  }
}
