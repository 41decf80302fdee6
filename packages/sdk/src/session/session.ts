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
import { errorTable, limits, TroupeError, troupeError } from '@troupe/model';
import { type Platform, processPlatform } from '../platform.ts';
import type { Door } from '../wire/door.ts';
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
  readonly doors: readonly Door[];
  readonly tenant: string;
  readonly callsMax?: number;
  /** That of the process unless given. */
  readonly platform?: Platform;
}

export class Session {
  readonly #start: SessionStart;
  readonly #callsMax: number;
  readonly #platform: Platform;
  #id: string;
  #number = 0;
  readonly #open = new Map<number, Ask>();
  readonly #windows = new ActorWindows();
  readonly #waiting = new Set<Order>();
  #link: Link | undefined;
  #welcomed = false;
  #door: Door;
  #doorIndex = 0;
  #attempt = 0;
  #disconnectedAt: number;
  #cancelReconnect: (() => void) | undefined;
  #cancelSweep: (() => void) | undefined;
  #sweptAt: number;
  /** Why nothing more can be asked. */
  #dead: TroupeError | undefined;
  #lastReason: TroupeError | undefined;
  readonly #ready: Promise<void>;
  #onReady: () => void = () => undefined;
  #onRefused: (reason: TroupeError) => void = () => undefined;

  constructor(start: SessionStart) {
    this.#start = start;
    this.#platform = start.platform ?? processPlatform;
    this.#id = this.#platform.newId();
    this.#disconnectedAt = this.#platform.now();
    this.#sweptAt = this.#platform.sinceBoot();
    this.#callsMax = start.callsMax ?? limits.sessionCallsMax;
    this.#door = this.#doorAt(0);
    this.#ready = new Promise((resolve, reject) => {
      this.#onReady = resolve;
      this.#onRefused = reject;
    });
    this.#ready.catch(() => undefined);
    this.#connect();
  }

  /** The door that serves the session, or served it last. */
  get door(): Door {
    return this.#door;
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
    if (this.#cancelSweep === undefined) {
      this.#sweptAt = this.#platform.sinceBoot();
      this.#armSweep();
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
    ask.giveUpAt = this.#platform.now() + abortMs;
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
    this.#link?.push(ask.message(this.#platform.now()));
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
      this.#cancelSweep?.();
      this.#cancelSweep = undefined;
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

  #armSweep(): void {
    this.#cancelSweep = this.#platform.after(sweepMs, () => {
      this.#armSweep();
      this.#onSweep(this.#platform.now());
    });
  }

  #onSweep(now: number): void {
    const slept = this.#platform.sinceBoot() - this.#sweptAt > disconnectedMsMax;
    this.#sweptAt = this.#platform.sinceBoot();
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
    if (tooLong) this.#id = this.#platform.newId();
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
    this.#door = this.#doorAt(this.#doorIndex++);
    const link: Link = new Link(
      { door: this.#door, platform: this.#platform },
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
    if (this.#cancelSweep !== undefined) this.#onSweep(this.#platform.now());
    this.#welcomed = true;
    this.#attempt = 0;
    this.#onReady();
    for (const ask of this.#open.values()) {
      this.#write(ask);
      if (ask.giveUpAt !== Infinity) this.#link?.push({ cancel: { number: ask.number } });
    }
  }

  #onEnd(reason: TroupeError, fatal: boolean): void {
    if (this.#welcomed) this.#disconnectedAt = this.#platform.now();
    const wasWelcomed = this.#welcomed;
    this.#welcomed = false;
    this.#link = undefined;
    this.#lastReason = reason;
    if (fatal) return this.#die(reason, reason.message);
    const most = Math.min(backoffMsMax, backoffMsMin * 2 ** this.#attempt);
    this.#attempt += 1;
    // The next gateway may be there: after a good session the first try comes at once.
    const waitMs = wasWelcomed ? 0 : most * (0.5 + this.#platform.chance() / 2);
    this.#cancelReconnect = this.#platform.after(waitMs, () => this.#connect());
  }

  /** Ends the session for good; every ask is told (S2). */
  #die(reason: TroupeError, why: string): void {
    if (this.#dead !== undefined) return;
    this.#dead = reason;
    this.#cancelReconnect?.();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const ask of [...this.#open.values()]) {
      if (ask.sent) this.#giveUp(ask, why);
      else this.#settle(ask).reject(reason);
    }
    for (const order of waiting) order.reject(reason);
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#link?.close();
    this.#link = undefined;
    this.#onRefused(reason);
  }

  #doorAt(index: number): Door {
    const { doors } = this.#start;
    const door = doors[index % doors.length];
    if (door === undefined) throw troupeError('INVALID_ARGUMENT', 'no address is given');
    return door;
  }
}

/** What never left this process surely did nothing. */
function notSent(code: 'CANCELLED' | 'DEADLINE_EXCEEDED', order: Order, why: string): TroupeError {
  return troupeError(code, `${order.name} was not sent (${why})`);
}
