/**
 * The actors, durably: birth, epoch, node, scope, bundle and chain, with indexes by node and by
 * the logs that chains refer to.
 *
 * D1  an actor has exactly one node, which was alive when the actor was placed on it.
 * D2  the epochs of an actor rise, and lie after its birth.
 * D3  a log that a chain refers to, or whose node still has actors, exists.
 * D6  an actor is wished elsewhere under its present epoch only: its next placement ends the wish.
 * D8  an actor that is ending is wished nothing else, and one is destroyed only when it was ending.
 * D11 a scope goes back as a whole, and not again before all its actors have.
 */
import {
  type ActorId,
  type ActorOwner,
  type ActorWish,
  actorParts,
  assert,
  type BundleHash,
  type ChainLink,
  type Incarnation,
  type Labels,
  type LogName,
  type NodeName,
  ownText,
  type TenantName,
} from '@troupe/model';
import type { SchedulerFact } from './facts.ts';
import type { NodeTable } from './nodes.ts';
import { OrderedIds } from './ordered-ids.ts';
import { scopeKey } from './savepoint-table.ts';
import { SharedTexts } from './shared-texts.ts';
import type { Tombstones } from './tombstones.ts';

export interface ActorRecord {
  readonly id: ActorId;
  readonly birth: number;
  readonly scope: string;
  readonly labels?: Labels;
  readonly by?: string;
  readonly owner?: ActorOwner;
  /** One of its name was destroyed not long before it. */
  readonly heir?: true;
  /** The number after which its turns begin, where that is not 0. */
  readonly from?: number;
  /** Key of its first state, among the checkpoints: until it has one of its own. */
  readonly seed?: string;
  /** The last that was wished of it, beyond living. */
  life?: ActorWish;
  /** Position of the fact that placed it. */
  epoch: number;
  node: Incarnation;
  bundle: BundleHash;
  /** Since it was upgraded: by the rollout of which position, and what it had before the first one. */
  code?: { readonly at: number; readonly first: BundleHash };
  chain: readonly ChainLink[];
  /** Its scope went back, and a checkpoint of what it was is not known to stand in the store. */
  back?: true;
}

/** An actor in an image. A version that knew no wishes carried them on: the epoch tells those that are
 *  over (D6). */
export type ActorImage = ActorRecord & {
  readonly wish?: { readonly to: NodeName; readonly epoch: number };
};

type ActorFact = Extract<
  SchedulerFact,
  {
    kind:
      | 'actor-created'
      | 'actor-placed'
      | 'actor-migrating'
      | 'actor-rebased'
      | 'actor-wished'
      | 'actor-destroyed'
      | 'actor-upgraded';
  }
>;
type Rare = Pick<ActorRecord, 'labels' | 'by' | 'owner' | 'heir' | 'from' | 'seed'>;
type Born = Pick<ActorRecord, 'id' | 'birth' | 'scope'> & Rare;

const noActors: ReadonlySet<ActorRecord> = new Set();

export class ActorTable {
  readonly #actors = new Map<ActorId, ActorRecord>();
  readonly #onNode = new Map<Incarnation, Set<ActorRecord>>();
  /** Actors in scopes that are not just their own. */
  readonly #inScope = new Map<string, Set<ActorRecord>>();
  readonly #references = new Map<LogName, number>();
  readonly #nodes: NodeTable;
  readonly #tombstones: Tombstones;
  readonly #ordered = new OrderedIds<ActorId>();
  /** By `labelKey`. */
  readonly #labelled = new Map<string, OrderedIds<ActorId>>();
  readonly #resting = new OrderedIds<ActorId>();
  readonly #givenUp = new OrderedIds<ActorId>();
  /** By `ownerKey`. */
  readonly #owned = new Map<string, { readonly owner: ActorOwner; readonly ids: Set<ActorId> }>();
  /** By scope, how many of its actors are still to go back. */
  readonly #returning = new Map<string, number>();
  readonly #byBundle = new Map<string, Map<BundleHash, number>>();
  readonly #wishes = new Map<ActorId, NodeName>();
  readonly #wishedTo = new Map<NodeName, number>();
  /** Nodes and bundles. */
  readonly #shared = new SharedTexts();
  /** Created by the fact before, placed by the next one: they stand in one batch. */
  #unplaced: Born | undefined;

  constructor(nodes: NodeTable, tombstones: Tombstones) {
    this.#nodes = nodes;
    this.#tombstones = tombstones;
  }

  /** All ids in their order. */
  get ordered(): OrderedIds<ActorId> {
    return this.#ordered;
  }
  /** Those that are paused or ending, in their order. */
  get resting(): OrderedIds<ActorId> {
    return this.#resting;
  }
  /** Those that are given up, likewise. */
  get givenUp(): OrderedIds<ActorId> {
    return this.#givenUp;
  }
  /** Those of a tenant with this label, in their order. */
  labelled(tenant: string, name: string, value: string): OrderedIds<ActorId> {
    return this.#labelled.get(labelKey(tenant, name, value)) ?? noIds;
  }

  /** All that own an actor. */
  *owners(): Iterable<ActorOwner> {
    for (const { owner } of this.#owned.values()) yield owner;
  }
  ownedBy(owner: ActorOwner): ReadonlySet<ActorId> {
    return this.#owned.get(ownerKey(owner))?.ids ?? noOwned;
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

  /** How many actors of a type there are, by their bundles. */
  byBundle(tenant: TenantName, type: string): ReadonlyMap<BundleHash, number> {
    return this.#byBundle.get(typeKey(tenant, type)) ?? noBundles;
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
        this.#unplaced = this.#born(fact, position);
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
        this.#isBack(actor);
        return;
      }
      case 'actor-wished': {
        const actor = this.#actors.get(fact.actor);
        assert(actor !== undefined, 'D8: only an actor that exists is wished something');
        assert(actor.life?.kind !== 'ending', 'D8: an actor that is ending is wished nothing else');
        const bare = { kind: fact.wish, at: position };
        actor.life = fact.givenUp === undefined ? bare : { ...bare, givenUp: fact.givenUp };
        this.#noteLife(actor);
        return;
      }
      case 'actor-destroyed':
        return this.#destroyed(fact);
      case 'actor-upgraded': {
        const actor = this.#actors.get(fact.actor);
        assert(actor !== undefined, 'D12: only an actor that exists is upgraded');
        actor.code = { at: fact.at, first: actor.code?.first ?? actor.bundle };
        return this.#served(actor, fact.bundle);
      }
    }
  }

  /** Its scope went back: where they are, its actors have a new epoch (D2). */
  rewound(
    { tenant, scope, line }: Extract<SchedulerFact, { kind: 'scope-rewound' }>,
    position: number,
  ): void {
    const actors = this.inScope(tenant, scope);
    for (const actor of actors) {
      assert(line[actor.id] !== undefined, 'D11: every actor of a scope that goes back has a line');
      assert(actor.back !== true, 'D11: a scope goes back when all its actors are back');
      actor.epoch = position;
      actor.back = true;
    }
    this.#returning.set(scopeKey(tenant, scope), actors.length);
  }

  /** How many actors of a scope are still to go back. */
  returning(tenant: TenantName, scope: string): number {
    return this.#returning.get(scopeKey(tenant, scope)) ?? 0;
  }

  #isBack(actor: ActorRecord): void {
    if (actor.back !== true) return;
    delete actor.back;
    const key = scopeKey(actorParts(actor.id).tenant, actor.scope);
    const left = (this.#returning.get(key) ?? 0) - 1;
    if (left > 0) this.#returning.set(key, left);
    else this.#returning.delete(key);
  }

  /** In the order of their ids, in which they are restored fastest. */
  *image(): Generator<ActorImage> {
    for (const id of this.#ordered.from('')) {
      const actor = this.#actors.get(id);
      if (actor === undefined) continue;
      const to = this.#wishes.get(id);
      yield to === undefined
        ? imageOf(actor)
        : { ...imageOf(actor), wish: { to, epoch: actor.epoch } };
    }
  }

  /** All of an image, or some after others. */
  restore(image: readonly ActorImage[]): void {
    for (const kept of image) {
      const { wish, life, code, back } = kept;
      const actor = this.#recordOf({ ...kept, id: ownText(kept.id) }, kept);
      if (life !== undefined) actor.life = life;
      if (code !== undefined) actor.code = code;
      if (back !== undefined) actor.back = back;
      this.#actors.set(actor.id, actor);
      this.#count(actor, 1);
      this.#ordered.add(actor.id);
      this.#enter(actor);
      this.#settle(actor);
      this.#refer(actor, kept.chain);
      for (const ids of this.#labelsOf(actor)) ids.add(actor.id);
      this.#own(actor);
      this.#noteLife(actor);
      if (wish?.epoch === actor.epoch) this.#wish(actor.id, wish.to);
      if (actor.back === true) {
        const key = scopeKey(actorParts(actor.id).tenant, actor.scope);
        this.#returning.set(key, (this.#returning.get(key) ?? 0) + 1);
      }
    }
  }

  check(): void {
    this.#ordered.check();
    assert(this.#ordered.size === this.#actors.size, 'I1: every actor stands in the order');
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
      actor = this.#recordOf(born, { ...fact, epoch });
      this.#actors.set(actor.id, actor);
      this.#count(actor, 1);
      this.#enter(actor);
      this.#ordered.add(actor.id);
      for (const ids of this.#labelsOf(actor)) ids.add(actor.id);
      this.#own(actor);
    } else {
      assert(epoch > actor.epoch, 'D2: the epochs of an actor rise');
      this.#leave(actor);
      actor.epoch = epoch;
      actor.node = this.#shared.one(fact.node);
      this.#served(actor, fact.bundle);
      this.#wish(actor.id, undefined);
      // Handed over, it has a checkpoint of the epoch before.
      if (fact.chain.length === 0) this.#isBack(actor);
    }
    this.#settle(actor);
    this.#refer(actor, fact.chain);
  }

  #served(actor: ActorRecord, bundle: BundleHash): void {
    if (actor.bundle === bundle) return;
    this.#count(actor, -1);
    actor.bundle = this.#shared.one(bundle);
    this.#count(actor, 1);
  }

  /** Without a chain. There may be a million of them: texts that many have stand once, and what an actor has
   *  not takes no room. */
  #recordOf(born: Born, placed: Pick<ActorRecord, 'epoch' | 'node' | 'bundle'>): ActorRecord {
    const { id, birth, labels, by, owner, heir, from, seed } = born;
    const scope = born.scope === id ? id : born.scope;
    const node = this.#shared.one(placed.node);
    const bundle = this.#shared.one(placed.bundle);
    const plain = { id, birth, scope, epoch: placed.epoch, node, bundle, chain: noChain };
    const rest = labels ?? by ?? owner ?? heir ?? from ?? seed;
    return rest === undefined ? plain : { ...plain, ...rarely(born) };
  }

  #count({ id, bundle }: ActorRecord, change: 1 | -1): void {
    const { tenant, type } = actorParts(id);
    const key = typeKey(tenant, type);
    const counts = this.#byBundle.get(key) ?? new Map<BundleHash, number>();
    const count = (counts.get(bundle) ?? 0) + change;
    if (count > 0) counts.set(bundle, count);
    else counts.delete(bundle);
    if (counts.size > 0) this.#byBundle.set(key, counts);
    else this.#byBundle.delete(key);
  }

  #enter(actor: ActorRecord): void {
    if (actor.scope === actor.id) return;
    const key = scopeKey(actorParts(actor.id).tenant, actor.scope);
    const actors = this.#inScope.get(key);
    if (actors === undefined) this.#inScope.set(key, new Set([actor]));
    else actors.add(actor);
  }

  #exit(actor: ActorRecord): void {
    const key = scopeKey(actorParts(actor.id).tenant, actor.scope);
    const actors = this.#inScope.get(key);
    actors?.delete(actor);
    if (actors?.size === 0) this.#inScope.delete(key);
  }

  #born(fact: Extract<ActorFact, { kind: 'actor-created' }>, birth: number): Born {
    const { actor: id, scope } = fact;
    const stone = this.#tombstones.get(id);
    const heir = stone === undefined ? {} : { heir: true as const };
    const from = stone?.seq === undefined ? {} : { from: stone.seq };
    return { id, birth, scope, ...rarely({ ...fact, ...heir, ...from }) };
  }

  #destroyed(fact: Extract<ActorFact, { kind: 'actor-destroyed' }>): void {
    const { actor: id, birth, revision, seq, ledMs } = fact;
    const actor = this.#actors.get(id);
    assert(actor?.life?.kind === 'ending', 'D8: an actor is destroyed when it was ending');
    assert(actor.birth === birth, 'D8: the birth that was ending is destroyed');
    this.#leave(actor);
    this.#exit(actor);
    this.#refer(actor, []);
    this.#isBack(actor);
    this.#actors.delete(id);
    this.#count(actor, -1);
    this.#ordered.delete(id);
    this.#resting.delete(id);
    this.#givenUp.delete(id);
    this.#wish(id, undefined);
    this.#unlabel(actor);
    this.#disown(actor);
    this.#tombstones.add({
      id,
      birth,
      ...(revision === undefined ? {} : { revision }),
      ...(seq === undefined ? {} : { seq }),
      ledMs,
    });
  }

  #own({ id, owner }: ActorRecord): void {
    if (owner === undefined) return;
    const key = ownerKey(owner);
    const owned = this.#owned.get(key) ?? { owner, ids: new Set<ActorId>() };
    owned.ids.add(id);
    this.#owned.set(key, owned);
  }

  #disown({ id, owner }: ActorRecord): void {
    if (owner === undefined) return;
    const key = ownerKey(owner);
    const owned = this.#owned.get(key);
    owned?.ids.delete(id);
    if (owned?.ids.size === 0) this.#owned.delete(key);
  }

  #noteLife({ id, life }: ActorRecord): void {
    if (life === undefined) return;
    if (life.kind === 'live') this.#resting.delete(id);
    else this.#resting.add(id);
    if (life.givenUp === undefined) this.#givenUp.delete(id);
    else this.#givenUp.add(id);
  }

  #unlabel(actor: ActorRecord): void {
    for (const ids of this.#labelsOf(actor)) ids.delete(actor.id);
    const { tenant } = actorParts(actor.id);
    for (const [name, value] of Object.entries(actor.labels ?? {})) {
      const key = labelKey(tenant, name, value);
      if (this.#labelled.get(key)?.size === 0) this.#labelled.delete(key);
    }
  }

  #labelsOf({ id, labels = {} }: ActorRecord): OrderedIds<ActorId>[] {
    const { tenant } = actorParts(id);
    return Object.entries(labels).map(([name, value]) => {
      const key = labelKey(tenant, name, value);
      const ids = this.#labelled.get(key) ?? new OrderedIds<ActorId>();
      this.#labelled.set(key, ids);
      return ids;
    });
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
    actor.chain = chain.length === 0 ? noChain : chain;
  }
}

/** Its fields in an order that does not depend on what befell it. */
function imageOf(actor: ActorRecord): ActorRecord {
  const { id, birth, scope, epoch, node, bundle, chain, life, code, back } = actor;
  return {
    ...{ id, birth, scope, epoch, node, bundle, chain },
    ...rarely(actor),
    ...(life === undefined ? {} : { life }),
    ...(code === undefined ? {} : { code }),
    ...(back === undefined ? {} : { back }),
  };
}

/** What few actors have: of these fields those that are there. */
function rarely({ labels, by, owner, heir, from, seed }: Rare): Rare {
  return {
    ...(labels === undefined ? {} : { labels }),
    ...(by === undefined ? {} : { by }),
    ...(owner === undefined ? {} : { owner }),
    ...(heir === undefined ? {} : { heir }),
    ...(from === undefined ? {} : { from }),
    ...(seed === undefined ? {} : { seed }),
  };
}

const noChain: readonly ChainLink[] = [];

const noBundles: ReadonlyMap<BundleHash, number> = new Map();
const noOwned: ReadonlySet<ActorId> = new Set();
const noIds = new OrderedIds<ActorId>();

function labelKey(tenant: string, name: string, value: string): string {
  return JSON.stringify([tenant, name, value]);
}

function typeKey(tenant: TenantName, type: string): string {
  return `${tenant}/${type}`;
}

export function ownerKey(owner: ActorOwner): string {
  if (owner.kind === 'session') return `session ${owner.tenant}/${owner.session}`;
  return owner.kind === 'run' ? `run ${owner.run}` : `actor ${owner.actor}#${owner.birth}`;
}
