/**
 * The leader's work on rollouts: all actors of a type go over to another bundle, in waves. A node is told
 * with the placement, and says what became of it (`upgrades.ts` there).
 *
 *   start ─▶ running: wave ─▶ pause ─▶ wave ─▶ … ─▶ done
 *             │    ▲
 *      paused ◀────┴──▶ stopped: more failed than may
 *
 * RW1 of one wave there are `atOnce` actors at most, and the next begins `pauseMs` after all of it have gone
 *     over or failed. Whoever runs or waits in a turn for longer than `limits.waveMs` does not hold the next.
 * RW2 what has failed keeps its bundle, is named, and is not tried again unless somebody says so.
 * RW3 whoever leads next goes on: what has gone over, or failed, stands in the journal.
 * RW4 the bundle of a rollout serves the type from its beginning: an actor that is made meanwhile has it. Once a
 *     later one is deployed that serves, and whoever has that is left alone.
 */
import {
  type ActorId,
  actorParts,
  type BundleHash,
  type CodeVersion,
  type Incarnation,
  limits,
  type Place,
  type RolloutPace,
  type RolloutRequest,
  type RolloutView,
  type TenantName,
  type Upgraded,
  type UpgradedActor,
  type UpgradeOrder,
} from '@troupe/model';
import type { ActorRecord } from './actors.ts';
import type { Deadline } from './deadlines.ts';
import { Deliveries } from './deliveries.ts';
import type { Desk } from './desk.ts';
import { isPresent } from './nodes.ts';
import { type RolloutRecord, rolloutKey } from './rollout-table.ts';
import type { Size } from './sizes.ts';
import type { Asker } from './waiting.ts';

type Body<K extends RolloutRequest['kind']> = Extract<RolloutRequest, { kind: K }>;

/** What a leader knows of a rollout that runs. */
interface Going {
  /** The id up to which was looked. */
  after: string;
  /** All were looked at. */
  whole: boolean;
  readonly wave: Set<ActorId>;
  /** Of waves before: they go over when their turns have ended. */
  readonly late: Set<ActorId>;
  next: Deadline | undefined;
}

/** Shown of those that failed. */
const shownMax = 50;

export class Rollouts {
  readonly #desk: Desk;
  readonly #orders: Deliveries<ActorId>;
  readonly #tryAnew: (actor: ActorRecord) => void;
  readonly #going = new Map<string, Going>();

  constructor(
    desk: Desk,
    given: {
      /** Renders the placement of an actor. */
      place(node: Incarnation, id: ActorId): Place | undefined;
      /** One that is given up is so no more: it is another code that it would fail by. */
      tryAnew(actor: ActorRecord): void;
    },
  ) {
    this.#desk = desk;
    this.#tryAnew = given.tryAnew;
    this.#orders = new Deliveries(desk, 'upgrades', (node, id) => {
      const order = this.#orderOf(id);
      const placed = order === undefined ? undefined : given.place(node, id);
      return placed === undefined || order === undefined
        ? undefined
        : { ...placed, upgrade: order };
    });
  }

  /** RW3 */
  takeOver(): void {
    for (const rollout of this.#desk.state.rollouts.all()) {
      if (rollout.state === 'running') this.#begin(rollout);
    }
  }

  serve(asker: Asker, body: RolloutRequest): void {
    switch (body.kind) {
      case 'start-rollout':
        return this.#start(asker, body);
      case 'change-rollout':
        return this.#change(asker, body);
      case 'list-rollouts':
        return this.#list(asker, body);
    }
  }

  /** A node says which bundle its actors have. */
  upgraded({ incarnation, actors }: Upgraded): void {
    for (const entry of actors) {
      const actor = this.#desk.state.actors.get(entry.actor);
      if (actor?.epoch === entry.epoch && actor.node === incarnation) this.#ended(actor, entry);
    }
    const { term } = this.#desk;
    const seen = actors.map(({ actor, epoch, at }) => ({ actor, epoch, at }));
    this.#desk.toNode(incarnation, { kind: 'upgraded-seen', term, actors: seen });
  }

  /** Its node knows what is ordered. */
  seen(node: Incarnation, id: ActorId, at: number): void {
    const order = this.#orderOf(id);
    if (order === undefined || at >= order.at) this.#orders.confirm(node, id);
  }

  /** It is on another node, which is to know too. */
  placed(id: ActorId, node: Incarnation, left: Incarnation | undefined): void {
    if (left !== undefined) this.#orders.confirm(left, id);
    if (this.#isTold(id)) this.#orders.add(node, id);
  }

  destroyed({ id, node }: ActorRecord): void {
    this.#orders.confirm(node, id);
    this.#settled(id);
  }

  nodeLost(node: Incarnation): void {
    this.#orders.drop(node);
  }

  resend(node: Incarnation): void {
    this.#orders.resend(node);
  }

  /** A pause is over, or a wave has taken long enough. */
  due(tenant: TenantName, type: string): void {
    const rollout = this.#desk.state.rollouts.get(tenant, type);
    const going = this.#going.get(rolloutKey(tenant, type));
    if (rollout === undefined || going === undefined) return;
    going.next = undefined;
    for (const id of going.wave) going.late.add(id);
    going.wave.clear();
    this.#wave(rollout, going);
  }

  /** Z1: what runs or waits in a turn goes over later. */
  sizes(): readonly Size[] {
    let told = 0;
    for (const { wave, late } of this.#going.values()) told += wave.size + late.size;
    const { presentCount } = this.#desk.state.nodes;
    const running = [...this.#desk.state.rollouts.all()].filter(({ state }) => state === 'running');
    const left = running.reduce((sum, rollout) => sum + this.#leftOf(rollout), 0);
    return [
      { of: 'actors told to go over', size: told, most: left },
      { of: 'orders to go over', size: this.#orders.size, most: left },
      { of: 'lanes of orders to go over', size: this.#orders.lanes, most: presentCount },
      { of: 'rollouts', size: this.#going.size, most: running.length },
    ];
  }

  #start(asker: Asker, body: Body<'start-rollout'>): void {
    const { tenant, type, by, atOnce, pauseMs, failuresMax, discard } = body;
    const { deployments, rollouts } = this.#desk.state;
    const known = rollouts.get(tenant, type);
    if (known?.by === by) return this.#show(asker, known);
    const owner = deployments.tenant(tenant);
    if (owner === undefined) {
      return this.#desk.refuse(asker, 'UNKNOWN_TENANT', `there is no tenant "${tenant}"`, {
        tenant,
      });
    }
    const fault = paceFault(body);
    if (fault !== undefined) return this.#desk.refuse(asker, 'INVALID_ARGUMENT', fault);
    const served = owner.actors.get(type)?.bundle;
    const bundle = body.bundle ?? served;
    if (served === undefined || bundle === undefined) {
      const what = `tenant "${tenant}" has deployed no actor type "${type}"`;
      return this.#desk.refuse(asker, 'UNKNOWN_TYPE', what, { tenant, type });
    }
    if (!owner.bundles.includes(bundle) || deployments.versionOf(bundle, type) === undefined) {
      const what = `tenant "${tenant}" has deployed no bundle "${bundle}" with actor type "${type}"`;
      return this.#desk.refuse(asker, 'UNKNOWN_BUNDLE', what, { tenant, type, bundle });
    }
    const before = this.#before(tenant, type, bundle);
    this.#leave(known);
    this.#desk.decide({
      kind: 'rollout-begun',
      tenant,
      type,
      bundle,
      ...(before === undefined ? {} : { before }),
      by,
      atOnce,
      pauseMs,
      failuresMax,
      ...(discard === undefined ? {} : { discard }),
      at: this.#desk.wall,
    });
    const rollout = rollouts.get(tenant, type);
    if (rollout === undefined) return;
    this.#begin(rollout);
    this.#show(asker, rollout);
  }

  #change(asker: Asker, { tenant, type, to }: Body<'change-rollout'>): void {
    const rollout = this.#desk.state.rollouts.get(tenant, type);
    if (rollout === undefined) {
      const what = `there is no rollout of "${type}" of tenant "${tenant}"`;
      return this.#desk.refuse(asker, 'UNKNOWN_TYPE', what, { tenant, type });
    }
    if (mayBecome(rollout, to)) {
      this.#leave(rollout);
      this.#desk.decide({ kind: 'rollout-changed', tenant, type, to });
      if (to === 'running') this.#begin(rollout);
    }
    this.#show(asker, rollout);
  }

  #list(asker: Asker, { tenant }: Body<'list-rollouts'>): void {
    const all = [...this.#desk.state.rollouts.all()];
    const asked = tenant === undefined ? all : all.filter((one) => one.tenant === tenant);
    this.#desk.answer(asker, { kind: 'rollouts', rollouts: asked.map((one) => this.#view(one)) });
  }

  #begin(rollout: RolloutRecord): void {
    const { tenant, type } = rollout;
    const going: Going = {
      after: '',
      whole: false,
      wave: new Set(),
      late: new Set(),
      next: undefined,
    };
    this.#going.set(rolloutKey(tenant, type), going);
    this.#wave(rollout, going);
  }

  /** Nobody else is told. Those that were told may go over all the same, and are heard of. */
  #leave(rollout: RolloutRecord | undefined): void {
    if (rollout === undefined) return;
    const key = rolloutKey(rollout.tenant, rollout.type);
    const going = this.#going.get(key);
    if (going === undefined) return;
    this.#going.delete(key);
    this.#desk.deadlines.cancel(going.next);
    for (const id of [...going.wave, ...going.late]) {
      const actor = this.#desk.state.actors.get(id);
      if (actor !== undefined) this.#orders.confirm(actor.node, id);
    }
  }

  /** RW1 */
  #wave(rollout: RolloutRecord, going: Going): void {
    const { tenant, type, atOnce } = rollout;
    const looked = this.#gather(rollout, going, atOnce);
    const due = { kind: 'rollout', tenant, type } as const;
    if (going.wave.size > 0) {
      for (const id of going.wave) this.#tell(id);
      const at = this.#desk.now + limits.waveMs;
      going.next = this.#desk.deadlines.set(at, due);
    } else if (!going.whole) {
      // So many were looked at in vain that others are to have their turn.
      going.next = this.#desk.deadlines.set(this.#desk.now, due);
    } else if (going.late.size === 0 && looked) this.#end(rollout, 'done');
  }

  /** Fills a wave. Answers whether all that there are were looked at. */
  #gather(rollout: RolloutRecord, going: Going, most: number): boolean {
    if (going.whole) return true;
    const { tenant, type, bundle, failed, later } = rollout;
    const { actors } = this.#desk.state;
    const prefix = `${tenant}/${type}/`;
    let left: number = limits.lookedAtMax;
    for (const id of actors.ordered.from(going.after > prefix ? going.after : prefix)) {
      if (!id.startsWith(prefix)) break;
      if (id === going.after) continue;
      if (left === 0 || going.wave.size >= most) return false;
      left -= 1;
      going.after = id;
      const actor = actors.get(id);
      if (actor === undefined || actor.bundle === bundle || actor.life?.kind === 'ending') continue;
      if (later.has(actor.bundle)) continue;
      if (failed.has(id) || going.late.has(id)) continue;
      this.#tryAnew(actor);
      going.wave.add(id);
    }
    going.whole = true;
    return true;
  }

  #tell(id: ActorId): void {
    const actor = this.#desk.state.actors.get(id);
    if (actor === undefined) return;
    const node = this.#desk.state.nodes.get(actor.node);
    // On a dying one it is told where it is placed next.
    if (node !== undefined && isPresent(node)) this.#orders.add(actor.node, id);
  }

  #ended(actor: ActorRecord, { bundle, at, failure }: UpgradedActor): void {
    const { id, node } = actor;
    const { tenant, type } = actorParts(id);
    const isKnown = actor.bundle === bundle && (failure !== undefined || actor.code?.at === at);
    if (!isKnown) this.#desk.decide({ kind: 'actor-upgraded', actor: id, bundle, at });
    const rollout = this.#desk.state.rollouts.get(tenant, type);
    if (rollout === undefined) return;
    if (rollout.position !== at) return this.#again(rollout, actor, at);
    if (failure !== undefined && !rollout.failed.has(id)) {
      this.#desk.decide({ kind: 'upgrade-failed', tenant, type, actor: id, failure });
      const { failed, failuresMax, state } = rollout;
      if (state === 'running' && failed.size > failuresMax) this.#end(rollout, 'stopped');
    }
    this.#orders.confirm(node, id);
    this.#settled(id);
  }

  /** It has what an older rollout gave it, or its scope went back. */
  #again(
    { tenant, type, bundle, failed, later, position }: RolloutRecord,
    { id, ...actor }: ActorRecord,
    at: number,
  ): void {
    const going = this.#going.get(rolloutKey(tenant, type));
    if (going === undefined || at > position || actor.bundle === bundle || failed.has(id)) return;
    if (later.has(actor.bundle)) return;
    if (!this.#isTold(id)) going.late.add(id);
    this.#tell(id);
  }

  /** It has gone over, failed or ended. */
  #settled(id: ActorId): void {
    const { tenant, type } = actorParts(id);
    const rollout = this.#desk.state.rollouts.get(tenant, type);
    const going = this.#going.get(rolloutKey(tenant, type));
    if (rollout === undefined || going === undefined) return;
    const wasLate = going.late.delete(id);
    const wasInWave = going.wave.delete(id);
    if ((!wasLate && !wasInWave) || going.wave.size > 0) return;
    if (wasLate && !(going.whole && going.late.size === 0)) return;
    this.#desk.deadlines.cancel(going.next);
    const at = this.#desk.now + (going.whole ? 0 : rollout.pauseMs);
    going.next = this.#desk.deadlines.set(at, { kind: 'rollout', tenant, type });
  }

  #end(rollout: RolloutRecord, to: 'done' | 'stopped'): void {
    this.#leave(rollout);
    const { tenant, type } = rollout;
    this.#desk.decide({ kind: 'rollout-changed', tenant, type, to });
  }

  #isTold(id: ActorId): boolean {
    const { tenant, type } = actorParts(id);
    const going = this.#going.get(rolloutKey(tenant, type));
    return going !== undefined && (going.wave.has(id) || going.late.has(id));
  }

  #orderOf(id: ActorId): UpgradeOrder | undefined {
    if (!this.#isTold(id)) return undefined;
    const { tenant, type } = actorParts(id);
    const rollout = this.#desk.state.rollouts.get(tenant, type);
    if (rollout === undefined) return undefined;
    const { bundle, position: at, discard } = rollout;
    const version = this.#desk.state.deployments.versionOf(bundle, type) ?? 1;
    return { bundle, version, at, ...(discard === undefined ? {} : { discard }) };
  }

  /** Where rolling back would lead: of the versions deployed before this one the one that most actors have, and of its
   *  bundles the latest. What was deployed and served hardly anybody is passed over. */
  #before(tenant: TenantName, type: string, bundle: BundleHash): BundleHash | undefined {
    const { deployments, actors } = this.#desk.state;
    const bundles = deployments.tenant(tenant)?.bundles ?? [];
    const having = bundles.filter((one) => deployments.versionOf(one, type) !== undefined);
    const earlier = having.slice(0, Math.max(0, having.indexOf(bundle)));
    const counts = actors.byBundle(tenant, type);
    const served = new Map<number, number>();
    for (const one of earlier) {
      const version = deployments.versionOf(one, type) ?? 1;
      served.set(version, (served.get(version) ?? 0) + (counts.get(one) ?? 0));
    }
    const servedOf = (one: BundleHash) => served.get(deployments.versionOf(one, type) ?? 1) ?? 0;
    const most = Math.max(...served.values());
    return earlier.findLast((one) => servedOf(one) === most);
  }

  #leftOf({ tenant, type, bundle }: RolloutRecord): number {
    let left = 0;
    for (const [one, count] of this.#desk.state.actors.byBundle(tenant, type)) {
      if (one !== bundle) left += count;
    }
    return left;
  }

  #show(asker: Asker, rollout: RolloutRecord): void {
    this.#desk.answer(asker, { kind: 'rollout', rollout: this.#view(rollout) });
  }

  #view(rollout: RolloutRecord): RolloutView {
    const { tenant, type, bundle, before, failed, atOnce, pauseMs, failuresMax, state, at } =
      rollout;
    const going = this.#going.get(rolloutKey(tenant, type));
    const codeOf = (one: BundleHash): CodeVersion => {
      return { bundle: one, version: this.#desk.state.deployments.versionOf(one, type) ?? 1 };
    };
    const counts = [...this.#desk.state.actors.byBundle(tenant, type)];
    return {
      tenant,
      type,
      ...codeOf(bundle),
      ...(before === undefined ? {} : { before: codeOf(before) }),
      atOnce,
      pauseMs,
      failuresMax,
      state,
      actors: counts.map(([one, count]) => ({ ...codeOf(one), count })),
      underWay: (going?.wave.size ?? 0) + (going?.late.size ?? 0),
      failed: failed.size,
      failures: [...failed].slice(0, shownMax).map(([actor, failure]) => ({ actor, failure })),
      at,
    };
  }
}

function mayBecome({ state, failed }: RolloutRecord, to: 'running' | 'paused'): boolean {
  if (to === 'paused') return state === 'running';
  return state === 'paused' || state === 'stopped' || (state === 'done' && failed.size > 0);
}

function paceFault({ atOnce, pauseMs, failuresMax }: RolloutPace): string | undefined {
  const { waveActorsMax, rolloutFailuresMax, deadlineMsMax } = limits;
  const whole = (name: string, value: number, least: number, most: number) =>
    Number.isInteger(value) && value >= least && value <= most
      ? undefined
      : `${name} ${value} is not a whole number from ${least} to ${most}`;
  return (
    whole('atOnce', atOnce, 1, waveActorsMax) ??
    whole('pauseMs', pauseMs, 0, deadlineMsMax) ??
    whole('failuresMax', failuresMax, 0, rolloutFailuresMax)
  );
}
