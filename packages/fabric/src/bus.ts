/**
 * Messages between processes over core NATS: quick, unordered between subjects, and lost when the
 * connection is; whoever needs an answer sends again.
 *
 * B1  messages to one subject are delivered in the order in which they were sent.
 * B2  nothing is held back for a broker that is not there: it is dropped, counted and logged.
 */
import {
  assert,
  type Bytes,
  decode,
  encode,
  type Failure,
  failureOf,
  limits,
  TroupeError,
  troupeError,
} from '@troupe/model';
import type { Msg, NatsError, Subscription } from 'nats';
import type { NatsLink } from './nats-connection.ts';
import { isNoResponders, textOf } from './nats-errors.ts';
import type { Bus } from './ports.ts';

/** A batch is closed when it has grown to this. */
const batchBytesMax = 700_000;
/** Bytes on their way to the broker before further ones wait (and gather) here. */
const underwayBytesMax = 4 * 1024 * 1024;
/** Bytes waiting here beyond which messages are dropped. */
const waitingBytesMax = 64 * 1024 * 1024;

interface Batch {
  readonly subject: string;
  readonly messages: Bytes[];
  bytes: number;
}

type Reply = { readonly answer: unknown } | { readonly failure: Failure };

export class NatsBus implements Bus {
  readonly #link: NatsLink;
  #batches: Batch[] = [];
  #open = new Map<string, Batch>();
  #waitingBytes = 0;
  #underwayBytes = 0;
  #unconfirmedBytes = 0;
  #scheduled = false;
  #dropped = 0;

  constructor(link: NatsLink) {
    this.#link = link;
    link.onConnection((connected) => this.#onConnection(connected));
  }

  get connected(): boolean {
    return this.#link.connected;
  }

  onConnection(on: (connected: boolean) => void): void {
    this.#link.onConnection(on);
  }

  send(subject: string, message: object): void {
    const body = encode(message);
    if (body.length > limits.recordBytesMax) {
      const text = `a message of ${body.length} bytes to ${subject} exceeds`;
      const reason = troupeError('TOO_LARGE', `${text} ${limits.recordBytesMax} bytes`);
      this.#link.logger.error({ subject, bytes: body.length }, reason.message);
      throw reason;
    }
    if (!this.#link.connected || this.#waitingBytes + body.length > waitingBytesMax) {
      this.#drop(1);
      return;
    }
    this.#put(subject, body);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#link.clock.soon(() => {
      this.#scheduled = false;
      this.#release();
    });
  }

  listen(subject: string, on: (message: never) => void): { stop(): void } {
    return this.#subscribe(subject, (message) => {
      const batch = decode<readonly never[]>(message.data);
      for (const one of batch) this.#guard(subject, () => on(one));
    });
  }

  async ask(subject: string, question: object, limitMs: number): Promise<unknown> {
    const unavailable = (why: string, cause?: unknown) =>
      troupeError('UNAVAILABLE', `a question to ${subject} got no answer: ${why}`, {}, cause);
    let reply: Reply;
    try {
      const message = await this.#link.whileConnected(() =>
        this.#link.connection.request(subject, encode(question), { timeout: limitMs }),
      );
      reply = decode<Reply>(message.data);
    } catch (cause) {
      const why = isNoResponders(cause) ? 'nobody listens there' : textOf(cause);
      throw unavailable(why, cause);
    }
    if ('failure' in reply) throw new TroupeError(reply.failure);
    return reply.answer;
  }

  answer(subject: string, on: (question: never) => Promise<object>): { stop(): void } {
    return this.#subscribe(subject, (message) => {
      const question = decode<never>(message.data);
      void this.#answerOne(message, () => on(question));
    });
  }

  async flush(): Promise<void> {
    this.#release();
    await this.#link.whileConnected(() => this.#link.connection.flush());
  }

  async close(): Promise<void> {
    this.#release();
    await this.#link.close();
  }

  async #answerOne(message: Msg, on: () => Promise<object>): Promise<void> {
    let reply: Reply;
    try {
      reply = { answer: await on() };
    } catch (reason) {
      reply = { failure: failureOf(reason) };
    }
    // A lost connection loses the answer; the asker's time runs out and it asks again.
    if (this.#link.connected) message.respond(encode(reply));
    else this.#drop(1);
  }

  #subscribe(subject: string, on: (message: Msg) => void): { stop(): void } {
    const callback = (error: NatsError | null, message: Msg): void => {
      if (error === null) this.#guard(subject, () => on(message));
      else this.#link.logger.error({ subject, error: error.message }, 'subscription failed');
    };
    const subscription: Subscription = this.#link.connection.subscribe(subject, { callback });
    return { stop: () => subscription.unsubscribe() };
  }

  /** One bad message or listener must not stop the others. */
  #guard(subject: string, run: () => void): void {
    try {
      run();
    } catch (reason) {
      const text = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
      this.#link.logger.error({ subject, error: text }, 'a message could not be handled');
    }
  }

  #put(subject: string, body: Bytes): void {
    let batch = this.#open.get(subject);
    if (batch === undefined || batch.bytes + body.length > batchBytesMax) {
      batch = { subject, messages: [], bytes: 0 };
      this.#open.set(subject, batch);
      this.#batches.push(batch);
    }
    batch.messages.push(body);
    batch.bytes += body.length;
    this.#waitingBytes += body.length;
  }

  #release(): void {
    let published = 0;
    for (const batch of this.#batches) {
      if (!this.#link.connected || this.#underwayBytes >= underwayBytesMax) break;
      this.#link.connection.publish(batch.subject, packArray(batch.messages, batch.bytes));
      if (this.#open.get(batch.subject) === batch) this.#open.delete(batch.subject);
      this.#waitingBytes -= batch.bytes;
      this.#underwayBytes += batch.bytes;
      this.#unconfirmedBytes += batch.bytes;
      published += 1;
    }
    this.#batches.splice(0, published);
    assert(this.#waitingBytes >= 0, 'B3: what waits is counted');
    if (this.#unconfirmedBytes >= underwayBytesMax / 8) this.#confirm();
  }

  /** Learns that the broker has taken what was published, and goes on with what waits. */
  #confirm(): void {
    const bytes = this.#unconfirmedBytes;
    this.#unconfirmedBytes = 0;
    const done = () => {
      this.#underwayBytes = Math.max(0, this.#underwayBytes - bytes);
      this.#release();
    };
    // When the connection is lost its loss empties everything, so there is nothing to repair here.
    this.#link.whileConnected(() => this.#link.connection.flush()).then(done, () => {});
  }

  #onConnection(connected: boolean): void {
    if (!connected) {
      this.#drop(this.#batches.reduce((sum, batch) => sum + batch.messages.length, 0));
      this.#batches = [];
      this.#open.clear();
      this.#waitingBytes = 0;
      return;
    }
    this.#underwayBytes = 0;
    this.#unconfirmedBytes = 0;
    this.#sayDropped();
  }

  #drop(count: number): void {
    this.#dropped += count;
    if (count > 0 && this.#link.connected) this.#sayDropped();
  }

  #sayDropped(): void {
    if (this.#dropped === 0) return;
    const fields = { link: this.#link.name, messages: this.#dropped };
    this.#link.logger.warn(fields, 'messages were dropped; their senders send them again');
    this.#dropped = 0;
  }
}

/** A msgpack array of parts that are packed already. */
function packArray(parts: readonly Bytes[], bytes: number): Bytes {
  const count = parts.length;
  const head =
    count < 16
      ? [0x90 | count]
      : count < 65_536
        ? [0xdc, count >> 8, count & 0xff]
        : [0xdd, count >>> 24, (count >> 16) & 0xff, (count >> 8) & 0xff, count & 0xff];
  const packed = new Uint8Array(head.length + bytes);
  packed.set(head);
  let at = head.length;
  for (const part of parts) {
    packed.set(part, at);
    at += part.length;
  }
  return packed;
}
