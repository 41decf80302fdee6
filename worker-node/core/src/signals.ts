/**
 * Signals that have come to an actor and that no turn has been given yet, in the order in which they
 * came.
 *
 * X1  numbers of signals rise by one over all epochs of the actor.
 * X2  a signal is kept until the record of a turn holds it, and again when that turn did not hear it.
 */
import { assert, type Bytes, limits } from '@troupe/model';

export interface KeptSignal {
  readonly number: number;
  readonly name: string;
  readonly value: Bytes;
}

/** As they stand in a checkpoint. */
export interface StoredSignals {
  readonly count: number;
  readonly kept: readonly KeptSignal[];
}

export class Signals {
  #kept: KeptSignal[] = [];
  #bytes = 0;
  #count = 0;

  /** Signals that have ever come. */
  get count(): number {
    return this.#count;
  }

  get size(): number {
    return this.#kept.length;
  }

  hasRoomFor(value: Bytes): boolean {
    const { signalsKeptMax, signalBytesKeptMax } = limits;
    return this.#kept.length < signalsKeptMax && this.#bytes + value.length <= signalBytesKeptMax;
  }

  /** The oldest of this name. */
  first(name: string): KeptSignal | undefined {
    return this.#kept.find((signal) => signal.name === name);
  }

  add(signal: KeptSignal): void {
    assert(signal.number === this.#count + 1, 'X1: numbers of signals rise by one');
    this.#count = signal.number;
    this.#kept.push(signal);
    this.#bytes += signal.value.length;
  }

  /** The record of a turn holds it. */
  drop(number: number): void {
    const at = this.#kept.findIndex((signal) => signal.number === number);
    const [signal] = at < 0 ? [] : this.#kept.splice(at, 1);
    this.#bytes -= signal?.value.length ?? 0;
  }

  /** The turn whose record held it did not hear it (X2). */
  giveBack(signal: KeptSignal): void {
    const later = this.#kept.findIndex(({ number }) => number >= signal.number);
    if (this.#kept[later]?.number === signal.number) return;
    this.#kept.splice(later < 0 ? this.#kept.length : later, 0, signal);
    this.#bytes += signal.value.length;
  }

  store(): StoredSignals {
    return { count: this.#count, kept: [...this.#kept] };
  }

  static from(stored: StoredSignals | undefined): Signals {
    const signals = new Signals();
    if (stored === undefined) return signals;
    signals.#count = stored.count;
    signals.#kept = [...stored.kept];
    signals.#bytes = stored.kept.reduce((sum, { value }) => sum + value.length, 0);
    return signals;
  }
}
