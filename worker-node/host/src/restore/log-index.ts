/**
 * The facts of one stretch of a turn log, by actor. One reading serves every actor that is restored
 * from it: after the loss of a node that is thousands.
 *
 * X1  facts of an actor stand in the order of the log.
 * X2  a stretch is whole or an error: a gap, or an end before the seal, is `LOG_CORRUPT`.
 */
import { type Batch, BatchReader, type Logs } from '@troupe/fabric';
import { type ActorId, decode, type LogName, TroupeError, troupeError } from '@troupe/model';
import type { NodeFact } from '@troupe/worker-node-core';

interface Placed {
  readonly position: number;
  readonly fact: NodeFact;
}

export class LogIndex {
  readonly from: number;
  /** Bytes of the records read: what keeping this costs, about. */
  readonly bytes: number;
  readonly #facts: ReadonlyMap<ActorId, readonly Placed[]>;

  private constructor(from: number, bytes: number, facts: ReadonlyMap<ActorId, readonly Placed[]>) {
    this.from = from;
    this.bytes = bytes;
    this.#facts = facts;
  }

  /** Reads `log` from `from` to the seal at `to`, or to its present end when `to` is absent. */
  static async read(logs: Logs, log: LogName, from: number, to?: number): Promise<LogIndex> {
    const facts = new Map<ActorId, Placed[]>();
    const reader = new BatchReader<NodeFact>();
    let bytes = 0;
    let position = from - 1;
    try {
      for await (const record of logs.read(log, from, to)) {
        position = record.position;
        if (record.kind !== 'rec') continue;
        bytes += record.body.length;
        for (const fact of reader.push(decode<Batch<NodeFact>>(record.body))) {
          if (fact.kind === 'barrier') continue;
          const known = facts.get(fact.actor);
          if (known === undefined) facts.set(fact.actor, [{ position, fact }]);
          else known.push({ position, fact });
        }
      }
    } catch (reason) {
      throw named(reason, log, position);
    }
    if (to !== undefined && position < to) {
      throw corrupt(log, position, `it ends at ${position}, before its seal at ${to}`);
    }
    return new LogIndex(from, bytes, facts);
  }

  /** The actor's facts in records at or after `from`. */
  of(actor: ActorId, from: number): NodeFact[] {
    const found: NodeFact[] = [];
    for (const each of this.#facts.get(actor) ?? []) {
      if (each.position >= from) found.push(each.fact);
    }
    return found;
  }
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
