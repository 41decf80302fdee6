/**
 * Brings an actor back: its last checkpoint, then its facts in the logs of its chain, in order,
 * then (when asked) in this node's own log. What the bytes mean is the machine's business; only
 * where to start reading is asked of them.
 *
 * X6  each request is answered once: by `restored`, or by `restore-failed`.
 * X8  each try begins with the checkpoint that stands there then: what an older one needs may be gone.
 * X7  a damaged log is a failure that names the log and the place, never a shorter history.
 */
import {
  type Checkpoints,
  type Clock,
  type Logger,
  type Logs,
  Slots,
  type StoredCheckpoint,
} from '@troupe/fabric';
import {
  type ActorId,
  type Failure,
  failure,
  type LogName,
  TroupeError,
  troupeError,
} from '@troupe/model';
import {
  headOf,
  type NodeFact,
  type NodeSend,
  type NodeWork,
  stretchesOf,
} from '@troupe/worker-node-core';
import { type Patience, patiently } from '../patience.ts';
import { CheckpointsAhead } from './checkpoints-ahead.ts';
import { OwnLogReader } from './own-log-reader.ts';
import { SealedLogs } from './sealed-logs.ts';

export type RestoreOrder = Extract<NodeSend, { kind: 'restore' }>;
type AheadOrder = Extract<NodeWork, { kind: 'read-ahead' }>;

export interface Restored {
  readonly actor: ActorId;
  readonly epoch: number;
  readonly checkpoint?: StoredCheckpoint;
  readonly facts: readonly NodeFact[];
}

export interface RestorerStart {
  readonly logs: Logs;
  readonly checkpoints: Checkpoints;
  readonly clock: Clock;
  readonly ownLog: LogName;
  readonly logger: Logger;
  /** How long an unreachable store is asked again. */
  readonly patienceMs?: number;
  restored(result: Restored): void;
  failed(actor: ActorId, epoch: number, why: Failure): void;
  /** What was to be read ahead is at hand, or cannot be had. */
  readAhead(actor: ActorId, epoch: number): void;
}

const checkpointReadsMax = 64;
const logReadsMax = 4;
const patienceMsDefault = 60_000;

export class Restorer {
  readonly #start: RestorerStart;
  readonly #sealed: SealedLogs;
  readonly #own: OwnLogReader;
  readonly #checkpointReads = new Slots(checkpointReadsMax);
  readonly #patience: Patience;
  readonly #ahead: CheckpointsAhead;

  constructor(start: RestorerStart) {
    this.#start = start;
    this.#sealed = new SealedLogs(start.logs, start.clock, new Slots(logReadsMax));
    this.#own = new OwnLogReader(start.logs, start.ownLog);
    this.#ahead = new CheckpointsAhead(start.clock);
    this.#patience = {
      limitMs: start.patienceMs ?? patienceMsDefault,
      firstMs: 100,
      longestMs: 5_000,
    };
  }

  restore(order: RestoreOrder): void {
    const { actor, epoch } = order;
    this.#read(order).then(
      (result) => this.#start.restored(result),
      (reason: unknown) => {
        const why = restoreFailure(actor, reason);
        this.#start.logger.error({ actor, epoch, code: why.code }, why.message);
        this.#start.failed(actor, epoch, why);
      },
    );
  }

  /** Fetches a checkpoint that is soon to be restored from. */
  readAhead({ actor, epoch }: AheadOrder): void {
    this.#checkpointReads
      .run(() => this.#start.checkpoints.get(actor))
      .then(
        (checkpoint) => this.#ahead.keep(actor, checkpoint),
        (reason: unknown) => {
          const text = 'a checkpoint was not read ahead; it is read when it is needed';
          this.#start.logger.warn({ actor, epoch, err: reason }, text);
        },
      )
      .finally(() => this.#start.readAhead(actor, epoch));
  }

  async #read(order: RestoreOrder): Promise<Restored> {
    const { actor, epoch } = order;
    const known = this.#ahead.take(actor);
    const patience: Patience = {
      ...this.#patience,
      failed: (reason, attempt) =>
        this.#start.logger.warn({ actor, epoch, attempt, err: reason }, 'a restore waits'),
    };
    return await patiently(patience, async () => {
      const asked = this.#sealed.expect(order.chain.map((link) => link.log));
      const checkpoint = await this.#checkpointReads
        .run(() => this.#start.checkpoints.get(actor, known))
        .finally(asked);
      const facts = await this.#facts(order, checkpoint).catch(async (reason: unknown) => {
        const standing = await this.#start.checkpoints.get(actor);
        if (standing?.revision === checkpoint?.revision) throw reason;
        const text = `a newer checkpoint of "${actor}" was stored while it was read back`;
        throw troupeError('UNAVAILABLE', text, {}, reason);
      });
      return { actor, epoch, facts, ...(checkpoint === undefined ? {} : { checkpoint }) };
    });
  }

  async #facts(order: RestoreOrder, checkpoint: StoredCheckpoint | undefined): Promise<NodeFact[]> {
    const head = headOf(checkpoint?.body, order.birth);
    // What this placement did follows the whole chain: its own checkpoint covers the chain.
    const own = head?.epoch === order.epoch;
    const stretches = own ? [] : stretchesOf(order.chain, head);
    const parts = await Promise.all(
      stretches.map(async ({ log, from, to }) => {
        const index = await this.#sealed.index(log, from, to);
        return index.of(order.actor, from);
      }),
    );
    if (order.ownLog) {
      const from = own ? head.floor.position + 1 : order.ownFrom + 1;
      parts.push((await this.#own.index(from)).of(order.actor, from));
    }
    return parts.flat();
  }
}

function restoreFailure(actor: ActorId, reason: unknown): Failure {
  if (reason instanceof TroupeError && reason.code === 'LOG_CORRUPT') return reason.toFailure();
  const text = reason instanceof Error ? reason.message : String(reason);
  return failure('UNAVAILABLE', `actor "${actor}" could not be restored: ${text}`, { actor });
}
