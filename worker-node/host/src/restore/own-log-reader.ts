/**
 * Reading back from the log that this node is writing itself. Restores that come while one reading
 * is under way share the next one.
 *
 * X5  a reading begins after every request it serves, so it sees all that was durable by then.
 */
import type { Logs } from '@troupe/fabric';
import type { LogName } from '@troupe/model';
import { LogIndex } from './log-index.ts';

interface Group {
  from: number;
  readonly index: Promise<LogIndex>;
}

export class OwnLogReader {
  readonly #logs: Logs;
  readonly log: LogName;
  #reading: Promise<unknown> = Promise.resolve();
  #next: Group | undefined;

  constructor(logs: Logs, log: LogName) {
    this.#logs = logs;
    this.log = log;
  }

  /** Facts from `from` (or earlier) to the end at some moment after this call. */
  index(from: number): Promise<LogIndex> {
    if (this.#next !== undefined) {
      this.#next.from = Math.min(this.#next.from, from);
      return this.#next.index;
    }
    const index = this.#reading.then(() => {
      this.#next = undefined;
      return LogIndex.read(this.#logs, this.log, group.from);
    });
    const group: Group = { from, index };
    this.#next = group;
    this.#reading = index.then(
      () => undefined,
      () => undefined,
    );
    return index;
  }
}
