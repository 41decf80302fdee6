/**
 * A workflow compiled against the bundle it came in: its graph, what each vertex is, and everything
 * that can be wrong with it found before it runs. Pure.
 *
 * G3  a reference to a block is an edge, unless the workflow says otherwise or an edge from that
 *     block stands there already: a block starts after all it refers to.
 * G4  a reference leads to a block of the same body or of one around it, so that there is one of it.
 */
import {
  type ActorManifest,
  type Block,
  type Failure,
  failure,
  limits,
  type Manifest,
  pathToProto,
  type TaskManifest,
  type Workflow,
} from '@troupe/model';
import { blockFault, type Declared, limitFault } from './block-fault.ts';
import { expressionsOf } from './expressions.ts';
import { buildGraph, depthMax, type Graph, type PlannedBlock, type PlannedEdge } from './graph.ts';
import { type Path, visitReferences } from './references.ts';

/** What a vertex is. A block with `each` is two: a parallel, and the one vertex of its body. */
export interface Step {
  readonly block: Block;
  readonly part: 'whole' | 'each' | 'branch';
  /** Declaration of its task, when it runs one of the bundle. */
  readonly task: TaskManifest | undefined;
  /** Declaration of the task that undoes it, if one does. */
  readonly undoTask: TaskManifest | undefined;
}

export interface CompiledWorkflow {
  readonly workflow: Workflow;
  readonly graph: Graph;
  /** By number of the vertex. */
  readonly steps: readonly Step[];
}

export type Compilation = CompiledWorkflow | { readonly failure: Failure };

export function compile(
  workflow: Workflow,
  manifest: Pick<Manifest, 'tasks'> & { readonly actors?: readonly ActorManifest[] },
): Compilation {
  const refuse = (what: string): Compilation => ({
    failure: failure('WORKFLOW_INVALID', `workflow "${workflow.name}": ${what}`, {
      workflow: workflow.name,
    }),
  });
  const { blocks } = workflow;
  if (blocks.length > limits.runBlocksMax) {
    return refuse(`${blocks.length} blocks, ${limits.runBlocksMax} are allowed`);
  }
  const limit =
    limitFault(workflow.limitMs) ?? limitFault(workflow.segmentLimitMs, 'segmentLimitMs');
  if (limit !== undefined) return refuse(`it ${limit}`);
  for (const block of blocks) {
    const at = pathToProto(block);
    if (at !== undefined)
      return refuse(`block "${block.id}" has "${at}", which no value can carry`);
  }
  const inOutput = pathToProto(workflow.output);
  if (inOutput !== undefined)
    return refuse(`the output has "${inOutput}", which no value can carry`);
  const declared: Declared = { tasks: new Map(manifest.tasks.map((task) => [task.name, task])) };
  for (const block of blocks) {
    const fault = blockFault(block, declared);
    if (fault !== undefined) return refuse(fault);
  }
  const edges = new EdgePlan(workflow);
  const fault = edges.fill();
  if (fault !== undefined) return refuse(fault);
  const planned: PlannedBlock[] = [];
  const steps: Step[] = [];
  for (const block of blocks) {
    const step = (part: Step['part']): Step => {
      const runs = block.kind === 'task' || block.kind === 'route';
      const task = runs ? declared.tasks.get(block.task) : undefined;
      const { undo } = block;
      const undoTask = undo?.kind === 'task' ? declared.tasks.get(undo.task) : undefined;
      return { block, part, task, undoTask };
    };
    const { id } = block;
    if (block.each === undefined) {
      const container = block.kind === 'loop' || block.kind === 'parallel' ? block.kind : undefined;
      planned.push({ id, in: block.in, container });
      steps.push(step('whole'));
      continue;
    }
    planned.push({ id, in: block.in, container: 'parallel' });
    planned.push({ id: `${id}/each`, name: id, in: id });
    steps.push(step('each'), step('branch'));
  }
  const built = buildGraph({ blocks: planned, edges: edges.all });
  return 'fault' in built ? refuse(built.fault) : { workflow, graph: built.graph, steps };
}

function doneFault([, name]: Path, { id }: Block, undoes: boolean): string | undefined {
  if (undoes && name === id) return undefined;
  const what = `block "${id}" refers to what "${name}" has done`;
  return `${what}, which only what undoes that block can`;
}

/** Gathers the edges; every reference is looked at on the way. */
class EdgePlan {
  readonly all: PlannedEdge[] = [];
  readonly #workflow: Workflow;
  readonly #blocks: ReadonlyMap<string, Block>;
  /** By target, where its edges come from. */
  readonly #sources = new Map<string, Set<string>>();

  constructor(workflow: Workflow) {
    this.#workflow = workflow;
    this.#blocks = new Map(workflow.blocks.map((block) => [block.id, block]));
  }

  fill(): string | undefined {
    const { blocks, edges = [], output } = this.#workflow;
    for (const edge of edges) this.#add(edge);
    for (const { id, after } of blocks) {
      for (const from of after) {
        if (!this.#blocks.has(from))
          return `block "${id}" stands after "${from}", which there is not`;
        if (!this.#has(from, id)) this.#add({ from, to: id });
      }
    }
    let fault: string | undefined;
    for (const block of blocks) {
      fault ??= this.#resultFault(block);
      for (const { expression, inside, undoes = false } of expressionsOf(block)) {
        visitReferences(expression, (path) => {
          fault ??=
            path[0] === 'done' ? doneFault(path, block, undoes) : this.#refer(path, block, inside);
        });
      }
    }
    visitReferences(output, (path) => {
      fault ??= this.#refer(path, undefined, false);
    });
    return fault;
  }

  #resultFault(block: Block): string | undefined {
    if (!('result' in block) || block.result === undefined) return undefined;
    if (this.#blocks.get(block.result)?.in === block.id) return undefined;
    return `container "${block.id}" has the result of "${block.result}", which is not in its body`;
  }

  /** `inside`: what stands in the body of the block, or of its `each`, may be named too. */
  #refer(path: Path, block: Block | undefined, inside: boolean): string | undefined {
    const [head, name] = path;
    const place = block === undefined ? 'the output' : `block "${block.id}"`;
    switch (head) {
      case 'input':
        return undefined;
      case 'item':
      case 'index': {
        const isInside = inside || this.#blocks.get(block?.in ?? '') !== undefined;
        return isInside ? undefined : `${place} refers to "${head}", which only branches have`;
      }
      case 'around': {
        const around = this.#around(block, inside).find((one) => one.id === name);
        if (around === undefined) return `${place} does not stand in "${name}"`;
        const isLoop = around.kind === 'loop' && around.result !== undefined;
        if (path[2] !== 'last' || isLoop) return undefined;
        return `${place} refers to the last round of "${name}", which is no loop with a result`;
      }
      case 'blocks':
        return this.#referToBlock(String(name), place, block, inside);
      default:
        return `${place} has the unknown reference "${path.join('.')}"`;
    }
  }

  #referToBlock(
    name: string,
    place: string,
    block: Block | undefined,
    inside: boolean,
  ): string | undefined {
    const source = this.#blocks.get(name);
    if (source === undefined) return `${place} refers to block "${name}", which there is not`;
    if (inside && source.in === block?.id) return undefined;
    if (block === undefined) {
      if (source.in === undefined) return undefined;
      return `${place} refers to block "${name}", which lies in the container "${source.in}"`;
    }
    // The block itself, or the container around it that stands beside the source.
    const beside = [block, ...this.#around(block, false)].find((one) => one.in === source.in);
    if (beside === undefined) {
      return `${place} refers to block "${name}", which lies in the container "${source.in}"`;
    }
    if (beside.id === name && beside !== block) {
      return `${place} refers to the container "${name}" that it stands in`;
    }
    const isEdge = this.#workflow.referencesAreEdges !== false;
    if (isEdge && !this.#has(name, beside.id)) this.#add({ from: name, to: beside.id });
    return undefined;
  }

  /** The containers around a block, the innermost first; with itself when asked from inside. No more than
   *  there may be: whoever lies in more, or in itself, is refused after this. */
  #around(block: Block | undefined, inside: boolean): readonly Block[] {
    const around: Block[] = inside && block !== undefined ? [block] : [];
    let at = this.#blocks.get(block?.in ?? '');
    while (at !== undefined && around.length <= depthMax) {
      around.push(at);
      at = this.#blocks.get(at.in ?? '');
    }
    return around;
  }

  #has(from: string, to: string): boolean {
    return this.#sources.get(to)?.has(from) === true;
  }

  #add(edge: PlannedEdge): void {
    this.all.push(edge);
    const sources = this.#sources.get(edge.to) ?? new Set();
    this.#sources.set(edge.to, sources.add(edge.from));
  }
}
