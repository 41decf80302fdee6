/** Reading a log up to a known end, in bulk, with the reader setting the pace. */
import type { LogName } from '@troupe/model';
import { LogFeed } from './log-feed.ts';
import type { NatsLink } from './nats-connection.ts';
import type { LogRecord } from './ports.ts';

export interface ReadStart {
  readonly link: NatsLink;
  readonly log: LogName;
  readonly stream: string;
  readonly from: number;
  /** Position of the last record wanted. */
  readonly to: number;
  /** The last record that exists at present: trimming may take the wanted ones away meanwhile. */
  lastPresent(): Promise<number>;
}

/** Bytes waiting for the reader before the server is asked to hold back. */
const waitingBytesMax = 16 * 1024 * 1024;

export async function* readLog(start: ReadStart): AsyncGenerator<LogRecord, void, undefined> {
  const queue = new RecordQueue();
  const feed = new LogFeed({
    ...start,
    on: {
      record(record) {
        if (record.position <= start.to) queue.push(record);
        if (record.position >= start.to) queue.end();
        else if (queue.bytes > waitingBytesMax) feed.paused = true;
      },
      caughtUp(position) {
        if (position >= start.to) queue.end();
        // The feed is at its end before ours: a replica lags, or the records were trimmed.
        else start.lastPresent().then((last) => last <= position && queue.end(), queue.fail);
      },
      broken: queue.fail,
    },
  });
  try {
    await feed.begin();
    for (;;) {
      const record = queue.shift() ?? (await queue.next());
      if (record === undefined) return;
      yield record;
      if (queue.bytes < waitingBytesMax / 2) feed.paused = false;
    }
  } finally {
    // The reader need not wait until the server has forgotten the subscription.
    void feed.stop();
  }
}

class RecordQueue {
  #records: LogRecord[] = [];
  #head = 0;
  #bytes = 0;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  get bytes(): number {
    return this.#bytes;
  }

  push(record: LogRecord): void {
    if (this.#ended) return;
    this.#records.push(record);
    this.#bytes += record.body.length;
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  readonly fail = (reason: Error): void => {
    this.#failure ??= reason;
    this.end();
  };

  shift(): LogRecord | undefined {
    const record = this.#records[this.#head];
    if (record === undefined) return undefined;
    this.#head += 1;
    this.#bytes -= record.body.length;
    if (this.#head === this.#records.length) {
      this.#records = [];
      this.#head = 0;
    }
    return record;
  }

  /** The next record, or undefined at the end; a failure is thrown after what came before it. */
  async next(): Promise<LogRecord | undefined> {
    for (;;) {
      const record = this.shift();
      if (record !== undefined) return record;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
