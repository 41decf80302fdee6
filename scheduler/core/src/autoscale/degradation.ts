/**
 * What the cluster gives up under pressure, in a stated order, and takes back in the reverse order
 * when the pressure is gone. What was acknowledged is never given up: neither records nor results.
 *
 * D1  measures are given up in the order of `measures` and come back in the reverse order, one at a
 *     time: what is given up is always a prefix.
 * D2  a measure is given up when the pressure has been high for `downMs` and comes back when it has
 *     been low for `upMs`; between the two marks nothing changes.
 */
import { assert } from '@troupe/model';

/** Given up from the first to the last. */
export const measures = [
  { name: 'prewarming', effect: 'nothing is started ahead of need' },
  { name: 'rebalancing', effect: 'actors stay where they are' },
  { name: 'frequent-checkpoints', effect: 'checkpoints become rarer: recovery reads longer logs' },
  { name: 'progress-reports', effect: 'progress of runs is told less often' },
  { name: 'low-priority-admission', effect: 'new work of low priority is told to come back' },
  { name: 'normal-priority-admission', effect: 'only work of high priority is taken in' },
] as const;

export type Measure = (typeof measures)[number]['name'];

export interface Pressure {
  /** Each a share of what can be borne, 1 and above being too much. */
  readonly queueShare: number;
  readonly memoryShare: number;
  readonly journalShare: number;
}

export interface DegradationTerms {
  readonly highShare: number;
  readonly lowShare: number;
  readonly downMs: number;
  readonly upMs: number;
}

export const degradationTerms: DegradationTerms = {
  highShare: 0.9,
  lowShare: 0.6,
  downMs: 5_000,
  upMs: 30_000,
};

export interface DegradationChange {
  readonly kind: 'given-up' | 'taken-back';
  readonly measure: Measure;
  readonly reason: string;
}

export class Degradation {
  readonly #terms: DegradationTerms;
  #count = 0;
  /** Since when the pressure has been on this side without a change. */
  #side: 'high' | 'low' | 'between' = 'between';
  #since = 0;

  /** With so many given up already, when it is taken over. */
  constructor(terms: DegradationTerms = degradationTerms, count = 0) {
    const { lowShare, highShare } = terms;
    if (!(lowShare >= 0 && lowShare < highShare))
      throw new RangeError(`marks ${lowShare} and ${highShare} must rise from 0`);
    this.#terms = terms;
    this.#count = Math.min(count, measures.length);
  }

  get count(): number {
    return this.#count;
  }

  givenUp(): readonly Measure[] {
    return measures.slice(0, this.#count).map(({ name }) => name);
  }

  has(measure: Measure): boolean {
    return measures.findIndex(({ name }) => name === measure) >= this.#count;
  }

  feel(now: number, pressure: Pressure): DegradationChange | undefined {
    const { highShare, lowShare, downMs, upMs } = this.#terms;
    const [source, share] = worst(pressure);
    const side = share >= highShare ? 'high' : share <= lowShare ? 'low' : 'between';
    if (side !== this.#side) {
      this.#side = side;
      this.#since = now;
    }
    const lasted = now - this.#since;
    if (side === 'high' && lasted >= downMs && this.#count < measures.length)
      return this.#change(now, 1, `${source} at ${Math.round(share * 100)} % for ${lasted} ms`);
    if (side === 'low' && lasted >= upMs && this.#count > 0)
      return this.#change(now, -1, `no pressure above ${Math.round(lowShare * 100)} %`);
    return undefined;
  }

  #change(now: number, by: 1 | -1, why: string): DegradationChange {
    const measure = measures[by === 1 ? this.#count : this.#count - 1];
    assert(measure !== undefined, 'D1: what is given up is a prefix');
    this.#count += by;
    this.#since = now;
    const kind = by === 1 ? 'given-up' : 'taken-back';
    return { kind, measure: measure.name, reason: `${why}; ${effectOf(measure, by)}` };
  }
}

function effectOf({ name, effect }: (typeof measures)[number], by: 1 | -1): string {
  return by === 1 ? effect : `${name} is back`;
}

function worst(pressure: Pressure): [source: string, share: number] {
  const sources: [string, number][] = [
    ['queues', pressure.queueShare],
    ['memory', pressure.memoryShare],
    ['the journal', pressure.journalShare],
  ];
  return sources.reduce((most, one) => (one[1] > most[1] ? one : most));
}
