/**
 * The leader's work on the lives of actors: made on purpose, paused, resumed, let go from memory,
 * destroyed. What is wished stands in the journal; its node is told with the placement, and says when
 * it is so.
 *
 *     live ⇄ paused
 *       └──────┴──▶ ending ──settled──▶ destroyed
 *
 * Y1  a wish is answered when it is so: a paused actor runs nothing and will not, wherever it is placed;
 *     a destroyed one takes no turn, and no part of its state is left.
 * Y2  a wish is for one birth: a repetition never touches another one of the name. Nor does one that
 *     was held up undo what was wished since: it says which wish it follows.
 * Y3  an actor that is ending is never resumed, and what it has received is forgotten only after
 *     `limits.tombstoneMs`.
 * Y4  an actor that is owned is destroyed soon after its owner ends, whoever leads by then.
 * Y5  a postbox is nobody's own, and is never destroyed: what waits in it was sent by many, and acknowledged.
 */
import {
  type ActorActivity,
  type ActorId,
  type ActorOwner,
  type ActorView,
  actorParts,
  type CodeVersion,
  type Failure,
  failure,
  type GivenUpActor,
  limits,
  postboxType,
  type RequestBody,
  type RunId,
  type SessionOwner,
  type Settled,
  type SettledActor,
} from '@troupe/model';
import type { Activities } from './activities.ts';
import { type Ailments, viewActor } from './actor-list.ts';
import type { ActorRecord } from './actors.ts';
import type { Desk } from './desk.ts';
import type { Directory } from './directory.ts';
import { tellTime } from './led-time.ts';
import type { Migrations } from './migrations.ts';
import type { Rollouts } from './rollouts.ts';
import type { Size } from './sizes.ts';
import { wentBack } from './surveys.ts';
import type { Timers } from './timers.ts';
import type { Tombstone } from './tombstones.ts';
import { type Asker, Waiting } from './waiting.ts';

type Body<K extends RequestBody['kind']> = Extract<RequestBody, { kind: K }>;

/** Tombstones forgotten by one fact. */
const forgottenMax = 1_000;
/** Actors of ended owners that are ended in one go. */
const endedAtOnceMax = 1_000;
/** While there are tombstones, a successor knows their age to a minute. */
const toldMs = 60_000;

export class Lifecycle {
  readonly #desk: Desk;
  readonly #directory: Directory;
  readonly #ailments: Ailments;
  readonly #timers: Timers;
  readonly #migrations: Migrations;
  readonly #rollouts: Rollouts;
  readonly #owned: (owner: ActorOwner) => void;
  /** Who waits until an actor is as wished. */
  readonly #askers = new Waiting<ActorId, Asker>();
  /** Owners that have ended, whose actors are still to be ended. */
  readonly #orphaned: ActorOwner[] = [];
  /** Paused actors that run nothing, and under which epoch and wish that was said. */
  readonly #quiet = new Map<ActorId, { readonly epoch: number; readonly at: number }>();

  constructor(
    desk: Desk,
    directory: Directory,
    given: {
      readonly ailments: Ailments;
      readonly timers: Timers;
      readonly migrations: Migrations;
      readonly rollouts: Rollouts;
      /** An actor was made that has this owner. */
      owned(owner: ActorOwner): void;
    },
  ) {
    const { ailments, timers, migrations, rollouts, owned } = given;
    this.#owned = owned;
    this.#migrations = migrations;
    this.#rollouts = rollouts;
    this.#desk = desk;
    this.#timers = timers;
    this.#directory = directory;
    this.#ailments = ailments;
  }

  create(asker: Asker, body: Body<'create-actor'>): void {
    const { actor: id, by, scope, labels, owner, orExisting, seed, code } = body;
    const known = this.#desk.state.actors.get(id);
    if (known === undefined) {
      const more = {
        by,
        ...(labels === undefined ? {} : { labels }),
        ...(owner === undefined ? {} : { owner }),
        ...(seed === undefined ? {} : { seed }),
      };
      const common = owner === undefined ? undefined : commonOf(id);
      const orphan = isGone(owner, (one) => this.#lives(one)) ? ownerGone(owner) : undefined;
      const foreign = code === undefined ? undefined : this.#foreignState(id, code);
      const fault = common ?? orphan ?? foreign ?? this.#directory.create(id, scope ?? id, more);
      if (fault !== undefined) return this.#desk.answer(asker, { kind: 'failed', failure: fault });
      const actor = this.#view(id);
      if (owner !== undefined) this.#owned(owner);
      if (actor !== undefined) this.#desk.answer(asker, { kind: 'actor', actor, created: true });
      return;
    }
    if (known.by === by) return this.#show(asker, known, { created: true });
    if (known.life?.kind === 'ending') {
      const what = `actor "${id}" is being destroyed`;
      return this.#desk.refuse(asker, 'UNAVAILABLE', what, { actor: id });
    }
    if (orExisting === true) return this.#show(asker, known);
    const { birth } = known;
    this.#desk.refuse(asker, 'ALREADY_EXISTS', `there is an actor "${id}"`, { actor: id, birth });
  }

  get(asker: Asker, body: Body<'get-actor'>, activities: Activities): void {
    const { actor: id } = body;
    if (body.activity !== true) return this.#get(asker, id, undefined);
    activities.ofActor(id, (activity) => this.#get(asker, id, activity));
  }

  #get(asker: Asker, id: ActorId, activity: ActorActivity | undefined): void {
    const actor = this.#desk.state.actors.get(id);
    if (actor !== undefined) {
      const view = viewActor(this.#desk.state, this.#ailments, actor);
      const shown = activity === undefined ? view : { ...view, activity };
      return this.#desk.answer(asker, { kind: 'actor', actor: shown });
    }
    this.#desk.refuse(asker, 'UNKNOWN_ACTOR', `there is no actor "${id}"`, { actor: id });
  }

  wish(asker: Asker, body: Body<'wish-actor'>): void {
    const { actor: id, birth, wish } = body;
    const actor = this.#desk.state.actors.get(id);
    if (actor?.birth !== birth) {
      // What was to be destroyed is so already.
      if (wish === 'ending') return this.#desk.answer(asker, { kind: 'done' });
      return this.#desk.answer(asker, { kind: 'failed', failure: gone(id, birth) });
    }
    const present = actor.life?.kind ?? 'live';
    if (present === 'ending' && wish !== 'ending') {
      return this.#desk.answer(asker, { kind: 'failed', failure: gone(id, birth) });
    }
    if (present !== wish) {
      if (wish !== 'ending' && body.wishAt !== undefined && body.wishAt !== (actor.life?.at ?? 0)) {
        const what = `actor "${id}" was wished to be ${present} since it was looked at; look again`;
        return this.#desk.refuse(asker, 'WRONG_STATE', what, { actor: id });
      }
      const fault =
        wish === 'ending' ? (commonOf(id) ?? this.#goesBack(actor) ?? this.#noRoom()) : undefined;
      if (fault !== undefined) return this.#desk.answer(asker, { kind: 'failed', failure: fault });
      this.#decide(actor, wish);
    }
    if (wish === 'live' || this.#isQuiet(actor)) this.#desk.answer(asker, { kind: 'done' });
    else this.#askers.add(id, asker);
  }

  /** It has failed as often as its type lets it: it stays where it is until it is resumed. */
  giveUp(actor: ActorRecord, why: GivenUpActor): void {
    this.#decide(actor, 'paused', why);
  }

  /** What made it fail may be mended. */
  tryAnew(actor: ActorRecord): void {
    if (actor.life?.givenUp !== undefined) this.#decide(actor, 'live');
  }

  stop(asker: Asker, { actor: id, birth }: Body<'stop-actor-request'>): void {
    const actor = this.#desk.state.actors.get(id);
    if (actor?.birth !== birth) {
      return this.#desk.answer(asker, { kind: 'failed', failure: gone(id, birth) });
    }
    const { term } = this.#desk;
    const { node, epoch } = actor;
    this.#desk.toNode(node, { kind: 'stop-actor', term, actor: id, epoch });
    this.#desk.answer(asker, { kind: 'done' });
  }

  settled({ incarnation, actors: entries }: Settled): void {
    for (const entry of entries) {
      const actor = this.#desk.state.actors.get(entry.actor);
      const { life: wish } = actor ?? {};
      if (actor === undefined || wish === undefined || wish.at !== entry.wish.at) continue;
      if (actor.epoch !== entry.epoch || actor.node !== incarnation) continue;
      if (wish.kind === 'ending') this.#destroyed(actor, entry);
      else this.#quieted(actor);
    }
    const { term } = this.#desk;
    this.#desk.toNode(incarnation, { kind: 'settled-seen', term, actors: entries });
  }

  /** Whoever leads now looks for actors whose owner has ended. */
  takeOver(): void {
    for (const owner of this.#desk.state.actors.owners()) {
      if (!this.#lives(owner)) this.#orphaned.push(owner);
    }
  }

  /** A session that owns actors is over: whoever says so is answered when that of its first actors is durable. */
  sessionOver(owner: SessionOwner): void {
    this.#orphan(owner);
    this.endOrphans();
  }

  runEnded(run: RunId): void {
    this.#orphan({ kind: 'run', run });
  }

  /** Ends what was owned by what has ended. True when there is more to end at once. */
  endOrphans(): boolean {
    let left = endedAtOnceMax;
    for (let owner = this.#orphaned[0]; owner !== undefined; owner = this.#orphaned[0]) {
      for (const id of this.#desk.state.actors.ownedBy(owner)) {
        const actor = this.#desk.state.actors.get(id);
        if (actor === undefined || actor.life?.kind === 'ending') continue;
        if (left === 0 || this.#noRoom() !== undefined) return left === 0;
        // It waits for the next look.
        if (this.#goesBack(actor) !== undefined) return false;
        left -= 1;
        this.#decide(actor, 'ending');
      }
      this.#orphaned.shift();
    }
    return false;
  }

  /** Tombstones that are old enough. True when there are more to forget at once. */
  forget(): boolean {
    const { state, ledMs } = this.#desk;
    if (state.tombstones.size > 0) tellTime(this.#desk, toldMs);
    const old: Tombstone[] = [];
    for (const stone of state.tombstones.all()) {
      if (stone.ledMs + limits.tombstoneMs > ledMs || old.length === forgottenMax) break;
      old.push(stone);
    }
    if (old.length === 0) return false;
    this.#desk.decide({ kind: 'tombstones-forgotten', actors: old.map(({ id }) => id) });
    // One that lives again may have nothing else to be read back from.
    const of = old.flatMap(({ id: actor, revision }) =>
      revision === undefined || state.actors.get(actor) !== undefined ? [] : [{ actor, revision }],
    );
    if (of.length > 0) this.#desk.order({ kind: 'drop-checkpoints', of });
    return old.length === forgottenMax;
  }

  /** Z1 */
  sizes(): readonly Size[] {
    const { resting } = this.#desk.state.actors;
    return [
      { of: 'actors waited for', size: this.#askers.size, most: 0 },
      { of: 'owners whose actors are to be ended', size: this.#orphaned.length, most: 0 },
      { of: 'actors known to be quiet', size: this.#quiet.size, most: resting.size },
    ];
  }

  #decide(actor: ActorRecord, wish: Body<'wish-actor'>['wish'], why?: GivenUpActor): void {
    const { id } = actor;
    const fact = { kind: 'actor-wished', actor: id, wish } as const;
    this.#desk.decide(why === undefined ? fact : { ...fact, givenUp: why });
    this.#quiet.delete(id);
    for (const asker of this.#askers.take(id)) {
      const what = `actor "${id}" was wished to be ${wish} before it was as asked for`;
      this.#desk.refuse(asker, 'WRONG_STATE', what, { actor: id });
    }
    this.#directory.wished(actor);
    if (wish === 'ending') this.#orphan({ kind: 'actor', actor: id, birth: actor.birth });
  }

  #orphan(owner: ActorOwner): void {
    if (this.#desk.state.actors.ownedBy(owner).size > 0) this.#orphaned.push(owner);
  }

  #lives(owner: ActorOwner): boolean {
    // A session is taken for alive until it was not heard of for long enough.
    if (owner.kind === 'session') return true;
    const { actors, runs } = this.#desk.state;
    if (owner.kind === 'run') {
      const run = runs.get(owner.run);
      return run !== undefined && run.end === undefined;
    }
    const actor = actors.get(owner.actor);
    return actor?.birth === owner.birth && actor.life?.kind !== 'ending';
  }

  #quieted(actor: ActorRecord): void {
    const { id, epoch, life: wish } = actor;
    if (wish?.kind !== 'paused') return;
    this.#quiet.set(id, { epoch, at: wish.at });
    this.#directory.confirm(actor);
    for (const asker of this.#askers.take(id)) this.#desk.answer(asker, { kind: 'done' });
  }

  #destroyed(actor: ActorRecord, { revision, seq }: SettledActor): void {
    const { id, birth, chain } = actor;
    const { ledMs } = this.#desk;
    this.#directory.confirm(actor);
    this.#timers.destroyed(id);
    this.#migrations.destroyed(actor);
    this.#rollouts.destroyed(actor);
    this.#desk.decide({
      kind: 'actor-destroyed',
      actor: id,
      birth,
      ...(revision === undefined ? {} : { revision }),
      ...(seq === undefined ? {} : { seq }),
      ledMs,
    });
    this.#quiet.delete(id);
    for (const asker of this.#askers.take(id)) this.#desk.answer(asker, { kind: 'done' });
    this.#directory.destroyed(id, chain);
  }

  /** Whether it is said to run nothing since it was wished so, and was not placed anew since. */
  #isQuiet({ id, epoch, life: wish }: ActorRecord): boolean {
    const quiet = this.#quiet.get(id);
    return wish?.kind === 'paused' && quiet?.epoch === epoch && quiet.at === wish.at;
  }

  /** A state that no code here can be given: of another version than what serves, by a bundle that is not there. */
  #foreignState(id: ActorId, { bundle, version }: CodeVersion): Failure | undefined {
    const { tenant, type } = actorParts(id);
    const { deployments } = this.#desk.state;
    const owner = deployments.tenant(tenant);
    const served = owner?.actors.get(type)?.bundle;
    if (owner === undefined || served === undefined) return undefined;
    const present = deployments.versionOf(served, type);
    if (present === version || owner.bundles.includes(bundle)) return undefined;
    const what =
      `the state for actor "${id}" is of version ${version} of type "${type}", made by bundle "${bundle}", and ` +
      `tenant "${tenant}" has that bundle not deployed, but version ${present}`;
    const next = `deploy the bundle and import again; a rollout brings it to version ${present}`;
    return failure('UNKNOWN_BUNDLE', `${what}: ${next}`, { actor: id, bundle, version });
  }

  #noRoom(): Failure | undefined {
    if (this.#desk.state.tombstones.size < limits.tombstonesMax) return undefined;
    const what = `${limits.tombstonesMax} actors were destroyed within an hour`;
    return failure('RESOURCE_EXHAUSTED', what, { retryAfterMs: 60_000 });
  }

  /** It ends in the past that it is in, or in the one that it goes back to. */
  #goesBack({ id, scope }: ActorRecord): Failure | undefined {
    const isUnderWay = this.#desk.state.rewinds.isUnderWay(actorParts(id).tenant, scope);
    return isUnderWay ? wentBack(scope) : undefined;
  }

  #view(id: ActorId): ActorView | undefined {
    const actor = this.#desk.state.actors.get(id);
    return actor === undefined ? undefined : viewActor(this.#desk.state, this.#ailments, actor);
  }

  #show(asker: Asker, actor: ActorRecord, more: { readonly created?: true } = {}): void {
    const view = viewActor(this.#desk.state, this.#ailments, actor);
    this.#desk.answer(asker, { kind: 'actor', actor: view, ...more });
  }
}

function isGone(
  owner: ActorOwner | undefined,
  lives: (owner: ActorOwner) => boolean,
): owner is Exclude<ActorOwner, SessionOwner> {
  return owner !== undefined && owner.kind !== 'session' && !lives(owner);
}

function ownerGone(owner: Exclude<ActorOwner, SessionOwner>): Failure {
  if (owner.kind === 'actor') return gone(owner.actor, owner.birth);
  const what = `run "${owner.run}" does not exist, or has ended`;
  return failure('UNKNOWN_RUN', what, { run: owner.run });
}

export function gone(actor: ActorId, birth: number): Failure {
  return failure('GONE', `actor ${actor} #${birth} is gone`, { actor, birth });
}

/** Y5 */
function commonOf(actor: ActorId): Failure | undefined {
  const { type, key } = actorParts(actor);
  if (type !== postboxType) return undefined;
  const what = `postbox "${key}" holds what many have sent, is nobody's own and is not destroyed`;
  return failure('INVALID_ARGUMENT', what, { actor });
}
