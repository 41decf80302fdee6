/**
 * Placement: nodes, what is reserved on them, and where the next task goes. Filter, then score; a
 * choice depends only on the nodes, the tasks on them and the ask. Everything is incremental: nodes
 * come, change and go, tasks are placed and end, and no step looks at the whole cluster.
 *
 * P1  a task is placed only where all that it reserves is free.
 * P2  what is free is the capacity less what the tasks there reserve.
 * P3  a task is in one place, and ends once.
 */
import { assert, type StrategyName } from '@troupe/model';
import { type Ask, askOf, type Demand } from './demand.ts';
import { type Objection, objectionTo } from './filters.ts';
import { type Mix, MixCounter } from './mix.ts';
import { Neighbours } from './neighbours.ts';
import type { PowerModel } from './power.ts';
import { type Pool, Preemptibles } from './preemptibles.ts';
import type { Ranking } from './ranking.ts';
import { preferenceUnit, Rankings } from './rankings.ts';
import { type Refusal, refusalOf } from './refusals.ts';
import { giveBack, type NodeSpec, ResourceNames, type Site, siteOf, takeFrom } from './site.ts';
import { type Scorer, scorerOf } from './strategies.ts';
import { Usage } from './usage.ts';

export interface PlacementConfig {
  readonly strategy: StrategyName;
  readonly tenants?: { readonly [tenant: string]: StrategyName };
  /** What GPU fragmentation is judged against; without it, what was asked for so far by tasks that are
   *  placed by it. */
  readonly mix?: Mix;
  /** What nodes draw; without it energy-aware fills the fullest nodes. */
  readonly power?: PowerModel;
}

export interface Task {
  readonly id: string;
  readonly ask: Ask;
  readonly tenant?: string;
  /** Greater goes first and may preempt lesser. */
  readonly priority?: number;
  /** When it starts; what it did since is lost when it is preempted. */
  readonly at?: number;
  /** Never preempted. */
  readonly spared?: boolean;
  /** Room of a reservation: held, so that nothing runs there, or used by a task of its tenant. It is
   *  never preempted, and is not open to others when the task has ended. */
  readonly reserved?: 'held' | 'used';
  /** Nodes that hold its data, with how much: what locality goes by. */
  readonly dataOn?: readonly { readonly node: string; readonly bytes: number }[];
}

export interface Grant {
  readonly task: Task;
  readonly site: Site;
  /** Numbers of the GPUs of the node. */
  readonly gpus: readonly number[];
}

export type Choice =
  | { readonly kind: 'placed'; readonly node: string; readonly gpus: readonly number[] }
  | { readonly kind: 'refused'; readonly explain: () => Refusal };

/** Nodes that change, for who keeps a sum over all of them. */
export interface Changes {
  /** Each that has changed since the last time, by its slot; undefined when it has left. False when that
   *  is not known any more. */
  each(visit: (slot: number, site: Site | undefined) => void): boolean;
}

/** What a caller adds to the filters: an objection to a node, or none. */
export type Veto = (site: Site) => Objection | undefined;

export class Placement {
  readonly #config: PlacementConfig;
  readonly #names = new ResourceNames();
  /** In the order in which they joined; a node that left leaves a hole until the next compaction. */
  #sites: (Site | undefined)[] = [];
  readonly #byName = new Map<string, Site>();
  readonly #grants = new Map<string, Grant>();
  #rankings = new Rankings(this.#sites);
  readonly #scorers = new Map<StrategyName, Scorer>();
  /** Of tenants that have one of their own. */
  readonly #strategies: Map<string, StrategyName>;
  readonly #neighbours: Neighbours;
  readonly #counter = new MixCounter();
  readonly #usage = new Usage();
  readonly #preemptibles = new Preemptibles();
  #mix: Mix;
  #mixDue = mixEvery;
  /** How many tasks round-robin has placed. */
  #rounds = 0;

  constructor(config: PlacementConfig) {
    this.#config = config;
    this.#mix = config.mix ?? [];
    this.#strategies = new Map(Object.entries(config.tenants ?? {}));
    this.#neighbours = new Neighbours(
      () =>
        [...this.#grants.values()]
          .filter(({ task }) => task.reserved !== 'held')
          .map(({ task, site }) => ({ ask: task.ask, site })),
      () => this.#byName.values(),
    );
  }

  /** Compiles a demand; done once for each kind of task. */
  ask(demand: Demand): Ask {
    return askOf(demand, this.#names.numberOf);
  }

  get nodeCount(): number {
    return this.#byName.size;
  }
  sites(): IterableIterator<Site> {
    return this.#byName.values();
  }
  site(node: string): Site | undefined {
    return this.#byName.get(node);
  }
  /** Follows what changes from now on. */
  changes(): Changes {
    const rankings = this.#rankings;
    let seen = rankings.noted;
    return {
      each: (visit) => {
        // After a compaction the slots are others.
        const slots = this.#rankings === rankings ? rankings.changedSince(seen) : undefined;
        seen = rankings.noted;
        for (const slot of slots ?? []) visit(slot, this.#sites[slot]);
        return slots !== undefined;
      },
    };
  }
  grant(task: string): Grant | undefined {
    return this.#grants.get(task);
  }
  grants(): IterableIterator<Grant> {
    return this.#grants.values();
  }

  addNode(spec: NodeSpec): void {
    assert(!this.#byName.has(spec.name), `P3: node ${spec.name} joins once`);
    if (this.#sites.length > 2 * this.#byName.size + compactMin) this.#compact();
    const site = siteOf(spec, this.#sites.length, this.#names);
    this.#sites.push(site);
    this.#byName.set(spec.name, site);
    this.#usage.joined(site);
    this.#siteChanged(site);
  }

  /** Takes the node out and answers with the tasks that were on it; they have ended. */
  removeNode(name: string): readonly string[] {
    const site = this.#siteAt(name);
    const tasks = [...site.tasks];
    for (const task of tasks) this.end(task);
    this.#sites[site.slot] = undefined;
    this.#byName.delete(name);
    this.#usage.left(site);
    this.#siteChanged(site);
    return tasks;
  }

  /** Nothing new goes to a cordoned node; what runs there stays. */
  cordon(name: string, cordoned: boolean): void {
    const site = this.#siteAt(name);
    site.cordoned = cordoned;
    this.#siteChanged(site);
  }

  /** Nothing is started on a node that is kept. Passing by: who keeps it lifts that for its own. */
  keep(name: string, kept: boolean): void {
    const site = this.#byName.get(name);
    if (site === undefined || site.kept === kept) return;
    site.kept = kept;
    this.#rankings.note(site.slot);
  }

  /** The node has other resources, labels or bundles now; what runs there must still fit. */
  changeNode(spec: NodeSpec): void {
    const old = this.#siteAt(spec.name);
    const site = siteOf(spec, old.slot, this.#names);
    const grants = [...old.tasks].map((task) => this.#grantOf(task));
    for (const { task } of grants) this.end(task.id);
    this.#usage.left(old);
    this.#sites[site.slot] = site;
    this.#byName.set(spec.name, site);
    this.#usage.joined(site);
    this.#siteChanged(site);
    for (const { task, gpus } of grants) this.reserve(task, spec.name, gpus);
  }

  /** Where the task would go now. Changes nothing. */
  choose(task: Task, veto?: Veto): Choice {
    const slot = this.#slotFor(task, veto);
    const site = this.#sites[slot];
    if (site === undefined) return this.#refused(task, veto);
    const gpus = this.#scorer(this.#strategyOf(task)).gpus(site, task.ask);
    return { kind: 'placed', node: site.spec.name, gpus };
  }

  place(task: Task, veto?: Veto): Choice {
    const strategy = this.#strategyOf(task);
    if (this.#config.mix === undefined && judgesByMix(strategy)) this.#learn(task.ask);
    const choice = this.choose(task, veto);
    if (choice.kind === 'refused') return choice;
    if (strategy === 'round-robin') this.#rounds++;
    this.reserve(task, choice.node, choice.gpus);
    return choice;
  }

  /** Reserves on this very node; false when there is an objection to it. */
  placeOn(site: Site, task: Task, veto?: Veto): boolean {
    if (this.objection(site, task, veto) !== undefined) return false;
    const gpus = this.#scorer(this.#strategyOf(task)).gpus(site, task.ask);
    this.reserve(task, site.spec.name, gpus);
    return true;
  }

  /** Reserves at a place that was chosen before: by a plan, or by the record of a leader. */
  reserve(task: Task, node: string, gpus: readonly number[]): void {
    assert(!this.#grants.has(task.id), `P3: task ${task.id} is in one place`);
    const grant = { task, site: this.#siteAt(node), gpus };
    this.#enter(grant);
    this.#preemptibles.add(grant);
  }

  end(task: string): void {
    this.#release(this.#grantOf(task));
    this.#preemptibles.remove(task);
  }

  /** Tasks below the priority that may be preempted: of one tenant, or of all. */
  preemptible(priority: number, tenant?: string): readonly Pool[] {
    return this.#preemptibles.below(priority, tenant);
  }

  /** What GPU fragmentation is judged against from now on. */
  setMix(mix: Mix): void {
    this.#mix = mix;
    this.#rescore('gpu-fragmentation-aware');
    this.#rescore('energy-aware');
  }

  /** What tasks of the tenant go by that name no strategy; without one that of the cluster. */
  setStrategy(tenant: string, strategy: StrategyName | undefined): void {
    if (strategy === undefined) this.#strategies.delete(tenant);
    else this.#strategies.set(tenant, strategy);
  }

  /** Nodes that are open to the ask, in the order they joined, while the visit wants another. */
  eachOpen(task: Task, visit: (site: Site) => boolean): void {
    this.#ranking(task).each((slot) => {
      const site = this.#sites[slot];
      return site === undefined || visit(site);
    });
  }

  /** Why the node is out for the task, or nothing. */
  objection(site: Site, task: Task, veto?: Veto): Objection | undefined {
    const own = objectionTo(site, task.ask, this.#names) ?? veto?.(site);
    if (own !== undefined || !this.concerns(task)) return own;
    return this.#neighbours.judge(task.ask).objection(site);
  }

  /** The same by the node itself: other tasks have no say. */
  ownObjection(site: Site, task: Task): Objection | undefined {
    return objectionTo(site, task.ask, this.#names);
  }

  /** The same by the other tasks alone. */
  neighbourly(task: Task): (site: Site) => Objection | undefined {
    return this.concerns(task) ? this.#neighbours.judge(task.ask).objection : () => undefined;
  }

  /** Whether other tasks have a say in where this one goes. */
  concerns({ ask }: Task): boolean {
    return this.#neighbours.concern(ask);
  }

  /** Whether the one wants to be near the other. */
  wants({ ask }: Task, other: Task): boolean {
    return this.#neighbours.wants(ask, other.ask);
  }

  /** How things would be without these tasks. Changes nothing. */
  without<T>(tasks: readonly string[], look: () => T): T {
    const grants = tasks.map((task) => this.#grantOf(task));
    const orders = new Map(grants.map(({ site }) => [site, [...site.tasks]]));
    for (const grant of grants) this.#release(grant);
    const seen = look();
    for (const grant of grants) this.#enter(grant);
    for (const [{ tasks: there }, order] of orders) {
      there.clear();
      for (const task of order) there.add(task);
    }
    return seen;
  }

  /** Asserts that what is kept equals what follows from nodes and tasks. */
  check(): void {
    this.#rankings.check();
    this.#neighbours.check();
    this.#usage.check(this.#byName.values());
    this.#preemptibles.check(this.#grants.values());
    for (const site of this.#byName.values()) {
      const anew = siteOf(site.spec, site.slot, this.#names);
      for (const task of site.tasks) {
        const { task: of, gpus } = this.#grantOf(task);
        takeFrom(anew, of.ask, gpus);
      }
      const same = anew.free.every((milli, at) => milli === site.free[at]);
      assert(same, 'P2: what is free is the capacity less what is reserved');
      const alike = anew.gpus.every((milli, at) => milli === site.gpus[at]);
      assert(alike && anew.gpuFree === site.gpuFree, 'P2: likewise each GPU');
    }
  }

  #slotFor(task: Task, veto: Veto | undefined): number {
    const ranking = this.#ranking(task);
    if (ranking.count === 0) return -1;
    const judged = this.#neighbours.concern(task.ask)
      ? this.#neighbours.judge(task.ask)
      : undefined;
    const allowed = (slot: number): boolean => {
      const site = this.#sites[slot];
      if (site === undefined || veto?.(site) !== undefined) return false;
      return judged?.objection(site) === undefined;
    };
    const strategy = this.#strategyOf(task);
    if (strategy === 'locality') {
      const slot = this.#nearestData(task, ranking, allowed);
      if (slot >= 0) return slot;
    }
    if (strategy === 'round-robin') return nextRound(ranking, this.#rounds, allowed);
    if (judged === undefined)
      return veto === undefined ? ranking.best() : ranking.bestWhere(allowed);
    const bonus = (slot: number): number => {
      const site = this.#sites[slot];
      return site === undefined ? 0 : preferenceUnit * judged.bonus(site);
    };
    return ranking.bestWhere(allowed, bonus, preferenceUnit * judged.bonusMax);
  }

  /** The open node with most of the task's data, or -1. */
  #nearestData(task: Task, ranking: Ranking, allowed: (slot: number) => boolean): number {
    let best = -1;
    let most = 0;
    for (const { node, bytes } of task.dataOn ?? []) {
      const slot = this.#byName.get(node)?.slot;
      if (slot === undefined || bytes <= most) continue;
      if (ranking.keyOf(slot) === Number.NEGATIVE_INFINITY || !allowed(slot)) continue;
      best = slot;
      most = bytes;
    }
    return best;
  }

  #refused(task: Task, veto: Veto | undefined): Choice {
    const explain = () => {
      const objections: Objection[] = [];
      for (const site of this.#byName.values()) {
        const objection = this.objection(site, task, veto);
        objections.push(objection ?? { one: 'has room by now', many: 'have room by now' });
      }
      return refusalOf(objections);
    };
    return { kind: 'refused', explain };
  }

  #enter(grant: Grant): void {
    const { task, site, gpus } = grant;
    takeFrom(site, task.ask, gpus);
    this.#grants.set(task.id, grant);
    site.tasks.add(task.id);
    this.#usage.taken(task.ask);
    if (task.reserved !== 'held') this.#neighbours.placed({ ask: task.ask, site });
    this.#rankings.note(site.slot);
  }

  #release(grant: Grant): void {
    const { task, site, gpus } = grant;
    this.#grants.delete(task.id);
    site.tasks.delete(task.id);
    giveBack(site, task.ask, gpus);
    this.#usage.given(task.ask);
    if (task.reserved !== 'held') this.#neighbours.ended({ ask: task.ask, site });
    this.#rankings.note(site.slot);
  }

  #ranking(task: Task): Ranking {
    const strategy = this.#strategyOf(task);
    if (this.#usage.turned()) this.#rescore('energy-aware');
    return this.#rankings.of(task.ask, strategy, this.#scorer(strategy));
  }

  #strategyOf({ ask, tenant }: Task): StrategyName {
    const own = tenant === undefined ? undefined : this.#strategies.get(tenant);
    return ask.demand.strategy ?? own ?? this.#config.strategy;
  }

  #scorer(strategy: StrategyName): Scorer {
    const known = this.#scorers.get(strategy);
    if (known !== undefined) return known;
    const { sparse } = this.#usage;
    const scorer = scorerOf(strategy, { mix: this.#mix, power: this.#config.power, sparse });
    this.#scorers.set(strategy, scorer);
    return scorer;
  }

  #rescore(strategy: StrategyName): void {
    this.#scorers.delete(strategy);
    this.#rankings.forget(strategy);
  }

  #learn(ask: Ask): void {
    this.#counter.count(ask);
    if (--this.#mixDue > 0) return;
    this.#mixDue = mixEvery;
    this.setMix(this.#counter.mix());
  }

  #siteChanged(site: Site): void {
    this.#neighbours.sitesChanged();
    this.#rankings.note(site.slot);
  }

  /** Closes the holes that nodes left; the order stays. */
  #compact(): void {
    this.#sites = [...this.#byName.values()].sort((left, right) => left.slot - right.slot);
    for (const [slot, site] of this.#sites.entries()) if (site !== undefined) site.slot = slot;
    this.#rankings = new Rankings(this.#sites);
  }

  #siteAt(name: string): Site {
    const site = this.#byName.get(name);
    assert(site !== undefined, `P3: node ${name} is there`);
    return site;
  }

  #grantOf(task: string): Grant {
    const grant = this.#grants.get(task);
    assert(grant !== undefined, `P3: task ${task} is somewhere, and ends once`);
    return grant;
  }
}

function judgesByMix(strategy: StrategyName): boolean {
  return strategy === 'gpu-fragmentation-aware' || strategy === 'energy-aware';
}

/** Without a mix of its own, placement learns one and adopts it after so many tasks. */
const mixEvery = 4_096;
/** Holes that are not worth closing. */
const compactMin = 64;

/** The next among the open ones, counted by what was placed so far. */
function nextRound(ranking: Ranking, rounds: number, allowed: (slot: number) => boolean): number {
  for (let passed = 0; passed < ranking.count; passed++) {
    const slot = ranking.nth((rounds + passed) % ranking.count);
    if (allowed(slot)) return slot;
  }
  return -1;
}
