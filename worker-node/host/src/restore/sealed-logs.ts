/**
 * Indexes of sealed logs, shared by everybody who restores from them and kept for a short while:
 * a sealed log never changes.
 *
 * X3  requests that come together are served by one reading.
 * X4  what is kept is bounded by `keepMs` and `keepBytesMax`; a log larger than that serves those
 *     who wait for it and is not kept.
 */
import { type Clock, type Logs, pause, type Slots } from '@troupe/fabric';
import type { LogName } from '@troupe/model';
import { LogIndex } from './log-index.ts';

const keepMs = 30_000;
const keepBytesMax = 256 * 1024 * 1024;

/** A reading begins when all who are expected have asked, looked at so often … */
const gatherMs = 15;
/** … and waits no longer than this for them. */
const gatherMsMax = 300;

interface Kept {
  readonly to: number;
  /** Least position asked for; fixed once the reading has begun. */
  from: number;
  begun: boolean;
  readonly index: Promise<LogIndex>;
  /** 0 while it is being read. */
  bytes: number;
  usedAt: number;
}

export class SealedLogs {
  readonly #logs: Logs;
  readonly #clock: Clock;
  readonly #slots: Slots;
  /** In order of last use. */
  readonly #kept = new Map<LogName, Kept>();
  /** Restores that may ask for a log, but do not know yet from where. */
  readonly #expected = new Map<LogName, number>();
  #sweeping = false;

  constructor(logs: Logs, clock: Clock, slots: Slots) {
    this.#logs = logs;
    this.#clock = clock;
    this.#slots = slots;
  }

  /** Somebody is about to ask for these logs; the answer says that they have, or will not. */
  expect(logs: readonly LogName[]): () => void {
    for (const log of logs) this.#expected.set(log, (this.#expected.get(log) ?? 0) + 1);
    return () => {
      for (const log of logs) {
        const left = (this.#expected.get(log) ?? 1) - 1;
        if (left === 0) this.#expected.delete(log);
        else this.#expected.set(log, left);
      }
    };
  }

  /** The log's facts from `from` (or earlier) to its seal at `to`. */
  index(log: LogName, from: number, to: number): Promise<LogIndex> {
    const known = this.#kept.get(log);
    if (known === undefined || known.to !== to) return this.#load(log, from, to);
    if (!known.begun) known.from = Math.min(known.from, from);
    if (known.from > from) return this.#load(log, from, to);
    known.usedAt = this.#clock.now();
    this.#kept.delete(log);
    this.#kept.set(log, known);
    return known.index;
  }

  #load(log: LogName, from: number, to: number): Promise<LogIndex> {
    const index = this.#gathered(log).then(() =>
      this.#slots.run(() => {
        kept.begun = true;
        return LogIndex.read(this.#logs, log, kept.from, to);
      }),
    );
    const kept: Kept = { to, from, begun: false, index, bytes: 0, usedAt: this.#clock.now() };
    this.#kept.set(log, kept);
    index.then(
      (read) => {
        kept.bytes = read.bytes;
        kept.usedAt = this.#clock.now();
        this.#shrink();
        this.#sweepLater();
      },
      // Whoever waits gets the reason; the next who asks reads anew.
      () => {
        if (this.#kept.get(log) === kept) this.#kept.delete(log);
      },
    );
    return index;
  }

  async #gathered(log: LogName): Promise<void> {
    const until = this.#clock.now() + gatherMsMax;
    do await pause(this.#clock, gatherMs);
    while (this.#expected.has(log) && this.#clock.now() < until);
  }

  #shrink(): void {
    let bytes = 0;
    for (const kept of this.#kept.values()) bytes += kept.bytes;
    for (const [log, kept] of [...this.#kept]) {
      if (bytes <= keepBytesMax) return;
      bytes -= kept.bytes;
      if (kept.bytes > 0) this.#kept.delete(log);
    }
  }

  #sweepLater(): void {
    if (this.#sweeping || this.#kept.size === 0) return;
    this.#sweeping = true;
    this.#clock.after(keepMs, () => {
      this.#sweeping = false;
      const old = this.#clock.now() - keepMs;
      for (const [log, kept] of [...this.#kept]) {
        if (kept.bytes > 0 && kept.usedAt <= old) this.#kept.delete(log);
      }
      this.#sweepLater();
    });
  }
}
