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
  type ChainLink,
  type Failure,
  failure,
  type LogName,
  TroupeError,
  troupeError,
} from '@troupe/model';
import { floorOf, type NodeFact, type NodeSend } from '@troupe/worker-node-core';
import { type Patience, patiently } from '../patience.ts';
import { OwnLogReader } from './own-log-reader.ts';
import { SealedLogs } from './sealed-logs.ts';

export type RestoreOrder = Extract<NodeSend, { kind: 'restore' }>;

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

  constructor(start: RestorerStart) {
    this.#start = start;
    this.#sealed = new SealedLogs(start.logs, start.clock, new Slots(logReadsMax));
    this.#own = new OwnLogReader(start.logs, start.ownLog);
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

  async #read(order: RestoreOrder): Promise<Restored> {
    const { actor, epoch } = order;
    const patience: Patience = {
      ...this.#patience,
      failed: (reason, attempt) =>
        this.#start.logger.warn({ actor, epoch, attempt, err: reason }, 'a restore waits'),
    };
    return await patiently(patience, async () => {
      const asked = this.#sealed.expect(order.chain.map((link) => link.log));
      const checkpoint = await this.#checkpointReads
        .run(() => this.#start.checkpoints.get(actor))
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
    const floor = checkpoint === undefined ? undefined : floorOf(checkpoint.body, order.birth);
    // The own log follows the whole chain: a checkpoint that reaches into it covers the chain.
    const inOwn = floor?.log === this.#own.log;
    const stretches = inOwn ? [] : stretchesOf(order.chain, floor);
    const parts = await Promise.all(
      stretches.map(async ({ log, from, to }) => {
        const index = await this.#sealed.index(log, from, to);
        return index.of(order.actor, from);
      }),
    );
    if (order.ownLog) {
      const from = inOwn && floor !== undefined ? floor.position + 1 : order.ownFrom + 1;
      parts.push((await this.#own.index(from)).of(order.actor, from));
    }
    return parts.flat();
  }
}

/** What of a chain lies after `floor`, the place up to which a checkpoint holds everything. */
export function stretchesOf(
  chain: readonly ChainLink[],
  floor: { readonly log: LogName; readonly position: number } | undefined,
): ChainLink[] {
  if (floor === undefined) return [...chain];
  const at = chain.findIndex((link) => link.log === floor.log);
  return chain
    .slice(Math.max(at, 0))
    .map((link) =>
      link.log === floor.log ? { ...link, from: Math.max(link.from, floor.position + 1) } : link,
    )
    .filter((link) => link.from <= link.to);
}

function restoreFailure(actor: ActorId, reason: unknown): Failure {
  if (reason instanceof TroupeError && reason.code === 'LOG_CORRUPT') return reason.toFailure();
  const text = reason instanceof Error ? reason.message : String(reason);
  return failure('UNAVAILABLE', `actor "${actor}" could not be restored: ${text}`, { actor });
}
