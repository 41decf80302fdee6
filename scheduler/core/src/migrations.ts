/**
 * The leader's work on actors that are wished elsewhere: an operator asks, the wish is journaled, the
 * node is told to let go until it has. Where the actor goes then is decided in `directory.ts`.
 *
 *   asked ─▶ actor-migrating ─▶ (node: prepares, checkpoints, releases) ─▶ actor-placed
 *
 * G1  a wish is over with the next placement of the actor, whatever brought that about.
 * G2  a new leader goes on with every wish that it finds.
 * G3  who asked is told where the actor is, or that it is still under way; asking again is harmless.
 */
import {
  type ActorId,
  type Incarnation,
  limits,
  type Migrated,
  type NodeName,
  type Place,
  type RequestBody,
} from '@troupe/model';
import { placeActor } from './actor-places.ts';
import type { ActorRecord } from './actors.ts';
import { Deliveries } from './deliveries.ts';
import type { Desk } from './desk.ts';
import type { FailureDetection } from './failure-detection.ts';
import { isPresent, type NodeRecord } from './nodes.ts';
import type { Size } from './sizes.ts';
import { type Asker, type MigrationAsker, Waiting } from './waiting.ts';

type Migrate = Extract<RequestBody, { kind: 'migrate-actor' }>;

export class Migrations {
  readonly #desk: Desk;
  readonly #detection: FailureDetection;
  readonly #leaves: Deliveries<ActorId>;
  readonly #askers = new Waiting<ActorId, MigrationAsker>();

  /** `leaving` renders the placement of an actor with where it is wished. */
  constructor(
    desk: Desk,
    detection: FailureDetection,
    leaving: (node: Incarnation, id: ActorId) => Place | undefined,
  ) {
    this.#desk = desk;
    this.#detection = detection;
    this.#leaves = new Deliveries(desk, 'leaves', leaving);
  }

  /** G2 */
  takeOver(): void {
    const { actors } = this.#desk.state;
    for (const id of actors.wished.keys()) this.#tell(actors.get(id));
  }

  migrate(asker: Asker, body: Migrate): void {
    const actor = this.#desk.state.actors.get(body.actor);
    if (actor === undefined) {
      const what = `there is no actor "${body.actor}"`;
      return this.#desk.refuse(asker, 'UNKNOWN_ACTOR', what, { actor: body.actor });
    }
    if (actor.life?.kind === 'ending') {
      const what = `actor "${body.actor}" is being destroyed`;
      return this.#desk.refuse(asker, 'GONE', what, { actor: body.actor });
    }
    const to = body.to ?? this.#desk.state.actors.wish(actor.id) ?? this.#choose(asker, actor);
    if (to === undefined) return;
    if (!this.#isUnderWayTo(actor, to)) {
      if (!this.#isWishable(asker, actor, to)) return;
      this.#begin(actor, to);
    }
    this.#wait(asker, actor, body.waitMs);
  }

  /** The leader itself wishes it elsewhere. False where that cannot be. */
  begin(actor: ActorRecord, to: NodeName, why: string): boolean {
    const target = this.#desk.state.nodes.named(to);
    const { wished } = this.#desk.state.actors;
    if (target === undefined || this.#fault(target) !== undefined) return false;
    if (wished.has(actor.id) || wished.size >= limits.migrationsMax) return false;
    this.#begin(actor, to, why);
    return true;
  }

  /** G1 */
  placed(id: ActorId, left: Incarnation): void {
    this.#leaves.confirm(left, id);
    const actor = this.#desk.state.actors.get(id);
    for (const asker of this.#askers.take(id)) {
      this.#desk.deadlines.cancel(asker.deadline);
      if (actor !== undefined) this.#answer(asker, actor, 'moved');
    }
  }

  /** It is about to be no more, wherever it was wished. */
  destroyed({ id, node }: ActorRecord): void {
    this.#leaves.confirm(node, id);
    for (const asker of this.#askers.take(id)) {
      this.#desk.deadlines.cancel(asker.deadline);
      this.#desk.refuse(asker, 'GONE', `actor "${id}" was destroyed`, { actor: id });
    }
  }

  waitedLongEnough(id: ActorId, asker: MigrationAsker): void {
    this.#askers.remove(id, asker);
    const actor = this.#desk.state.actors.get(id);
    if (actor !== undefined) this.#answer(asker, actor, 'under-way');
  }

  resend(node: Incarnation): void {
    this.#leaves.resend(node);
  }

  nodeLost(node: Incarnation): void {
    this.#leaves.drop(node);
  }

  /** Z1 */
  sizes(): readonly Size[] {
    const { nodes, actors } = this.#desk.state;
    const { size: wished } = actors.wished;
    return [
      { of: 'actors told to leave', size: this.#leaves.size, most: wished },
      { of: 'lanes of actors told to leave', size: this.#leaves.lanes, most: nodes.presentCount },
      { of: 'actors whose migration is waited for', size: this.#askers.size, most: wished },
    ];
  }

  #begin(actor: ActorRecord, to: NodeName, why?: string): void {
    const { id, epoch } = actor;
    const wish = { kind: 'actor-migrating', actor: id, epoch, to } as const;
    this.#desk.decide(why === undefined ? wish : { ...wish, why });
    this.#tell(actor);
  }

  #isUnderWayTo({ id }: ActorRecord, to: NodeName): boolean {
    return this.#desk.state.actors.wish(id) === to;
  }

  /** Whether a new wish may be journaled; answers the asker when not. */
  #isWishable(asker: Asker, actor: ActorRecord, to: NodeName): boolean {
    const { actors, nodes } = this.#desk.state;
    const target = nodes.named(to);
    if (target === undefined) {
      this.#desk.refuse(asker, 'UNKNOWN_NODE', `there is no node "${to}"`, { node: to });
      return false;
    }
    // It stays, unless it is on its way to another one: then it is called back.
    const pending = actors.wish(actor.id) !== undefined;
    if (target.incarnation === actor.node && !pending) {
      this.#answer(asker, actor, 'there');
      return false;
    }
    const fault = target.incarnation === actor.node ? undefined : this.#fault(target);
    if (fault !== undefined) {
      this.#desk.refuse(asker, ...fault, { node: to, actor: actor.id });
      return false;
    }
    if (actors.wished.size < limits.migrationsMax || pending) return true;
    const what = `${actors.wished.size} migrations are under way`;
    this.#desk.refuse(asker, 'RESOURCE_EXHAUSTED', what, { retryAfterMs: 1_000 });
    return false;
  }

  #fault(node: NodeRecord): ['WRONG_STATE' | 'RESOURCE_EXHAUSTED', string] | undefined {
    const { name, phase, cordoned } = node;
    if (phase.kind !== 'alive') return ['WRONG_STATE', `node "${name}" is ${phase.kind}`];
    if (cordoned) return ['WRONG_STATE', `node "${name}" is cordoned`];
    const { used, offered } = this.#memory(node);
    if (used < offered) return undefined;
    return ['RESOURCE_EXHAUSTED', `node "${name}" uses ${used} MiB of the ${offered} it offers`];
  }

  /** What it uses by its last heartbeat. A node that does not say what it offers is never full. */
  #memory({ incarnation, resources }: NodeRecord): { used: number; offered: number } {
    const used = this.#detection.load(incarnation)?.memory ?? 0;
    return { used, offered: resources['memory'] ?? Number.POSITIVE_INFINITY };
  }

  /** The other node with the fewest actors for its cpus, those on their way there included. */
  #choose(asker: Asker, { id, node }: ActorRecord): NodeName | undefined {
    const { nodes, actors } = this.#desk.state;
    const others = nodes.serving.filter(
      (other) => other.incarnation !== node && this.#fault(other) === undefined,
    );
    const best = placeActor(
      others,
      ({ incarnation, name }) => actors.on(incarnation).size + actors.wishedTo(name),
    );
    if (best !== undefined) return best.name;
    const what = `no other node can take actor "${id}"`;
    this.#desk.refuse(asker, 'NO_NODES', what, { actor: id });
    return undefined;
  }

  /** Its node is told to let go; a dying one has nothing to say any more. */
  #tell(actor: ActorRecord | undefined): void {
    if (actor === undefined) return;
    const node = this.#desk.state.nodes.get(actor.node);
    if (node !== undefined && isPresent(node)) this.#leaves.add(actor.node, actor.id);
  }

  #wait({ to, number }: Asker, { id }: ActorRecord, waitMs: number): void {
    const asker: MigrationAsker = { to, number };
    const replaced = this.#askers.add(id, asker);
    this.#desk.deadlines.cancel(replaced?.deadline);
    const at = this.#desk.now + Math.max(0, Math.min(waitMs, limits.deadlineMsMax));
    asker.deadline = this.#desk.deadlines.set(at, { kind: 'migration', actor: id, asker });
  }

  #answer(asker: Asker, { id, node, epoch }: ActorRecord, state: Migrated['state']): void {
    this.#desk.answer(asker, { kind: 'migrated', actor: id, node, epoch, state });
  }
}
