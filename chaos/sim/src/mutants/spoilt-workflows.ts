/** Deliberate faults in how a leader reads a workflow: it is told another one than was deployed. */
import type { Block, Expression, Workflow } from '@troupe/model';
import type { World } from '../world/world.ts';

export function spoiltWorkflow(world: World, workflow: Workflow): Workflow {
  return spoilers[world.mutant ?? '']?.(workflow) ?? workflow;
}

type Spoil = (workflow: Workflow) => Workflow;

const spoilers: { readonly [mutant: string]: Spoil } = {
  'lost-edge-in-a-join': withoutOneEdge,
  'rounds-at-once': withBlocks(sideBySide),
  'wait-ends-early': withBlocks((block) =>
    block.kind === 'wait'
      ? { ...block, ms: typeof block.ms === 'number' ? block.ms / 2 : 1 }
      : block,
  ),
  'pause-without-its-limit': withBlocks((block) => {
    if (block.kind !== 'pause') return block;
    const { limitMs: _, ...rest } = block;
    return rest;
  }),
  'answer-ends-nothing': withBlocks((block) =>
    block.kind === 'answer' ? { ...block, kind: 'value' } : block,
  ),
  'branches-without-bound': withBlocks((block) => {
    const { inFlightMax: _, ...rest } = block;
    return rest;
  }),
  // The first block of the next version is another one only in how many branches it may have.
  'moved-whatever-differs': withBlocks((block) => {
    const { inFlightMax, ...rest } = block;
    return inFlightMax === 7 ? rest : block;
  }),
  'runs-not-undone': withBlocks((block) => {
    const { undo: _, ...rest } = block;
    return rest;
  }),
  'undone-as-if-unknown': withBlocks((block) =>
    block.undo?.kind === 'task'
      ? {
          ...block,
          undo: { ...block.undo, input: { ...asRecord(block.undo.input), undoes: null } },
        }
      : block,
  ),
  'error-edge-not-taken': (workflow) =>
    withPorts(workflow, (port) => (port === 'error' ? 'lost' : port)),
  'first-failure-stops-nothing': (workflow) => ({ ...workflow, onFailure: 'go-on' }),
  'both-ways-of-a-choice': (workflow) =>
    withPorts(workflow, (port) => (port === 'left' || port === 'right' ? 'done' : port)),
};

function withBlocks(spoil: (block: Block) => Block): Spoil {
  return (workflow) => ({ ...workflow, blocks: workflow.blocks.map(spoil) });
}

function withPorts(workflow: Workflow, spoil: (port: string) => string): Workflow {
  const edges = (workflow.edges ?? []).map((edge) => ({ ...edge, port: spoil(edge.port) }));
  return { ...workflow, edges };
}

/** The rounds of a loop as branches of a parallel. */
function sideBySide(block: Block): Block {
  if (block.kind !== 'loop') return block;
  const { kind: _, rounds, roundsMax: __, ...base } = block;
  if (!('count' in rounds) && !('items' in rounds)) return block;
  return { ...base, kind: 'parallel', branches: rounds };
}

/** The first join waits for all but its last predecessor. */
function withoutOneEdge(workflow: Workflow): Workflow {
  const join = workflow.blocks.find((block) => block.kind === 'task' && block.after.length > 1);
  if (join?.kind !== 'task') return workflow;
  const after = join.after.slice(0, -1);
  const before = after.map((id) => ({ $ref: ['blocks', id] }));
  const input = { id: { $ref: ['input', 'ids', join.id] }, before };
  const blocks = workflow.blocks.map((block) =>
    block === join ? { ...join, after, input } : block,
  );
  return { ...workflow, blocks };
}

function asRecord(expression: Expression): { readonly [name: string]: Expression } {
  return expression as { readonly [name: string]: Expression };
}
