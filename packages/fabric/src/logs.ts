/**
 * Logs by name, each a JetStream stream of its own with three subjects: `.open` for the first
 * record, `.rec` for what the writer appends, `.seal` for what ends it.
 *
 * G1  opening and seal records are never trimmed, so the fence outlives everything.
 * G2  the first seal counts; whatever it follows is history, and no writer comes after it.
 */
import { randomUUID } from 'node:crypto';
import { type Bytes, type LogName, logName, sameBytes, troupeError } from '@troupe/model';
import {
  DiscardPolicy,
  headers,
  type LastForMsgRequest,
  RetentionPolicy,
  type SeqMsgRequest,
  StorageType,
  type StoredMsg,
  type StreamInfo,
} from 'nats';
import { LogFeed } from './log-feed.ts';
import { readLog } from './log-read.ts';
import { recordIdHeader, StreamLogWriter } from './log-writer.ts';
import type { Names } from './names.ts';
import type { NatsLink } from './nats-connection.ts';
import { apiCode, isDefinite, isNoMessage, isStreamGone, jetStreamCode } from './nats-errors.ts';
import { Patience, untilAnswered } from './nats-retry.ts';
import type { FollowLog, LogRecord, Logs, LogWriter } from './ports.ts';
import { putSum } from './sum.ts';

/** With `next_by_subj`: the first at or after `seq` on that subject. */
type MessageQuery = (SeqMsgRequest & { next_by_subj?: string }) | LastForMsgRequest;

const openingPosition = 1;
/** For how long a log that cannot be found is asked for again where there are several servers. */
const goneMs = 3_000;

export interface LogsStart {
  /** Appends and small requests. */
  readonly link: NatsLink;
  /** Reading and following, which may be much. */
  readonly bulk: NatsLink;
  readonly names: Names;
  readonly replicas: number;
}

export class StreamLogs implements Logs {
  readonly #link: NatsLink;
  readonly #bulk: NatsLink;
  readonly #names: Names;
  readonly #replicas: number;

  constructor(start: LogsStart) {
    this.#link = start.link;
    this.#bulk = start.bulk;
    this.#names = start.names;
    this.#replicas = start.replicas;
  }

  async create(log: LogName, opening: Bytes): Promise<void> {
    await this.#addStream(log);
    const patience = new Patience(this.#link, `opening log ${log}`);
    for (;;) {
      const present = await this.#message(log, { seq: openingPosition });
      if (present !== undefined) {
        if (sameBytes(present.data, opening)) return;
        throw troupeError('ALREADY_EXISTS', `log ${log} has another opening record`, { log });
      }
      try {
        await this.#publish(log, 'open', opening, 0);
      } catch (cause) {
        if (apiCode(cause) === jetStreamCode.wrongLastSequence) {
          const end = (await this.#info(log)).state.last_seq;
          const first = await this.#message(log, { seq: openingPosition });
          if (end > 0 && first === undefined) throw gone(log, 'has lost its opening record');
          continue;
        }
        if (isDefinite(cause)) throw cause;
        await patience.wait(cause);
      }
    }
  }

  async writer(log: LogName): Promise<LogWriter> {
    const last = await this.end(log);
    // In this order: a seal that comes after this look stands behind `last` and refuses us.
    const seal = await this.#firstSeal(log);
    if (seal !== undefined) {
      throw troupeError('DEPOSED', `log ${log} was sealed at ${seal}`, { log, sealed: seal });
    }
    return this.writerAt(log, last);
  }

  writerAt(log: LogName, last: number): LogWriter {
    return new StreamLogWriter({
      link: this.#link,
      log,
      stream: this.#names.logStream(log),
      subject: this.#names.logSubject(log),
      last,
    });
  }

  async seal(log: LogName, by: Bytes): Promise<number> {
    const patience = new Patience(this.#link, `sealing log ${log}`);
    for (;;) {
      const sealed = await this.#firstSeal(log);
      if (sealed !== undefined) return sealed;
      try {
        await this.#publish(log, 'seal', by);
      } catch (cause) {
        if (isDefinite(cause)) throw cause;
        await patience.wait(cause);
      }
    }
  }

  async *read(log: LogName, from: number, to?: number): AsyncGenerator<LogRecord, void, undefined> {
    const last = await this.#lastPresent(log);
    const end = Math.min(to ?? last, last);
    if (end < from) return;
    yield* readLog({
      link: this.#bulk,
      log,
      stream: this.#names.logStream(log),
      from,
      to: end,
      lastPresent: () => this.#lastPresent(log),
    });
  }

  async follow(log: LogName, from: number, on: FollowLog): Promise<{ stop(): Promise<void> }> {
    const feed = new LogFeed({
      link: this.#bulk,
      log,
      stream: this.#names.logStream(log),
      from,
      on,
      lastPresent: () => this.#lastPresent(log),
    });
    await feed.begin();
    return feed;
  }

  async end(log: LogName): Promise<number> {
    return (await this.#info(log)).state.last_seq;
  }

  async trim(log: LogName, before: number): Promise<void> {
    if (before <= openingPosition + 1) return;
    const stream = this.#names.logStream(log);
    const filter = `${this.#names.logSubject(log)}.rec`;
    await this.#ask(log, 'trimming', () =>
      this.#link.jsm.streams.purge(stream, { filter, seq: before }),
    );
  }

  async delete(log: LogName): Promise<void> {
    const stream = this.#names.logStream(log);
    try {
      await untilAnswered(this.#link, `deleting log ${log}`, () =>
        this.#link.jsm.streams.delete(stream),
      );
    } catch (cause) {
      if (!isStreamGone(cause)) throw cause;
    }
  }

  async list(): Promise<LogName[]> {
    const prefix = this.#names.logStream(logName(''));
    const found: LogName[] = [];
    const streams = await untilAnswered(this.#link, 'listing logs', async () => {
      const all: string[] = [];
      for await (const stream of this.#link.jsm.streams.names()) all.push(stream);
      return all;
    });
    for (const stream of streams) {
      const { checkpointStream, markStream } = this.#names;
      const other = stream === checkpointStream || stream === markStream;
      if (stream.startsWith(prefix) && !other) found.push(logName(stream.slice(prefix.length)));
    }
    return found.sort();
  }

  async #addStream(log: LogName): Promise<void> {
    const subject = this.#names.logSubject(log);
    try {
      await untilAnswered(this.#link, `making log ${log}`, () =>
        this.#link.jsm.streams.add({
          name: this.#names.logStream(log),
          subjects: [`${subject}.open`, `${subject}.rec`, `${subject}.seal`],
          retention: RetentionPolicy.Limits,
          storage: StorageType.File,
          // Without any limit nothing is ever discarded; if one were set, appends would fail first.
          discard: DiscardPolicy.New,
          num_replicas: this.#replicas,
          // Reads that decide who owns a position must come from the leader of the stream.
          allow_direct: false,
          deny_delete: true,
        }),
      );
    } catch (cause) {
      // Made before, when the configuration said something else: it is the log all the same.
      if (apiCode(cause) !== jetStreamCode.nameInUse) throw cause;
    }
  }

  async #publish(
    log: LogName,
    kind: 'open' | 'seal',
    body: Bytes,
    lastSequence?: number,
  ): Promise<void> {
    const fresh = headers();
    const id = `${randomUUID()}:1`;
    fresh.set(recordIdHeader, id);
    putSum(fresh, id, body);
    const streamName = this.#names.logStream(log);
    const expect = lastSequence === undefined ? { streamName } : { streamName, lastSequence };
    await this.#link.whileConnected(() =>
      this.#link.js.publish(`${this.#names.logSubject(log)}.${kind}`, body, {
        headers: fresh,
        expect,
      }),
    );
  }

  async #firstSeal(log: LogName): Promise<number | undefined> {
    const next_by_subj = `${this.#names.logSubject(log)}.seal`;
    return (await this.#message(log, { seq: openingPosition, next_by_subj }))?.seq;
  }

  /** Position of the last record that was not trimmed. */
  async #lastPresent(log: LogName): Promise<number> {
    const last_by_subj = `${this.#names.logSubject(log)}.*`;
    return (await this.#message(log, { last_by_subj }))?.seq ?? 0;
  }

  async #message(log: LogName, query: MessageQuery): Promise<StoredMsg | undefined> {
    try {
      return await this.#ask(log, 'reading', () =>
        this.#link.jsm.streams.getMessage(this.#names.logStream(log), query),
      );
    } catch (cause) {
      if (isNoMessage(cause)) return undefined;
      throw cause;
    }
  }

  #info(log: LogName): Promise<StreamInfo> {
    return this.#ask(log, 'looking at', () =>
      this.#link.jsm.streams.info(this.#names.logStream(log)),
    );
  }

  /**
   * Asks until answered; that the stream is gone becomes a coded error. Of several servers one that
   * was cut off does not know the newest streams: they are asked again for some time.
   */
  async #ask<T>(log: LogName, doing: string, request: () => Promise<T>): Promise<T> {
    const { clock } = this.#link;
    const patience = new Patience(this.#link, `${doing} log ${log}`);
    const until = clock.now() + (this.#replicas > 1 ? goneMs : 0);
    for (;;) {
      try {
        return await untilAnswered(this.#link, `${doing} log ${log}`, request);
      } catch (cause) {
        if (!isStreamGone(cause)) throw cause;
        if (clock.now() >= until) throw gone(log, 'does not exist');
        await patience.wait(cause);
      }
    }
  }
}

function gone(log: LogName, what: string): Error {
  return troupeError('LOG_CORRUPT', `log ${log} ${what}`, { log });
}
