/** Blocks of runs that have to do with turns beyond a line, as they are by now. */
import {
  type BlockBeyond,
  type BlockBeyondView,
  type BlockView,
  type RunId,
  runId,
  type TenantName,
} from '@troupe/model';
import { isContextId } from './dag/instance.ts';
import { resultOf } from './dag/result-of.ts';
import { type RunRecord, runTaskPrefix, undoneBy } from './run-table.ts';
import { stateOf, undoneAs, viewContext } from './run-view.ts';
import type { State } from './state.ts';

export function viewBlockBeyond(
  state: State,
  tenant: TenantName,
  { task, ...told }: BlockBeyond,
): BlockBeyondView {
  const name = task.slice(runTaskPrefix.length);
  const found = runOf(state, tenant, name);
  if (found === undefined) {
    const end = name.lastIndexOf(':');
    const [run, block] = [runId(name.slice(0, end)), name.slice(end + 1)];
    return { ...told, run, block, state: 'unknown', runState: 'unknown' };
  }
  const { run, block } = found;
  const now = stateOfBlock(state, run, block);
  return { ...told, run: run.run, block, state: now, runState: stateOf(run) };
}

/** Ids of runs may hold colons, and so may names of blocks that were not made by the SDK. */
function runOf(
  { runs }: State,
  tenant: TenantName,
  name: string,
): { readonly run: RunRecord; readonly block: string } | undefined {
  for (let end = name.lastIndexOf(':'); end > 0; end = name.lastIndexOf(':', end - 1)) {
    const run = runs.get(name.slice(0, end) as RunId);
    const block = name.slice(end + 1);
    if (run?.tenant === tenant && hasBlock(run, block)) return { run, block };
  }
  return undefined;
}

/** What undoes a block is one beside it. */
function hasBlock({ compiled }: RunRecord, context: string): boolean {
  const block = undoneBy(context) ?? context;
  const [name = '', ...indices] = block.split('[');
  return isContextId(block) && compiled.graph.byName[indices.length]?.has(name) === true;
}

/** Of rounds that are over only what came to something is kept. */
function stateOfBlock(
  { tasks }: State,
  run: RunRecord,
  block: string,
): BlockView['state'] | 'unknown' {
  const undone = undoneBy(block);
  if (undone !== undefined) {
    const did = run.did.find((one) => one.block === undone);
    return did === undefined ? 'unknown' : undoneAs(did, run.undoing).state;
  }
  const context = run.state.find(block);
  if (context !== undefined) return viewContext(run, context, tasks).state;
  const result = resultOf(run.state, block);
  if (result === undefined) return 'unknown';
  return result.failed ? 'failed' : 'done';
}
