/**
 * Dead-path elimination done naively. All that is remembered is what was told of each place, and
 * whenever it is asked all else is found anew: body by body, turn by turn, again and again until
 * nothing changes. Nothing of the engine is used here, so that they can only agree by both being right.
 */
import type { GraphPlan, PlannedBlock, PlannedEdge } from '../../src/dag/graph.ts';

export type Course =
  | { readonly kind: 'branches'; readonly count: number; readonly inFlightMax: number }
  | { readonly kind: 'rounds'; readonly count: number }
  | { readonly kind: 'asks' };

export type Telling =
  | { readonly kind: 'started' | 'paused' | 'failed' | 'concluded' }
  | { readonly kind: 'opened'; readonly course: Course }
  | { readonly kind: 'asked'; readonly more: boolean }
  | { readonly kind: 'ended'; readonly port: string };

/** What was told of one place. */
interface Told {
  state: 'running' | 'paused' | 'done' | 'failed';
  /** By which it left; a failure that no edge takes leaves by none. */
  port?: string;
  course?: Course;
  /** Of a loop that asks: rounds after the first that it was given, and that there are no more. */
  rounds: number;
  isEnough: boolean;
  /** Nothing follows it: nothing was to start any more, or it was let go of as it failed. */
  isLast: boolean;
}

/** All that can be seen of a run. */
export interface Seen {
  readonly ready: readonly string[];
  readonly active: readonly string[];
  readonly paused: readonly string[];
  readonly asking: readonly string[];
  /** Were at work inside a container that failed. */
  readonly abandoned: readonly string[];
  /** Of every place that there is now, outside of what was let go of. */
  readonly states: ReadonlyMap<string, string>;
  readonly failures: readonly string[];
  readonly answer: string | undefined;
  readonly over: boolean;
  readonly known: number;
  readonly settled: number;
  readonly planned: number;
  /** Places of which something was told and that have no business to be there. */
  readonly unexplained: readonly string[];
}

function nameOf(id: string, indices: readonly number[]): string {
  return `${id}${indices.map((index) => `[${index}]`).join('')}`;
}

export class NaiveRun {
  readonly told = new Map<string, Told>();
  readonly failures: string[] = [];
  answer: string | undefined;
  readonly #policy: 'stop' | 'go-on';
  #blocks: ReadonlyMap<string, PlannedBlock> = new Map();
  #members = new Map<string | undefined, PlannedBlock[]>();
  #into = new Map<string, PlannedEdge[]>();
  #catching = new Set<string>();

  constructor(plan: GraphPlan, policy: 'stop' | 'go-on') {
    this.#policy = policy;
    this.goOnBy(plan);
  }

  /** The same run by another version. */
  goOnBy({ blocks, edges }: GraphPlan): void {
    this.#blocks = new Map(blocks.map((block) => [block.id, block]));
    this.#members = new Map();
    for (const block of blocks) {
      this.#members.set(block.in, [...(this.#members.get(block.in) ?? []), block]);
    }
    this.#into = new Map(blocks.map(({ id }) => [id, edges.filter(({ to }) => to === id)]));
    this.#catching = new Set(edges.filter(({ port }) => port === 'error').map(({ from }) => from));
  }

  get stopped(): boolean {
    return this.answer !== undefined || (this.#policy === 'stop' && this.failures.length > 0);
  }

  tell(id: string, indices: readonly number[], telling: Telling): void {
    const around = this.#around(id);
    const isLetGo = around.some(
      (container, depth) =>
        this.told.get(nameOf(container, indices.slice(0, depth)))?.state === 'failed',
    );
    if (isLetGo) return;
    const name = nameOf(id, indices);
    const told = this.told.get(name) ?? {
      state: 'running',
      rounds: 0,
      isEnough: false,
      isLast: false,
    };
    this.told.set(name, told);
    if (telling.kind === 'opened') told.course = telling.course;
    else if (telling.kind === 'asked' && telling.more) told.rounds++;
    else if (telling.kind === 'asked') told.isEnough = true;
    else if (telling.kind === 'paused') told.state = 'paused';
    else if (telling.kind === 'ended') this.#end(told, 'done', telling.port);
    else if (telling.kind === 'failed') this.#fail(told, id, indices);
    else if (telling.kind === 'concluded') {
      this.answer ??= name;
      this.#end(told, 'done', 'done');
    }
  }

  #fail(told: Told, id: string, indices: readonly number[]): void {
    if (this.#catching.has(id)) return this.#end(told, 'failed', 'error');
    for (let depth = indices.length - 1; depth >= 0; depth--) {
      const container = this.#around(id)[depth] ?? '';
      const outer = this.told.get(nameOf(container, indices.slice(0, depth)));
      if (!this.#catching.has(container) || outer === undefined) continue;
      this.#end(told, 'failed');
      told.isLast = true;
      return this.#end(outer, 'failed', 'error');
    }
    this.failures.push(nameOf(id, indices));
    this.#end(told, 'failed');
  }

  #end(told: Told, state: 'done' | 'failed', port?: string): void {
    told.state = state;
    if (port !== undefined) told.port = port;
    told.isLast = this.stopped;
  }

  /** The containers around a block, the outermost first. */
  #around(id: string): readonly string[] {
    const around: string[] = [];
    for (let at = this.#blocks.get(id)?.in; at !== undefined; at = this.#blocks.get(at)?.in) {
      around.unshift(at);
    }
    return around;
  }

  look(): Seen {
    const seen = new Look();
    const isComplete = this.#turn(seen, { container: undefined, indices: [], isLetGo: false });
    const isKnown = new Set(seen.visited);
    return {
      ...seen,
      states: new Map(seen.states),
      failures: this.failures,
      answer: this.answer,
      over: this.stopped ? seen.active.length === 0 : isComplete,
      unexplained: [...this.told.keys()].filter((name) => !isKnown.has(name)),
    };
  }

  /** True when all of it has settled and is followed by what follows. */
  #turn(seen: Look, { container, indices, isLetGo }: Turn): boolean {
    const members = this.#members.get(container) ?? [];
    /** By which port each block left that is followed by what follows; by none when it was skipped. */
    const left = new Map<string, string | undefined>();
    const begun = new Set<string>();
    for (let changed = true; changed; ) {
      changed = false;
      for (const { id } of members) {
        const into = this.#into.get(id) ?? [];
        if (begun.has(id) || !into.every(({ from }) => left.has(from))) continue;
        changed = true;
        begun.add(id);
        if (into.length > 0 && !into.some((edge) => fires(edge, left.get(edge.from)))) {
          left.set(id, undefined);
          seen.count(nameOf(id, indices), 'skipped', isLetGo);
          continue;
        }
        const end = this.#place(seen, { id, indices, isLetGo });
        if (end.isFollowed) left.set(id, end.port);
      }
    }
    for (const { id } of members) {
      if (!begun.has(id)) seen.count(nameOf(id, indices), 'waiting', isLetGo);
    }
    return left.size === members.length;
  }

  /** A block all of whose edges have gone, one of which fired. */
  #place(seen: Look, { id, indices, isLetGo }: PlaceOf): { isFollowed: boolean; port?: string } {
    const name = nameOf(id, indices);
    const told = this.told.get(name);
    seen.visited.push(name);
    if (told === undefined) {
      seen.count(name, 'ready', isLetGo);
      return { isFollowed: false };
    }
    const { state, course } = told;
    const place = seen.states.length;
    let isDone = false;
    if (course !== undefined) {
      const inside = { container: id, indices, isLetGo: isLetGo || state === 'failed' };
      isDone = this.#turns(seen, inside, told);
    }
    const now = isDone && state === 'running' ? 'done' : state;
    const isOpen = now === 'running' && course !== undefined;
    seen.count(name, now, isLetGo, isOpen ? place : undefined);
    if (now !== 'done' && now !== 'failed') return { isFollowed: false };
    return { isFollowed: !told.isLast, port: isDone ? 'done' : (told.port ?? 'lost') };
  }

  /** True when there is no turn any more that has begun or is still to begin. */
  #turns(seen: Look, { container, indices, isLetGo }: Turn, told: Told): boolean {
    const { course } = told;
    const size = this.#members.get(container)?.length ?? 0;
    const turn = (index: number) =>
      this.#turn(seen, { container, indices: [...indices, index], isLetGo });
    if (course?.kind === 'branches') {
      let complete = 0;
      let begun = Math.min(course.count, course.inFlightMax);
      for (let index = 0; index < begun; index++) {
        if (!turn(index)) continue;
        complete++;
        begun = Math.min(course.count, begun + 1);
      }
      if (!isLetGo) seen.planned += (course.count - begun) * size;
      return complete === course.count;
    }
    const rounds = course?.kind === 'rounds' ? course.count : told.rounds + 1;
    const before = seen.states.length;
    for (let index = 0; index < rounds; index++) {
      if (!turn(index)) {
        const rest = course?.kind === 'rounds' ? rounds - index - 1 : 0;
        if (!isLetGo) seen.planned += rest * size;
        return false;
      }
      // Of rounds that are over nothing is there any more.
      seen.states.length = before;
    }
    if (course?.kind === 'rounds' || told.isEnough) return true;
    if (!isLetGo) seen.asking.push(nameOf(container ?? '', indices));
    return false;
  }
}

interface Turn {
  readonly container: string | undefined;
  readonly indices: readonly number[];
  readonly isLetGo: boolean;
}

interface PlaceOf {
  readonly id: string;
  readonly indices: readonly number[];
  readonly isLetGo: boolean;
}

class Look {
  readonly ready: string[] = [];
  readonly active: string[] = [];
  readonly paused: string[] = [];
  readonly asking: string[] = [];
  readonly abandoned: string[] = [];
  readonly states: [string, string][] = [];
  readonly visited: string[] = [];
  known = 0;
  settled = 0;
  planned = 0;

  count(name: string, state: string, isLetGo: boolean, open?: number): void {
    const isSettled = state === 'done' || state === 'failed' || state === 'skipped';
    if (isSettled) this.settled++;
    if (isSettled || !isLetGo) this.known++;
    if (isLetGo) {
      if (state === 'running' && open === undefined) this.abandoned.push(name);
      return;
    }
    this.states.push([name, state]);
    if (state === 'ready') this.ready.push(name);
    else if (state === 'paused') this.paused.push(name);
    else if (state === 'running' && open === undefined) this.active.push(name);
  }
}

function fires({ port = 'done' }: PlannedEdge, taken: string | undefined): boolean {
  if (taken === undefined || taken === 'lost') return false;
  return port === taken || (port === 'done' && taken !== 'error');
}
