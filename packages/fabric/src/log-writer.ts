/**
 * The writing end of one log. The store is the fence: every append carries the expected stream and
 * its expected last sequence. What becomes of an append whose answer never came is found out by
 * reading: nothing is ever appended on a guess.
 *
 * W1  at most one append is in flight (pipelined conditional appends are not a fence).
 * W2  a refused append is never tried with a new expectation: the writer is dead for good.
 * W3  an append resolves only when its records stand in the log, each exactly once, in order.
 */
import { randomUUID } from 'node:crypto';
import {
  assert,
  type Bytes,
  type LogName,
  limits,
  type TroupeError,
  troupeError,
} from '@troupe/model';
import { headers, type PubAck, type StoredMsg, type StreamInfo } from 'nats';
import type { NatsLink } from './nats-connection.ts';
import { apiCode, isNoMessage, isStreamGone, jetStreamCode, textOf } from './nats-errors.ts';
import { Patience, untilAnswered } from './nats-retry.ts';
import type { LogWriter } from './ports.ts';
import { putSum } from './sum.ts';

/** Header that names the one who wrote a record: a writer and its counter. */
export const recordIdHeader = 'Troupe-Record';

/** Looks that must agree before a stream counts as gone: a restarting server may not see it yet. */
const goneLooks = 3;

export interface WriterStart {
  readonly link: NatsLink;
  readonly log: LogName;
  readonly stream: string;
  /** Prefix of the log's subjects. */
  readonly subject: string;
  readonly last: number;
}

type Verdict = 'stored' | 'refused' | 'unknown';
type Found = 'own' | 'foreign' | 'nothing' | 'gone';

export class StreamLogWriter implements LogWriter {
  readonly log: LogName;
  readonly #start: WriterStart;
  readonly #writer = randomUUID();
  #count = 0;
  #last: number;
  #appending = false;
  #dead: TroupeError | undefined;

  constructor(start: WriterStart) {
    assert(start.last >= 1, 'W4: a writer begins after the opening record');
    this.log = start.log;
    this.#start = start;
    this.#last = start.last;
  }

  get last(): number {
    return this.#last;
  }

  async append(records: readonly Bytes[]): Promise<number> {
    assert(records.length > 0, 'W5: an append has records');
    assert(!this.#appending, 'W1: at most one append is in flight');
    if (this.#dead !== undefined) throw this.#dead;
    this.#appending = true;
    try {
      for (const record of records) await this.#appendOne(record);
      return this.#last;
    } finally {
      this.#appending = false;
    }
  }

  async #appendOne(body: Bytes): Promise<void> {
    assert(body.length <= limits.recordBytesMax, 'W6: a record fits into a message');
    this.#count += 1;
    const id = `${this.#writer}:${this.#count}`;
    const patience = new Patience(this.#start.link, `append to log ${this.log}`);
    for (;;) {
      const { verdict, cause } = await this.#publish(body, id);
      if (verdict === 'stored') break;
      const found = await this.#look(id);
      if (found === 'own') break;
      if (found === 'foreign') throw this.#die('another writer or a seal stands at its place');
      if (found === 'gone') throw this.#die('the log is gone');
      if (verdict === 'refused') await this.#checkLength();
      // Nothing there: the same bytes once more, with the same expectation. A late twin of this
      // append is refused by it, and we are refused by a twin that was stored meanwhile.
      await patience.wait(cause);
    }
    this.#last += 1;
  }

  async #publish(body: Bytes, id: string): Promise<{ verdict: Verdict; cause?: unknown }> {
    const { link, stream, subject } = this.#start;
    // Fresh headers each time: the client writes its expectations into the object it is given.
    const fresh = headers();
    fresh.set(recordIdHeader, id);
    putSum(fresh, id, body);
    const expect = { streamName: stream, lastSequence: this.#last };
    let ack: PubAck;
    try {
      ack = await link.whileConnected(() =>
        link.js.publish(`${subject}.rec`, body, { headers: fresh, expect }),
      );
    } catch (cause) {
      if (link.isClosed) throw this.#die('its connection was closed', 'UNAVAILABLE');
      const code = apiCode(cause);
      const refused =
        code === jetStreamCode.wrongLastSequence || code === jetStreamCode.streamMismatch;
      return { verdict: refused ? 'refused' : 'unknown', cause };
    }
    assert(ack.seq === this.#last + 1, 'W3: an accepted record stands where it was expected');
    return { verdict: 'stored' };
  }

  /** What stands at the position at which the append was expected. */
  async #look(id: string): Promise<Found> {
    const { link, stream } = this.#start;
    const seq = this.#last + 1;
    for (let look = 1; ; look++) {
      let message: StoredMsg;
      try {
        message = await untilAnswered(link, `outcome of an append to log ${this.log}`, () =>
          link.jsm.streams.getMessage(stream, { seq }),
        );
      } catch (cause) {
        if (link.isClosed) throw this.#die('its connection was closed', 'UNAVAILABLE');
        if (isNoMessage(cause)) return 'nothing';
        if (!isStreamGone(cause)) throw this.#die(textOf(cause), 'UNAVAILABLE');
        if (look >= goneLooks) return 'gone';
        await new Patience(link, `log ${this.log}, which cannot be found`).wait(cause);
        continue;
      }
      return message.header.get(recordIdHeader) === id ? 'own' : 'foreign';
    }
  }

  /** Refused, though nothing stands there: the log must have become shorter, or been trimmed. */
  async #checkLength(): Promise<void> {
    const { link, stream } = this.#start;
    let info: StreamInfo;
    try {
      info = await untilAnswered(link, `length of log ${this.log}`, () =>
        link.jsm.streams.info(stream),
      );
    } catch (cause) {
      throw this.#die(textOf(cause), isStreamGone(cause) ? 'DEPOSED' : 'UNAVAILABLE');
    }
    const end = info.state.last_seq;
    if (end > this.#last) throw this.#die('others have written beyond its place');
    if (end < this.#last) {
      const text = `it ends at ${end} although ${this.#last} was acknowledged`;
      throw this.#die(text, 'LOG_CORRUPT');
    }
  }

  #die(why: string, code: 'DEPOSED' | 'LOG_CORRUPT' | 'UNAVAILABLE' = 'DEPOSED'): TroupeError {
    const text = `an append to log ${this.log} after position ${this.#last} failed: ${why}`;
    this.#dead ??= troupeError(code, text, { log: this.log, last: this.#last });
    return this.#dead;
  }
}
