/**
 * What has happened in one run, by its facts alone. What has settled, what may begin and what is let go
 * of is found anew, naively, from what the facts say; nothing of the engine is used.
 */
import { decodeValue, type Failure, limits, type Outcome, type Workflow } from '@troupe/model';
import { isContainer, isLoop, nameOf, type Place, Tree, type Where } from './tree.ts';

export interface Came {
  readonly failed: boolean;
  /** By which it leaves; by none when its failure was taken further out, or by nobody. */
  readonly port: string | undefined;
  /** Absent for a container that is done. */
  readonly outcome: Outcome | undefined;
  /** Counts what settles. */
  readonly order: number;
}

/** A place in its round or branch. */
export interface Spot {
  readonly where: Where;
  begun: boolean;
  came: Came | undefined;
  /** Of a container at work: its rounds or branches; undefined when it asks after each. */
  readonly turns:
    | { readonly all: number | undefined; over: Set<number>; asks: boolean }
    | undefined;
}

export type Given = Pick<RunLedger, 'run' | 'bundle' | 'input' | 'limitMs' | 'parent'>;

export class RunLedger {
  readonly run: string;
  readonly input: unknown;
  readonly parent: { readonly run: string; readonly block: string } | undefined;
  /** How long it may take. */
  readonly limitMs: number | undefined;
  /** The version by which it goes on. */
  bundle: string;
  tree: Tree;
  readonly spots = new Map<string, Spot>();
  /** The first failure that nothing took. */
  failed: Failure | undefined;
  answer: Spot | undefined;
  ended: { readonly state: string; readonly outcome: Outcome } | undefined;
  /** It has begun to undo what it did, because of this. */
  undoing: Failure | undefined;
  /** Contexts that were undone, or could not be. */
  readonly undone = new Set<string>();
  /** Spots that it has from the run that it started again. */
  readonly #carried = new Set<Spot>();
  #settled = 0;

  constructor(workflow: Workflow, { run, bundle, input, limitMs, parent }: Given) {
    this.tree = new Tree(workflow);
    this.run = run;
    this.bundle = bundle;
    this.input = input;
    this.limitMs = limitMs;
    this.parent = parent;
  }

  /** Nothing new starts. */
  get stopped(): boolean {
    const stops = (this.tree.workflow.onFailure ?? 'stop') === 'stop';
    return this.answer !== undefined || (stops && this.failed !== undefined);
  }

  spot(key: string, indices: readonly number[]): Spot | undefined {
    return this.spots.get(`${key} ${indices.join(' ')}`);
  }

  spotOf(context: string): Spot | undefined {
    const where = this.tree.find(context);
    return where === undefined ? undefined : this.spot(where.place.key, where.indices);
  }

  /** What keeps a context from beginning now, if anything. */
  fault(context: string): string | undefined {
    const where = this.tree.find(context);
    if (where === undefined) return 'is none of its workflow';
    const { place, indices } = where;
    if (this.ended !== undefined) return 'begins after the end of its run';
    if (this.undoing !== undefined) return 'begins while its run is undone';
    if (this.answer !== undefined) return `begins after the answer of ${nameOf(this.answer.where)}`;
    if (this.stopped) return 'begins after a failure that ends its run';
    if (this.spot(place.key, indices) !== undefined) return 'begins twice';
    const around = this.faultAround(where);
    if (around !== undefined) return around;
    let fires = place.edges.length === 0;
    for (const { from, port } of place.edges) {
      const settled = this.settled(from, indices);
      if (settled === undefined) return `begins before ${from} has settled`;
      if (settled !== 'skipped' && takes(port, settled.port)) fires = true;
    }
    return fires ? undefined : 'begins though no edge into it fired';
  }

  /** What is wrong with the rounds and branches around, if anything. */
  faultAround({ place, indices }: Where): string | undefined {
    for (const [depth, container] of this.tree.around(place).entries()) {
      const spot = this.spot(container.key, indices.slice(0, depth));
      const index = indices[depth] ?? -1;
      const name = container.block.id;
      if (spot?.turns === undefined) return `is in ${name}, which has not begun`;
      if (spot.came !== undefined) return `is in ${name}, which has settled`;
      const { all, over, asks } = spot.turns;
      if (over.has(index)) return `is in turn ${index} of ${name}, which is over`;
      if (all !== undefined && index >= all)
        return `is in turn ${index} of ${name}, which has ${all}`;
      const most = isLoop(container) ? 1 : (container.block.inFlightMax ?? limits.branchesInFlight);
      if (index >= over.size + most)
        return `is in turn ${index} of ${name} while others are at work`;
      if (asks) return `is in ${name}, which has not been asked whether it goes on`;
    }
    return undefined;
  }

  /** How a place has settled in that round or branch; undefined while it has not. */
  settled(key: string, indices: readonly number[]): Came | 'skipped' | undefined {
    const spot = this.spot(key, indices);
    if (spot !== undefined) return spot.came;
    const place = this.tree.place(key);
    if (place === undefined || place.edges.length === 0) return undefined;
    for (const { from, port } of place.edges) {
      const before = this.settled(from, indices);
      if (before === undefined) return undefined;
      // It is about to begin.
      if (before !== 'skipped' && takes(port, before.port)) return undefined;
    }
    return 'skipped';
  }

  begin(context: string): Spot | undefined {
    return this.#open(context, undefined);
  }

  expand(context: string, all: number | undefined): void {
    const spot = this.#open(context, { all, over: new Set(), asks: false });
    if (spot !== undefined && all === 0) this.#settle(spot, { port: 'done', outcome: undefined });
  }

  decide(context: string, more: boolean): void {
    const spot = this.spotOf(context);
    if (spot?.turns?.asks !== true) return;
    spot.turns.asks = false;
    if (!more) this.#settle(spot, { port: 'done', outcome: undefined });
  }

  /** A context came to this; of no effect where nobody waits for it any more. */
  settle(context: string, outcome: Outcome): void {
    const spot = this.spotOf(context) ?? this.begin(context);
    if (spot === undefined || spot.came !== undefined || this.isOut) return;
    if (this.faultAround(spot.where) !== undefined) return;
    if (!outcome.ok) return this.#fail(spot, outcome);
    const { block } = spot.where.place;
    if (block.kind === 'answer') this.answer ??= spot;
    this.#settle(spot, { port: portOf(spot.where.place, outcome.value), outcome });
  }

  /** A block that has begun, or was skipped, and is another in that version, or comes after others. */
  differsIn(other: Tree): string | undefined {
    const isKnown = (place: Place): boolean => {
      const outermost = this.tree.around(place)[0] ?? place;
      return (
        this.spot(outermost.key, []) !== undefined || this.settled(outermost.key, []) !== undefined
      );
    };
    const plain = ({ block, edges, part }: Place): string =>
      JSON.stringify([part, block, edges.map(({ from, port }) => `${port} ${from}`).sort()]);
    return this.tree.all().find((place) => {
      const there = other.place(place.key);
      return isKnown(place) && (there === undefined || plain(there) !== plain(place));
    })?.key;
  }

  /** It goes on by another version. */
  move(workflow: Workflow, bundle: string): void {
    this.bundle = bundle;
    this.tree = new Tree(workflow);
    for (const [key, spot] of this.spots) {
      const where = this.tree.find(nameOf(spot.where));
      if (where !== undefined) this.spots.set(key, { ...spot, where });
    }
    if (this.answer !== undefined) this.answer = this.spotOf(nameOf(this.answer.where));
  }

  /** Nothing settles in it any more. */
  get isOut(): boolean {
    return this.ended !== undefined || this.undoing !== undefined;
  }

  /** It has begun in this run, not in one before. */
  isOwn(spot: Spot): boolean {
    return !this.#carried.has(spot);
  }

  /** All of the root has settled. */
  get isOver(): boolean {
    return this.tree.members(undefined).every(({ key }) => this.settled(key, []) !== undefined);
  }

  /** Has begun, has not settled and is not let go of. */
  get atWork(): readonly Spot[] {
    return [...this.spots.values()].filter(
      ({ came, turns, where }) =>
        came === undefined && turns === undefined && this.faultAround(where) === undefined,
    );
  }

  /** What a run that starts anew from this one keeps. */
  carryInto(other: RunLedger, { block, inside }: { block?: string; inside?: true }): void {
    const kept = new Map<string, boolean>();
    const failing = new Set<string>();
    for (const context of this.undone) {
      const where = this.tree.find(context);
      if (where === undefined) continue;
      for (const { key } of [where.place, ...this.tree.around(where.place)]) failing.add(key);
    }
    for (const { came, where } of inside === true ? this.spots.values() : []) {
      const isLost = came?.failed === true && !where.place.catches;
      for (const { key } of isLost ? this.tree.around(where.place) : []) failing.add(key);
    }
    const keeps = (place: Place): boolean => {
      const known = kept.get(place.key);
      if (known !== undefined) return known;
      const came = this.settled(place.key, []);
      const isGood = came === 'skipped' || (came !== undefined && (!came.failed || place.catches));
      const isNamed = place.block.kind === 'answer' || place.block.id === block;
      const isNew = isNamed || failing.has(place.key);
      const all = place.edges.every(({ from }) => {
        const before = this.tree.place(from);
        return before !== undefined && keeps(before);
      });
      kept.set(place.key, isGood && !isNew && all);
      return isGood && !isNew && all;
    };
    for (const [key, spot] of this.spots) {
      const [outermost = spot.where.place] = this.tree.around(spot.where.place);
      if (!keeps(outermost)) continue;
      other.spots.set(key, spot);
      other.#carried.add(spot);
    }
    other.#settled = this.#settled;
  }

  #open(context: string, turns: Spot['turns']): Spot | undefined {
    const where = this.tree.find(context);
    if (where === undefined) return undefined;
    const spot: Spot = { where, begun: true, came: undefined, turns };
    this.spots.set(`${where.place.key} ${where.indices.join(' ')}`, spot);
    return spot;
  }

  #fail(spot: Spot, outcome: Outcome & { readonly ok: false }): void {
    const { place, indices } = spot.where;
    if (place.catches) return this.#settle(spot, { failed: true, port: 'error', outcome });
    const around = this.tree.around(place);
    for (let depth = around.length - 1; depth >= 0; depth--) {
      const container = around[depth];
      const holder = container && this.spot(container.key, indices.slice(0, depth));
      if (holder === undefined || container?.catches !== true) continue;
      return this.#settle(holder, { failed: true, port: 'error', outcome });
    }
    this.failed ??= outcome.failure;
    this.#settle(spot, { failed: true, port: undefined, outcome });
  }

  #settle(spot: Spot, came: Pick<Came, 'port' | 'outcome'> & { readonly failed?: boolean }): void {
    this.#settled += 1;
    spot.came = { failed: came.failed ?? false, ...came, order: this.#settled };
    if (this.stopped) return;
    const { place, indices } = spot.where;
    const container = this.tree.place(place.in ?? '');
    if (container === undefined) return;
    const members = this.tree.members(container.key);
    if (members.some(({ key }) => this.settled(key, indices) === undefined)) return;
    const holder = this.spot(container.key, indices.slice(0, -1));
    if (holder?.turns === undefined || holder.came !== undefined) return;
    const { turns } = holder;
    turns.over.add(indices.at(-1) ?? -1);
    if (turns.all === undefined) turns.asks = true;
    else if (turns.over.size === turns.all)
      this.#settle(holder, { port: 'done', outcome: undefined });
  }
}

/** An edge from `done` is taken by whatever leaves well. */
function takes(edge: string, port: string | undefined): boolean {
  return port !== undefined && (edge === port || (edge === 'done' && port !== 'error'));
}

function portOf(place: Place, output: Uint8Array): string {
  if (isContainer(place)) return 'done';
  const { kind } = place.block;
  if (kind !== 'choice' && kind !== 'route') return 'done';
  const { port } = decodeValue(output) as { readonly port?: unknown };
  return typeof port === 'string' ? port : '';
}
