/**
 * Stores checkpoints. Each put states the revision it replaces; when another one stands there, the
 * greater (epoch, seq) stays, whoever wrote last.
 */
import type { ActorId } from '@troupe/model';
import {
  checkpointHead,
  checkpointIsNewer,
  type NodeEvent,
  type NodeSend,
} from '@troupe/worker-node-core';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';

type PutOrder = Extract<NodeSend, { kind: 'put-checkpoint' }>;
type StoredEvent = Omit<Extract<NodeEvent, { kind: 'checkpoint-stored' }>, 'wall'>;

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

  put(order: PutOrder): void {
    this.#puts += 1;
    this.#put(order, order.expected, `${this.#process.name}:${this.#puts}`);
  }

  #put(order: PutOrder, expected: number, id: string): void {
    const { requests, checkpoints, coverage } = this.#world;
    const { actor, body, onTop = false } = order;
    let settled = false;
    requests.ask(
      this.#process,
      'store',
      () => checkpoints.put(actor, { body, expected, id, onTop }),
      (revision) => {
        if (settled) return;
        settled = true;
        if (revision !== undefined) this.#say(order, revision);
        else this.#compare(order, { expected, id });
      },
    );
    this.#process.after(answerMsMax, () => {
      if (settled) return;
      settled = true;
      coverage.reach('a checkpoint put without an answer');
      this.#compare(order, { expected, id });
    });
  }

  /** What stands in the store: ours, an older one, or a newer one. */
  #compare(order: PutOrder, tried: { readonly expected: number; readonly id: string }): void {
    const { requests, checkpoints, coverage } = this.#world;
    requests.untilAnswered(
      this.#process,
      'store',
      () => checkpoints.get(order.actor),
      (standing) => {
        if (standing?.id === tried.id) return this.#say(order, standing.revision);
        // Nobody else wrote: ours was lost on its way.
        if ((standing?.revision ?? 0) === tried.expected) {
          return this.#put(order, tried.expected, tried.id);
        }
        const head = standing === undefined ? undefined : checkpointHead(standing.body);
        if (head !== undefined && checkpointIsNewer(head, checkpointHead(order.body))) {
          coverage.reach('a checkpoint put is refused for a newer one');
          return this.#say(order, undefined);
        }
        if (order.onTop === true) {
          return this.#stored({ ...this.#event(order), baseGone: true });
        }
        this.#put(order, standing?.revision ?? 0, tried.id);
      },
    );
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
