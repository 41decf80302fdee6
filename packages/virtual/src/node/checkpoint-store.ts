/**
 * Stores checkpoints. Each put states the revision it replaces; when another one stands there, the
 * greater (epoch, seq) stays, whoever wrote last.
 */
import type { ActorId } from '@troupe/model';
import {
  checkpointHead,
  checkpointIsNewer,
  claimOnePast,
  type NodeEvent,
  type NodeSend,
  type RivalCheckpoint,
} from '@troupe/worker-node-core';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';

type PutOrder = Extract<NodeSend, { kind: 'put-checkpoint' }>;
type StoredEvent = Omit<Extract<NodeEvent, { kind: 'checkpoint-stored' }>, 'wall'>;

interface Put {
  readonly order: PutOrder;
  readonly key: string;
  readonly body: Uint8Array;
}
/** Of a put: its revision, or that a newer one stands there. */
type Done = (revision: number | undefined) => void;

const answerMsMax = 300;

export class CheckpointStore {
  readonly #world: World;
  readonly #process: Process;
  readonly #stored: (event: StoredEvent) => void;
  #puts = 0;

  constructor(world: World, process: Process, stored: (event: StoredEvent) => void) {
    this.#world = world;
    this.#process = process;
    this.#stored = stored;
  }

  /** The segment that it lists first, and what it does not list any more last. */
  put(order: PutOrder): void {
    const { segment, dropped = [] } = order;
    const main = (): void =>
      this.#begin({ order, key: order.actor, body: order.body }, order.expected, (revision) => {
        this.#say(order, revision);
        for (const key of revision === undefined ? [] : dropped) this.#drop(key);
      });
    if (segment === undefined) main();
    else this.#begin({ order, ...segment }, 0, main);
  }

  #begin(put: Put, expected: number, done: Done): void {
    this.#puts += 1;
    this.#put({ ...put, done }, expected, `${this.#process.name}:${this.#puts}`);
  }

  #drop(key: string): void {
    const { requests, checkpoints } = this.#world;
    const drop = () => checkpoints.drop(key);
    requests.untilAnswered(this.#process, 'store', drop, () => {});
  }

  #put(put: Put & { done: Done }, expected: number, id: string): void {
    const { requests, checkpoints, coverage } = this.#world;
    const { key, body, done, order } = put;
    const onTop = key === order.actor && order.onTop === true;
    let settled = false;
    requests.ask(
      this.#process,
      'store',
      () => checkpoints.put(key, { body, expected, id, onTop }),
      (revision) => {
        if (settled) return;
        settled = true;
        if (revision !== undefined) done(revision);
        else this.#compare(put, { expected, id });
      },
    );
    this.#process.after(answerMsMax, () => {
      if (settled) return;
      settled = true;
      coverage.reach('a checkpoint put without an answer');
      this.#compare(put, { expected, id });
    });
  }

  /** What stands in the store: ours, an older one, or a newer one. */
  #compare(
    put: Put & { done: Done },
    tried: { readonly expected: number; readonly id: string },
  ): void {
    const { requests, checkpoints, coverage } = this.#world;
    requests.untilAnswered(
      this.#process,
      'store',
      () => checkpoints.get(put.key),
      (standing) => {
        if (standing?.id === tried.id) return put.done(standing.revision);
        // Nobody else wrote: ours was lost on its way.
        if ((standing?.revision ?? 0) === tried.expected) {
          return this.#put(put, tried.expected, tried.id);
        }
        const head = standing === undefined ? undefined : checkpointHead(standing.body);
        const own = checkpointHead(put.body);
        if (standing !== undefined && head !== undefined && claimOnePast(head, own)) {
          return this.#isRival(put, { ...head, revision: standing.revision });
        }
        if (head !== undefined && checkpointIsNewer(head, own)) {
          coverage.reach('a checkpoint put is refused for a newer one');
          return put.done(undefined);
        }
        if (put.key === put.order.actor && put.order.onTop === true) {
          return this.#stored({ ...this.#event(put.order), baseGone: true });
        }
        this.#put(put, standing?.revision ?? 0, tried.id);
      },
    );
  }

  /** No fence fails here: two pasts are a fault of the cluster. */
  #isRival({ order }: Put, { epoch, seq, revision }: RivalCheckpoint): void {
    const text = `checkpoint ${revision} of ${order.actor} claims turn ${seq} under epoch ${epoch}`;
    const beside = `${text}, one of turn ${order.seq} was to be stored under ${order.epoch}`;
    this.#world.checks.unreadable(order.actor as ActorId, this.#process.name, beside);
    this.#stored({ ...this.#event(order), rival: { epoch, seq, revision } });
  }

  #say(order: PutOrder, revision: number | undefined): void {
    if (order.last === true && revision !== undefined) {
      this.#world.checkpoints.prune(order.actor);
    }
    const event = this.#event(order);
    this.#stored(revision === undefined ? event : { ...event, revision });
  }

  #event({ actor, epoch, seq }: PutOrder): StoredEvent {
    return { kind: 'checkpoint-stored', actor: actor as ActorId, epoch, seq };
  }
}
