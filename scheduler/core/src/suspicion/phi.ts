/**
 * Phi accrual for one node: how long a silence must be to be unlikely, from the gaps between its latest
 * beats. phi(t) = -log10 P(gap > t), gaps taken as normal with a least deviation; a phi is reached so many
 * deviations above the mean gap.
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
  /** Its last word, a beat or another one. */
  #heardAt: number;
  #beatAt: number;
  /** The gap that is open is not the node's alone. */
  #isExcused = true;

  constructor(now: number, terms: PhiTerms) {
    this.#terms = terms;
    this.#gaps = new Float64Array(terms.samplesMax);
    this.#heardAt = now;
    this.#beatAt = now;
    for (const share of firstGapShares) this.#learn(terms.beatMs * share);
  }

  beat(now: number): void {
    assert(now >= this.#beatAt, 'H1: beats come in the order of time');
    if (!this.#isExcused) this.#learn(now - this.#beatAt);
    this.#isExcused = false;
    this.#beatAt = now;
    this.#heardAt = now;
  }

  /** A word that is no beat: it ends the silence, and says nothing of when the next one comes. */
  hear(now: number): void {
    this.#heardAt = now;
  }

  /** What was silent until now is not held against it, nor learnt from. */
  excuse(now: number): void {
    this.#heardAt = Math.max(this.#heardAt, now);
    this.#isExcused = true;
  }

  silentMs(now: number): number {
    return now - this.#heardAt;
  }

  /** How long a silence is at so many deviations above the mean gap. */
  silenceMs(deviations: number): number {
    const count = Math.min(this.#count, this.#terms.samplesMax);
    const mean = this.#sum / count;
    const variance = Math.max(0, this.#squares / count - mean * mean);
    return mean + deviations * Math.max(Math.sqrt(variance), this.#terms.deviationMsMin);
  }

  #learn(gap: number): void {
    const slot = this.#count % this.#terms.samplesMax;
    const oldest = this.#count < this.#terms.samplesMax ? 0 : (this.#gaps[slot] ?? 0);
    this.#gaps[slot] = gap;
    this.#sum += gap - oldest;
    this.#squares += gap * gap - oldest * oldest;
    this.#count++;
  }
}
