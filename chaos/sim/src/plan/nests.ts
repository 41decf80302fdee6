/**
 * Workflows of every kind of block, drawn at random: containers in containers, choices, routes, error
 * edges, pauses, waits, child runs, answers. What they do follows from their input, from what persons
 * answer and from how their tasks end, and from nothing else.
 *
 * Every reference is one to a block right before, so that it makes no edge that is not written.
 */
import type { Block, Expression, Workflow } from '@troupe/model';
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
    blocks: draft.blocks,
    edges: draft.edges,
    ...(chance.chance(0.3) ? { onFailure: 'go-on' } : {}),
    ...(chance.chance(0.08) ? { limitMs: chance.whole(4_000, 9_000) } : {}),
    output,
  };
}
