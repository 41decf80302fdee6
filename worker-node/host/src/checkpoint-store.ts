/**
 * Stores checkpoints. Each put states the revision it replaces; when another one stands there, the
 * greater (epoch, seq) stays, whoever wrote last.
 *
 * S1  a stored checkpoint is never replaced by an older one.
 * S2  each put is answered once, when its fate is known; an unreachable store is asked again.
 * S3  at most `putsMax` puts are in flight.
 */
import { type Checkpoints, type Logger, Slots } from '@troupe/fabric';
import type { ActorId } from '@troupe/model';
import { checkpointHead, checkpointIsNewer, type NodeSend } from '@troupe/worker-node-core';
import { type Patience, patiently } from './patience.ts';

export type PutOrder = Extract<NodeSend, { kind: 'put-checkpoint' }>;

const putsMax = 64;

export interface CheckpointStoreStart {
  readonly checkpoints: Checkpoints;
  readonly logger: Logger;
  /** `revision` is absent when a newer checkpoint stands in the store. */
  stored(actor: ActorId, epoch: number, seq: number, revision?: number): void;
}

export class CheckpointStore {
  readonly #start: CheckpointStoreStart;
  readonly #slots = new Slots(putsMax);
  #stopped = false;
  #open = 0;

  constructor(start: CheckpointStoreStart) {
    this.#start = start;
  }

  /** Puts not yet answered. */
  get open(): number {
    return this.#open;
  }

  put(order: PutOrder): void {
    const { actor, epoch, seq } = order;
    this.#open += 1;
    const patience: Patience = {
      limitMs: Number.POSITIVE_INFINITY,
      firstMs: 200,
      longestMs: 5_000,
      stopped: () => this.#stopped,
      failed: (reason, attempt) =>
        this.#start.logger.warn({ actor, epoch, seq, attempt, err: reason }, 'a checkpoint waits'),
    };
    patiently(patience, () => this.#slots.run(() => this.#putWhole(order)))
      .then(
        (revision) => this.#start.stored(actor, epoch, seq, revision),
        (reason: unknown) => {
          // The actor stays safe by its log, which then grows: an operator has to look.
          this.#start.logger.error(
            { actor, epoch, seq, err: reason },
            'a checkpoint cannot be stored; its turns stay in the turn log',
          );
        },
      )
      .finally(() => {
        this.#open -= 1;
      });
  }

  stop(): void {
    this.#stopped = true;
  }

  /** With the last one of an actor what stood there before is freed. */
  async #putWhole(order: PutOrder): Promise<number | undefined> {
    const revision = await this.#put(order);
    if (order.last === true && revision !== undefined) {
      await this.#start.checkpoints.prune(order.actor, revision);
    }
    return revision;
  }

  /** The revision under which it stands; undefined when a newer one stands there. */
  async #put(order: PutOrder): Promise<number | undefined> {
    let expected = order.expected;
    for (;;) {
      const revision = await this.#start.checkpoints.put(order.actor, order.body, expected);
      if (revision !== undefined) return revision;
      const standing = await this.#start.checkpoints.get(order.actor);
      if (standing === undefined) {
        expected = 0;
        continue;
      }
      const head = checkpointHead(standing.body);
      if (head.epoch === order.epoch && head.seq === order.seq) return standing.revision;
      if (checkpointIsNewer(head, checkpointHead(order.body))) return undefined;
      expected = standing.revision;
    }
  }
}
