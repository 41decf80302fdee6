/**
 * A client session: every call and submit has a number in it, and is asked for again under that
 * number on each new stream until it is answered. So a retry never takes effect twice, and an
 * answer is never lost with a connection.
 *
 * S1  numbers rise within the session; an actor's calls are written in the order of their numbers.
 * S2  an ask ends without the cluster's answer only by its deadline when it was never sent, and
 *     else as OUTCOME_UNKNOWN: too late, too long disconnected, aborted without a word, or closed.
 * S3  at most `sessionCallsMax` asks are open; further ones wait their turn, in order.
 */
import { randomUUID } from 'node:crypto';
import { uptime } from 'node:os';
import { errorTable, limits, TroupeError, troupeError } from '@troupe/model';
import type { Channel } from '../wire/channel.ts';
import { failureOfMessage } from '../wire/failures.ts';
import type { ResultMessage } from '../wire/messages.ts';
import { ActorWindows, Ask, type Order } from './ask.ts';
import { Link } from './link.ts';

const sweepMs = 250;
const backoffMsMin = 50;
const backoffMsMax = 2_000;
/** How long an aborted call waits to hear whether it took effect. */
const abortMs = 2_000;
/** Shorter than the time after which actors forget a session. */
const disconnectedMsMax = 600_000;

export interface SessionStart {
  readonly channels: readonly Channel[];
  readonly tenant: string;
  readonly callsMax?: number;
  /** Milliseconds of the machine, its sleep included. */
  readonly sinceBoot?: () => number;
}

export class Session {
  readonly #start: SessionStart;
  readonly #callsMax: number;
  readonly #sinceBoot: () => number;
  #id = randomUUID();
  #number = 0;
  readonly #open = new Map<number, Ask>();
  readonly #windows = new ActorWindows();
  readonly #waiting = new Set<Order>();
  #link: Link | undefined;
  #welcomed = false;
  #channel: Channel;
  #channelIndex = 0;
  #attempt = 0;
  #disconnectedAt = performance.now();
  #reconnect: NodeJS.Timeout | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #sweptAt: number;
  /** Why nothing more can be asked. */
  #dead: TroupeError | undefined;
  #lastReason: TroupeError | undefined;
  readonly #ready: Promise<void>;
  #onReady: () => void = () => undefined;
  #onRefused: (reason: TroupeError) => void = () => undefined;

  constructor(start: SessionStart) {
    this.#start = start;
    this.#sinceBoot = start.sinceBoot ?? sinceBoot;
    this.#sweptAt = this.#sinceBoot();
    this.#callsMax = start.callsMax ?? limits.sessionCallsMax;
    this.#channel = this.#channelAt(0);
    this.#ready = new Promise((resolve, reject) => {
      this.#onReady = resolve;
      this.#onRefused = reject;
    });
    this.#ready.catch(() => undefined);
    this.#connect();
  }

  /** The channel that serves the session, or served it last. */
  get channel(): Channel {
    return this.#channel;
  }

  /** Why the session is not connected, if something is known. */
  get lastReason(): TroupeError | undefined {
    return this.#lastReason;
  }

  /** Resolves with the first welcome; rejects when the cluster refuses this client for good. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** Throws when nothing more can be asked. */
  checkOpen(): void {
    if (this.#dead !== undefined) throw this.#dead;
  }

  /** Asks, now or when it is its turn (S3). */
  ask(order: Order): void {
    if (this.#dead !== undefined) return order.reject(this.#dead);
    if (this.#sweep === undefined) {
      this.#sweptAt = this.#sinceBoot();
      this.#sweep = setInterval(() => this.#onSweep(performance.now()), sweepMs);
    }
    if (this.#open.size >= this.#callsMax || this.#waiting.size > 0) this.#waiting.add(order);
    else this.#admit(order);
  }

  /** The caller no longer waits for this order; says so to the cluster, and waits a little. */
  abort(order: Order): void {
    if (this.#waiting.delete(order)) return order.reject(notSent('CANCELLED', order, 'aborted'));
    const { ask } = order;
    if (ask === undefined || ask.settled) return;
    if (!ask.sent) {
      this.#settle(ask).reject(notSent('CANCELLED', order, 'aborted'));
      return;
    }
    ask.giveUpAt = performance.now() + abortMs;
    if (this.#welcomed) this.#link?.push({ cancel: { number: ask.number } });
  }

  close(): void {
    const reason = troupeError('WRONG_STATE', 'this connection to the cluster was closed');
    this.#die(reason, 'the connection was closed');
  }

  #admit(order: Order): void {
    const { body } = order;
    const number = ++this.#number;
    const window =
      body.kind === 'call'
        ? this.#windows.of(`${body.message.type}/${body.message.key}`)
        : undefined;
    const ask = new Ask(order, number, window);
    order.ask = ask;
    this.#open.set(number, ask);
    if (this.#welcomed) this.#write(ask);
  }

  #write(ask: Ask): void {
    ask.streams += 1;
    this.#link?.push(ask.message(performance.now()));
  }

  #settle(ask: Ask): Order {
    this.#open.delete(ask.number);
    ask.settle();
    for (const order of this.#waiting) {
      if (this.#open.size >= this.#callsMax) break;
      this.#waiting.delete(order);
      this.#admit(order);
    }
    if (this.#open.size === 0 && this.#waiting.size === 0) {
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }
    return ask.order;
  }

  #onResult(result: ResultMessage): void {
    const ask = this.#open.get(result.number);
    // An answer to what was given up meanwhile: its caller has been told.
    if (ask === undefined) return;
    if (result.error === null) {
      this.#settle(ask).resolve(result.value, result.objects);
      return;
    }
    const failed = failureOfMessage(result.error);
    const nothingDone = errorTable[failed.code].outcome === 'none';
    // This gateway knows of nothing. What the one before it knew, or will still do, nobody says.
    if (ask.streams > 1 && nothingDone) this.#giveUp(ask, failed.message);
    else this.#settle(ask).reject(new TroupeError(failed));
  }

  #onSweep(now: number): void {
    const slept = this.#sinceBoot() - this.#sweptAt > disconnectedMsMax;
    this.#sweptAt = this.#sinceBoot();
    const tooLong = slept || (!this.#welcomed && now - this.#disconnectedAt > disconnectedMsMax);
    for (const ask of [...this.#open.values()]) {
      if (ask.sent && tooLong) {
        this.#giveUp(ask, `the cluster could not be reached for ${disconnectedMsMax} ms`);
      } else if (now >= ask.giveUpAt) {
        this.#giveUp(ask, `it was aborted, and no answer came within ${abortMs} ms`);
      } else if (!ask.sent && now >= ask.deadlineAt) {
        this.#settle(ask).reject(this.#late(ask.order));
      } else if (now >= ask.answerBy) {
        this.#giveUp(ask, 'no answer came in time');
      }
    }
    for (const order of this.#waiting) {
      if (order.body.kind !== 'call' || now < order.body.deadlineAt) continue;
      this.#waiting.delete(order);
      order.reject(this.#late(order));
    }
    // Nothing is open under it any more, and actors may have forgotten it.
    if (tooLong) this.#id = randomUUID();
  }

  #late(order: Order): TroupeError {
    const why = this.#welcomed ? 'too many calls were open' : 'the cluster was not reached';
    return notSent('DEADLINE_EXCEEDED', order, why);
  }

  #giveUp(ask: Ask, why: string): void {
    const what = `${ask.order.name} may or may not have taken effect: ${why}`;
    const cause = this.#welcomed ? undefined : this.#lastReason;
    this.#settle(ask).reject(troupeError('OUTCOME_UNKNOWN', what, {}, cause));
  }

  #connect(): void {
    this.#channel = this.#channelAt(this.#channelIndex++);
    const link: Link = new Link(
      this.#channel,
      { session: this.#id, tenant: this.#start.tenant },
      {
        onWelcome: () => this.#onWelcome(),
        onResult: (result) => this.#onResult(result),
        onEnd: (reason, fatal) => this.#onEnd(reason, fatal),
      },
    );
    this.#link = link;
  }

  #onWelcome(): void {
    // What is past its time is not asked for again: its actor may have forgotten this session.
    if (this.#sweep !== undefined) this.#onSweep(performance.now());
    this.#welcomed = true;
    this.#attempt = 0;
    this.#onReady();
    for (const ask of this.#open.values()) {
      this.#write(ask);
      if (ask.giveUpAt !== Infinity) this.#link?.push({ cancel: { number: ask.number } });
    }
  }

  #onEnd(reason: TroupeError, fatal: boolean): void {
    if (this.#welcomed) this.#disconnectedAt = performance.now();
    const wasWelcomed = this.#welcomed;
    this.#welcomed = false;
    this.#link = undefined;
    this.#lastReason = reason;
    if (fatal) return this.#die(reason, reason.message);
    const most = Math.min(backoffMsMax, backoffMsMin * 2 ** this.#attempt);
    this.#attempt += 1;
    // The next gateway may be there: after a good session the first try comes at once.
    const waitMs = wasWelcomed ? 0 : most * (0.5 + Math.random() / 2);
    this.#reconnect = setTimeout(() => this.#connect(), waitMs);
  }

  /** Ends the session for good; every ask is told (S2). */
  #die(reason: TroupeError, why: string): void {
    if (this.#dead !== undefined) return;
    this.#dead = reason;
    clearTimeout(this.#reconnect);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const ask of [...this.#open.values()]) {
      if (ask.sent) this.#giveUp(ask, why);
      else this.#settle(ask).reject(reason);
    }
    for (const order of waiting) order.reject(reason);
    clearInterval(this.#sweep);
    this.#sweep = undefined;
    this.#link?.close();
    this.#link = undefined;
    this.#onRefused(reason);
  }

  #channelAt(index: number): Channel {
    const { channels } = this.#start;
    const channel = channels[index % channels.length];
    if (channel === undefined) throw troupeError('INVALID_ARGUMENT', 'no address is given');
    return channel;
  }
}

/** `performance.now` stands still while the machine sleeps; the wall clock does not, but counts its
 *  being set as a sleep. */
function sinceBoot(): number {
  return uptime() * 1_000;
}

/** What never left this process surely did nothing. */
function notSent(code: 'CANCELLED' | 'DEADLINE_EXCEEDED', order: Order, why: string): TroupeError {
  return troupeError(code, `${order.name} was not sent (${why})`);
}
