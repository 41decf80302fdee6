/**
 * Brings an actor back: its last checkpoint, then its facts in the logs of its chain, in order,
 * then (where the checkpoint may lack any) in this node's own log. What the bytes mean is the machine's
 * business; only where to start reading is asked of them.
 *
 * X6  each request is answered once: by `restored`, or by `restore-failed`.
 * X8  each try begins with the checkpoint that stands there then: what an older one needs may be gone.
 * X7  a damaged log is a failure that names the log and the place, never a shorter history.
 * X11 instead of a checkpoint that holds other bytes than were stored, or is lost, the next older one is taken from which
 *     logs lead, without a gap, to all that the actor has done; else it is not brought back.
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
  actorParts,
  type Bytes,
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
  reaches,
  readOnFrom,
  stretchesOf,
} from '@troupe/worker-node-core';
import { damageOf, lostSince } from '../damage.ts';
import { type Patience, patiently } from '../patience.ts';
import { CheckpointsAhead } from './checkpoints-ahead.ts';
import { OwnLogReader } from './own-log-reader.ts';
import { RestoreStages, type Stages } from './restore-stages.ts';
import { SealedLogs } from './sealed-logs.ts';

export type RestoreOrder = Extract<NodeSend, { kind: 'restore' }>;
type AheadOrder = Extract<NodeWork, { kind: 'read-ahead' }>;

export interface Restored {
  readonly actor: ActorId;
  readonly epoch: number;
  readonly checkpoint?: StoredCheckpoint;
  readonly facts: readonly NodeFact[];
  readonly damaged?: Failure;
  readonly last?: number;
  readonly seed?: Bytes;
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
  readAhead(actor: ActorId, epoch: number, checkpoint: StoredCheckpoint | undefined): void;
  /** Where one is that takes long. */
  isAt(actor: ActorId, epoch: number, at: string): void;
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
  readonly #stages: RestoreStages;

  constructor(start: RestorerStart) {
    this.#start = start;
    this.#sealed = new SealedLogs(start.logs, start.clock, new Slots(logReadsMax));
    this.#own = new OwnLogReader(start.logs, start.ownLog);
    this.#ahead = new CheckpointsAhead(start.clock);
    this.#stages = new RestoreStages(start);
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
        (checkpoint) => {
          this.#ahead.keep(actor, checkpoint);
          return checkpoint;
        },
        (reason: unknown) => {
          const text = 'a checkpoint was not read ahead; it is read when it is needed';
          this.#start.logger.warn({ actor, epoch, err: reason }, text);
          return undefined;
        },
      )
      .then((checkpoint) => this.#start.readAhead(actor, epoch, checkpoint));
  }

  async #read(order: RestoreOrder): Promise<Restored> {
    const { actor, epoch } = order;
    const known = this.#ahead.take(actor);
    if (order.handed !== undefined) return { actor, epoch, facts: [], checkpoint: order.handed };
    const stages = this.#stages.begin(actor, epoch);
    const patience: Patience = {
      ...this.#patience,
      failed: (reason, attempt) => {
        stages.is(`waiting to try again: ${textOf(reason)}`);
        this.#start.logger.warn({ actor, epoch, attempt, err: reason }, 'a restore waits');
      },
    };
    return await patiently(patience, async () => {
      const asked = this.#sealed.expect(order.chain.map((link) => link.log));
      stages.is('reading the last checkpoint');
      let checkpoint: StoredCheckpoint | undefined;
      try {
        checkpoint = await this.#checkpointReads
          .run(() => this.#start.checkpoints.get(actor, known))
          .finally(asked);
        const { known: stored = 0 } = order;
        const given = checkpoint?.revision ?? 0;
        if (given < stored) throw lostSince(actor, stored, given);
      } catch (reason) {
        if (!(reason instanceof TroupeError) || damageOf(reason) === undefined) throw reason;
        return await this.#fromOlder(order, reason, stages);
      }
      const facts = await this.#facts(order, checkpoint, stages).catch(async (reason: unknown) => {
        const standing = await this.#start.checkpoints.get(actor);
        if (standing?.revision === checkpoint?.revision) throw reason;
        throw overtaken(actor, reason);
      });
      const from = checkpoint === undefined ? {} : { checkpoint };
      return { actor, epoch, facts, ...from, ...(await this.#seed(order, checkpoint)) };
    }).finally(stages.end);
  }

  /** The state that it was made with, where it has no checkpoint of its own. */
  async #seed(
    { actor, seed, birth }: RestoreOrder,
    checkpoint: StoredCheckpoint | undefined,
  ): Promise<Pick<Restored, 'seed'>> {
    if (seed === undefined || headOf(checkpoint?.body, birth) !== undefined) return {};
    const found = await this.#start.checkpoints.get(seed);
    if (found !== undefined) return { seed: found.body };
    const standing = await this.#start.checkpoints.get(actor);
    if (standing?.revision === checkpoint?.revision) return {};
    // It goes once there is one.
    throw overtaken(actor, undefined);
  }

  /** X11 */
  async #fromOlder(order: RestoreOrder, reason: TroupeError, stages: Stages): Promise<Restored> {
    const { actor, epoch, birth } = order;
    const { checkpoints } = this.#start;
    const whynot: string[] = [];
    const tryFrom = async (checkpoint?: StoredCheckpoint): Promise<Restored | undefined> => {
      try {
        const facts = await this.#facts(order, checkpoint, stages, true);
        const from = checkpoint === undefined ? {} : { checkpoint };
        return {
          actor,
          epoch,
          facts,
          ...from,
          damaged: reason.toFailure(),
          last: last?.revision ?? 0,
        };
      } catch (thrown) {
        if (!(thrown instanceof TroupeError) || thrown.code !== 'LOG_CORRUPT') throw thrown;
        whynot.push(thrown.message);
        return undefined;
      }
    };
    const versions = await checkpoints.versions(actor);
    const [last] = versions;
    const damage = damageOf(reason);
    /** Whoever can be read of these was stored since. */
    const since =
      damage === undefined || 'revision' in damage ? damage?.revision : damage.after + 1;
    /** The last one that can be read, wherever it leads. */
    let sound: { readonly revision: number; readonly seq: number } | undefined;
    for (const { revision } of versions) {
      stages.is(`reading checkpoint ${revision}, since ${reason.message}`);
      let checkpoint: StoredCheckpoint | undefined;
      try {
        checkpoint = await checkpoints.version(actor, revision);
      } catch (thrown) {
        if (damageOf(thrown) === undefined) throw thrown;
        continue;
      }
      if (revision >= (since ?? 0) && checkpoint !== undefined) throw overtaken(actor, reason);
      const head = headOf(checkpoint?.body, birth);
      if (head === undefined) continue;
      sound ??= { revision, seq: head.seq };
      if (!reaches(order, head)) continue;
      const found = await tryFrom(checkpoint);
      if (found !== undefined) return found;
    }
    const found = order.fromBirth === true ? await tryFrom() : undefined;
    if (found !== undefined) return found;
    const why = whynot.length === 0 ? '' : ` (${whynot.join('; ')})`;
    const text = `${reason.message}, and no older checkpoint and log lead to what it was${why}`;
    throw troupeError('LOG_CORRUPT', `${text}; ${leftOf(actor, sound)}`, reason.details, reason);
  }

  async #facts(
    order: RestoreOrder,
    checkpoint: StoredCheckpoint | undefined,
    stages: Stages,
    whole = false,
  ): Promise<NodeFact[]> {
    const head = headOf(checkpoint?.body, order.birth);
    // What this placement did follows the whole chain: its own checkpoint covers the chain.
    const own = head?.epoch === order.epoch;
    const stretches = own ? [] : stretchesOf(order.chain, head);
    if (stretches.length > 0) {
      stages.is(
        stretches.map(({ log, from, to }) => `reading log ${log} from ${from} to ${to}`).join(),
      );
    }
    const parts = await Promise.all(
      stretches.map(async ({ log, from, to }) => {
        const index = await this.#sealed.index(log, from, to);
        return index.of(order.actor, from, whole);
      }),
    );
    const after = whole ? order.ownFrom : order.uncoveredFrom;
    if (after !== undefined) {
      const from = readOnFrom(after, own ? head : undefined);
      stages.is(`reading the log of its node from ${from}`);
      parts.push((await this.#own.index(from)).of(order.actor, from, whole));
    }
    return parts.flat();
  }
}

/** What can still be had of an actor that is not brought back. */
function leftOf(
  actor: ActorId,
  sound: { readonly revision: number; readonly seq: number } | undefined,
): string {
  if (sound === undefined) return 'see `troupe checkpoints`';
  const { type, key } = actorParts(actor);
  const fork = `troupe checkpoints fork ${type}/${key} ${sound.revision} NEW-KEY`;
  return `checkpoint ${sound.revision} can be read: \`${fork}\` makes an actor as it was at turn ${sound.seq}`;
}

function overtaken(actor: ActorId, reason: unknown): TroupeError {
  const text = `a newer checkpoint of "${actor}" was stored while it was read back`;
  return troupeError('UNAVAILABLE', text, {}, reason);
}

function restoreFailure(actor: ActorId, reason: unknown): Failure {
  if (reason instanceof TroupeError && reason.code === 'LOG_CORRUPT') return reason.toFailure();
  const text = `actor "${actor}" could not be restored: ${textOf(reason)}`;
  return failure('UNAVAILABLE', text, { actor });
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
