/**
 * What a run looks like from outside. Every block is shown; of its branches only those that need a
 * look (ready, running, paused, failed), the rest are counted.
 */
import type { BlockView, RunState, RunView } from '@troupe/model';
import {
  type BlockRecord,
  branchId,
  type Context,
  isSettled,
  type RunRecord,
  runTaskId,
} from './run-table.ts';
import type { TaskTable } from './task-table.ts';

export function viewRun(run: RunRecord, tasks: TaskTable): RunView {
  const blocks: BlockView[] = [];
  for (const [number, block] of run.blocks.entries()) {
    const id = run.graph.vertices[number]?.block.id;
    if (id === undefined) continue;
    blocks.push(viewBlock(run, id, block, tasks));
    for (const [branch, context] of (block.branches ?? []).entries()) {
      if (context.state === 'waiting' || context.state === 'done') continue;
      blocks.push(viewContext(run, branchId(id, branch), context, tasks));
    }
  }
  const { end } = run;
  const view = summary(run, blocks);
  return end === undefined ? view : { ...view, outcome: end.outcome };
}

/** For lists: without branches, and without the outcome. */
export function viewRunShort(run: RunRecord, tasks: TaskTable): RunView {
  const blocks = run.blocks.flatMap((block, number) => {
    const id = run.graph.vertices[number]?.block.id;
    return id === undefined ? [] : [viewBlock(run, id, block, tasks)];
  });
  return summary(run, blocks);
}

function summary(run: RunRecord, blocks: readonly BlockView[]): RunView {
  const { run: id, tenant, workflow, at, end } = run;
  const view = { run: id, tenant, workflow, state: stateOf(run), startedAt: at, blocks };
  return end === undefined ? view : { ...view, endedAt: end.at };
}

function stateOf(run: RunRecord): RunState {
  if (run.end !== undefined) return run.end.state;
  if (run.active.size > 0 || run.ready.size > 0) return 'running';
  const paused = run.blocks.some(
    (block) => block.state === 'paused' || block.branches?.some(({ state }) => state === 'paused'),
  );
  return paused ? 'waiting' : 'running';
}

function viewBlock(run: RunRecord, id: string, block: BlockRecord, tasks: TaskTable): BlockView {
  const view = viewContext(run, id, block, tasks);
  if (block.branches === undefined) return view;
  return { ...view, branches: { done: block.branchesDone, all: block.branches.length } };
}

function viewContext(run: RunRecord, id: string, context: Context, tasks: TaskTable): BlockView {
  if (run.end !== undefined && !isSettled(context)) {
    return { block: id, state: 'skipped', attempts: context.attempts };
  }
  const { state, attempts, prompt } = context;
  const task = state === 'running' ? tasks.get(runTaskId(run.run, id)) : undefined;
  if (task?.state.kind === 'ready') return { block: id, state: 'ready', attempts: task.attempt };
  if (task?.state.kind === 'running') {
    return { block: id, state, attempts: task.attempt, node: task.state.node };
  }
  const view: BlockView = { block: id, state, attempts };
  return prompt === undefined ? view : { ...view, prompt };
}
