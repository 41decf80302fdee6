/**
 * What a run has come to, carried into another: into one of the same workflow that starts from some
 * block, or into the same run under another version of its workflow. Pure.
 *
 * C1  what is carried stands in both graphs with the same blocks, bodies and edges into it.
 * C2  what is carried leaves by the ports by which it left: a failure that an error edge takes in one graph is
 *     taken by one in the other.
 */
import { assert } from '@troupe/model';
import type { CompiledWorkflow } from './compile.ts';
import { type Body, containersOf, namedBy, type Vertex } from './graph.ts';
import { copyInner } from './image.ts';
import { type Context, type Instance, settledWell, slotStates } from './instance.ts';
import { portOf } from './next.ts';
import { RunState } from './run-state.ts';
import type { Did } from './undoing.ts';

/** A run so far. */
export interface SoFar {
  readonly compiled: CompiledWorkflow;
  readonly state: RunState;
  /** What it has done that has something that undoes it. */
  readonly did?: Iterable<Did>;
}

export type Keeps = (vertex: Vertex) => boolean;

/** From where a run starts anew. */
export interface From {
  readonly block?: string | undefined;
  /** A container is not done in which something failed and no error edge took it. Facts of earlier
   *  versions do not say so. */
  readonly inside?: boolean | undefined;
}

/**
 * What a run that starts anew keeps of an earlier one: all that is done and does not come after the
 * block named, or after anything that is not done: what was undone is not, nor what could not be, nor what
 * holds either. An answer is given again.
 */
export function keptFrom(
  { compiled, state, did = [] }: SoFar,
  { block, inside = false }: From,
): Keeps {
  const { root } = compiled.graph;
  const anew = new Set<Vertex>();
  for (const { block: id, undone } of did) {
    const named = undone === undefined ? undefined : namedBy(compiled.graph, id);
    if (named !== undefined) anew.add(containersOf(named.vertex)[0] ?? named.vertex);
  }
  const mayHaveFailed = inside && state.failureCount > 0;
  for (const vertex of root.vertices) {
    const name = slotStates[state.root.state[vertex.local] ?? 0];
    const held = mayHaveFailed ? state.root.inner.get(vertex.local) : undefined;
    const isDone = name === 'done' && (held === undefined || !hasFailedIn(held));
    const kept = isDone || name === 'skipped' || (name === 'failed' && vertex.catches);
    const isAnswer = compiled.steps[vertex.number]?.block.kind === 'answer';
    if (!kept || isAnswer || vertex.id === block) anew.add(vertex);
  }
  for (const { local } of anew) {
    for (let edge = root.from[local] ?? 0; edge < (root.from[local + 1] ?? 0); edge++) {
      const target = root.vertices[root.to[edge] ?? -1];
      if (target !== undefined) anew.add(target);
    }
  }
  return (vertex) => !anew.has(vertex);
}

/** Whether something in it failed that no error edge took; what lies in a container whose failure was
 *  taken does not count. */
function hasFailedIn(instance: Instance): boolean {
  return instance.results().some((turn) =>
    turn.some(({ vertex, failed, inner }) => {
      if (failed) return !vertex.catches;
      return inner !== undefined && hasFailedIn(inner);
    }),
  );
}

/** Blocks of the root that have begun, or never will. */
export function begunIn({ state }: SoFar): Keeps {
  return ({ local }) => {
    const name = slotStates[state.root.state[local] ?? 0];
    return name !== 'waiting' && name !== 'ready';
  };
}

/** The first difference between two versions in what is kept, if there is one (C1). */
export function firstDifference(
  from: CompiledWorkflow,
  to: CompiledWorkflow,
  keeps: Keeps,
): string | undefined {
  const before = edgesInto(from);
  const after = edgesInto(to);
  for (const vertex of from.graph.root.vertices) {
    if (!keeps(vertex)) continue;
    const other = to.graph.byId.get(vertex.id);
    if (other === undefined || other.body !== to.graph.root) {
      return `block "${vertex.id}" is not there`;
    }
    const difference = differenceAt(from, to, vertex, other);
    if (difference !== undefined) return difference;
    if (before.get(vertex.id) !== after.get(vertex.id)) {
      return `other edges lead to block "${vertex.id}"`;
    }
  }
  return undefined;
}

/** The first failure that one of the versions takes by an error edge and the other does not (C2). */
export function failureDifference(
  { compiled, state }: SoFar,
  to: CompiledWorkflow,
  keeps: Keeps,
): string | undefined {
  for (const vertex of compiled.graph.root.vertices) {
    const isFailed = slotStates[state.root.state[vertex.local] ?? 0] === 'failed';
    const catches = to.graph.byId.get(vertex.id)?.catches;
    if (!isFailed || !keeps(vertex) || catches === vertex.catches) continue;
    return `the failure of block "${vertex.id}" is ${catches ? 'taken' : 'not taken'} there`;
  }
  return undefined;
}

/** What keeps a run in which failures were not taken, and that goes on, from a version by which the first of them
 *  would have ended it. */
export function policyDifference({ state }: SoFar, to: CompiledWorkflow): string | undefined {
  const endsThere = state.failureCount > 0 && (to.workflow.onFailure ?? 'stop') === 'stop';
  return endsThere ? `the failure of block "${state.failures[0]}" ends the run there` : undefined;
}

/** A new run of a workflow that has what is kept of an earlier one behind it. */
export function startFrom(earlier: SoFar, to: CompiledWorkflow, keeps: Keeps): RunState {
  const state = new RunState(to.graph, to.workflow.onFailure ?? 'stop');
  const pairs = new Map<Instance, Instance>();
  for (const context of state.ready) {
    const from = placeIn(earlier, context);
    if (from !== undefined && keeps(from.vertex)) adoptSettled(earlier, state, context, pairs);
  }
  return state;
}

/** The same run under another version, where it had come (C1); answers where contexts went. */
export function moveTo(
  earlier: SoFar,
  to: CompiledWorkflow,
): { readonly state: RunState; readonly whereIs: (context: Context) => Context | undefined } {
  const state = new RunState(to.graph, to.workflow.onFailure ?? 'stop');
  const old = earlier.state;
  const pairs = new Map<Instance, Instance>();
  for (const context of state.ready) {
    const from = placeIn(earlier, context);
    if (from === undefined) continue;
    const { local } = from.vertex;
    const was = old.root.contextAt(local);
    const held = old.root.inner.get(local);
    if (settledWell(old.root.state[local] ?? 0)) adoptSettled(earlier, state, context, pairs);
    else if (old.active.has(was)) state.start(context);
    else if (old.paused.has(was)) state.pause(context, old.root.outputs[local]);
    else if (held !== undefined) state.adoptOpen(context, copyInner(held, context, pairs));
  }
  const whereIs = ({ instance, slot }: Context): Context | undefined => {
    if (instance !== old.root) return pairs.get(instance)?.contextAt(slot);
    const vertex = to.graph.byId.get(instance.vertexAt(slot).id);
    return vertex === undefined ? undefined : state.root.contextAt(vertex.local);
  };
  for (const name of ['ready', 'active', 'paused', 'asking'] as const) {
    for (const context of old[name]) {
      const now = context.instance === old.root && name !== 'asking' ? undefined : whereIs(context);
      if (now !== undefined) state[name].add(now);
    }
  }
  for (const id of old.abandoned) state.abandoned.add(id);
  state.failures.push(...old.failures);
  state.failureCount = old.failureCount;
  const rootSettled = (instance: Instance) =>
    instance.state.filter((one) => settledWell(one) || slotStates[one] === 'skipped').length;
  state.known = old.known - old.root.size + state.root.size;
  state.settled = old.settled - rootSettled(old.root) + rootSettled(state.root);
  state.planned = old.planned;
  return { state, whereIs };
}

function adoptSettled(
  { compiled, state: old }: SoFar,
  state: RunState,
  context: Context,
  pairs: Map<Instance, Instance>,
): void {
  const from = placeIn({ compiled, state: old }, context);
  assert(from !== undefined, 'C1: what is carried stands in both graphs');
  const { local } = from.vertex;
  const { root } = old;
  const output = root.outputs[local];
  const held = root.inner.get(local);
  const inner = held === undefined ? undefined : copyInner(held, context, pairs);
  const isFailed = slotStates[root.state[local] ?? 0] === 'failed';
  const port = isFailed ? 'error' : portOf(from.step.block, output);
  context.instance.attempts[context.slot] = root.attempts[local] ?? 0;
  state.adopt(context, { failed: isFailed, port, output, inner });
}

/** What stood at the root of the earlier run where this context stands. */
function placeIn({ compiled }: SoFar, { instance, slot }: Context) {
  const vertex = compiled.graph.byId.get(instance.vertexAt(slot).id);
  const step = vertex === undefined ? undefined : compiled.steps[vertex.number];
  if (vertex === undefined || step === undefined || vertex.body !== compiled.graph.root) {
    return undefined;
  }
  return { vertex, step };
}

function differenceAt(
  from: CompiledWorkflow,
  to: CompiledWorkflow,
  vertex: Vertex,
  other: Vertex,
): string | undefined {
  const block = from.steps[vertex.number]?.block;
  if (!same(block, to.steps[other.number]?.block)) return `block "${vertex.id}" is another`;
  if (vertex.inner === undefined || other.inner === undefined) return undefined;
  const inside = `the body of "${vertex.id}" is another`;
  if (vertex.inner.vertices.length !== other.inner.vertices.length) return inside;
  for (const [place, member] of vertex.inner.vertices.entries()) {
    const counterpart = other.inner.vertices[place];
    if (counterpart === undefined || counterpart.id !== member.id) return inside;
    const difference = differenceAt(from, to, member, counterpart);
    if (difference !== undefined) return difference;
  }
  return same(edgesIn(from, vertex.inner), edgesIn(to, other.inner)) ? undefined : inside;
}

function edgesIn({ graph }: CompiledWorkflow, body: Body): readonly string[] {
  const names = [...graph.ports.keys()];
  return body.vertices.flatMap(({ local, id }) => {
    const edges: string[] = [];
    for (let edge = body.from[local] ?? 0; edge < (body.from[local + 1] ?? 0); edge++) {
      const target = body.vertices[body.to[edge] ?? -1]?.id;
      edges.push(`${id}\n${names[body.ports[edge] ?? 0]}\n${target}`);
    }
    return edges.sort();
  });
}

/** By block of the root, the edges into it. */
function edgesInto(compiled: CompiledWorkflow): ReadonlyMap<string, string> {
  const into = new Map<string, string[]>();
  for (const edge of edgesIn(compiled, compiled.graph.root)) {
    const target = edge.slice(edge.lastIndexOf('\n') + 1);
    const edges = into.get(target);
    if (edges === undefined) into.set(target, [edge]);
    else edges.push(edge);
  }
  return new Map([...into].map(([target, edges]) => [target, edges.sort().join('\n\n')]));
}

/** Equality of plain data, whatever the order of names. */
function same(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object') return false;
  if (left === null || right === null || Array.isArray(left) !== Array.isArray(right)) return false;
  const mine = Object.entries(left);
  if (mine.length !== Object.keys(right).length) return false;
  const others: ReadonlyMap<string, unknown> = new Map(Object.entries(right));
  return mine.every(([name, part]) => others.has(name) && same(part, others.get(name)));
}
