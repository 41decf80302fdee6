/**
 * Phi accrual for one node: how unlikely its silence is, from the gaps between its latest beats.
 * phi(t) = -log10 P(gap > t), gaps taken as normal with a least deviation.
 *
 * H1  a gap counts once, and only if it was the node's: gaps in which we were stalled are left out.
 */
import { assert } from '@troupe/model';

export interface PhiTerms {
  /** Gaps that are remembered. */
  readonly samplesMax: number;
  /** What is expected before there are any. */
  readonly beatMs: number;
  readonly deviationMsMin: number;
}

/** Gaps counted as if seen before the first: a mean of one beat, a deviation of a quarter. */
const firstGapShares = [0.75, 1.25];

export class Phi {
  readonly #terms: PhiTerms;
  readonly #gaps: Float64Array;
  #count = 0;
  #sum = 0;
  #squares = 0;
  #at: number;
  /** The gap that is open is not the node's alone. */
  #isExcused = false;

  constructor(now: number, terms: PhiTerms) {
    this.#terms = terms;
    this.#gaps = new Float64Array(terms.samplesMax);
    this.#at = now;
    for (const share of firstGapShares) this.#learn(terms.beatMs * share);
  }

  beat(now: number): void {
    assert(now >= this.#at, 'H1: beats come in the order of time');
    if (!this.#isExcused) this.#learn(now - this.#at);
    this.#isExcused = false;
    this.#at = now;
  }

  /** What was silent until now is not held against it, nor learnt from. */
  excuse(now: number): void {
    this.#at = Math.max(this.#at, now);
    this.#isExcused = true;
  }

  silentMs(now: number): number {
    return now - this.#at;
  }

  phi(now: number): number {
    const { mean, deviation } = this.#normal();
    return -log10Tail((this.silentMs(now) - mean) / deviation);
  }

  /** How long a silence lasts until phi reaches this many deviations above the mean. */
  silenceMs(deviations: number): number {
    const { mean, deviation } = this.#normal();
    return mean + deviations * deviation;
  }

  #learn(gap: number): void {
    const slot = this.#count % this.#terms.samplesMax;
    const oldest = this.#count < this.#terms.samplesMax ? 0 : (this.#gaps[slot] ?? 0);
    this.#gaps[slot] = gap;
    this.#sum += gap - oldest;
    this.#squares += gap * gap - oldest * oldest;
    this.#count++;
  }

  #normal(): { mean: number; deviation: number } {
    const count = Math.min(this.#count, this.#terms.samplesMax);
    const mean = this.#sum / count;
    const variance = Math.max(0, this.#squares / count - mean * mean);
    return { mean, deviation: Math.max(Math.sqrt(variance), this.#terms.deviationMsMin) };
  }
}

/** log10 of the chance that a normal value lies more than z deviations above its mean. */
export function log10Tail(z: number): number {
  if (z < -8) return 0;
  if (z > tailFrom) {
    // The tail as the series phi(z) / z (1 - 1/z^2 + 3/z^4): erfc would be 0 in floats.
    const series = 1 - 1 / (z * z) + 3 / z ** 4;
    return (
      (-z * z * 0.5 - Math.log(z) - 0.5 * Math.log(2 * Math.PI) + Math.log(series)) / Math.LN10
    );
  }
  return Math.log10(upperTail(z));
}

const tailFrom = 6;

/** Abramowitz and Stegun 7.1.26 is too coarse for tails; this one is good to 1.2e-7 relatively. */
function upperTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  const series = coefficients.reduceRight((sum, one) => sum * t + one, 0);
  const tail = (t * Math.exp(-x * x + series)) / 2;
  return z >= 0 ? tail : 1 - tail;
}

const coefficients = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
  -0.82215223, 0.17087277,
];
