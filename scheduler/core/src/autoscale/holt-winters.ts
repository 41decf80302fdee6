/**
 * Holt-Winters smoothing: a level, a damped trend and, when its length is given, an additive season.
 *
 * The first observations are averaged, so that the first of all does not weigh for long.
 *
 * W1  what is forecast depends only on what was observed, and is a number from 0 on.
 */
import { assert } from '@troupe/model';

export interface Smoothing {
  readonly level: number;
  readonly trend: number;
  /** Each further step keeps this much of the trend. */
  readonly damping: number;
  readonly season: number;
  /** Observations of one season; 0 for none. */
  readonly seasonLength: number;
}

export const smoothing: Smoothing = {
  level: 0.3,
  trend: 0.05,
  damping: 0.8,
  season: 0.2,
  seasonLength: 0,
};

export class HoltWinters {
  readonly #smoothing: Smoothing;
  readonly #season: number[] = [];
  #level = 0;
  #trend = 0;
  #count = 0;

  constructor(smoothing: Smoothing) {
    const { level, trend, season, damping, seasonLength } = smoothing;
    for (const share of [level, trend, season, damping]) {
      if (!(share >= 0 && share <= 1)) throw new RangeError(`${share} is no share from 0 to 1`);
    }
    if (!Number.isInteger(seasonLength) || seasonLength < 0 || seasonLength > seasonLengthMax)
      throw new RangeError(`a season of ${seasonLength} is none; give 0 to ${seasonLengthMax}`);
    this.#smoothing = smoothing;
  }

  get count(): number {
    return this.#count;
  }

  observe(value: number): void {
    assert(Number.isFinite(value) && value >= 0, 'W1: an observation is a number from 0 on');
    const { trend, damping, season, seasonLength } = this.#smoothing;
    const level = Math.max(this.#smoothing.level, 1 / (this.#count + 1));
    const slot = seasonLength === 0 ? 0 : this.#count % seasonLength;
    const seasonal = this.#isSeasoned() ? (this.#season[slot] ?? 0) : 0;
    const before = this.#level;
    const carried = damping * this.#trend;
    this.#level = before + carried + level * (value - seasonal - before - carried);
    this.#trend = this.#count === 0 ? 0 : carried + trend * (this.#level - before - carried);
    if (this.#isSeasoned()) {
      this.#season[slot] = seasonal + season * (value - this.#level - seasonal);
    } else if (seasonLength > 0) this.#season[slot] = value;
    this.#count++;
    if (this.#count === seasonLength) this.#beginSeasons();
  }

  /** The first season is kept as it was observed; from its end on it is what is above its mean. */
  #beginSeasons(): void {
    const mean = this.#season.reduce((sum, value) => sum + value, 0) / this.#season.length;
    this.#season.forEach((value, slot) => {
      this.#season[slot] = value - mean;
    });
    this.#level = mean;
    this.#trend = 0;
  }

  #isSeasoned(): boolean {
    const { seasonLength } = this.#smoothing;
    return seasonLength > 0 && this.#count >= seasonLength;
  }

  /** `steps` observations after the latest. */
  ahead(steps: number): number {
    const { damping, seasonLength } = this.#smoothing;
    let trend = 0;
    let kept = 1;
    for (let step = 0; step < steps; step++) {
      kept *= damping;
      trend += kept * this.#trend;
    }
    const slot = seasonLength === 0 ? 0 : (this.#count - 1 + steps) % seasonLength;
    const seasonal = this.#isSeasoned() ? (this.#season[slot] ?? 0) : 0;
    return Math.max(0, this.#level + trend + seasonal);
  }
}

const seasonLengthMax = 10_000;
