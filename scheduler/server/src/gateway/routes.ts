/**
 * Where actors are, as the journal says: fed by durable facts only, read by every call.
 *
 * R1  a route's epoch only rises.
 * R2  an incarnation that is dying never serves again; all its routes are stale at once.
 */
import type { Names } from '@troupe/fabric';
import type { ActorId, Incarnation, Location } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';

export interface NodeRoute {
  readonly incarnation: Incarnation;
  /** The node's inbox. */
  readonly subject: string;
  state: 'joining' | 'alive' | 'draining' | 'dying';
}

export interface Route {
  readonly node: NodeRoute;
  readonly birth: number;
  readonly epoch: number;
}

interface Birth {
  readonly id: ActorId;
  readonly birth: number;
}

export interface RouteListener {
  /** The actor has a new route. */
  placed(actor: ActorId, route: Route): void;
  /** Every route to this incarnation is stale now. */
  nodeLost(incarnation: Incarnation): void;
}

export class Routes {
  readonly #names: Names;
  readonly #nodes = new Map<Incarnation, NodeRoute>();
  readonly #routes = new Map<ActorId, Route>();
  /** Actors that were created and wait for their first placement. */
  readonly #births = new Map<ActorId, Birth>();
  readonly #listener: RouteListener;

  constructor(names: Names, listener: RouteListener) {
    this.#names = names;
    this.#listener = listener;
  }

  /** The route of an actor; undefined when unknown or stale (R2). */
  of(actor: ActorId): Route | undefined {
    const route = this.#routes.get(actor);
    return route === undefined || route.node.state === 'dying' ? undefined : route;
  }

  get size(): number {
    return this.#routes.size;
  }

  /** Nodes that can be asked something, alive ones first. */
  aliveNodes(): readonly NodeRoute[] {
    const nodes = [...this.#nodes.values()];
    const alive = nodes.filter((node) => node.state === 'alive');
    return [...alive, ...nodes.filter((node) => node.state === 'draining')];
  }

  /** A durable fact and its position in the journal. */
  apply(fact: SchedulerFact, position: number): void {
    switch (fact.kind) {
      case 'node-joining':
        this.#node(fact.incarnation);
        return;
      case 'node-joined':
        this.#advance(fact.incarnation, 'alive');
        return;
      case 'node-draining':
        this.#advance(fact.incarnation, 'draining');
        return;
      case 'node-dying':
        this.#advance(fact.incarnation, 'dying');
        return;
      case 'node-sealed':
        this.#advance(fact.incarnation, 'dying');
        return;
      case 'actor-created':
        this.#births.set(fact.actor, { id: fact.actor, birth: position });
        return;
      case 'actor-placed':
        this.#placed(fact.actor, fact.node, position);
        return;
      case 'actor-destroyed':
        // A later birth that the leader told of is not this one.
        if (fact.birth === this.#routes.get(fact.actor)?.birth) this.#routes.delete(fact.actor);
        return;
      default:
    }
  }

  /** What the leader answered, or an image holds: durable too. The text of the id may be kept. */
  learn(actor: ActorId, location: Location): void {
    const born = this.#births.get(actor);
    this.#births.delete(actor);
    this.#set(born?.id ?? actor, location);
  }

  learnNode(incarnation: Incarnation, state: NodeRoute['state']): void {
    this.#advance(incarnation, state);
  }

  #placed(actor: ActorId, node: Incarnation, epoch: number): void {
    const born = this.#births.get(actor);
    const birth = born?.birth ?? this.#routes.get(actor)?.birth;
    this.#births.delete(actor);
    // Created before the facts this table has seen: the leader will be asked.
    if (birth === undefined) return;
    // The text of the fact by which it was created: the machine keeps that very one.
    this.#set(born?.id ?? actor, { node, birth, epoch });
  }

  #set(actor: ActorId, location: Location): void {
    const known = this.#routes.get(actor);
    if (known !== undefined && known.epoch >= location.epoch) return;
    const { birth, epoch } = location;
    const route: Route = { node: this.#node(location.node), birth, epoch };
    this.#routes.set(actor, route);
    if (route.node.state !== 'dying') this.#listener.placed(actor, route);
  }

  #node(incarnation: Incarnation): NodeRoute {
    const known = this.#nodes.get(incarnation);
    if (known !== undefined) return known;
    const subject = this.#names.node(incarnation);
    const node: NodeRoute = { incarnation, subject, state: 'joining' };
    this.#nodes.set(incarnation, node);
    return node;
  }

  #advance(incarnation: Incarnation, state: NodeRoute['state']): void {
    const node = this.#node(incarnation);
    if (rank[node.state] >= rank[state]) return;
    node.state = state;
    if (state === 'dying') this.#listener.nodeLost(incarnation);
  }
}

const rank = { joining: 0, alive: 1, draining: 2, dying: 3 } as const;
