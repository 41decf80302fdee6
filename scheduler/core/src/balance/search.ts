/**
 * Lowers max L by annealed exchanges: relocate an actor from a hot node, swap two, or send one that
 * is away home and move another in its stead. What is lowered is Σ max(0, L − target) with the
 * target a little below the best max L so far, so that one number says how far off the whole
 * cluster is. Deterministic: a budget of steps and a seed, no clock.
 *
 * R1  no step leaves a node beyond its supply (B2), a pinned actor elsewhere, or more than
 *     `migrationsMax` actors away from home.
 * R2  it ends on the best standing that it has seen: more rounds never give a worse one.
 */
import { Generator } from '../generator.ts';
import { nowhere } from './instance.ts';
import type { Standing } from './standing.ts';

export interface Effort {
  /** How many exchanges are tried. */
  readonly steps: number;
  readonly seed: number;
  /** How many actors may stand away from home; absent: any number. */
  readonly migrationsMax?: number;
}

/**
 * Rounds of the search, by turns: how far below the best max L the target lies, and the temperature
 * at its start as a share of the load of a typical actor. Cold rounds polish, hot ones leave a
 * dead end. Thrift is how much the load of all nodes counts beside what exceeds the target: room
 * saved is room to move.
 */
const rounds = [
  { ambition: 0.01, hotShare: 0.006, thrift: 0.1 },
  { ambition: 0.002, hotShare: 0.04, thrift: 0.1 },
  { ambition: 0.03, hotShare: 0.1, thrift: 0.1 },
  { ambition: 0.0005, hotShare: 0.3, thrift: 0 },
];
const coldShare = 0.0006;
const roundStepsMin = 5_000;
const roundStepsPerActor = 100;
/** The hot nodes are looked up again after so many steps. */
const hotSteps = 64;
const targetsTried = 6;
/** How much chance has in the choice of a node, as a share of the target. */
const jitter = 0.01;

export class Search {
  readonly #standing: Standing;
  readonly #generator: Generator;
  readonly #migrationsMax: number;
  #target = 0;
  #thrift = 0;
  #best: number;
  #bestPlace: Int32Array;
  /** Nodes at or above the best max L: none means that the best is beaten. */
  #atBest = 0;
  #hot: number[] = [];
  #energy = 0;
  readonly #undoActors: number[] = [];
  readonly #undoPlaces: number[] = [];

  constructor(standing: Standing, { seed, migrationsMax }: Omit<Effort, 'steps'>) {
    this.#standing = standing;
    this.#generator = new Generator(seed);
    this.#migrationsMax = migrationsMax ?? Number.POSITIVE_INFINITY;
    this.#best = standing.maxLoad();
    this.#bestPlace = standing.place.slice();
  }

  run(steps: number): void {
    const perRound = Math.max(roundStepsMin, this.#bestPlace.length * roundStepsPerActor);
    for (let done = 0, turn = 0; done < steps; done += perRound, turn++) {
      const round = rounds[turn % rounds.length] ?? rounds[0];
      if (round === undefined) return;
      this.#restore();
      this.#thrift = round.thrift;
      this.#aim(round.ambition);
      this.#round(Math.min(perRound, steps - done), round.hotShare);
    }
    this.#restore();
  }

  #round(steps: number, hotShare: number): void {
    const { load, place } = this.#standing;
    const hot = (hotShare * this.#best * load.length) / Math.max(1, place.length);
    const cooling = (coldShare / hotShare) ** (1 / Math.max(1, steps));
    let temperature = hot;
    for (let step = 0; step < steps; step++) {
      if (step % hotSteps === 0) this.#findHot();
      this.#try(temperature);
      if (this.#atBest === 0) this.#keep();
      temperature *= cooling;
    }
  }

  #try(temperature: number): void {
    const { place, instance, away } = this.#standing;
    const source = this.#hot[this.#below(this.#hot.length)] ?? 0;
    const actor = this.#memberOf(source);
    if (actor === nowhere) return;
    const dice = this.#generator.next();
    const before = this.#energy;
    const home = instance.home[actor] ?? nowhere;
    if (dice < 0.5) this.#move(actor, this.#targetFor(actor, source));
    else {
      const other = this.#memberOf(this.#coldNode());
      if (other === nowhere || place[other] === source) return;
      this.#move(actor, place[other] ?? source);
      this.#move(other, source);
    }
    while (away.length > this.#migrationsMax) this.#move(...this.#homeward());
    if (dice > 0.9 && home !== nowhere && away.length > 0) this.#move(...this.#homeward());
    const rise = this.#energy - before;
    const taken =
      this.#isLegal() && (rise <= 0 || this.#generator.next() < Math.exp(-rise / temperature));
    if (!taken) this.#undo();
    this.#undoActors.length = 0;
    this.#undoPlaces.length = 0;
  }

  #homeward(): [actor: number, to: number] {
    const { away, instance } = this.#standing;
    const actor = away[this.#below(away.length)] ?? 0;
    return [actor, instance.home[actor] ?? 0];
  }

  /** Among some nodes the one on which the actor would stand lowest. */
  #targetFor(actor: number, source: number): number {
    const { instance, load } = this.#standing;
    const count = load.length;
    const all = count <= 2 * targetsTried;
    let best = source;
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at < (all ? count : targetsTried); at++) {
      const node = all ? at : this.#below(count);
      if (node === source || !instance.accepts(node, actor)) continue;
      const added = instance.load(node, actor);
      const after =
        Math.max(this.#target, (load[node] ?? 0) + added) +
        this.#thrift * added +
        jitter * this.#generator.next() * this.#target;
      if (after < least && this.#standing.fits(node, actor)) {
        least = after;
        best = node;
      }
    }
    return best;
  }

  #coldNode(): number {
    const { load } = this.#standing;
    const left = this.#below(load.length);
    const right = this.#below(load.length);
    return (load[left] ?? 0) <= (load[right] ?? 0) ? left : right;
  }

  #memberOf(node: number): number {
    const members = this.#standing.members(node);
    const actor = members[this.#below(members.length)] ?? nowhere;
    return actor !== nowhere && this.#standing.instance.movable(actor) ? actor : nowhere;
  }

  #move(actor: number, to: number): void {
    const from = this.#standing.place[actor] ?? nowhere;
    if (from === to) return;
    this.#undoActors.push(actor);
    this.#undoPlaces.push(from);
    this.#step(actor, from, to);
  }

  #undo(): void {
    for (let at = this.#undoActors.length - 1; at >= 0; at--) {
      const actor = this.#undoActors[at] ?? 0;
      const from = this.#standing.place[actor] ?? nowhere;
      this.#step(actor, from, this.#undoPlaces[at] ?? nowhere);
    }
  }

  #step(actor: number, from: number, to: number): void {
    this.#count(from, -1);
    this.#count(to, -1);
    this.#standing.move(actor, to);
    this.#count(from, 1);
    this.#count(to, 1);
  }

  #count(node: number, sign: 1 | -1): void {
    const load = this.#standing.load[node] ?? 0;
    this.#energy += sign * (Math.max(0, load - this.#target) + this.#thrift * load);
    if (load >= this.#best - tie) this.#atBest += sign;
  }

  /** R1, asked of the nodes that were joined. */
  #isLegal(): boolean {
    const { place, instance } = this.#standing;
    for (const actor of this.#undoActors) {
      const node = place[actor] ?? 0;
      if (!this.#standing.holds(node) || !instance.accepts(node, actor)) return false;
    }
    return true;
  }

  #keep(): void {
    this.#best = this.#standing.maxLoad();
    this.#bestPlace = this.#standing.place.slice();
    this.#aim(1 - this.#target / Math.max(this.#best, this.#target));
  }

  #restore(): void {
    for (let actor = 0; actor < this.#bestPlace.length; actor++) {
      this.#standing.move(actor, this.#bestPlace[actor] ?? nowhere);
    }
  }

  #aim(ambition: number): void {
    this.#target = this.#best * (1 - Math.max(ambition, leastAmbition));
    this.#energy = 0;
    this.#atBest = 0;
    for (let node = 0; node < this.#standing.load.length; node++) this.#count(node, 1);
    this.#findHot();
  }

  #findHot(): void {
    const { load } = this.#standing;
    this.#hot.length = 0;
    let hottest = 0;
    for (let node = 0; node < load.length; node++) {
      if ((load[node] ?? 0) > this.#target) this.#hot.push(node);
      if ((load[node] ?? 0) > (load[hottest] ?? 0)) hottest = node;
    }
    if (this.#hot.length === 0) this.#hot.push(hottest);
  }

  #below(count: number): number {
    return Math.floor(this.#generator.next() * count);
  }
}

const leastAmbition = 0.0005;
/** Loads that differ by less are the same. */
const tie = 1e-9;
