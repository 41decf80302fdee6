/** A block starts when all its predecessors are done and knows what they came to; a run ends once,
 *  when all its blocks have. */
import { decodeValue } from '@troupe/model';
import { workflowNamed } from '../plan/bundles.ts';
import type { MakeChecker, Violate } from './checker.ts';

interface RunTruth {
  readonly workflow: string;
  readonly done: Set<string>;
  /** Branches of blocks with `each` that are done, and how many there are. */
  readonly branches: Map<string, { done: number; readonly all: number }>;
  readonly started: Set<string>;
  ended: boolean;
  failed: boolean;
}

export const dagOrder: MakeChecker = (_truth, violate) => {
  const runs = new Map<string, RunTruth>();
  const tasks = new Map<string, { readonly run: RunTruth; readonly block: string }>();
  return {
    journalFact(fact) {
      switch (fact.kind) {
        case 'run-started':
          runs.set(fact.run, {
            workflow: fact.workflow,
            done: new Set(),
            branches: new Map(),
            started: new Set(),
            ended: false,
            failed: false,
          });
          return;
        case 'branches-expanded': {
          const run = runs.get(fact.run);
          if (run === undefined) return;
          checkPredecessors(run, fact.block, violate);
          run.branches.set(fact.block, { done: 0, all: fact.count ?? 0 });
          if (fact.count === 0) run.done.add(fact.block);
          return;
        }
        case 'task-submitted': {
          const run = fact.run === undefined ? undefined : runs.get(fact.run.run);
          if (run === undefined || fact.run === undefined) return;
          const { block } = fact.run;
          if (run.started.has(block)) violate(`block ${block} of a run starts twice`);
          run.started.add(block);
          tasks.set(fact.task, { run, block });
          checkPredecessors(run, block, violate);
          checkInput(run, block, fact.input, violate);
          return;
        }
        case 'block-paused': {
          const run = runs.get(fact.run);
          if (run !== undefined) checkPredecessors(run, fact.block, violate);
          return;
        }
        case 'task-ended': {
          const task = tasks.get(fact.task);
          if (task !== undefined) settle(task.run, task.block, fact.outcome.ok);
          return;
        }
        case 'block-ended': {
          const run = runs.get(fact.run);
          if (run !== undefined) settle(run, fact.block, fact.outcome.ok);
          return;
        }
        case 'run-ended': {
          const run = runs.get(fact.run);
          if (run === undefined) return;
          if (run.ended) violate(`run ${fact.run} ended twice`);
          run.ended = true;
          const { blocks } = workflowNamed(run.workflow);
          const open = blocks.filter(({ id }) => !run.done.has(id)).map(({ id }) => id);
          if (fact.state === 'done' && open.length > 0) {
            violate(`run ${fact.run} is done without ${open.join(', ')}`);
          }
          return;
        }
        default:
      }
    },
  };
};

function settle(run: RunTruth, context: string, ok: boolean): void {
  if (!ok) {
    run.failed = true;
    return;
  }
  const [block = context] = context.split('[');
  const branches = run.branches.get(block);
  if (branches === undefined) {
    run.done.add(context);
    return;
  }
  branches.done += 1;
  if (branches.done === branches.all) run.done.add(block);
}

function checkPredecessors(run: RunTruth, context: string, violate: Violate): void {
  const [id = context] = context.split('[');
  const block = workflowNamed(run.workflow).blocks.find((one) => one.id === id);
  for (const before of block?.after ?? []) {
    if (!run.done.has(before))
      violate(`block ${context} of ${run.workflow} starts before ${before}`);
  }
}

/** The input of a task block holds what its predecessors came to. */
function checkInput(run: RunTruth, context: string, input: Uint8Array, violate: Violate): void {
  const [id = context] = context.split('[');
  const block = workflowNamed(run.workflow).blocks.find((one) => one.id === id);
  if (block?.kind !== 'task') return;
  const { before } = decodeValue(input) as { before?: readonly unknown[] };
  const known = before?.filter((value) => value !== null && value !== undefined).length ?? 0;
  if (known !== block.after.length) {
    violate(`block ${context} of ${run.workflow} knows ${known} of ${block.after.length} outputs`);
  }
}
