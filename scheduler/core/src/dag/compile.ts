/**
 * A workflow compiled: blocks by number, edges by number, and everything that can be wrong with it
 * found before it runs. Pure.
 *
 * G1  the edges of a compiled graph make no cycle.
 * G2  a reference to a block is an edge: a block starts after all it refers to.
 */
import {
  type ActorManifest,
  type Block,
  type Expression,
  type Failure,
  failure,
  limits,
  type Manifest,
  type TaskManifest,
  type Workflow,
} from '@troupe/model';
import { type Path, visitReferences } from './references.ts';

export interface Vertex {
  readonly block: Block;
  /** Number of edges into it. */
  readonly edgesIn: number;
  readonly successors: readonly number[];
  /** Its task's declaration; absent for calls and pauses. */
  readonly task?: TaskManifest;
}

export interface Graph {
  readonly workflow: Workflow;
  readonly vertices: readonly Vertex[];
  /** Vertex by block id. */
  readonly numbers: ReadonlyMap<string, number>;
}

export type Compiled = { readonly graph: Graph } | { readonly failure: Failure };

/** Compiles a workflow against the manifest of the bundle it came in. */
export function compile(
  workflow: Workflow,
  manifest: Pick<Manifest, 'tasks'> & { readonly actors?: readonly ActorManifest[] },
): Compiled {
  const refuse = (what: string): Compiled => ({
    failure: failure('WORKFLOW_INVALID', `workflow "${workflow.name}": ${what}`, {
      workflow: workflow.name,
    }),
  });
  const { blocks } = workflow;
  if (blocks.length > limits.runBlocksMax) {
    return refuse(`${blocks.length} blocks, ${limits.runBlocksMax} are allowed`);
  }
  const tasks = new Map(manifest.tasks.map((task) => [task.name, task]));
  const numbers = new Map<string, number>();
  for (const [number, block] of blocks.entries()) {
    const fault = blockFault(block, numbers, tasks);
    if (fault !== undefined) return refuse(fault);
    numbers.set(block.id, number);
  }
  const edges = edgesOf(workflow, numbers);
  if ('fault' in edges) return refuse(edges.fault);
  const cycle = cycleIn(edges.into, edges.outOf);
  if (cycle !== undefined) {
    return refuse(`a cycle: ${cycle.map((number) => blocks[number]?.id).join(' -> ')}`);
  }
  const vertices = blocks.map((block, number): Vertex => {
    const vertex = {
      block,
      edgesIn: edges.into[number]?.size ?? 0,
      successors: edges.outOf[number] ?? [],
    };
    const task = block.kind === 'task' ? tasks.get(block.task) : undefined;
    return task === undefined ? vertex : { ...vertex, task };
  });
  return { graph: { workflow, vertices, numbers } };
}

const blockId = /^[A-Za-z0-9_$][A-Za-z0-9_$. -]{0,127}$/;

function blockFault(
  block: Block,
  earlier: ReadonlyMap<string, number>,
  tasks: ReadonlyMap<string, TaskManifest>,
): string | undefined {
  if (!blockId.test(block.id)) return `block id "${block.id}" is not a name`;
  if (earlier.has(block.id)) return `two blocks have the id "${block.id}"`;
  if (block.kind === 'task' && !tasks.has(block.task)) {
    return `block "${block.id}" runs task "${block.task}", which the bundle does not export`;
  }
  if (block.kind !== 'task' && block.kind !== 'call' && block.kind !== 'pause') {
    return `block "${block.id}" is a ${block.kind}, which this scheduler cannot run`;
  }
  const { inFlightMax } = block;
  if (inFlightMax !== undefined && !(Number.isInteger(inFlightMax) && inFlightMax > 0)) {
    return `block "${block.id}" has inFlightMax ${inFlightMax}, which is not a positive integer`;
  }
  return undefined;
}

interface Edges {
  readonly into: readonly ReadonlySet<number>[];
  readonly outOf: readonly (readonly number[])[];
}

function edgesOf(
  workflow: Workflow,
  numbers: ReadonlyMap<string, number>,
): Edges | { readonly fault: string } {
  const into: Set<number>[] = workflow.blocks.map(() => new Set());
  const outOf: number[][] = workflow.blocks.map(() => []);
  let fault: string | undefined;
  const refer = (place: string, path: Path, inBranch: boolean, to?: number): void => {
    const from = path[0] === 'blocks' ? numbers.get(String(path[1])) : undefined;
    if (path[0] === 'blocks' && from === undefined) {
      fault ??= `${place} refers to block "${path[1]}", which there is not`;
    } else if (path[0] === 'item' || path[0] === 'index') {
      if (!inBranch) fault ??= `${place} refers to "${path[0]}", which only branches have`;
    } else if (path[0] !== 'blocks' && path[0] !== 'input') {
      fault ??= `${place} has the unknown reference "${path.join('.')}"`;
    }
    if (from !== undefined && to !== undefined) into[to]?.add(from);
  };
  for (const [number, block] of workflow.blocks.entries()) {
    const place = `block "${block.id}"`;
    for (const id of block.after) {
      const from = numbers.get(id);
      if (from === undefined) fault ??= `${place} stands after "${id}", which there is not`;
      else into[number]?.add(from);
    }
    const inBranch = block.each !== undefined;
    for (const expression of expressionsOf(block)) {
      visitReferences(expression, (path) => refer(place, path, inBranch, number));
    }
    if (block.each !== undefined) {
      visitReferences(block.each, (path) => refer(place, path, false, number));
    }
  }
  visitReferences(workflow.output, (path) => refer('the output', path, false));
  if (fault !== undefined) return { fault };
  for (const [to, sources] of into.entries()) for (const from of sources) outOf[from]?.push(to);
  return { into, outOf };
}

function expressionsOf(block: Block): readonly Expression[] {
  switch (block.kind) {
    case 'task':
      return [block.input];
    case 'call':
      return [block.key, ...block.args];
    case 'pause':
      return [block.prompt];
    default:
      return [];
  }
}

/** Removes what can settle; in what is left every vertex waits for another, so a walk finds one. */
function cycleIn(into: Edges['into'], outOf: Edges['outOf']): readonly number[] | undefined {
  const left = into.map((sources) => sources.size);
  const free = left.flatMap((count, number) => (count === 0 ? [number] : []));
  for (let i = 0; i < free.length; i++) {
    for (const to of outOf[free[i] ?? -1] ?? []) {
      const count = (left[to] ?? 0) - 1;
      left[to] = count;
      if (count === 0) free.push(to);
    }
  }
  if (free.length === left.length) return undefined;
  const settled = new Set(free);
  const walked: number[] = [];
  let at = left.findIndex((_, number) => !settled.has(number));
  while (!walked.includes(at)) {
    walked.push(at);
    at = [...(into[at] ?? [])].find((from) => !settled.has(from)) ?? at;
  }
  return [...walked.slice(walked.indexOf(at)), at].reverse();
}
