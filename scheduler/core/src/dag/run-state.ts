/**
 * A run of a graph, as a state that is told what happened and says what may start. A block that
 * settles takes one edge from each successor; nothing is scanned, no layer waits for another.
 *
 * D1  dead-path elimination: a block runs iff all its predecessors have settled and at least one
 *     edge into it fired; what cannot fire is pruned through the graph.
 * D2  a context settles once; what is told of a context that was abandoned changes nothing.
 * D3  a failure goes out by the error edge of its block, else of the nearest container around it
 *     that has one, which is then abandoned inside; else it fails the run.
 * D4  after the first failure, or a final answer, nothing new starts; what runs may end.
 */
import { assert, type Bytes } from '@troupe/model';
import { containersOf, donePort, errorPort, type Graph } from './graph.ts';
import {
  abandoned,
  type Context,
  type Course,
  contextId,
  done,
  failed,
  Instance,
  paused,
  ready,
  running,
  type SlotState,
  skipped,
} from './instance.ts';

/** What to do about a failure that no error edge takes. */
export type FailurePolicy = 'stop' | 'go-on';

const noPort = -1;
/** Ids of failures that are kept, for people. */
const failuresMax = 100;

/** How a context settled elsewhere. */
export interface Adopted {
  readonly failed: boolean;
  readonly port: string;
  readonly output: Bytes | undefined;
  readonly inner: Instance | undefined;
}

export class RunState {
  readonly graph: Graph;
  readonly policy: FailurePolicy;
  readonly root: Instance;
  /** May start, in the order in which they became ready. */
  readonly ready = new Set<Context>();
  /** Were started and have not settled. */
  readonly active = new Set<Context>();
  readonly paused = new Set<Context>();
  /** Loops whose round has ended and that ask whether there is another. */
  readonly asking = new Set<Context>();
  /** Ids of those that were active when what they belonged to failed: to be cancelled. */
  readonly abandoned = new Set<string>();
  /** Ids of what failed without an error edge to take it, the first first, and how many did. */
  readonly failures: string[] = [];
  failureCount = 0;
  /** A final answer was given: by which context. */
  answer: Context | undefined;
  /** Contexts that there are so far, and those of them that settled. */
  known = 0;
  settled = 0;
  /** Contexts of rounds and branches that are still to begin, as far as their number is known. */
  planned = 0;

  constructor(graph: Graph, policy: FailurePolicy = 'stop') {
    this.graph = graph;
    this.policy = policy;
    this.root = new Instance(graph.root, undefined, { kind: 'rounds', count: 1 });
    this.planned = this.root.size;
    this.#begin(this.root, 0);
  }

  /** Nothing starts any more (D4). */
  get stopped(): boolean {
    return this.answer !== undefined || (this.policy === 'stop' && this.failureCount > 0);
  }

  /** All has settled, or nothing may start and nothing runs. */
  get over(): boolean {
    return this.stopped ? this.active.size === 0 : this.root.unsettled[0] === 0;
  }

  stateOf({ instance, slot }: Context): SlotState {
    return instance.stateAt(slot);
  }

  /** The context that an id names, if it is there now. */
  find(id: string): Context | undefined {
    const bracket = id.indexOf('[');
    if (bracket < 0) return this.#inside(id, []);
    const indices = id.slice(bracket + 1, -1).split('][');
    return this.#inside(id.slice(0, bracket), indices.map(Number));
  }

  start(context: Context): void {
    assert(this.ready.delete(context), 'D1: only what is ready starts');
    context.instance.state[context.slot] = running;
    this.active.add(context);
  }

  /** It waits for somebody's answer to the prompt, or for a time. */
  pause(context: Context, prompt?: Bytes): void {
    assert(this.ready.delete(context), 'D1: only what is ready pauses');
    const { instance, slot } = context;
    instance.state[slot] = paused;
    instance.outputs[slot] = prompt;
    this.paused.add(context);
  }

  /** A container begins; its branches or first round become ready, or it is done when there are none. */
  open(context: Context, course: Course): void {
    assert(this.ready.delete(context), 'D1: only what is ready opens');
    const { instance, slot } = context;
    const { inner } = instance.vertexAt(slot);
    assert(inner !== undefined, 'D1: only a container opens');
    assert((inner.kind === 'parallel') === (course.kind === 'branches'), 'D1: branches or rounds');
    instance.state[slot] = running;
    const opened = new Instance(inner, context, course);
    instance.inner.set(slot, opened);
    if (course.kind === 'asks') return this.#another(opened);
    this.planned += course.count * opened.size;
    if (course.count === 0) return this.#settle(context, done, donePort, undefined);
    if (course.kind === 'rounds') return this.#begin(opened, 0);
    const first = Math.min(course.count, course.inFlightMax);
    opened.branchNext = first;
    for (let branch = 0; branch < first; branch++) this.#begin(opened, branch);
  }

  /** Answers a loop that asks. */
  goOn(context: Context, more: boolean): void {
    if (!this.asking.delete(context)) return;
    const inner = context.instance.inner.get(context.slot);
    assert(inner !== undefined, 'D1: only a container asks');
    if (more) this.#another(inner);
    else this.#settle(context, done, donePort, undefined);
  }

  /** It is done and leaves by that port. */
  settle(context: Context, output: Bytes | undefined, port: string = 'done'): void {
    if (!this.#leave(context)) return;
    // A port that no edge leaves by fires none but those of `done`.
    this.#settle(context, done, this.graph.ports.get(port) ?? noEdge, output);
  }

  fail(context: Context, output: Bytes | undefined): void {
    if (!this.#leave(context)) return;
    this.#fail(context, output);
  }

  /** It settled so in another run, and counts as settled here; a container with what it held. */
  adopt(context: Context, { failed: isFailed, port, output, inner }: Adopted): void {
    assert(this.ready.delete(context), 'D1: only what is ready is adopted');
    if (inner !== undefined) context.instance.inner.set(context.slot, inner);
    const taken =
      isFailed && !this.#catches(context) ? noPort : (this.graph.ports.get(port) ?? noEdge);
    this.#settle(context, isFailed ? failed : done, taken, output);
  }

  /** It is a container at work, with what it held in another run; its contexts are told apart. */
  adoptOpen(context: Context, inner: Instance): void {
    assert(this.ready.delete(context), 'D1: only what is ready is adopted');
    context.instance.state[context.slot] = running;
    context.instance.inner.set(context.slot, inner);
  }

  /** It is done, and with it the run (D4): its output is the run's. */
  conclude(context: Context, output: Bytes | undefined): void {
    if (!this.#leave(context)) return;
    this.answer ??= context;
    this.#settle(context, done, donePort, output);
  }

  /** It is over: what its blocks came to, and all rounds and branches, are not needed any more; the
   *  answer may have been given in one of these. */
  forgetInside(): void {
    this.root.outputs.length = 0;
    this.root.inner.clear();
    this.answer = undefined;
  }

  #fail(context: Context, output: Bytes | undefined): void {
    const { instance, slot } = context;
    if (this.#catches(context)) return this.#settle(context, failed, errorPort, output);
    for (let around = instance.parent; around !== undefined; around = around.instance.parent) {
      if (!this.#catches(around)) continue;
      this.#mark(context, failed, output);
      instance.port[slot] = noPort;
      this.#abandon(around);
      return this.#settle(around, failed, errorPort, output);
    }
    this.failureCount++;
    if (this.failures.length < failuresMax) this.failures.push(contextId(context));
    this.#settle(context, failed, noPort, output);
  }

  #catches({ instance, slot }: Context): boolean {
    return instance.vertexAt(slot).catches;
  }

  /** What is told of a context that does not wait for it is of no effect (D2). */
  #leave(context: Context): boolean {
    return (
      this.active.delete(context) ||
      this.paused.delete(context) ||
      this.ready.delete(context) ||
      this.asking.delete(context)
    );
  }

  #mark({ instance, slot }: Context, state: number, output: Bytes | undefined): void {
    instance.state[slot] = state;
    instance.outputs[slot] = output;
    instance.settledIn(slot);
    this.settled++;
  }

  #settle(context: Context, state: number, port: number, output: Bytes | undefined): void {
    const { instance, slot } = context;
    this.#mark(context, state, output);
    instance.port[slot] = port;
    if (this.stopped) return;
    this.#release(instance, slot, port);
  }

  /** Takes the edges out of what settled, and out of all that is pruned with it (D1). */
  #release(instance: Instance, first: number, port: number): void {
    const { body, left, fired, size } = instance;
    const frame = instance.frameOf(first);
    const base = frame * size;
    const gone = [first];
    let settled = 0;
    for (let at = 0; at < gone.length; at++) {
      const slot = gone[at] ?? 0;
      const taken = at === 0 ? port : noPort;
      const place = slot - base;
      settled++;
      const end = body.from[place + 1] ?? 0;
      for (let edge = body.from[place] ?? 0; edge < end; edge++) {
        const target = base + (body.to[edge] ?? 0);
        if (fires(body.ports[edge] ?? donePort, taken)) fired[target] = 1;
        const rest = (left[target] ?? 0) - 1;
        left[target] = rest;
        if (rest > 0) continue;
        if (fired[target] === 1) this.#makeReady(instance, target);
        else {
          instance.state[target] = skipped;
          this.settled++;
          gone.push(target);
        }
      }
    }
    const unsettled = (instance.unsettled[frame] ?? 0) - settled;
    instance.unsettled[frame] = unsettled;
    if (unsettled === 0) this.#frameDone(instance, frame);
  }

  #frameDone(instance: Instance, frame: number): void {
    const { parent, course } = instance;
    if (parent === undefined) return;
    if (course.kind === 'branches') {
      instance.branchesDone++;
      if (instance.branchesDone === course.count) {
        return this.#settle(parent, done, donePort, undefined);
      }
      if (instance.branchNext === course.count) return;
      const next = instance.branchNext++;
      return this.#begin(instance, next);
    }
    instance.earlier.push(instance.resultsOf(frame));
    instance.inner.clear();
    if (course.kind === 'asks') this.asking.add(parent);
    else if (instance.round < course.count) this.#begin(instance, 0);
    else this.#settle(parent, done, donePort, undefined);
  }

  /** A round that nobody could foresee. */
  #another(loop: Instance): void {
    this.planned += loop.size;
    this.#begin(loop, 0);
  }

  #begin(instance: Instance, frame: number): void {
    instance.clear(frame);
    this.known += instance.size;
    this.planned -= instance.size;
    const base = frame * instance.size;
    for (const root of instance.body.roots) this.#makeReady(instance, base + root);
  }

  #makeReady(instance: Instance, slot: number): void {
    instance.state[slot] = ready;
    this.ready.add(instance.contextAt(slot));
  }

  /** All that is at work inside a container is let go. */
  #abandon(container: Context): void {
    const inner = container.instance.inner.get(container.slot);
    if (inner !== undefined) this.#letGo(inner);
  }

  /** Looks once at each slot that has begun, and at nothing outside: many containers may fail in a run. What has
   *  not settled is counted by what is: after the end of the run contexts settle and take no edges, so that
   *  no frame hears of it. */
  #letGo(instance: Instance): void {
    const { state, inner } = instance;
    this.planned -= plannedIn(instance);
    const end = begunIn(instance) * instance.size;
    for (let slot = 0; slot < end; slot++) {
      const before = state[slot] ?? 0;
      if (!isUnsettled(before)) continue;
      this.known--;
      const within = before === running ? inner.get(slot) : undefined;
      if (within !== undefined) this.#letGo(within);
      const context = instance.contextAt(slot);
      const wasActive = this.active.has(context);
      if (!this.#leave(context)) continue;
      state[slot] = abandoned;
      if (wasActive) this.abandoned.add(contextId(context));
    }
  }

  #inside(name: string, indices: readonly number[]): Context | undefined {
    const vertex = this.graph.byName[indices.length]?.get(name);
    if (vertex === undefined) return undefined;
    let instance = this.root;
    let base = 0;
    for (const container of containersOf(vertex)) {
      const inner = instance.inner.get(base + container.local);
      if (inner === undefined) return undefined;
      const index = indices[container.body.depth] ?? -1;
      const isLoop = inner.body.kind === 'loop';
      if (isLoop ? index !== inner.round : !(index >= 0 && index < inner.unsettled.length)) {
        return undefined;
      }
      base = isLoop ? 0 : index * inner.size;
      instance = inner;
    }
    return instance.contextAt(base + vertex.local);
  }
}

/** Frames that have begun, of rounds the present one. */
function begunIn({ course, branchNext }: Instance): number {
  return course.kind === 'branches' ? branchNext : 1;
}

/** Contexts of its frames that are still to begin, as far as their number is known. */
function plannedIn({ course, size, branchNext, round }: Instance): number {
  if (course.kind === 'branches') return (course.count - branchNext) * size;
  return course.kind === 'rounds' ? Math.max(course.count - round - 1, 0) * size : 0;
}

function isUnsettled(state: number = 0): boolean {
  return state !== done && state !== failed && state !== skipped;
}

/** A port of a choice that no edge of the graph names. */
const noEdge = -2;

function fires(port: number, taken: number): boolean {
  if (taken === noPort) return false;
  return port === taken || (port === donePort && taken !== errorPort);
}
