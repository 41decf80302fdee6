/**
 * Records of one log, live, from a position on. It keeps its own books: whatever happens to the
 * connection, the server or the subscription, it asks again from the last position it delivered.
 *
 * F1  no record is delivered twice, and none out of order.
 * F2  no record is skipped: only the front of a log, which trimming frees, may be missing.
 * F3  silence does not show the end: a replica that has stopped taking in records still sends
 *     heartbeats. Who hears none asks the leader of the stream now and then where it ends.
 * F4  each record says where it stands.
 * F5  a record that holds other bytes than were written to it is never given: it breaks the feed, which names it.
 */
import { assert, type LogName, troupeError } from '@troupe/model';
import {
  AckPolicy,
  type ConsumerInfo,
  createInbox,
  DeliverPolicy,
  type Msg,
  type NatsError,
  nanos,
  type Subscription,
} from 'nats';
import { recordIdHeader } from './log-writer.ts';
import type { NatsLink } from './nats-connection.ts';
import { isStreamGone, textOf } from './nats-errors.ts';
import { Patience } from './nats-retry.ts';
import type { FollowLog, LogRecordKind } from './ports.ts';
import { isSound } from './sum.ts';

export interface FeedStart {
  readonly link: NatsLink;
  readonly log: LogName;
  readonly stream: string;
  readonly from: number;
  readonly on: FollowLog;
  /** Position of the last record that is there. */
  lastPresent(): Promise<number>;
}

const heartbeatMs = 1_000;
/** Silence after which the subscription is made anew. */
const silenceMsMax = 3_500;
/** Without a record for so long the end is asked for, and again as long later. */
const lookAfterMs = 5_000;
const goneLooks = 3;
/** The server forgets a subscription that nobody listens to after so long. */
const forgetMs = 10_000;

const openingPosition = 1;

export class LogFeed {
  readonly #start: FeedStart;
  /** The next position to deliver; exact once the front has been passed. */
  #next: number;
  #inFront = true;
  #attempt = 0;
  #subscription: Subscription | undefined;
  #consumer: string | undefined;
  #delivered = 0;
  #heardAt = 0;
  /** When a record came last, or the end was asked for; never again before that was answered. */
  #lookedAt = 0;
  #looking = false;
  #stopped = false;
  #held: Msg | undefined;
  #paused = false;
  #off: (() => void) | undefined;
  #cancelWatch: (() => void) | undefined;

  constructor(start: FeedStart) {
    this.#start = start;
    this.#next = Math.max(1, start.from);
  }

  /** Begins, and resolves when the server has accepted the subscription (or the feed broke). */
  async begin(): Promise<void> {
    this.#off = this.#start.link.onConnection((connected) => {
      if (connected) void this.#open();
    });
    this.#watchSilence();
    await this.#open();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#off?.();
    this.#cancelWatch?.();
    await this.#leave();
  }

  /** While paused the server is asked to hold back. */
  set paused(paused: boolean) {
    this.#paused = paused;
    if (paused || this.#held === undefined) return;
    this.#held.respond();
    this.#held = undefined;
  }

  async #open(): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    const { link, log } = this.#start;
    const patience = new Patience(link, `following log ${log}`);
    for (let gone = 0; attempt === this.#attempt && !this.#stopped; ) {
      try {
        await link.ready();
        void this.#leave();
        const info = await this.#subscribe(attempt);
        if (attempt !== this.#attempt || this.#stopped) return;
        this.#heardAt = link.clock.now();
        this.#lookedAt = this.#heardAt;
        // Deliveries may overtake this answer; then the last of them tells of the arrival.
        const arrived = info.num_pending === 0 && info.delivered.consumer_seq === 0;
        if (arrived && this.#delivered === 0) this.#start.on.caughtUp(this.#next - 1);
        return;
      } catch (cause) {
        if (attempt !== this.#attempt || this.#stopped) return;
        if (link.isClosed) return this.#break(asError(cause));
        gone = isStreamGone(cause) ? gone + 1 : 0;
        if (gone >= goneLooks) {
          return this.#break(troupeError('LOG_CORRUPT', `log ${log} does not exist`, { log }));
        }
        await patience.wait(cause).catch(() => {});
      }
    }
  }

  async #subscribe(attempt: number): Promise<ConsumerInfo> {
    const { link, stream } = this.#start;
    const inbox = createInbox();
    this.#delivered = 0;
    this.#held = undefined;
    this.#subscription = link.connection.subscribe(inbox, {
      callback: (error, message) => this.#onMessage(attempt, error, message),
    });
    const info = await link.whileConnected(() =>
      link.jsm.consumers.add(stream, {
        deliver_subject: inbox,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: this.#next,
        ack_policy: AckPolicy.None,
        max_deliver: 1,
        flow_control: true,
        idle_heartbeat: nanos(heartbeatMs),
        inactive_threshold: nanos(forgetMs),
        mem_storage: true,
        num_replicas: 1,
      }),
    );
    if (attempt === this.#attempt) this.#consumer = info.name;
    return info;
  }

  /** Gives up the present subscription; the server would forget it by itself, but later. */
  async #leave(): Promise<void> {
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    this.#held = undefined;
    const consumer = this.#consumer;
    this.#consumer = undefined;
    const { link, stream } = this.#start;
    if (consumer === undefined || !link.connected) return;
    // A failure here costs nothing: the subscription ends by itself when nobody listens.
    await link.jsm.consumers.delete(stream, consumer).catch(() => {});
  }

  #onMessage(attempt: number, error: NatsError | null, message: Msg): void {
    if (attempt !== this.#attempt || this.#stopped) return;
    if (error !== null) {
      this.#start.link.logger.warn({ log: this.#start.log, error: error.message }, 'feed error');
      return;
    }
    this.#heardAt = this.#start.link.clock.now();
    if (message.headers !== undefined && message.headers.code !== 0) this.#onStatus(message);
    else this.#onRecord(message);
  }

  #onStatus(message: Msg): void {
    const header = message.headers;
    if (header === undefined || header.code !== 100) return;
    if (message.reply !== undefined && message.reply !== '') {
      if (this.#paused) this.#held = message;
      else message.respond();
      return;
    }
    const stalled = header.get('Nats-Consumer-Stalled');
    if (stalled !== '' && !this.#paused) this.#start.link.connection.publish(stalled);
    const sent = Number(header.get('Nats-Last-Consumer'));
    if (Number.isSafeInteger(sent) && sent > this.#delivered) void this.#open();
  }

  #onRecord(message: Msg): void {
    const at = deliveryOf(message);
    if (at.delivery !== this.#delivered + 1) {
      // Something was lost on the way: ask again from where we are.
      void this.#open();
      return;
    }
    this.#delivered = at.delivery;
    this.#lookedAt = this.#heardAt;
    try {
      this.#checkOrder(at.position);
      this.#checkBytes(at.position, message);
      this.#next = at.position + 1;
      const { on } = this.#start;
      on.record({ position: at.position, kind: kindOf(message.subject), body: message.data });
      if (at.pending === 0 && !this.#stopped) on.caughtUp(at.position);
    } catch (reason) {
      this.#break(asError(reason));
    }
  }

  #checkOrder(position: number): void {
    const { log } = this.#start;
    if (position < this.#next) {
      throw troupeError('LOG_CORRUPT', `log ${log} gave record ${position} twice (F1)`, { log });
    }
    if (position > this.#next && !this.#inFront) {
      const text = `log ${log} lacks records ${this.#next} to ${position - 1} (F2)`;
      throw troupeError('LOG_CORRUPT', text, { log, missing: this.#next, found: position });
    }
    // The opening record stays when the front behind it is trimmed.
    if (position > openingPosition) this.#inFront = false;
  }

  /** F5 */
  #checkBytes(position: number, { headers, data }: Msg): void {
    if (isSound(headers, headers?.get(recordIdHeader) ?? '', data)) return;
    const { log } = this.#start;
    const text = `record ${position} of log ${log} holds other bytes than were written to it`;
    throw troupeError('LOG_CORRUPT', text, { log, position });
  }

  #watchSilence(): void {
    const { link } = this.#start;
    this.#cancelWatch = link.clock.after(heartbeatMs, () => {
      if (this.#stopped) return;
      const now = link.clock.now();
      if (this.#consumer !== undefined && link.connected) {
        if (now - this.#heardAt > silenceMsMax) {
          this.#heardAt = now;
          void this.#open();
        } else if (now - this.#lookedAt > lookAfterMs && !this.#paused) {
          void this.#look();
        }
      }
      this.#watchSilence();
    });
  }

  /** F3 */
  async #look(): Promise<void> {
    const { link, log, lastPresent } = this.#start;
    if (this.#looking) return;
    this.#looking = true;
    const [attempt, next] = [this.#attempt, this.#next];
    // What cannot be answered tells nothing: the next look asks again.
    const last = await lastPresent().catch(() => 0);
    this.#looking = false;
    this.#lookedAt = link.clock.now();
    const moved = attempt !== this.#attempt || next !== this.#next || this.#stopped;
    if (moved || this.#paused || last < next) return;
    link.logger.warn({ log, next, last }, 'a follower was told of no records that are there');
    void this.#open();
  }

  #break(reason: Error): void {
    if (this.#stopped) return;
    void this.stop();
    this.#start.on.broken(reason);
  }
}

function kindOf(subject: string): LogRecordKind {
  const kind = subject.slice(subject.lastIndexOf('.') + 1);
  if (kind === 'open' || kind === 'rec' || kind === 'seal') return kind;
  throw troupeError('LOG_CORRUPT', `subject ${subject} belongs to no kind of record`);
}

/** `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<tries>.<sseq>.<cseq>.<time>.<pending>…` */
function deliveryOf(message: Msg): { position: number; delivery: number; pending: number } {
  const parts = (message.reply ?? '').split('.');
  const at = parts.length >= 11 ? 7 : 5;
  const position = Number(parts[at]);
  const delivery = Number(parts[at + 1]);
  const pending = Number(parts[at + 3]);
  assert(Number.isSafeInteger(position + delivery + pending), 'F4: a record says where it stands');
  return { position, delivery, pending };
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(textOf(thrown));
}
