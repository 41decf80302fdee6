/**
 * Indexes of sealed logs, shared by everybody who restores from them and kept for a short while:
 * a sealed log never changes.
 *
 * X3  requests that come together are served by one reading.
 * X4  what is kept is bounded by `keepMs` and `keepBytesMax`; a log larger than that serves those
 *     who wait for it and is not kept.
 */
import type { Clock, Logs } from '@troupe/fabric';
import type { LogName } from '@troupe/model';
import type { Slots } from '../slots.ts';
import { LogIndex } from './log-index.ts';

export const keepMs = 30_000;
export const keepBytesMax = 256 * 1024 * 1024;

/** How long the first who asks waits for others, so that the least position is read from. */
export const gatherMs = 15;

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
  #sweeping = false;

  constructor(logs: Logs, clock: Clock, slots: Slots) {
    this.#logs = logs;
    this.#clock = clock;
    this.#slots = slots;
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
    const index = new Promise<void>((resolve) => this.#clock.after(gatherMs, resolve)).then(() =>
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
