/**
 * The virtual logs as their server holds them: compare-and-append by the last position, unconditional
 * seals, trimming that spares opening and seals.
 */
import type { LogRecordKind } from '@troupe/fabric/ports';
import type { Bytes, LogName } from '@troupe/model';
import { newerBatch } from '../world/newer.ts';
import type { World } from '../world/world.ts';

export interface Stored {
  readonly position: number;
  readonly kind: LogRecordKind;
  readonly body: Bytes;
  /** Who wrote it, and a counter of its own. */
  readonly id: string;
}

export interface Append {
  readonly id: string;
  readonly kind: LogRecordKind;
  readonly body: Bytes;
  /** Position of the record that it must follow; absent: whatever it follows. */
  readonly expected?: number;
  /** The batch goes on in the next record. */
  readonly more?: boolean;
}

export type Appended = number | 'refused' | 'gone' | 'full';

interface Log {
  /** By position - 1; trimmed ones are undefined. */
  records: (Stored | undefined)[];
  seal: number | undefined;
  trimmed: number;
  /** Who has begun a batch and not ended it. */
  unfinished: string | undefined;
}

/** What trimming keeps of a mutant's seal. */
const fenceMs = 150;

export class LogServer {
  readonly #world: World;
  readonly #logs = new Map<LogName, Log>();
  /** Who is told that there is something new in a log. */
  readonly #watchers = new Map<LogName, Set<() => void>>();

  /** Records of the newer version. */
  readonly #newer = new WeakSet<Stored>();
  #writers = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** A name that no other writer has: a process may write one log after another. */
  nameWriter(process: string): string {
    this.#writers += 1;
    return `${process}|${this.#writers}`;
  }

  create(name: LogName, opening: Bytes, by: string): 'open' | 'full' {
    if ((this.end(name) ?? 0) > 0) return 'open';
    if (!this.#logs.has(name)) {
      this.#logs.set(name, { records: [], seal: undefined, trimmed: 0, unfinished: undefined });
    }
    const opened = this.append(name, {
      id: `${by}|open`,
      kind: 'open',
      body: opening,
      expected: 0,
    });
    return opened === 'full' ? 'full' : 'open';
  }

  append(name: LogName, append: Append): Appended {
    const { id, kind, body, expected } = append;
    const log = this.#logs.get(name);
    if (log === undefined) return 'gone';
    const fenced = this.#world.mutant !== 'no-fence-in-the-log';
    if (expected !== undefined && log.seal === expected + 1) {
      this.#world.coverage.reach('a seal races an append');
    }
    if (expected !== undefined && expected !== log.records.length && fenced) return 'refused';
    if (this.#world.requests.full) return 'full';
    const position = log.records.length + 1;
    const newer = kind === 'rec' && this.#world.requests.asker?.newer === true;
    const record: Stored = { position, kind, body: newer ? newerBatch(body) : body, id };
    if (newer) this.#newer.add(record);
    this.#noteBatch(log, append);
    log.records.push(record);
    if (kind === 'seal') {
      log.seal ??= position;
      this.#loseFence(log, position);
    }
    this.#world.trace?.record(name, id.slice(0, id.indexOf('|')), record);
    this.#world.checks.stored(name, record);
    for (const tell of this.#watchers.get(name) ?? []) tell();
    return position;
  }

  watch(name: LogName, tell: () => void): () => void {
    const watchers = this.#watchers.get(name) ?? new Set();
    this.#watchers.set(name, watchers.add(tell));
    return () => {
      watchers.delete(tell);
    };
  }

  /** Position of the first seal. */
  seal(name: LogName): number | undefined {
    return this.#logs.get(name)?.seal;
  }

  at(name: LogName, position: number): Stored | 'nothing' | 'gone' {
    const log = this.#logs.get(name);
    if (log === undefined) return 'gone';
    return log.records[position - 1] ?? 'nothing';
  }

  /** Last position, also of what was trimmed; undefined when the log is gone. */
  end(name: LogName): number | undefined {
    return this.#logs.get(name)?.records.length;
  }

  read(name: LogName, from: number, to = Number.POSITIVE_INFINITY): Stored[] | 'gone' {
    const log = this.#logs.get(name);
    if (log === undefined) return 'gone';
    const found: Stored[] = [];
    const old = this.#world.requests.asker?.newer === false;
    for (let at = Math.max(from, 1); at <= Math.min(to, log.records.length); at++) {
      const record = log.records[at - 1];
      if (record === undefined) continue;
      found.push(record);
      if (old && this.#newer.has(record)) {
        this.#world.coverage.reach('an older version reads a record of a newer one');
      }
    }
    return found;
  }

  /** Whether every record from there on is there. */
  isWhole(name: LogName, from: number): boolean {
    const log = this.#logs.get(name);
    return log !== undefined && log.trimmed < Math.max(from, 2);
  }

  trim(name: LogName, before: number): void {
    const log = this.#logs.get(name);
    if (log === undefined) return;
    this.#world.trace?.say(name, `trimmed before ${before}`);
    for (let at = log.trimmed; at < Math.min(before - 1, log.records.length); at++) {
      if (log.records[at]?.kind === 'rec') log.records[at] = undefined;
      log.trimmed = at + 1;
    }
  }

  delete(name: LogName): void {
    this.#logs.delete(name);
  }

  #noteBatch(log: Log, { id, more }: Append): void {
    const writer = id.slice(0, id.lastIndexOf(':'));
    if (log.unfinished !== undefined && log.unfinished !== writer) {
      this.#world.coverage.reach('an unfinished batch is left behind');
    }
    log.unfinished = more === true ? writer : undefined;
  }

  #loseFence(log: Log, position: number): void {
    if (this.#world.mutant !== 'fence-is-trimmed') return;
    this.#world.timeline.after(fenceMs, () => {
      if (log.records.length === position) log.records.pop();
    });
  }
}
