/**
 * The facts of one stretch of a turn log, by actor. One reading serves every actor that is restored
 * from it: after the loss of a node that is thousands.
 *
 * X1  facts of an actor stand in the order of the log.
 * X2  a stretch is whole or an error: a gap, or an end before the seal, is `LOG_CORRUPT`.
 * X10 a damaged record is an error, which names it, for those who need what stands there or behind it: an actor
 *     whose checkpoint covers it needs neither.
 */
import { type Batch, BatchReader, type LogRecord, type Logs } from '@troupe/fabric';
import { type ActorId, decode, type LogName, TroupeError, troupeError } from '@troupe/model';
import type { NodeFact } from '@troupe/worker-node-core';

interface Placed {
  readonly position: number;
  readonly fact: NodeFact;
}

/** What cannot be read: everything up to `position` that was not read before. */
interface Damage {
  readonly position: number;
  readonly text: string;
}

/** Beyond, a log is damaged for everybody. */
const damagedMax = 64;
const openingPosition = 1;

export class LogIndex {
  readonly from: number;
  /** Bytes of the records read: what keeping this costs, about. */
  readonly bytes: number;
  readonly #log: LogName;
  readonly #read: Reading;

  private constructor(log: LogName, from: number, read: Reading) {
    this.#log = log;
    this.from = from;
    this.bytes = read.bytes;
    this.#read = read;
  }

  /** Reads `log` from `from` to the seal at `to`, or to its present end when `to` is absent. */
  static async read(logs: Logs, log: LogName, from: number, to?: number): Promise<LogIndex> {
    const read = new Reading(from - 1);
    for (let next = from; ; ) {
      try {
        for await (const record of logs.read(log, next, to)) read.push(record);
        break;
      } catch (reason) {
        const damage = damageIn(reason);
        if (damage === undefined || read.damaged.length >= damagedMax) {
          throw named(reason, log, read.position);
        }
        read.skip(damage);
        next = damage.position + 1;
      }
    }
    if (to !== undefined && read.position < to) {
      throw corrupt(log, read.position, `it ends at ${read.position}, before its seal at ${to}`);
    }
    return new LogIndex(log, from, read);
  }

  /** The actor's facts in records at or after `from`; with `whole` a failure where the log has been trimmed
   *  behind that. */
  of(actor: ActorId, from: number, whole = false): NodeFact[] {
    const { damaged, front, facts } = this.#read;
    // X10
    for (const { position, text } of damaged) {
      if (position >= from) throw corrupt(this.#log, position, text);
    }
    if (whole && front !== undefined && front > Math.max(from, openingPosition + 1)) {
      throw corrupt(this.#log, from, `record ${from} is needed, and it begins at ${front} by now`);
    }
    const found: NodeFact[] = [];
    for (const each of facts.get(actor) ?? []) {
      if (each.position >= from) found.push(each.fact);
    }
    return found;
  }
}

/** What was read of a log so far. */
class Reading {
  readonly facts = new Map<ActorId, Placed[]>();
  readonly damaged: Damage[] = [];
  bytes = 0;
  /** Of the last record that was passed. */
  position: number;
  /** Of the first one behind the opening. */
  front: number | undefined;
  #reader = new BatchReader<NodeFact>();

  constructor(position: number) {
    this.position = position;
  }

  push({ kind, position, body }: LogRecord): void {
    this.position = position;
    if (kind === 'open') return;
    this.front ??= position;
    if (kind === 'seal') return;
    this.bytes += body.length;
    let facts: readonly NodeFact[];
    try {
      facts = this.#reader.push(decode<Batch<NodeFact>>(body));
    } catch (reason) {
      return this.skip({ position, text: `record ${position}: ${textOf(reason)}` });
    }
    for (const fact of facts) {
      if (fact.kind === 'barrier') continue;
      const known = this.facts.get(fact.actor);
      if (known === undefined) this.facts.set(fact.actor, [{ position, fact }]);
      else known.push({ position, fact });
    }
  }

  /** Whoever needs what stands there is told; what it began or ended is not read either. */
  skip(damage: Damage): void {
    this.front ??= damage.position;
    this.damaged.push(damage);
    this.position = damage.position;
    this.#reader = new BatchReader();
  }
}

/** A record that holds other bytes, or records that are not there. */
function damageIn(reason: unknown): Damage | undefined {
  if (!(reason instanceof TroupeError) || reason.code !== 'LOG_CORRUPT') return undefined;
  const { position, found } = reason.details;
  if (typeof position === 'number') return { position, text: reason.message };
  return typeof found === 'number' ? { position: found - 1, text: reason.message } : undefined;
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

function named(reason: unknown, log: LogName, position: number): unknown {
  if (reason instanceof TroupeError) {
    return reason.code === 'LOG_CORRUPT'
      ? corrupt(log, position, `record ${position}: ${reason.message}`)
      : reason;
  }
  return reason;
}

function corrupt(log: LogName, position: number, what: string): TroupeError {
  return troupeError('LOG_CORRUPT', `turn log ${log} cannot be replayed: ${what}`, {
    log,
    position,
  });
}
