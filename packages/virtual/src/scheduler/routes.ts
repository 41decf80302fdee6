/**
 * Where actors are, as the journal says.
 *
 * R1  a route's epoch only rises.
 * R2  an incarnation that is dying never serves again; all its routes are stale at once.
 */
import type { ActorId, Incarnation, Location } from '@troupe/model';
import type { DurableState, SchedulerFact } from '@troupe/scheduler-core';

export interface RouteListener {
  /** A deliberate fault: whatever is known stays. */
  readonly spoilt: boolean;
  placed(actor: ActorId): void;
  lost(node: Incarnation): void;
}

export class Routes {
  readonly #listener: RouteListener;
  readonly #routes = new Map<ActorId, Location>();
  readonly #births = new Map<ActorId, number>();
  readonly #dying = new Set<Incarnation>();

  constructor(listener: RouteListener) {
    this.#listener = listener;
  }

  of(actor: ActorId): Location | undefined {
    const route = this.#routes.get(actor);
    const stale = route !== undefined && this.#dying.has(route.node) && !this.#listener.spoilt;
    return stale ? undefined : route;
  }

  seed({ nodes, actors }: DurableState): void {
    for (const { incarnation, phase } of nodes.nodes) {
      const { kind } = phase;
      if (kind === 'dying' || kind === 'sealed' || kind === 'gone') this.#die(incarnation);
    }
    for (const { id, node, birth, epoch } of actors) this.learn(id, { node, birth, epoch });
  }

  apply(fact: SchedulerFact, position: number): void {
    switch (fact.kind) {
      case 'node-dying':
      case 'node-sealed':
        return this.#die(fact.incarnation);
      case 'actor-created':
        this.#births.set(fact.actor, position);
        return;
      case 'actor-placed': {
        const birth = this.#births.get(fact.actor) ?? this.#routes.get(fact.actor)?.birth;
        this.#births.delete(fact.actor);
        if (birth !== undefined)
          this.learn(fact.actor, { node: fact.node, birth, epoch: position });
        return;
      }
      case 'actor-destroyed':
        if (this.#routes.get(fact.actor)?.birth === fact.birth) this.#routes.delete(fact.actor);
        return;
      default:
    }
  }

  /** From the journal, an image, or the leader's answer. */
  learn(actor: ActorId, location: Location): void {
    const known = this.#routes.get(actor);
    if (known !== undefined && (known.epoch >= location.epoch || this.#listener.spoilt)) return;
    this.#routes.set(actor, location);
    if (!this.#dying.has(location.node)) this.#listener.placed(actor);
  }

  #die(node: Incarnation): void {
    if (this.#dying.has(node)) return;
    this.#dying.add(node);
    this.#listener.lost(node);
  }
}
