/**
 * Scores, kept: a ranking of all nodes for each ask and strategy in use. A node that changes is noted
 * once; a ranking scores it anew when it is next asked, however often it changed meanwhile. So a
 * decision costs one score for each node that changed since the last one of its kind, and does not
 * look at the rest of the cluster.
 *
 * R1  a ranking that was brought up to date holds exactly the score of every open node.
 */
import { assert, type StrategyName } from '@troupe/model';
import type { Ask } from './demand.ts';
import { isOpen } from './filters.ts';
import { matches, weightMax } from './labels.ts';
import { absent, Ranking } from './ranking.ts';
import type { Site } from './site.ts';
import type { Scorer } from './strategies.ts';

interface Kept {
  readonly ranking: Ranking;
  readonly ask: Ask;
  readonly scorer: Scorer;
  /** Of the notes, how many it has seen. */
  seen: number;
}

/** One met preference stands above any score. */
export const preferenceUnit = 1e9;
/** Memory that all rankings take together. */
const rankingBytesMax = 256 * 1024 * 1024;
const rankingsMax = 1_024;
const bytesOfSlot = 12.5;
const notesMax = 1 << 16;

export class Rankings {
  readonly #sites: readonly (Site | undefined)[];
  readonly #kept = new Map<string, Kept>();
  /** A ring of the slots that changed. */
  readonly #notes = new Int32Array(notesMax);
  #noted = 0;
  /** For each slot, the last catching-up that scored it. */
  #stamps = new Uint32Array(64);
  #stamp = 0;

  constructor(sites: readonly (Site | undefined)[]) {
    this.#sites = sites;
  }

  /** The node in this slot is not what it was. */
  note(slot: number): void {
    this.#notes[this.#noted % notesMax] = slot;
    this.#noted++;
  }

  /** How often anything has changed. */
  get noted(): number {
    return this.#noted;
  }

  /** The slots that have changed since so many; undefined when that is not known any more. */
  changedSince(noted: number): ReadonlySet<number> | undefined {
    if (this.#noted - noted > notesMax) return undefined;
    const slots = new Set<number>();
    for (let at = noted; at < this.#noted; at++) slots.add(this.#notes[at % notesMax] ?? 0);
    return slots;
  }

  /** Forgets the rankings of a strategy whose scores mean something else now, or all. */
  forget(strategy?: StrategyName): void {
    for (const key of this.#kept.keys()) {
      if (strategy === undefined || key.startsWith(`${strategy} `)) this.#kept.delete(key);
    }
  }

  /** The ranking of the nodes for this ask, up to date. */
  of(ask: Ask, strategy: StrategyName, scorer: Scorer): Ranking {
    const key = `${strategy} ${ask.key}`;
    let kept = this.#kept.get(key);
    if (kept === undefined || kept.ranking.capacity < this.#sites.length) {
      kept = this.#begin(ask, scorer);
    } else this.#catchUp(kept);
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept.ranking;
  }

  check(): void {
    for (const kept of this.#kept.values()) {
      // There are more nodes than it has room for: it is begun anew before it is used.
      if (kept.ranking.capacity < this.#sites.length) continue;
      this.#catchUp(kept);
      for (let slot = 0; slot < this.#sites.length; slot++) {
        const key = this.#keyOf(slot, kept);
        assert(kept.ranking.keyOf(slot) === key, 'R1: a ranking holds the score of every node');
      }
    }
  }

  #begin(ask: Ask, scorer: Scorer): Kept {
    const capacity = Math.max(64, 2 ** Math.ceil(Math.log2(this.#sites.length + 1)));
    const kept = { ranking: new Ranking(capacity), ask, scorer, seen: this.#noted };
    kept.ranking.fill((slot) => this.#keyOf(slot, kept), this.#sites.length);
    const room = Math.max(16, Math.floor(rankingBytesMax / (capacity * bytesOfSlot)));
    while (this.#kept.size >= Math.min(room, rankingsMax)) this.#forgetOldest();
    return kept;
  }

  #forgetOldest(): void {
    for (const key of this.#kept.keys()) {
      this.#kept.delete(key);
      return;
    }
  }

  #catchUp(kept: Kept): void {
    const missed = this.#noted - kept.seen;
    if (missed === 0) return;
    if (missed > notesMax) {
      kept.ranking.fill((slot) => this.#keyOf(slot, kept), this.#sites.length);
    } else this.#rescore(kept);
    kept.seen = this.#noted;
  }

  #rescore(kept: Kept): void {
    const size = this.#sites.length;
    if (this.#stamps.length < size) this.#stamps = new Uint32Array(2 * size);
    if (++this.#stamp === 2 ** 32) {
      this.#stamp = 1;
      this.#stamps.fill(0);
    }
    for (let at = kept.seen; at < this.#noted; at++) {
      const slot = this.#notes[at % notesMax] ?? 0;
      if (this.#stamps[slot] === this.#stamp) continue;
      this.#stamps[slot] = this.#stamp;
      kept.ranking.set(slot, this.#keyOf(slot, kept));
    }
  }

  #keyOf(slot: number, { ask, scorer }: Kept): number {
    const site = this.#sites[slot];
    if (site === undefined || !isOpen(site, ask)) return absent;
    const score = scorer.score(site, ask);
    const { nodesPreferred } = ask.demand;
    return nodesPreferred === undefined ? score : score + preferenceUnit * preference(site, ask);
  }
}

function preference(site: Site, { demand }: Ask): number {
  let sum = 0;
  for (const { weight, term } of demand.nodesPreferred ?? []) {
    if (matches(term, site.labels)) sum += weight;
  }
  return Math.min(sum, weightMax);
}
