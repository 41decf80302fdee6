/**
 * The leader's work on actors: resolve, place, place anew after a death or a release, rebase. Where
 * actors are stands durably in `actors.ts`.
 *
 * D4  nothing is created when it cannot be placed, nor when the scheduler that leads is short of memory.
 * D5  after a death an actor keeps the bundle whose turns may have to be replayed; after a release
 *     it takes the latest that serves its type, if states have the same version there: to another one only
 *     a rollout leads.
 * D7  an actor that is wished on a node goes there if that serves, whatever it left its own for.
 * D9  nobody is told where an actor is that is ending; whoever asks by its name waits for the next one.
 * D10 a placement is said to follow on a release only by the leader that took that release.
 */
import {
  type ActorId,
  type Address,
  actorParts,
  type BundleHash,
  builtInBundle,
  type ChainLink,
  type Failure,
  failure,
  type Incarnation,
  isActorKey,
  isBuiltInType,
  isKnownBuiltInType,
  ownText,
  type Place,
  type PlaceSeen,
  type Rebased,
  type Released,
  type ReleasedActor,
  type Resolve,
} from '@troupe/model';
import { placeActor } from './actor-places.ts';
import type { ActorRecord } from './actors.ts';
import { Deliveries } from './deliveries.ts';
import type { Desk } from './desk.ts';
import type { SchedulerFact } from './facts.ts';
import { gone } from './lifecycle.ts';
import { isPresent, type NodeRecord } from './nodes.ts';
import type { Size } from './sizes.ts';

type CreatedFact = Extract<SchedulerFact, { kind: 'actor-created' }>;

export interface DirectoryEffects {
  /** It goes back in time where it is, under another epoch. */
  movedInTime(actor: ActorId, node: Incarnation): void;
  /** Actors no longer have this chain. */
  chainChanged(chain: readonly ChainLink[]): void;
  /** An actor was placed on this node, away from the other one, if it had any. */
  placed(actor: ActorId, node: Incarnation, left: Incarnation | undefined): void;
  /** What an actor was stands in the store. */
  back(actor: ActorId): void;
  /** An actor is asked for, and no node is there to take it. */
  noNodes(): void;
}

interface Follows {
  readonly epoch: number;
  readonly release: ReleasedActor;
}

export class Directory {
  readonly #desk: Desk;
  readonly #places: Deliveries<ActorId>;
  /** Who asked for an actor that is between two nodes. */
  readonly #askers = new Map<ActorId, Map<Address, Resolve>>();
  readonly #effects: DirectoryEffects;
  /** The release that a placement follows on, until the node has seen it. */
  readonly #follows = new Map<ActorId, Follows>();

  constructor(desk: Desk, effects: DirectoryEffects) {
    this.#desk = desk;
    this.#effects = effects;
    this.#places = new Deliveries(desk, 'places', (node, id) => this.place(node, id));
  }

  /** A new leader does not know which placements were seen: all are sent again, by the window. */
  takeOver(): void {
    const { nodes, actors } = this.#desk.state;
    for (const { incarnation } of nodes.present()) {
      this.#places.addAll(incarnation, idsOf(actors.on(incarnation)));
    }
    this.placeWaiting();
  }

  resolve(asked: Resolve): void {
    const { actor: id, scope, replyTo, refusedEpoch, birth, look } = asked;
    const actor = this.#desk.state.actors.get(id);
    const ending = actor?.life?.kind === 'ending';
    if (birth !== undefined && (ending || actor?.birth !== birth)) {
      return this.#desk.located(replyTo, { actor: id, location: gone(id, birth) });
    }
    if (ending && asked.ending === true) {
      const location = gone(id, actor.birth);
      const answer = { actor: id, location };
      return this.#desk.located(replyTo, look === undefined ? answer : { ...answer, look });
    }
    if (actor === undefined) {
      const fault = this.create(id, scope ?? id);
      if (fault !== undefined) this.#desk.located(replyTo, { actor: id, location: fault });
      else this.#locate(id, replyTo);
      return;
    }
    const node = this.#desk.state.nodes.get(actor.node);
    if (ending || node === undefined || !isPresent(node)) return this.#wait(actor, asked);
    if (refusedEpoch === actor.epoch) this.#places.add(actor.node, id);
    this.#locate(id, replyTo);
  }

  /** That a node has seen a placement is enough, unless more is wished of the actor than to live:
   *  then it says itself when that is so. */
  placeSeen(node: Incarnation, seen: PlaceSeen['placed'][number]): void {
    const actor = this.#desk.state.actors.get(seen.actor);
    if (actor?.epoch !== seen.epoch || actor.node !== node) return;
    this.#follows.delete(seen.actor);
    const { kind = 'live', at = 0 } = actor.life ?? {};
    const { at: rewindAt = 0 } = this.#desk.state.rewinds.of(actor) ?? {};
    if ((seen.rewindAt ?? 0) < rewindAt) return;
    if (kind === 'live' && (seen.wishAt ?? 0) >= at) this.#places.confirm(node, seen.actor);
  }

  /** Something else is wished of it: its node is told until it says that it is so. */
  wished({ id, node }: ActorRecord): void {
    const record = this.#desk.state.nodes.get(node);
    if (record !== undefined && isPresent(record)) this.#places.add(node, id);
  }

  /** Its scope is held no longer, or went back: its node is told until it knows. */
  movedInTime(actor: ActorRecord): void {
    this.wished(actor);
    this.#effects.movedInTime(actor.id, actor.node);
  }

  /** It is as wished. */
  confirm({ id, node }: ActorRecord): void {
    this.#places.confirm(node, id);
  }

  /** Whoever waited asks for the next one of its name. */
  destroyed(id: ActorId, chain: readonly ChainLink[]): void {
    if (chain.length > 0) this.#effects.chainChanged(chain);
    this.#follows.delete(id);
    const askers = this.#askers.get(id);
    this.#askers.delete(id);
    for (const asked of askers?.values() ?? []) this.resolve(asked);
  }

  /** The log of this node is sealed: its actors go elsewhere, their chains one link longer. */
  placeFrom(incarnation: Incarnation): void {
    const { nodes, actors } = this.#desk.state;
    const node = nodes.get(incarnation);
    if (node?.phase.kind !== 'sealed') return;
    const { log } = node;
    const { to } = node.phase;
    for (const actor of [...actors.on(incarnation)]) {
      const target = this.#wished(actor.id) ?? this.#choose(nodes.serving);
      if (target === undefined) return;
      const link: ChainLink = { log, from: 0, to, epoch: actor.epoch };
      this.#decidePlaced(actor.id, target, { ...actor, chain: [...actor.chain, link] });
    }
    this.#effects.chainChanged([{ log, from: 0, to }]);
  }

  /** A node joined: actors that found no node go there. */
  placeWaiting(): void {
    for (const node of [...this.#desk.state.nodes.kept()]) this.placeFrom(node.incarnation);
  }

  rebased({ incarnation, actors: entries }: Rebased): void {
    for (const { actor: id, epoch } of entries) {
      const actor = this.#desk.state.actors.get(id);
      const { epoch: present, node, chain, back } = actor ?? {};
      if (present !== epoch || node !== incarnation) continue;
      if (chain?.length === 0 && back !== true) continue;
      this.#desk.decide({ kind: 'actor-rebased', actor: id, epoch });
      if ((chain?.length ?? 0) > 0) this.#effects.chainChanged(chain ?? []);
      if (back === true) this.#effects.back(id);
    }
    const { term } = this.#desk;
    this.#desk.toNode(incarnation, { kind: 'rebased-seen', term, actors: entries });
  }

  /** The node stored the final state of these: they go elsewhere with an empty chain. */
  released({ incarnation, actors: entries }: Released): void {
    const seen = entries.filter((entry) => {
      const { actor: id, epoch } = entry;
      const actor = this.#desk.state.actors.get(id);
      if (actor?.epoch !== epoch || actor.node !== incarnation) return true;
      const target = this.#wished(id) ?? this.#targetOfRelease(incarnation);
      // No node can take it: the release is not seen, and comes again.
      if (target === undefined) return false;
      this.#decidePlaced(id, target, { chain: [], bundle: this.#bundleOf(actor) }, entry);
      return true;
    });
    if (seen.length > 0) {
      const { term } = this.#desk;
      const actors = seen.map(({ actor, epoch }) => ({ actor, epoch }));
      this.#desk.toNode(incarnation, { kind: 'release-seen', term, actors });
    }
  }

  nodeLost(node: Incarnation): void {
    this.#places.drop(node);
  }

  resend(node: Incarnation): void {
    this.#places.resend(node);
  }

  /** Z1: what was placed was seen, and nobody asks for an actor that is nowhere. */
  sizes(): readonly Size[] {
    const { presentCount } = this.#desk.state.nodes;
    return [
      { of: 'placements to deliver', size: this.#places.size, most: 0 },
      { of: 'lanes of placements', size: this.#places.lanes, most: presentCount },
      { of: 'actors asked for', size: this.#askers.size, most: 0 },
      { of: 'releases that placements follow on', size: this.#follows.size, most: 0 },
    ];
  }

  /** Why it cannot be, if so. */
  create(
    id: ActorId,
    scope: string,
    more: Omit<CreatedFact, 'kind' | 'actor' | 'scope'> = {},
  ): Failure | undefined {
    const { tenant, type, key } = actorParts(id);
    const owner = this.#desk.state.deployments.tenant(tenant);
    if (owner === undefined) {
      return failure('UNKNOWN_TENANT', `there is no tenant "${tenant}"`, { tenant });
    }
    const bundle = this.#latestBundle(id);
    if (bundle === undefined) {
      const what = `tenant "${tenant}" has deployed no actor type "${type}"`;
      return failure('UNKNOWN_TYPE', what, { tenant, type });
    }
    if (!isActorKey(key)) {
      return failure('INVALID_ARGUMENT', `"${key}" cannot be the key of an actor`, { type });
    }
    const fault = this.#desk.memoryFault(`actor "${id}"`);
    if (fault !== undefined) return fault;
    const node = this.#choose(this.#desk.state.nodes.serving);
    if (node === undefined) {
      this.#effects.noNodes();
      return failure('NO_NODES', `no node is alive to take actor "${id}"`, { actor: id });
    }
    const actor = ownText(id);
    // What all share belongs to no scope of theirs: it is not taken back with one.
    const own = isBuiltInType(type) || scope === id ? actor : ownText(scope);
    this.#desk.decide({ kind: 'actor-created', actor, scope: own, ...more });
    this.#decidePlaced(actor, node, { chain: [], bundle });
    return undefined;
  }

  #decidePlaced(
    actor: ActorId,
    target: NodeRecord,
    as: { readonly chain: readonly ChainLink[]; readonly bundle: BundleHash },
    release?: ReleasedActor,
  ): void {
    const before = this.#desk.state.actors.get(actor);
    const left = before?.node;
    const wasBack = before?.back === true;
    const chainBefore = before?.chain ?? [];
    const node = target.incarnation;
    const { bundle, chain } = as;
    const epoch = this.#desk.decide({ kind: 'actor-placed', actor, node, bundle, chain });
    if (release === undefined) this.#follows.delete(actor);
    else this.#follows.set(actor, { epoch, release });
    if (left !== undefined) this.#places.confirm(left, actor);
    this.#places.add(node, actor);
    if (chain.length === 0 && chainBefore.length > 0) this.#effects.chainChanged(chainBefore);
    // Of one that is ending there is nothing to be told before it has ended.
    if (before?.life?.kind !== 'ending') {
      for (const asker of this.#askers.get(actor)?.keys() ?? []) this.#locate(actor, asker);
      this.#askers.delete(actor);
    }
    this.#effects.placed(actor, node, left);
    if (wasBack && chain.length === 0) this.#effects.back(actor);
  }

  #locate(id: ActorId, to: Address): void {
    const actor = this.#desk.state.actors.get(id);
    if (actor === undefined) return;
    const { node, birth, epoch } = actor;
    this.#desk.located(to, { actor: id, location: { node, birth, epoch } });
  }

  /** Its node is dying: the answer comes with the next placement, or now when there can be none. Or it is
   *  ending: then it comes when it has. */
  #wait({ id }: ActorRecord, asked: Resolve): void {
    const asker = asked.replyTo;
    if (this.#desk.state.nodes.presentCount === 0) {
      const location = failure('NO_NODES', `no node is alive to take actor "${id}"`, { actor: id });
      this.#desk.located(asker, { actor: id, location });
      this.#effects.noNodes();
      return;
    }
    const askers = this.#askers.get(id);
    if (askers === undefined) this.#askers.set(id, new Map([[asker, asked]]));
    else askers.set(asker, asked);
  }

  #targetOfRelease(from: Incarnation): NodeRecord | undefined {
    const { nodes } = this.#desk.state;
    const { serving } = nodes;
    const others = serving.filter(({ incarnation }) => incarnation !== from);
    const target = this.#choose(others) ?? this.#choose(serving);
    if (target !== undefined) return target;
    // Cordoned, and nobody else is there: what was on it may stay.
    const node = nodes.get(from);
    return node?.phase.kind === 'alive' ? node : undefined;
  }

  /** D7 */
  #wished(id: ActorId): NodeRecord | undefined {
    const { nodes, actors } = this.#desk.state;
    const to = actors.wish(id);
    const node = to === undefined ? undefined : nodes.named(to);
    return node?.phase.kind === 'alive' && !node.cordoned ? node : undefined;
  }

  #choose(candidates: readonly NodeRecord[]): NodeRecord | undefined {
    return placeActor(candidates, (node) => this.#desk.state.actors.on(node.incarnation).size);
  }

  #latestBundle(id: ActorId): BundleHash | undefined {
    const { tenant, type } = actorParts(id);
    if (isBuiltInType(type)) return isKnownBuiltInType(type) ? builtInBundle : undefined;
    return this.#desk.state.deployments.tenant(tenant)?.actors.get(type)?.bundle;
  }

  /** The latest bundle that serves its type with states of the version that it has (D5). */
  #bundleOf({ id, bundle }: ActorRecord): BundleHash {
    const latest = this.#latestBundle(id);
    const { deployments } = this.#desk.state;
    const { type } = actorParts(id);
    const fits =
      latest !== undefined &&
      deployments.versionOf(latest, type) === deployments.versionOf(bundle, type);
    return fits ? latest : bundle;
  }

  #codeOf({ id, bundle, code }: ActorRecord): Pick<Place, 'code'> {
    const { deployments } = this.#desk.state;
    const { type } = actorParts(id);
    const version = deployments.versionOf(bundle, type) ?? 1;
    if (code === undefined) return version === 1 ? {} : { code: { version, at: 0 } };
    const { at, first } = code;
    const before = { bundle: first, version: deployments.versionOf(first, type) ?? 1 };
    return { code: { version, at, first: before } };
  }

  /** The placement of an actor that is to leave, and where to. */
  leaving(node: Incarnation, id: ActorId): Place | undefined {
    const place = this.place(node, id);
    if (place === undefined || this.#desk.state.actors.wish(id) === undefined) return undefined;
    const to = this.#wished(id)?.incarnation;
    const actor = this.#desk.state.actors.get(id);
    const bundle = actor === undefined ? place.bundle : this.#bundleOf(actor);
    return { ...place, leave: to === undefined || to === node ? { bundle } : { to, bundle } };
  }

  #configOf(id: ActorId): Pick<Place, 'config'> {
    const { configs } = this.#desk.state;
    if (configs.size === 0) return {};
    const { version } = configs.latest(actorParts(id).tenant);
    return version === 0 ? {} : { config: version };
  }

  place(node: Incarnation, id: ActorId): Place | undefined {
    const actor = this.#desk.state.actors.get(id);
    if (actor?.node !== node) return undefined;
    const { birth, epoch, scope, bundle, chain, heir, life, seed } = actor;
    const { term } = this.#desk;
    const place = { kind: 'place', term, actor: id, birth, epoch, scope, bundle, chain } as const;
    const follows = this.#follows.get(id);
    return {
      ...place,
      ...(follows?.epoch === epoch ? followsOn(follows) : {}),
      ...(heir === undefined ? {} : { heir }),
      ...(seed === undefined ? {} : { seed }),
      ...(life === undefined ? {} : { wish: life }),
      ...this.#configOf(id),
      ...this.#codeOf(actor),
      ...this.#desk.state.rewinds.placeOf(actor),
    };
  }
}

function followsOn({ release: { epoch, asleep } }: Follows): Pick<Place, 'follows' | 'asleep'> {
  return asleep === true ? { follows: epoch, asleep } : { follows: epoch };
}

function* idsOf(actors: Iterable<ActorRecord>): Generator<ActorId> {
  for (const { id } of actors) yield id;
}
