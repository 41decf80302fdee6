/** When what stands in a record was decided, at the earliest: what timers are measured from. */
import { writerOf } from './one-writer-per-log.ts';

/** What rounding to whole milliseconds may take away. */
const roundingMs = 2;
/** Clocks differ by at most so much in speed. */
const rateMin = 0.94;
/** A fact is decided no earlier than the batch before the last one was stored. */
const batchesLooked = 3;

/** True when this took less than a timer of so many ms may take by any clock. */
export function isEarly(took: number, ms: number): boolean {
  return took < ms * rateMin - roundingMs;
}

export class Decided {
  readonly #now: () => number;
  /** When each writer stored its last batches, by the record that ended each. */
  readonly #stored = new Map<string, readonly number[]>();
  readonly #last = new Map<string, string>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Of every fact: those of a batch become known together, with its last record. */
  note(id: string): void {
    const writer = writerOf(id);
    if (this.#last.get(writer) === id) return;
    this.#last.set(writer, id);
    const times = [...(this.#stored.get(writer) ?? []), this.#now()];
    this.#stored.set(writer, times.slice(-batchesLooked));
  }

  /** What its writer stored so far says nothing about what it stores next. */
  forget(id: string): void {
    this.#stored.delete(writerOf(id));
  }

  at(id: string): number {
    const times = this.#stored.get(writerOf(id)) ?? [];
    return times.length < batchesLooked ? 0 : (times[0] ?? 0);
  }
}
