/**
 * The leader evens out the load of the nodes by migrations, where the cell is configured so. It looks once a
 * period at what the nodes said of their load since the last look. When the hottest one lies too far above
 * the mean it plans a round: at most so many actors whose leaving lowers the load of the hottest node the most.
 * They move like all that are wished elsewhere (`migrations.ts`), whoever leads by then.
 *
 * Nodes tell their load, not that of each actor. What tasks reserved of it stays; the rest counts as that of all
 * actors of the node alike. That is often wrong for one actor, so the next look judges the round by what came of it.
 *
 *   look ─▶ uneven ─▶ planned ─▶ actor-migrating … all have moved ─▶ measured anew ─▶ look
 *
 * V1  a round begins only when no actor is on its way anywhere, no node leaves, and none that was lost still has
 *     actors.
 * V2  a round moves at most `migrationsMax` actors, to nodes that serve, and only when by the measures it lowers the
 *     load of the hottest node by a share worth it.
 * V3  an actor that a round has moved is not moved again by the next ones: nobody goes to and fro.
 * V4  after a round that did not do half of what was expected the next one waits, each time twice as many looks.
 */
import type { ActorId, Incarnation, NodeLoad, NodeName, RebalanceView } from '@troupe/model';
import type { ActorRecord } from './actors.ts';
import {
  type BalanceActor,
  type BalanceNode,
  imbalance,
  loadOf,
  NodeLoads,
  type Rebalance,
  rebalance,
  type Used,
} from './balance/index.ts';
import type { Desk } from './desk.ts';
import type { RebalanceConfig } from './events.ts';
import type { Migrations } from './migrations.ts';
import type { NodeRecord } from './nodes.ts';
import type { Size } from './sizes.ts';

/** Words of each node that a look needs. */
const wordsMin = 3;
/** Rounds in which an actor that was moved stays (V3). */
const restRounds = 20;
/** Of the load of the hottest node, what a round must lower it by (V2). */
const gainShareMin = 0.05;
/** What came of a round, as a share of what was expected, with which the next one need not wait (V4). */
const gainedShareMin = 0.5;
const looksWaitedMax = 64;
/** An actor stays where that costs no more of what a round gains. */
const homewardShare = 0.02;
/** Of the search; a few hundredths of a second at most. */
const steps = 20_000;
/** Actors considered in one round for each that may move. */
const consideredTimes = 4;

interface Measured {
  readonly node: NodeRecord;
  readonly used: Used;
  readonly supply: { readonly cpu: number; readonly memory: number };
  readonly load: number;
}

interface Round {
  readonly before: number;
  readonly after: number;
  /** Of membership: with another one nothing can be compared. */
  readonly changes: number;
}

export class Rebalancing {
  readonly #desk: Desk;
  readonly #config: RebalanceConfig | undefined;
  readonly #migrations: Migrations;
  readonly #mayMove: () => boolean;
  readonly #loads = new NodeLoads<Incarnation>(wordsMin);
  /** By actor, the round that moved it (V3). */
  readonly #moved = new Map<ActorId, number>();
  #rounds = 0;
  #last: Round | undefined;
  #looksToWait = 0;
  #waits = 0;
  #lookedAt: number;
  #why = 'the nodes have not been looked at yet';
  #moves: RebalanceView['moves'] = [];

  /** `mayMove`: whether there is nothing more urgent. */
  constructor(desk: Desk, migrations: Migrations, mayMove: () => boolean) {
    this.#desk = desk;
    this.#mayMove = mayMove;
    this.#config = desk.config.rebalance;
    this.#migrations = migrations;
    this.#lookedAt = desk.now;
    this.#lookLater();
  }

  /** A heartbeat of this node. */
  heard(node: Incarnation, { cpu, memory }: NodeLoad): void {
    if (this.#config === undefined) return;
    const cores = this.#desk.state.nodes.get(node)?.resources['cpu'] ?? 0;
    this.#loads.hear(node, { cpu: cpu * cores, memory });
  }

  nodeLost(node: Incarnation): void {
    this.#loads.forget(node);
  }

  look(): void {
    const config = this.#config;
    if (config === undefined) return;
    this.#lookLater();
    this.#lookedAt = this.#desk.now;
    this.#why = this.#round(config);
    this.#loads.startAnew();
  }

  /** Undefined where the cell is not configured so. */
  view(): RebalanceView | undefined {
    if (this.#config === undefined) return undefined;
    const { now, state } = this.#desk;
    return {
      ...this.#config,
      lookedMsAgo: now - this.#lookedAt,
      why: this.#why,
      moves: this.#moves,
      underWay: state.actors.wished.size,
    };
  }

  /** Z1 */
  sizes(): readonly Size[] {
    const { presentCount } = this.#desk.state.nodes;
    const most = (this.#config?.migrationsMax ?? 0) * restRounds;
    return [
      { of: 'nodes whose load is heard', size: this.#loads.size, most: presentCount },
      { of: 'actors that were moved for balance', size: this.#moved.size, most },
    ];
  }

  #lookLater(): void {
    if (this.#config === undefined) return;
    const at = this.#desk.now + this.#config.periodMs;
    this.#desk.deadlines.set(at, { kind: 'rebalance' });
  }

  /** What came of the look, for people. */
  #round(config: RebalanceConfig): string {
    if (!this.#mayMove()) return 'it is given up under pressure';
    const busy = this.#busy();
    if (busy !== undefined) return busy;
    const measured = this.#measured();
    if (typeof measured === 'string') return measured;
    const loads = measured.map(({ node, load }) => ({ name: node.name, load }));
    const { isUneven, reason } = imbalance(loads, config.imbalanceShare);
    const waits = this.#judge(Math.max(0, ...loads.map(({ load }) => load)));
    if (!isUneven) return reason;
    if (waits !== undefined) return `${reason}; ${waits}`;
    return `${reason}; ${this.#move(config, measured, reason)}`;
  }

  /** V1 */
  #busy(): string | undefined {
    const { nodes, actors } = this.#desk.state;
    const { size } = actors.wished;
    if (size > 0) return `${size} actors are on their way`;
    for (const { name, phase, incarnation } of nodes.kept()) {
      if (phase.kind === 'draining') return `node "${name}" leaves`;
      const isLost = phase.kind === 'dying' || phase.kind === 'sealed';
      if (isLost && actors.on(incarnation).size > 0)
        return `actors of "${name}", which was lost, are not placed yet`;
    }
    return undefined;
  }

  #measured(): readonly Measured[] | string {
    const measured: Measured[] = [];
    for (const node of this.#desk.state.nodes.serving) {
      const used = this.#loads.used(node.incarnation);
      if (used === undefined) return `node "${node.name}" has hardly told its load yet`;
      const { cpu = 0, memory = 0 } = node.resources;
      const supply = { cpu, memory };
      measured.push({ node, used, supply, load: loadOf(used, supply) });
    }
    return measured;
  }

  /** V4: why the next round waits, by what came of the last one. */
  #judge(hottest: number): string | undefined {
    const last = this.#last;
    const { changes } = this.#desk.state.nodes;
    if (last !== undefined) {
      this.#last = undefined;
      const expected = last.before - last.after;
      const isGained = last.before - hottest >= gainedShareMin * expected;
      if (isGained || last.changes !== changes) this.#waits = 0;
      else this.#waits = Math.min(looksWaitedMax, Math.max(1, this.#waits * 2));
      this.#looksToWait = this.#waits;
    }
    if (this.#looksToWait === 0) return undefined;
    this.#looksToWait--;
    return 'the last round did less than was expected, so the next one waits';
  }

  #move(config: RebalanceConfig, measured: readonly Measured[], reason: string): string {
    const { actors, plan } = this.#plan(config, measured);
    const { maxLoadBefore: before, maxLoadAfter: after, migrations } = plan;
    if (migrations.length === 0 || before - after < gainShareMin * before)
      return 'no move that is allowed lowers it by much';
    this.#rounds++;
    this.#last = { before, after, changes: this.#desk.state.nodes.changes };
    this.#moves = migrations.flatMap(({ actor: id, from, to }) => {
      const actor = actors.get(id);
      if (actor === undefined || !this.#migrations.begin(actor, to as NodeName, reason)) return [];
      this.#moved.set(actor.id, this.#rounds);
      return [{ actor: actor.id, from: from as NodeName, to: to as NodeName }];
    });
    for (const [id, round] of this.#moved) {
      if (round <= this.#rounds - restRounds) this.#moved.delete(id);
    }
    const many = this.#moves.length === 1 ? 'actor is' : 'actors are';
    return `${this.#moves.length} ${many} moved, to lower it to ${after.toFixed(2)}`;
  }

  #plan(
    { migrationsMax }: RebalanceConfig,
    measured: readonly Measured[],
  ): { readonly actors: ReadonlyMap<string, ActorRecord>; readonly plan: Rebalance } {
    const mean = measured.reduce((sum, { load }) => sum + load, 0) / measured.length;
    const actors = new Map<string, ActorRecord>();
    const nodes: BalanceNode[] = [];
    const members: BalanceActor[] = [];
    const hottestFirst = [...measured].sort((left, right) => right.load - left.load);
    for (const { node, used, supply, load } of hottestFirst) {
      nodes.push({ id: node.name, supply: { ...supply } });
      const share = this.#shareOf(node, used);
      const left = consideredTimes * migrationsMax - actors.size;
      const considered = load > mean ? this.#movable(node, Math.min(left, 2 * migrationsMax)) : [];
      for (const actor of considered) {
        actors.set(actor.id, actor);
        members.push({ id: actor.id, demand: { ...share }, node: node.name });
      }
      const rest = {
        cpu: Math.max(0, used.cpu - share.cpu * considered.length),
        memory: Math.max(0, used.memory - share.memory * considered.length),
      };
      members.push({ id: `all else of ${node.name}`, demand: rest, node: node.name, pinned: true });
    }
    const seed = Math.floor(this.#desk.generator.next() * 2 ** 31);
    const effort = { steps, seed, migrationsMax, homewardShare };
    return { actors, plan: rebalance({ nodes, actors: members }, effort) };
  }

  /** What one actor of the node counts as: what its tasks have not reserved, shared alike. */
  #shareOf({ incarnation, used: reserved }: NodeRecord, used: Used): Used {
    const { size } = this.#desk.state.actors.on(incarnation);
    const free = (name: 'cpu' | 'memory') =>
      Math.max(0, used[name] - (reserved.get(name) ?? 0) / 1_000) / Math.max(1, size);
    return { cpu: free('cpu'), memory: free('memory') };
  }

  /** Actors that live there and may be moved, from anywhere on in their order. */
  #movable({ incarnation }: NodeRecord, most: number): readonly ActorRecord[] {
    const all = this.#desk.state.actors.on(incarnation);
    const from = Math.floor(this.#desk.generator.next() * all.size);
    const later: ActorRecord[] = [];
    const earlier: ActorRecord[] = [];
    let at = 0;
    for (const actor of all) {
      const isEarlier = at++ < from;
      const found = isEarlier ? earlier : later;
      if (found.length < most && this.#isMovable(actor)) found.push(actor);
      if (later.length >= most) break;
    }
    return [...later, ...earlier].slice(0, Math.max(0, most));
  }

  /** Nothing else is wished of it, and no failover or return of its scope is being got over. */
  #isMovable({ id, life, back, chain }: ActorRecord): boolean {
    const isPlain = (life === undefined || life.kind === 'live') && back !== true;
    return isPlain && chain.length === 0 && !this.#moved.has(id);
  }
}
