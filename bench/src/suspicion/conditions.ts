/**
 * What befalls beats on their way, by condition. A node beats once a second; beats of one node
 * arrive in order (one connection), so a late one holds up those behind it.
 *
 *   jitter   each beat travels for 50 +- 30 ms (normal, at least 1 ms)
 *   tail     lognormal (median 20 ms, sigma 1); 1 % Pareto from 100 ms with alpha 1.5, at most 20 s
 *   pauses   jitter, and 6 pauses an hour and node, 0.5 to 5 s, uniform: nothing is sent in them
 *   loss N   jitter, and N % of what travels is lost
 *   stalls   jitter, and the observer stands still 4 times an hour for 0.5 to 8 s
 */
export interface Condition {
  readonly name: string;
  readonly isTailed: boolean;
  readonly pausesAnHour: number;
  readonly lossShare: number;
  readonly stallsAnHour: number;
}

const jitter = { isTailed: false, pausesAnHour: 0, lossShare: 0, stallsAnHour: 0 };

export const conditions: readonly Condition[] = [
  { ...jitter, name: '(a) jitter' },
  { ...jitter, name: '(b) tail', isTailed: true },
  { ...jitter, name: '(c) pauses', pausesAnHour: 6 },
  { ...jitter, name: '(d) loss 1 %', lossShare: 0.01 },
  { ...jitter, name: '(d) loss 5 %', lossShare: 0.05 },
  { ...jitter, name: '(d) loss 10 %', lossShare: 0.1 },
  { ...jitter, name: '(e) stalls', stallsAnHour: 4 },
];

export class Chance {
  readonly #next: () => number;

  constructor(next: () => number) {
    this.#next = next;
  }

  happens(share: number): boolean {
    return this.#next() < share;
  }

  between(least: number, most: number): number {
    return least + (most - least) * this.#next();
  }

  /** Of so many an hour, the time to the next. */
  untilNextMs(anHour: number): number {
    return anHour === 0
      ? Number.POSITIVE_INFINITY
      : (-Math.log(1 - this.#next()) * hourMs) / anHour;
  }

  /** One way. */
  delayMs({ isTailed }: Condition): number {
    if (!isTailed) return Math.max(1, 50 + 30 * this.#normal());
    if (this.#next() < 0.01) return Math.min(20_000, 100 / (1 - this.#next()) ** (1 / 1.5));
    return 20 * Math.exp(this.#normal());
  }

  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#next())) * Math.cos(2 * Math.PI * this.#next());
  }
}

const hourMs = 3_600_000;
