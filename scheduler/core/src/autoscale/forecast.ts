/**
 * How much work will have to be done at once when a worker that is started now is ready, and how many
 * workers that takes, each of which does so many tasks at once: square-root staffing, its spread learnt from
 * the forecast's own errors, and whatever it takes to work off, within the wait allowed, what will still
 * wait by then.
 *
 * P1  a bucket is observed once, when it is over; buckets without an arrival count as zeros.
 * P2  beside what waits, the size asked for falls only when it has been lower for `holdMs`.
 * P3  for what waits, members are ordered only if it will still wait when they are ready, and those
 *     that are there are kept while it does: what is ordered is not called off a moment later.
 * P4  nobody is let go before it has observed for as long as it looks ahead: a leader that has just
 *     taken over knows nothing yet.
 * P5  who goes by what was at work lets nobody go while members start: what it ordered them for comes
 *     in bursts, and the next one may be there before they are.
 */
import { assert } from '@troupe/model';
import { HoltWinters, type Smoothing, smoothing } from './holt-winters.ts';
import type { GroupView } from './rules.ts';

export interface ForecastTerms {
  readonly smoothing: Smoothing;
  readonly bucketMs: number;
  /** From the order to the first task: how far ahead is looked. */
  readonly startMs: number;
  /** How many deviations of the forecast's error are staffed beside its mean. */
  readonly caution: number;
  /** What still waits when a member started now is ready is worked off within this time. */
  readonly waitMs: number;
  readonly holdMs: number;
  /** Members for each task that ran or waited at once within `holdMs`, whatever is forecast; 0: none. */
  readonly perTask: number;
}

export const forecastTerms: ForecastTerms = {
  smoothing,
  bucketMs: 10_000,
  startMs: 60_000,
  caution: 2,
  waitMs: 30_000,
  holdMs: 120_000,
  perTask: 0,
};

/** Weight of the latest error, and of the latest duration. */
const errorWeight = 0.02;
const durationWeight = 0.02;
/** A group that was silent for longer is caught up at once. */
const bucketsCaughtUpMax = 10_000;

export interface Forecast {
  readonly mean: number;
  readonly deviation: number;
  readonly size: number;
}

export class Forecaster {
  readonly #terms: ForecastTerms;
  readonly #model: HoltWinters;
  readonly #ahead: number;
  /** What was forecast for buckets to come, the nearest first. */
  readonly #promised: number[] = [];
  /** Variance of the error as a multiple of the forecast: 1 for arrivals by chance. */
  #dispersion = 1;
  #meanMs: number;
  #endedCount = 0;
  #bucketEnd: number;
  #arrivals = 0;
  readonly #sizes: { readonly at: number; readonly size: number }[] = [];

  constructor(now: number, terms: ForecastTerms, firstGuessMs: number) {
    this.#terms = terms;
    this.#model = new HoltWinters(terms.smoothing);
    this.#ahead = Math.max(1, Math.ceil(terms.startMs / terms.bucketMs));
    this.#meanMs = firstGuessMs;
    this.#bucketEnd = now + terms.bucketMs;
  }

  arrived(now: number): void {
    this.#closeBuckets(now);
    this.#arrivals++;
  }

  ended(tookMs: number): void {
    assert(tookMs >= 0, 'P1: a task takes some time');
    this.#endedCount++;
    const weight = Math.max(durationWeight, 1 / this.#endedCount);
    this.#meanMs += weight * (tookMs - this.#meanMs);
  }

  /** `perMember`: tasks that a member has at once. All is reckoned in tasks until the end. */
  forecast(now: number, view: GroupView, perMember = 1): Forecast {
    this.#closeBuckets(now);
    const { caution, startMs, waitMs, perTask } = this.#terms;
    const { queued, busy, running = busy } = view;
    const [ready, starting] = [view.ready * perMember, view.starting * perMember];
    const mean = this.#model.ahead(this.#ahead);
    const deviation = Math.sqrt(this.#dispersion * Math.max(mean, leastMean));
    const atWork = perTask * (running + queued);
    const staffed = this.#held(now, Math.max(0, mean + caution * deviation, atWork));
    const waitingMs = queued * this.#meanMs;
    const leftMs = waitingMs + (mean - ready) * startMs;
    const ordered = queued > 0 ? leftMs / waitMs : 0;
    const kept = Math.min(ready + starting, mean + waitingMs / waitMs);
    const isLearning = this.#model.count <= this.#ahead;
    const isAwaiting = perTask > 0 && starting > 0;
    const present = isLearning || isAwaiting ? ready + starting : 0;
    const size = Math.max(staffed, ordered, queued > 0 ? kept : 0, present);
    return { mean, deviation, size: Math.ceil(size / perMember - rounding) };
  }

  /** P2. */
  #held(now: number, wanted: number): number {
    while ((this.#sizes.at(-1)?.size ?? Number.POSITIVE_INFINITY) <= wanted) this.#sizes.pop();
    this.#sizes.push({ at: now, size: wanted });
    while ((this.#sizes[0]?.at ?? now) < now - this.#terms.holdMs) this.#sizes.shift();
    return this.#sizes[0]?.size ?? wanted;
  }

  #closeBuckets(now: number): void {
    const { bucketMs } = this.#terms;
    if (now - this.#bucketEnd > bucketsCaughtUpMax * bucketMs) this.#bucketEnd = now;
    for (; now >= this.#bucketEnd; this.#bucketEnd += bucketMs) {
      const load = (this.#arrivals * this.#meanMs) / bucketMs;
      this.#arrivals = 0;
      this.#judge(load);
      this.#model.observe(load);
      this.#promised.push(this.#model.ahead(this.#ahead));
    }
  }

  #judge(load: number): void {
    if (this.#promised.length < this.#ahead) return;
    const promised = this.#promised.shift() ?? 0;
    const squared = (load - promised) ** 2 / Math.max(promised, leastMean);
    this.#dispersion += errorWeight * (squared - this.#dispersion);
  }
}

/** Less than this much work at once is still some. */
const leastMean = 1;
const rounding = 1e-9;
