/**
 * Workflows of every kind of block, drawn at random: containers in containers, choices, routes, error
 * edges, pauses, waits, child runs, answers. What they do follows from their input, from what persons
 * answer and from how their tasks end, and from nothing else.
 *
 * Every reference is one to a block right before, so that it makes no edge that is not written.
 */
import type { Block, Expression, Undo, Workflow } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { Draft, type Shape } from './nest-draft.ts';

const containersMax = 3;

const leafKinds: Shape['kinds'] = [
  ['task', 4],
  ['value', 2],
  ['wait', 1],
  ['pause', 1],
  ['loop', 1],
  ['choice', 1],
];

const allKinds: Shape['kinds'] = [
  ['task', 5],
  ['call', 2],
  ['value', 2],
  ['pause', 3],
  ['wait', 2],
  ['choice', 3],
  ['route', 1],
  ['run', 1.5],
  ['each', 1.5],
  ['loop', 3],
  ['parallel', 3],
  ['answer', 0.4],
];

/** How what undoes a block ends its context id. */
export const undoSuffix = '/undo';

/** One workflow of all kinds, one that it runs, and one that that one runs. */
export function drawNests(chance: Random): readonly Workflow[] {
  const leaf = { kinds: leafKinds, depthMax: 1, root: [1, 3], silent: true } as const;
  const stem = { ...leaf, kinds: [...leafKinds, ['run', 3]] } as const;
  const nest = { kinds: allKinds, depthMax: containersMax, root: [3, 6], silent: false } as const;
  return [
    drawNest({ ...leaf, name: 'leaf', children: [] }, chance),
    drawNest({ ...stem, name: 'stem', children: ['leaf'] }, chance),
    drawNest({ ...nest, name: 'nest', children: ['leaf', 'stem'] }, chance),
  ];
}

/**
 * The next version of a workflow. As a rule one block more comes at its end, so that whatever has not
 * ended can be moved to it; else its first block is another one, and nothing that has begun can be.
 */
export function nextVersionOf(workflow: Workflow): Workflow {
  const { blocks } = workflow;
  const roots = blocks.filter((block) => block.in === undefined);
  if (blocks.length % 3 === 1) {
    const first = roots[0]?.id;
    return {
      ...workflow,
      blocks: blocks.map((block) => (block.id === first ? { ...block, inFlightMax: 7 } : block)),
    };
  }
  const last = roots.at(-1)?.id;
  const tail: Block = {
    id: 'tail',
    after: last === undefined ? [] : [last],
    kind: 'value',
    value: 'of the next version',
  };
  return { ...workflow, blocks: [...blocks, tail] };
}

function drawNest(shape: Shape, chance: Random): Workflow {
  const draft = new Draft(shape, chance);
  const roots = draft.body(undefined);
  const output: Record<string, Expression> = {};
  for (const id of roots) output[id] = { $ref: ['blocks', id], optional: true };
  return {
    name: shape.name,
    blocks: draft.blocks.map(undoable),
    edges: draft.edges,
    ...(chance.chance(0.3) ? { onFailure: 'go-on' } : {}),
    ...(chance.chance(0.08) ? { limitMs: chance.whole(4_000, 9_000) } : {}),
    output,
  };
}

/**
 * Two of three blocks that have something done elsewhere say what undoes it; one of seven of these cannot be undone.
 * It follows from where the block stands, so that nothing else is drawn differently.
 */
function undoable(block: Block, at: number, blocks: readonly Block[]): Block {
  const undo = at % 3 === 2 ? undefined : undoOf(block, at, blocks);
  return undo === undefined ? block : ({ ...block, undo } as Block);
}

function undoOf(block: Block, at: number, blocks: readonly Block[]): Undo | undefined {
  const { id } = block;
  const parts: Expression = { $ref: ['input', 'parts', id], optional: true };
  switch (block.kind) {
    case 'task':
    case 'route':
    case 'run': {
      const path = block.kind === 'route' ? ['port'] : ['given', 'value'];
      const undoes: Expression = { $ref: ['done', id, ...path], optional: true };
      if (at % 7 !== 3) return { kind: 'task', task: 'work', input: { undoes, parts } };
      return { kind: 'task', task: 'once', retries: 0, input: { undoes, parts: [['fail']] } };
    }
    case 'call': {
      const turns = bodiesAround(block, blocks).map(
        (container): Expression => ({ $text: ['.', { $ref: ['around', container, 'index'] }] }),
      );
      const own: Expression = { $ref: ['input', 'ids', id] };
      const program: Expression = { $text: [own, ...turns, undoSuffix] };
      const { type, key, method } = block;
      return { kind: 'call', type, key, method, args: [program, []] };
    }
    default:
      return undefined;
  }
}

/** The outermost first. */
function bodiesAround(block: Block, blocks: readonly Block[]): readonly string[] {
  const around: string[] = [];
  for (let at = block.in; at !== undefined; ) {
    around.unshift(at);
    const inside = at;
    at = blocks.find(({ id }) => id === inside)?.in;
  }
  return around;
}
