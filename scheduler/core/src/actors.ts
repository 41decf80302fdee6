/**
 * The actors, durably: birth, epoch, node, scope, bundle and chain, with indexes by node and by
 * the logs that chains refer to.
 *
 * D1  an actor has exactly one node, which was alive when the actor was placed on it.
 * D2  the epochs of an actor rise, and lie after its birth.
 * D3  a log that a chain refers to, or whose node still has actors, exists.
 * D6  an actor is wished elsewhere under its present epoch only: its next placement ends the wish.
 */
import {
  type ActorId,
  actorParts,
  assert,
  type BundleHash,
  type ChainLink,
  type Incarnation,
  type LogName,
  type NodeName,
  type TenantName,
} from '@troupe/model';
import type { SchedulerFact } from './facts.ts';
import type { NodeTable } from './nodes.ts';
import { scopeKey } from './savepoint-table.ts';

export interface ActorRecord {
  readonly id: ActorId;
  readonly birth: number;
  readonly scope: string;
  /** Position of the fact that placed it. */
  epoch: number;
  node: Incarnation;
  bundle: BundleHash;
  chain: readonly ChainLink[];
}

/** An actor in an image. A version that knew no wishes carried them on: the epoch tells those that are
 *  over (D6). */
export type ActorImage = ActorRecord & {
  readonly wish?: { readonly to: NodeName; readonly epoch: number };
};

type ActorFact = Extract<
  SchedulerFact,
  { kind: 'actor-created' | 'actor-placed' | 'actor-migrating' | 'actor-rebased' }
>;

const noActors: ReadonlySet<ActorRecord> = new Set();

export class ActorTable {
  readonly #actors = new Map<ActorId, ActorRecord>();
  readonly #onNode = new Map<Incarnation, Set<ActorRecord>>();
  /** Actors in scopes that are not just their own. */
  readonly #inScope = new Map<string, Set<ActorRecord>>();
  readonly #references = new Map<LogName, number>();
  readonly #nodes: NodeTable;
  readonly #wishes = new Map<ActorId, NodeName>();
  readonly #wishedTo = new Map<NodeName, number>();
  /** Created by the fact before, placed by the next one: they stand in one batch. */
  #unplaced: { readonly id: ActorId; readonly birth: number; readonly scope: string } | undefined;

  constructor(nodes: NodeTable) {
    this.#nodes = nodes;
  }

  get size(): number {
    return this.#actors.size;
  }
  get(id: ActorId): ActorRecord | undefined {
    return this.#actors.get(id);
  }
  all(): IterableIterator<ActorRecord> {
    return this.#actors.values();
  }
  on(node: Incarnation): ReadonlySet<ActorRecord> {
    return this.#onNode.get(node) ?? noActors;
  }
  /** The actors of a scope, the one that it is named by first. */
  inScope(tenant: TenantName, scope: string): readonly ActorRecord[] {
    const own = this.#actors.get(scope as ActorId);
    const others = this.#inScope.get(scopeKey(tenant, scope)) ?? noActors;
    const isOwn = own?.scope === scope && actorParts(own.id).tenant === tenant;
    return isOwn ? [own, ...others] : [...others];
  }
  /** How many chains refer to this log. */
  references(log: LogName): number {
    return this.#references.get(log) ?? 0;
  }

  /** The node that an actor is wished on. */
  wish(id: ActorId): NodeName | undefined {
    return this.#wishes.get(id);
  }
  /** All that are wished elsewhere. */
  get wished(): ReadonlyMap<ActorId, NodeName> {
    return this.#wishes;
  }
  /** How many actors are wished on this node. */
  wishedTo(node: NodeName): number {
    return this.#wishedTo.get(node) ?? 0;
  }

  apply(fact: ActorFact, position: number): void {
    switch (fact.kind) {
      case 'actor-created':
        assert(!this.#actors.has(fact.actor), 'D1: an actor is created once');
        this.#unplaced = { id: fact.actor, birth: position, scope: fact.scope };
        return;
      case 'actor-placed':
        return this.#placed(fact, position);
      case 'actor-migrating': {
        const actor = this.#actors.get(fact.actor);
        assert(actor?.epoch === fact.epoch, 'D6: only the present epoch is wished elsewhere');
        this.#wish(fact.actor, fact.to);
        return;
      }
      case 'actor-rebased': {
        const actor = this.#actors.get(fact.actor);
        assert(actor?.epoch === fact.epoch, 'D2: only the present epoch is rebased');
        this.#refer(actor, []);
        return;
      }
    }
  }

  image(): readonly ActorImage[] {
    return [...this.#actors.values()].map((actor) => {
      const to = this.#wishes.get(actor.id);
      return to === undefined ? { ...actor } : { ...actor, wish: { to, epoch: actor.epoch } };
    });
  }

  restore(image: readonly ActorImage[]): void {
    for (const { wish, ...kept } of image) {
      const actor: ActorRecord = { ...kept, chain: [] };
      this.#actors.set(actor.id, actor);
      this.#enter(actor);
      this.#settle(actor);
      this.#refer(actor, kept.chain);
      if (wish?.epoch === actor.epoch) this.#wish(actor.id, wish.to);
    }
  }

  check(): void {
    let onNodes = 0;
    for (const [node, actors] of this.#onNode) {
      onNodes += actors.size;
      for (const actor of actors) assert(actor.node === node, 'D1: an actor has one node');
    }
    assert(onNodes === this.#actors.size, 'D1: an actor has exactly one node');
    const references = new Map<LogName, number>();
    for (const actor of this.#actors.values()) {
      assert(actor.epoch > actor.birth, 'D2: epochs lie after the birth');
      const node = this.#nodes.get(actor.node);
      const hasLog = node !== undefined && node.phase.kind !== 'gone';
      assert(hasLog, 'D3: the log of a node that has actors exists');
      for (const { log } of actor.chain) {
        references.set(log, (references.get(log) ?? 0) + 1);
        assert(this.#nodes.ofLog(log) !== undefined, 'D3: a log that a chain refers to exists');
      }
    }
    for (const [log, count] of this.#references) {
      assert(references.get(log) === count, 'D3: references are counted exactly');
    }
    assert(references.size === this.#references.size, 'D3: references are counted exactly');
    let wished = 0;
    for (const count of this.#wishedTo.values()) wished += count;
    assert(wished === this.#wishes.size, 'D6: wishes are counted exactly');
  }

  #placed(fact: Extract<ActorFact, { kind: 'actor-placed' }>, epoch: number): void {
    const alive = this.#nodes.get(fact.node)?.phase.kind === 'alive';
    assert(alive, 'D1: an actor is placed on an alive node');
    let actor = this.#actors.get(fact.actor);
    if (actor === undefined) {
      const born = this.#unplaced;
      assert(born?.id === fact.actor, 'D1: an actor is created before it is placed');
      this.#unplaced = undefined;
      actor = { ...born, epoch, node: fact.node, bundle: fact.bundle, chain: [] };
      this.#actors.set(actor.id, actor);
      this.#enter(actor);
    } else {
      assert(epoch > actor.epoch, 'D2: the epochs of an actor rise');
      this.#leave(actor);
      actor.epoch = epoch;
      actor.node = fact.node;
      actor.bundle = fact.bundle;
      this.#wish(actor.id, undefined);
    }
    this.#settle(actor);
    this.#refer(actor, fact.chain);
  }

  #enter(actor: ActorRecord): void {
    if (actor.scope === actor.id) return;
    const key = scopeKey(actorParts(actor.id).tenant, actor.scope);
    const actors = this.#inScope.get(key);
    if (actors === undefined) this.#inScope.set(key, new Set([actor]));
    else actors.add(actor);
  }

  #settle(actor: ActorRecord): void {
    const actors = this.#onNode.get(actor.node);
    if (actors === undefined) this.#onNode.set(actor.node, new Set([actor]));
    else actors.add(actor);
  }

  #leave(actor: ActorRecord): void {
    const actors = this.#onNode.get(actor.node);
    actors?.delete(actor);
    if (actors?.size === 0) this.#onNode.delete(actor.node);
  }

  #wish(id: ActorId, to: NodeName | undefined): void {
    const before = this.#wishes.get(id);
    if (before !== undefined) {
      const left = this.wishedTo(before) - 1;
      if (left === 0) this.#wishedTo.delete(before);
      else this.#wishedTo.set(before, left);
      this.#wishes.delete(id);
    }
    if (to === undefined) return;
    this.#wishes.set(id, to);
    this.#wishedTo.set(to, this.wishedTo(to) + 1);
  }

  #refer(actor: ActorRecord, chain: readonly ChainLink[]): void {
    for (const { log } of chain) this.#references.set(log, this.references(log) + 1);
    for (const { log } of actor.chain) {
      const left = this.references(log) - 1;
      if (left === 0) this.#references.delete(log);
      else this.#references.set(log, left);
    }
    actor.chain = chain;
  }
}
