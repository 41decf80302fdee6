/**
 * Actors that are ill, as their nodes have said: the first of each node. Volatile, and said again by
 * the nodes: a new leader knows it within seconds.
 */
import type { ActorId, AilingActors, Failure, Incarnation } from '@troupe/model';
import type { ActorRecord } from './actors.ts';
import { OrderedIds } from './ordered-ids.ts';

interface Ailment {
  readonly node: Incarnation;
  readonly epoch: number;
  readonly failure: Failure;
}

export class Ailing {
  readonly ordered = new OrderedIds<ActorId>();
  readonly #ailments = new Map<ActorId, Ailment>();
  readonly #cut = new Set<Incarnation>();
  readonly #onNode = new Map<Incarnation, readonly ActorId[]>();

  /** A node has more of them than it names. */
  get isCut(): boolean {
    return this.#cut.size > 0;
  }

  of({ id, node, epoch }: ActorRecord): Failure | undefined {
    const ailment = this.#ailments.get(id);
    return ailment?.node === node && ailment.epoch === epoch ? ailment.failure : undefined;
  }

  /** All that are ill on a node now, or as many as one message names. Whoever is given up is listed by the journal. */
  said(
    { incarnation: node, actors: named, cut }: AilingActors,
    givenUp: OrderedIds<ActorId>,
  ): void {
    this.nodeLost(node);
    if (cut === true) this.#cut.add(node);
    const actors = named.filter(({ actor }) => !givenUp.has(actor));
    for (const { actor, epoch, failure } of actors) {
      this.#ailments.set(actor, { node, epoch, failure });
      this.ordered.add(actor);
    }
    if (actors.length > 0)
      this.#onNode.set(
        node,
        actors.map(({ actor }) => actor),
      );
  }

  nodeLost(node: Incarnation): void {
    for (const actor of this.#onNode.get(node) ?? []) {
      if (this.#ailments.get(actor)?.node !== node) continue;
      this.#ailments.delete(actor);
      this.ordered.delete(actor);
    }
    this.#onNode.delete(node);
    this.#cut.delete(node);
  }
}
