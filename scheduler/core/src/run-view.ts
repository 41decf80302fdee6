/**
 * What a run looks like from outside. Every block of the root is shown; of the contexts in rounds
 * and branches those that need a look (ready, running, paused, failed) with the containers that they
 * are in, the rest are counted.
 */
import {
  type BlockView,
  limits,
  type ProgressView,
  type RunProgress,
  type RunState,
  type RunUndoView,
  type RunView,
  type TaskId,
  type UndoneView,
} from '@troupe/model';
import {
  type Context,
  contextId,
  type Instance,
  indicesOf,
  type SlotState,
} from './dag/instance.ts';
import { stepAt } from './dag/next.ts';
import type { Did, Undoing } from './dag/undoing.ts';
import { childId, type RunRecord, runTaskId } from './run-table.ts';
import type { TaskTable } from './task-table.ts';

/** Contexts in rounds and branches that are shown; a view must fit into a message. */
const nestedMax = 1_000;

export function viewRun(run: RunRecord, tasks: TaskTable): RunView {
  const nested = nestedByBlock(run);
  const blocks: BlockView[] = [];
  for (const { local } of run.compiled.graph.root.vertices) {
    blocks.push(viewContext(run, run.state.root.contextAt(local), tasks));
    for (const context of (nested.get(local) ?? []).sort(byPlace)) {
      blocks.push(viewContext(run, context, tasks));
    }
  }
  const { end } = run;
  const view = summary(run, withPromptsThatFit(blocks), undoneIn(run));
  return end === undefined ? view : { ...view, outcome: end.outcome };
}

/** As many prompts as an answer holds; the others are shown once these are answered. */
function withPromptsThatFit(blocks: readonly BlockView[]): readonly BlockView[] {
  let bytes = 0;
  return blocks.map((block) => {
    const { prompt, ...rest } = block;
    if (prompt === undefined) return block;
    bytes += prompt.length;
    return bytes <= limits.payloadBytesMax ? block : rest;
  });
}

/** With what the attempts of its blocks have said. */
export function withProgress(view: RunView, progress: ReadonlyMap<TaskId, ProgressView>): RunView {
  const blocks = view.blocks.map((block) => {
    const said = progress.get(runTaskId(view.run, block.block));
    return said === undefined || block.node === undefined ? block : { ...block, progress: said };
  });
  return { ...view, blocks };
}

/** For lists: without rounds and branches, and without the outcome. */
export function viewRunShort(run: RunRecord, tasks: TaskTable): RunView {
  const { root } = run.state;
  const blocks = run.compiled.graph.root.vertices.map(({ local }) =>
    viewContext(run, root.contextAt(local), tasks),
  );
  return summary(run, withPromptsThatFit(blocks), []);
}

function summary(
  run: RunRecord,
  blocks: readonly BlockView[],
  undone: readonly UndoneView[],
): RunView {
  const { run: id, tenant, workflow, at, end, parent, bundle } = run;
  return {
    run: id,
    tenant,
    workflow,
    state: stateOf(run),
    startedAt: at,
    blocks,
    progress: progressOf(run),
    bundle,
    ...(parent === undefined ? {} : { parent }),
    ...(end === undefined ? {} : { endedAt: end.at }),
    ...(run.undoing === undefined ? {} : { undo: undoViewOf(run, run.undoing, undone) }),
  };
}

function undoViewOf(
  { did }: RunRecord,
  { failure }: Undoing,
  blocks: readonly UndoneView[],
): RunUndoView {
  const ended = did.filter(({ undone }) => undone !== undefined).length;
  const done = did.filter(({ undone }) => undone === 'done').length;
  return { failure, done, failed: ended - done, all: did.length, blocks };
}

/** In the order in which they are undone. */
function undoneIn({ did, undoing, end }: RunRecord): readonly UndoneView[] {
  if (undoing === undefined) return [];
  const first = did.slice(-nestedMax).reverse();
  return first.map((one) => undoneAs(one, end === undefined ? undoing : undefined));
}

/** How far it is undone. */
export function undoneAs({ block, undone }: Did, undoing: Undoing | undefined): UndoneView {
  if (undone === 'done') return { block, state: undone };
  if (undone !== undefined) return { block, state: 'failed', failure: undone };
  const isNext = undoing?.isAtWork === true && undoing.next?.block === block;
  return { block, state: isNext ? 'running' : 'waiting' };
}

export function stateOf({ end, state, undoing }: RunRecord): RunState {
  if (end !== undefined) return end.state;
  if (undoing !== undefined) return 'running';
  if (state.active.size + state.ready.size + state.asking.size > 0) return 'running';
  return state.paused.size > 0 ? 'waiting' : 'running';
}

function progressOf({ end, state, undoing }: RunRecord): RunProgress {
  const { known, settled, planned } = state;
  const running = state.active.size;
  const waiting = state.paused.size;
  const isToCome = end === undefined && undoing === undefined && !state.stopped;
  const rest = isToCome ? Math.max(known - settled + planned - running - waiting, 0) : 0;
  return { done: settled, running, waiting, rest };
}

/** By place in the root, contexts inside that need a look and the containers around them. */
function nestedByBlock({ state, end, undoing }: RunRecord): Map<number, Context[]> {
  const shown = new Set<Context>();
  const show = (context: Context) => {
    let at: Context | undefined = context;
    while (at?.instance.parent !== undefined && !shown.has(at)) {
      shown.add(at);
      at = at.instance.parent;
    }
  };
  for (const set of [state.active, state.paused, state.ready]) {
    for (const context of set) if (shown.size < nestedMax) show(context);
  }
  for (const id of state.failures) {
    const context = state.find(id);
    if (context !== undefined) show(context);
  }
  if (end !== undefined || undoing !== undefined) showUnsettled(state.root, show, shown);
  const nested = new Map<number, Context[]>();
  for (const context of shown) {
    const block = rootOf(context);
    const group = nested.get(block);
    if (group === undefined) nested.set(block, [context]);
    else group.push(context);
  }
  return nested;
}

/** Of a run that has ended, what was at work then. */
function showUnsettled(
  instance: Instance,
  show: (context: Context) => void,
  shown: ReadonlySet<Context>,
): void {
  for (const [slot, inner] of instance.inner) {
    const name = stateIn(inner.parent ?? instance.contextAt(slot));
    if (name !== 'running') continue;
    for (let at = 0; at < inner.state.length && shown.size < nestedMax; at++) {
      const context = inner.contextAt(at);
      const state = stateIn(context);
      if (state === 'ready' || state === 'running' || state === 'paused') show(context);
    }
    showUnsettled(inner, show, shown);
  }
}

function stateIn({ instance, slot }: Context): SlotState {
  return instance.stateAt(slot);
}

function rootOf({ instance, slot }: Context): number {
  let at = slot;
  for (let { parent } = instance; parent !== undefined; parent = parent.instance.parent) {
    at = parent.slot;
  }
  return at;
}

function byPlace(left: Context, right: Context): number {
  const here = indicesOf(left);
  const there = indicesOf(right);
  for (let i = 0; i < Math.max(here.length, there.length); i++) {
    const difference = (here[i] ?? -1) - (there[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return left.slot - right.slot;
}

export function viewContext(run: RunRecord, context: Context, tasks: TaskTable): BlockView {
  const { instance, slot } = context;
  const block = contextId(context);
  const attempts = instance.attempts[slot] ?? 0;
  const name = stateIn(context);
  const settled = name === 'done' || name === 'failed' || name === 'skipped';
  const isOver = run.end !== undefined || run.undoing !== undefined;
  if (name === 'abandoned' || (isOver && !settled)) {
    return { block, state: 'skipped', attempts };
  }
  const inner = instance.inner.get(slot);
  if (inner !== undefined) return { block, state: name, attempts, ...turnsOf(inner) };
  if (name === 'paused') {
    const prompt = instance.outputs[slot];
    if (stepAt(run.compiled, context).block.kind === 'wait' || prompt === undefined) {
      return { block, state: 'running', attempts };
    }
    return { block, state: name, attempts, prompt };
  }
  const { kind } = stepAt(run.compiled, context).block;
  if (name === 'running' && kind === 'run') {
    return { block, state: name, attempts, child: childId(run.run, block) };
  }
  const task = name === 'running' ? tasks.get(runTaskId(run.run, block)) : undefined;
  if (task?.state.kind === 'ready') return { block, state: 'ready', attempts: task.attempt };
  if (task?.state.kind === 'running') {
    return { block, state: name, attempts: task.attempt, node: task.state.node };
  }
  return { block, state: name, attempts };
}

function turnsOf(inner: Instance): Pick<BlockView, 'branches' | 'rounds'> {
  const { course, branchesDone, round: done } = inner;
  if (course.kind === 'branches') return { branches: { done: branchesDone, all: course.count } };
  return { rounds: course.kind === 'rounds' ? { done, all: course.count } : { done } };
}
