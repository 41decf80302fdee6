/**
 * The timers of one actor, and the news of them that the leader has not acknowledged yet. It changes by
 * turns alone, live and at replay; what the leader has acknowledged is no fact, and is told again.
 *
 * W1  the number of a timer is never used again, and its firings are numbered without gaps from 1.
 * W2  a firing takes effect once: when its turn is there, the timer is gone or waits for the next.
 * W3  news stay until the leader has them durably, and are numbered without gaps within a channel.
 */
import {
  assert,
  isPeriodic,
  type NewsSeen,
  type PendingTimer,
  type TimerChange,
  type TimerNews,
} from '@troupe/model';

interface Kept {
  readonly timer: PendingTimer;
  /** Monotonic ms of this node when its turn was there, or was read back: it counts from then on. */
  readonly setAt: number;
}

/** As it stands in a checkpoint. */
export interface StoredTimers {
  readonly next: number;
  readonly pending: readonly PendingTimer[];
  readonly channel: number;
  /** Generation of the journal in which those before `from` were acknowledged. */
  readonly generation: number;
  /** Number of the first of `news`. */
  readonly from: number;
  readonly news: readonly TimerNews[];
}

export class TimerBook {
  /** Number of the next timer. */
  #next = 1;
  readonly #pending = new Map<number, Kept>();
  readonly #named = new Map<string, number>();
  #channel = 0;
  #generation = 0;
  #from = 1;
  #news: TimerNews[] = [];

  /** Timers that wait, in the order in which they were set. */
  get size(): number {
    return this.#pending.size;
  }

  pending(): PendingTimer[] {
    return [...this.#pending.values()].map(({ timer }) => timer);
  }

  get(number: number): PendingTimer | undefined {
    return this.#pending.get(number)?.timer;
  }

  get nextNumber(): number {
    return this.#next;
  }

  /** Timers were set once, whatever has become of them. */
  get isUsed(): boolean {
    return this.#next > 1;
  }

  get channel(): number {
    return this.#channel;
  }

  /** News that the leader has not acknowledged. */
  get newsCount(): number {
    return this.#news.length;
  }

  /** Number of the first of them. */
  get newsFrom(): number {
    return this.#from;
  }

  /** The turn of this firing is there, whatever it came to. */
  fired(number: number, firing: number): void {
    const kept = this.#pending.get(number);
    assert(kept?.timer.firing === firing, 'W2: a firing takes effect once');
    if (isPeriodic(kept.timer.when)) {
      this.#pending.set(number, { ...kept, timer: { ...kept.timer, firing: firing + 1 } });
    } else this.#drop(kept.timer);
    this.#news.push({ kind: 'fired', number, firing });
  }

  change(changes: readonly TimerChange[], now: number): void {
    for (const change of changes) {
      if (change.name !== undefined) this.#cancel(change.name);
      if (change.kind === 'set') this.#set(change, now);
    }
  }

  /** News from this number on, as many as one message may hold. */
  news(from: number, now: number): readonly TimerNews[] {
    const start = Math.max(from - this.#from, 0);
    const some = this.#news.slice(start, start + newsAtOnceMax);
    return some.map((one) => (one.kind === 'set' ? { ...one, ...this.#rest(one, now) } : one));
  }

  /** What the leader has; false when it must be told anew, in another channel: it knows one that is not
   *  known here, or has lost what a leader of an older journal had acknowledged. */
  seen({ channel, upTo }: NewsSeen, generation: number, now: number): boolean {
    if (channel < this.#channel) return true;
    const isLost = upTo < this.#from - 1;
    if (channel > this.#channel || (isLost && generation > this.#generation)) {
      this.#generation = generation;
      this.reopen(channel + 1, now);
      return false;
    }
    if (isLost) return true;
    this.#news.splice(0, upTo - this.#from + 1);
    this.#from = upTo + 1;
    this.#generation = Math.max(this.#generation, generation);
    return true;
  }

  /** All that waits is told anew, as the only truth: the actor is not what the leader knows, as when
   *  it was taken back in time, or the leader's own history was. Waiting times begin again. */
  reopen(channel: number, now: number): void {
    assert(channel > this.#channel, 'W3: channels rise');
    this.#channel = channel;
    this.#from = 1;
    this.#news = [{ kind: 'anew' }];
    for (const [number, { timer }] of this.#pending) {
      this.#pending.set(number, { timer, setAt: now });
      this.#news.push(newsOf(timer));
    }
  }

  store(): StoredTimers {
    return {
      next: this.#next,
      pending: this.pending(),
      channel: this.#channel,
      generation: this.#generation,
      from: this.#from,
      news: [...this.#news],
    };
  }

  static from(stored: StoredTimers, now: number): TimerBook {
    const book = new TimerBook();
    book.#next = stored.next;
    for (const timer of stored.pending) book.#keep(timer, now);
    book.#channel = stored.channel;
    book.#generation = stored.generation;
    book.#from = stored.from;
    book.#news = [...stored.news];
    return book;
  }

  /** After its scope went back: what waited then waits again, under numbers that mean nothing else, and
   *  is told anew. */
  static rewound(former: TimerBook, present: TimerBook, now: number): TimerBook {
    const book = TimerBook.from(former.store(), now);
    book.#next = present.#next;
    book.#channel = present.#channel;
    book.#generation = present.#generation;
    book.reopen(present.#channel + 1, now);
    return book;
  }

  #set({ kind: _, ...of }: Extract<TimerChange, { kind: 'set' }>, now: number): void {
    const timer: PendingTimer = { number: this.#next, firing: 1, ...of };
    this.#next += 1;
    this.#keep(timer, now);
    this.#news.push(newsOf(timer));
  }

  #cancel(name: string): void {
    const number = this.#named.get(name);
    const kept = number === undefined ? undefined : this.#pending.get(number);
    if (kept === undefined) return;
    this.#drop(kept.timer);
    this.#news.push({ kind: 'cancelled', number: kept.timer.number });
  }

  #keep(timer: PendingTimer, setAt: number): void {
    this.#pending.set(timer.number, { timer, setAt });
    if (timer.name !== undefined) this.#named.set(timer.name, timer.number);
  }

  #drop({ number, name }: PendingTimer): void {
    this.#pending.delete(number);
    if (name !== undefined && this.#named.get(name) === number) this.#named.delete(name);
  }

  /** How much of its time is left; that of a firing after the first is known to the leader alone. */
  #rest(
    { number, when, firing = 1 }: Extract<TimerNews, { kind: 'set' }>,
    now: number,
  ): { readonly restMs?: number } {
    if (when.kind !== 'after' && when.kind !== 'every') return {};
    const ms = when.kind === 'every' && firing === 1 ? when.firstMs : when.ms;
    const setAt = this.#pending.get(number)?.setAt ?? now;
    return { restMs: Math.max(0, ms - (now - setAt)) };
  }
}

/** News of one actor told at once; the next follow when these are acknowledged. */
const newsAtOnceMax = 256;

function newsOf({ number, name, when, firing }: PendingTimer): TimerNews {
  const news = { kind: 'set', number, when } as const;
  const named = name === undefined ? news : { ...news, name };
  return firing === 1 ? named : { ...named, firing };
}
