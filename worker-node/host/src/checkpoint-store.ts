/**
 * Stores checkpoints. Each put states the revision it replaces; when another one stands there, the
 * greater (epoch, seq) stays, whoever wrote last.
 *
 * S1  a stored checkpoint is never replaced by an older one, nor by one beside which it cannot be true.
 * S2  each put is answered once, when its fate is known; an unreachable store is asked again.
 * S3  at most `putsMax` puts are in flight.
 * S4  a checkpoint lists only segments that are stored, and drops none that the one before it lists
 *     until it stands there itself.
 * S5  what was to lie on top of another checkpoint is put on top of no other one.
 */
import { type Checkpoints, type Logger, Slots, type StoredCheckpoint } from '@troupe/fabric';
import { CheckpointShelf } from '@troupe/fabric/shelf';
import type { ActorId } from '@troupe/model';
import {
  checkpointHead,
  checkpointIsNewer,
  claimOnePast,
  type NodeEvent,
  type NodeSend,
  type NodeWork,
} from '@troupe/worker-node-core';
import { lostCheckpoint } from './damage.ts';
import { type Patience, patiently } from './patience.ts';

export type PutOrder = Extract<NodeSend, { kind: 'put-checkpoint' }>;

type Stored = Extract<NodeEvent, { kind: 'checkpoint-stored' }>;
type FreeOrder = Extract<NodeWork, { kind: 'free-checkpoints' }>;

const putsMax = 64;

/** The revision under which it stands, none when a newer checkpoint does; `baseGone` (S5); `rival` (S1). */
export type PutFate = Pick<Stored, 'revision' | 'baseGone' | 'rival'>;

export interface CheckpointStoreStart {
  readonly checkpoints: Checkpoints;
  readonly logger: Logger;
  stored(actor: ActorId, epoch: number, seq: number, fate: PutFate): void;
}

export class CheckpointStore {
  readonly #start: CheckpointStoreStart;
  readonly #slots = new Slots(putsMax);
  readonly #shelf: CheckpointShelf;
  #stopped = false;
  #open = 0;

  constructor(start: CheckpointStoreStart) {
    this.#start = start;
    this.#shelf = new CheckpointShelf(start.checkpoints);
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
    patiently(patience, () => this.#slots.run(() => this.#putAll(order)))
      .then(
        (fate) => this.#start.stored(actor, epoch, seq, fate),
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

  /** Tried once: the next one of that actor tries again. */
  free({ actor, before }: FreeOrder): void {
    this.#slots
      .run(() => this.#start.checkpoints.freeBefore(actor, before))
      .catch((reason: unknown) => {
        this.#start.logger.warn({ actor, before, err: reason }, 'old checkpoints stay for now');
      });
  }

  stop(): void {
    this.#stopped = true;
  }

  /** S4: the segment that it lists first, and what it does not list any more last. With the last one of
   *  an actor what stood there before is freed. */
  async #putAll(order: PutOrder): Promise<PutFate> {
    const { segment, dropped = [], onTop: _, ...whole } = order;
    if (segment !== undefined) await this.#put(segment.key, { ...whole, ...segment, expected: 0 });
    const fate = await this.#put(order.actor, order);
    if (fate.revision === undefined) return fate;
    if (order.last === true) {
      const { birth } = checkpointHead(order.body);
      await this.#shelf.dropPins({ actor: order.actor, birth });
      await this.#start.checkpoints.prune(order.actor, fate.revision);
    }
    for (const key of dropped) await this.#start.checkpoints.drop(key);
    return fate;
  }

  /** The last one that there is. */
  async #standing(key: string): Promise<StoredCheckpoint | undefined> {
    try {
      return await this.#start.checkpoints.get(key);
    } catch (reason) {
      const lost = lostCheckpoint(reason);
      if (lost === undefined) throw reason;
      return await this.#start.checkpoints.version(key, lost.after);
    }
  }

  async #put(key: string, order: PutOrder): Promise<PutFate> {
    const { checkpoints } = this.#start;
    const { body, onTop = false } = order;
    let expected = order.expected;
    for (;;) {
      const revision = onTop
        ? await checkpoints.putOnTop(key, body, expected)
        : await checkpoints.put(key, body, expected);
      if (revision !== undefined) return { revision };
      const standing = await this.#standing(key);
      const head = standing === undefined ? undefined : checkpointHead(standing.body);
      // Two of the same turn are alike only when both are whole, or both lie on the same one.
      const same = head?.epoch === order.epoch && head.seq === order.seq;
      if (standing !== undefined && same && (standing.base !== undefined) === onTop) {
        return { revision: standing.revision };
      }
      const own = checkpointHead(body);
      if (standing !== undefined && head !== undefined && claimOnePast(head, own)) {
        return { rival: { epoch: head.epoch, seq: head.seq, revision: standing.revision } };
      }
      if (head !== undefined && checkpointIsNewer(head, own)) return {};
      if (onTop) return { baseGone: true };
      expected = standing?.revision ?? 0;
    }
  }
}
