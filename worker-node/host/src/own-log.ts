/**
 * The writing end of this node's turn log as the loop sees it: counts bytes, and knows how to end.
 *
 * F1  after `condemn` no append of the loop succeeds, so nothing that waits for one is released.
 * F2  a refusal that is counted was really given by the store.
 */
import type { Batch, LogWriter } from '@troupe/fabric';
import { type Bytes, decode, encode, type LogName, TroupeError, troupeError } from '@troupe/model';
import type { NodeFact } from '@troupe/worker-node-core';

export class OwnLog implements LogWriter {
  readonly #writer: LogWriter;
  #inFlight: Promise<number> | undefined;
  #condemned = false;
  #bytes = 0;
  #refused = 0;
  #lastRecord: Bytes | undefined;

  constructor(writer: LogWriter) {
    this.#writer = writer;
  }

  get log(): LogName {
    return this.#writer.log;
  }

  get last(): number {
    return this.#writer.last;
  }

  /** Bytes appended since this was last asked. */
  takeBytes(): number {
    const bytes = this.#bytes;
    this.#bytes = 0;
    return bytes;
  }

  /** Appends that the store refused. */
  get refused(): number {
    return this.#refused;
  }

  get appending(): boolean {
    return this.#inFlight !== undefined;
  }

  async append(records: readonly Bytes[]): Promise<number> {
    if (this.#condemned) throw this.#deposed();
    const position = await this.#try(records);
    // Durable, but said to be dying meanwhile: the next owner replays it, this one says nothing.
    if (this.#condemned) throw this.#deposed();
    for (const record of records) this.#bytes += record.length;
    return position;
  }

  /**
   * This incarnation is dying by the journal. Waits for the append in flight, if any; then asks the
   * store with one last append whether the log is closed to us.
   */
  async condemn(): Promise<void> {
    this.#condemned = true;
    const refused = await this.#inFlight?.then(
      () => false,
      () => true,
    );
    if (refused === true) return;
    const batch: Batch<NodeFact> = {
      first: this.#nextFact(),
      facts: [{ kind: 'barrier' }],
      last: true,
    };
    await this.#try([encode(batch)]).catch((reason: unknown) => {
      if (!isDeposed(reason)) throw reason;
    });
  }

  /** Number of the fact after the last record that is durable. */
  #nextFact(): number {
    if (this.#lastRecord === undefined) return 0;
    const { first, facts } = decode<Batch<NodeFact>>(this.#lastRecord);
    return first + facts.length;
  }

  async #try(records: readonly Bytes[]): Promise<number> {
    const append = this.#writer.append(records);
    this.#inFlight = append;
    try {
      const position = await append;
      this.#lastRecord = records.at(-1);
      return position;
    } catch (reason) {
      if (isDeposed(reason)) this.#refused += 1;
      throw reason;
    } finally {
      this.#inFlight = undefined;
    }
  }

  #deposed(): TroupeError {
    return troupeError('DEPOSED', `the incarnation that writes ${this.log} is dying`, {
      log: this.log,
    });
  }
}

export function isDeposed(reason: unknown): boolean {
  return reason instanceof TroupeError && reason.code === 'DEPOSED';
}
