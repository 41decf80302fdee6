/**
 * The runs, durably. A **context** is one place that settles once: a block, or one branch of a
 * block with `each`; its id is `read` or `read[3]`. What is ready, and how many edges a block still
 * waits for, is derived: a block that settles takes one edge from each successor, nothing is
 * scanned.
 *
 * The end of a task that is a block's is the end of its context: no second fact repeats its
 * outcome. A block with `each` is done with its last branch, again without a fact of its own.
 *
 * W1  a context settles once, and only in a run that has not ended.
 * W2  a context starts only when every edge into its block has gone.
 * W3  a run ends once.
 */
import {
  assert,
  type BundleHash,
  type Bytes,
  type Failure,
  limits,
  type Outcome,
  type RunId,
  type TaskId,
  type TenantName,
  taskId,
} from '@troupe/model';
import type { Graph, Vertex } from './dag/compile.ts';
import type { DeploymentTable } from './deployments.ts';
import type { SchedulerFact } from './facts.ts';

export type ContextState = 'waiting' | 'ready' | 'running' | 'paused' | 'done' | 'failed';

export interface Context {
  state: ContextState;
  attempts: number;
  /** Output when done; dropped when the run ends. */
  value?: Bytes;
  failure?: Failure;
  prompt?: Bytes;
}

export interface BlockRecord extends Context {
  /** Edges into it that have not gone; derived. */
  edgesLeft: number;
  /** Present once a block with `each` knows its items. */
  branches?: Context[];
  branchesDone: number;
  /** The least branch that was not made ready yet; derived. */
  branchNext: number;
}

export interface RunEnd {
  readonly state: 'done' | 'failed' | 'cancelled';
  readonly outcome: Outcome;
  readonly at: number;
  readonly ledMs: number;
}

export interface RunRecord {
  readonly run: RunId;
  readonly tenant: TenantName;
  readonly workflow: string;
  readonly bundle: BundleHash;
  readonly input: Bytes;
  readonly at: number;
  readonly graph: Graph;
  readonly blocks: readonly BlockRecord[];
  /** Blocks that have not settled; derived. */
  unsettled: number;
  /** Ids of contexts that may start, in order; derived. */
  readonly ready: Set<string>;
  /** Ids of contexts whose task has not ended; derived. */
  readonly active: Set<string>;
  /** The first failure, until the run has ended for it. */
  failed?: { readonly context: string; readonly failure: Failure };
  end?: RunEnd;
}

type KeptBlock = Context & { readonly branches?: readonly Context[] };

export type RunsImage = readonly (Pick<
  RunRecord,
  'run' | 'tenant' | 'workflow' | 'bundle' | 'input' | 'at'
> & { readonly blocks: readonly KeptBlock[]; readonly end?: RunEnd })[];

type RunFact = Extract<
  SchedulerFact,
  {
    kind:
      | 'run-started'
      | 'branches-expanded'
      | 'block-paused'
      | 'block-ended'
      | 'run-ended'
      | 'runs-forgotten';
  }
>;

/** A context by its id, with its block. */
export interface Place {
  readonly vertex: Vertex;
  readonly block: BlockRecord;
  readonly context: Context;
  readonly branch: number | undefined;
}

export class RunTable {
  readonly #runs = new Map<RunId, RunRecord>();
  /** Those that have ended, in order. */
  readonly #ended = new Set<RunId>();
  readonly #deployments: DeploymentTable;

  constructor(deployments: DeploymentTable) {
    this.#deployments = deployments;
  }

  get(run: RunId): RunRecord | undefined {
    return this.#runs.get(run);
  }
  all(): IterableIterator<RunRecord> {
    return this.#runs.values();
  }
  get size(): number {
    return this.#runs.size;
  }
  get endedCount(): number {
    return this.#ended.size;
  }
  allEnded(): IterableIterator<RunId> {
    return this.#ended.values();
  }

  apply(fact: RunFact): void {
    switch (fact.kind) {
      case 'run-started': {
        const { run, tenant, workflow, bundle, input, at } = fact;
        assert(!this.#runs.has(run), 'W3: a run starts once');
        const graph = this.#deployments.graph(bundle, workflow);
        const blocks = graph.vertices.map(({ edgesIn }) => blankBlock(edgesIn));
        const record = { run, tenant, workflow, bundle, input, at, graph, blocks };
        this.#runs.set(run, open(record));
        return;
      }
      case 'branches-expanded':
        return expand(this.#open(fact.run), fact.block, fact.count);
      case 'block-paused': {
        const run = this.#open(fact.run);
        const { context } = placeOf(run, fact.block);
        assert(context.state === 'ready', 'W2: only what is ready pauses');
        run.ready.delete(fact.block);
        context.state = 'paused';
        context.prompt = fact.prompt;
        return;
      }
      case 'block-ended':
        return settle(this.#open(fact.run), fact.block, fact.outcome);
      case 'run-ended':
        return this.#end(this.#open(fact.run), fact);
      case 'runs-forgotten':
        for (const run of fact.runs) {
          this.#ended.delete(run);
          this.#runs.delete(run);
        }
        return;
    }
  }

  /** A task of a block was submitted. */
  taskSubmitted(run: RunId, block: string): void {
    const record = this.#open(run);
    const { context } = placeOf(record, block);
    assert(context.state === 'ready', 'W2: only what is ready runs');
    context.state = 'running';
    record.ready.delete(block);
    record.active.add(block);
  }

  /** A task of a block ended: so did its context, unless the run ended before. */
  taskEnded(run: RunId, block: string, ended: { outcome: Outcome; attempts: number }): void {
    const record = this.#runs.get(run);
    if (record === undefined) return;
    record.active.delete(block);
    placeOf(record, block).context.attempts = ended.attempts;
    if (record.end === undefined) settle(record, block, ended.outcome);
  }

  image(): RunsImage {
    return [...this.#runs.values()].map((record) => {
      const { run, tenant, workflow, bundle, input, at, end } = record;
      const blocks = record.blocks.map(({ branches, ...block }): KeptBlock => {
        const kept = copyContext(block);
        return branches === undefined ? kept : { ...kept, branches: branches.map(copyContext) };
      });
      const kept = { run, tenant, workflow, bundle, input, at, blocks };
      return end === undefined ? kept : { ...kept, end };
    });
  }

  restore(image: RunsImage): void {
    const ended: { run: RunId; ledMs: number }[] = [];
    for (const { blocks: kept, end, ...rest } of image) {
      const graph = this.#deployments.graph(rest.bundle, rest.workflow);
      const record = rebuild({ ...rest, graph }, kept);
      if (end !== undefined) {
        close(record, end);
        ended.push({ run: record.run, ledMs: end.ledMs });
      }
      this.#runs.set(record.run, record);
    }
    ended.sort((left, right) => left.ledMs - right.ledMs);
    for (const { run } of ended) this.#ended.add(run);
  }

  check(): void {
    for (const run of this.#runs.values()) {
      if (run.end !== undefined) {
        assert(run.ready.size === 0, 'W1: nothing starts in a run that has ended');
        continue;
      }
      const settled = run.blocks.filter((block) => isSettled(block)).length;
      assert(run.unsettled === run.blocks.length - settled, 'W1: what is unsettled is counted');
      for (const [number, block] of run.blocks.entries()) {
        const waits = run.graph.vertices[number]?.edgesIn ?? 0;
        assert(block.edgesLeft >= 0 && block.edgesLeft <= waits, 'W2: edges go once');
        const started = block.state !== 'waiting';
        assert(started === (block.edgesLeft === 0), 'W2: ready when every edge has gone');
      }
    }
  }

  #open(run: RunId): RunRecord {
    const record = this.#runs.get(run);
    assert(
      record !== undefined && record.end === undefined,
      'W3: nothing follows the end of a run',
    );
    return record;
  }

  #end(run: RunRecord, fact: Extract<RunFact, { kind: 'run-ended' }>): void {
    const { state, outcome, at, ledMs } = fact;
    close(run, { state, outcome, at, ledMs });
    this.#ended.add(run.run);
  }
}

/** Ids of tasks that blocks of runs become begin so. */
export const runTaskPrefix = 'run:';

export function runTaskId(run: RunId, context: string): TaskId {
  return taskId(`${runTaskPrefix}${run}:${context}`);
}

/** Where a context id points to, if anywhere. */
export function findPlace(run: RunRecord, id: string): Place | undefined {
  const bracket = id.endsWith(']') ? id.lastIndexOf('[') : -1;
  const number = run.graph.numbers.get(bracket < 0 ? id : id.slice(0, bracket));
  if (number === undefined) return undefined;
  const vertex = run.graph.vertices[number];
  const block = run.blocks[number];
  if (vertex === undefined || block === undefined) return undefined;
  if (bracket < 0) return { vertex, block, context: block, branch: undefined };
  const branch = Number(id.slice(bracket + 1, -1));
  const context = block.branches?.[branch];
  return context === undefined ? undefined : { vertex, block, context, branch };
}

export function placeOf(run: RunRecord, id: string): Place {
  const place = findPlace(run, id);
  assert(place !== undefined, 'W1: a fact names a context that there is');
  return place;
}

export function isSettled(context: Context): boolean {
  return context.state === 'done' || context.state === 'failed';
}

export function branchId(block: string, branch: number): string {
  return `${block}[${branch}]`;
}

function expand(run: RunRecord, id: string, count: number): void {
  const { vertex, block } = placeOf(run, id);
  assert(block.state === 'ready' && block.branches === undefined, 'W2: a block expands once');
  run.ready.delete(id);
  block.state = 'running';
  block.branches = Array.from({ length: count }, blankContext);
  if (count === 0) return blockDone(run, vertex, block);
  admitBranches(run, vertex, block, inFlightMaxOf(vertex));
}

function settle(run: RunRecord, id: string, outcome: Outcome): void {
  const { vertex, block, context, branch } = placeOf(run, id);
  assert(!isSettled(context) && context.state !== 'waiting', 'W1: a context settles once');
  run.ready.delete(id);
  delete context.prompt;
  if (!outcome.ok) {
    context.state = 'failed';
    context.failure = outcome.failure;
    run.failed ??= { context: id, failure: outcome.failure };
    if (branch === undefined) run.unsettled--;
    return;
  }
  context.value = outcome.value;
  if (branch === undefined) return blockDone(run, vertex, block);
  context.state = 'done';
  block.branchesDone++;
  if (block.branchesDone === block.branches?.length) blockDone(run, vertex, block);
  else admitBranches(run, vertex, block, 1);
}

function blockDone(run: RunRecord, vertex: Vertex, block: BlockRecord): void {
  block.state = 'done';
  run.unsettled--;
  for (const number of vertex.successors) {
    const successor = run.blocks[number];
    if (successor === undefined) continue;
    successor.edgesLeft--;
    if (successor.edgesLeft > 0) continue;
    successor.state = 'ready';
    const id = run.graph.vertices[number]?.block.id;
    if (id !== undefined) run.ready.add(id);
  }
}

function admitBranches(run: RunRecord, vertex: Vertex, block: BlockRecord, count: number): void {
  for (let i = 0; i < count; i++) {
    const branch = block.branches?.[block.branchNext];
    if (branch === undefined) return;
    branch.state = 'ready';
    run.ready.add(branchId(vertex.block.id, block.branchNext));
    block.branchNext++;
  }
}

function inFlightMaxOf(vertex: Vertex): number {
  return vertex.block.inFlightMax ?? limits.branchesInFlight;
}

function open(from: Omit<RunRecord, 'unsettled' | 'ready' | 'active'>): RunRecord {
  const run: RunRecord = {
    ...from,
    unsettled: from.blocks.length,
    ready: new Set(),
    active: new Set(),
  };
  for (const [number, vertex] of run.graph.vertices.entries()) {
    const block = run.blocks[number];
    if (block === undefined || block.edgesLeft > 0) continue;
    block.state = 'ready';
    run.ready.add(vertex.block.id);
  }
  return run;
}

/** Values are not needed any more: the view of an ended run shows states, not outputs. */
function close(run: RunRecord, end: RunEnd): void {
  run.end = end;
  run.ready.clear();
  run.active.clear();
  delete run.failed;
  for (const block of run.blocks) {
    delete block.value;
    delete block.prompt;
    for (const branch of block.branches ?? []) {
      delete branch.value;
      delete branch.prompt;
    }
  }
}

function rebuild(
  from: Omit<RunRecord, 'unsettled' | 'ready' | 'active' | 'blocks'>,
  kept: readonly KeptBlock[],
): RunRecord {
  const blocks = kept.map((block, number): BlockRecord => {
    const branches = block.branches?.map(copyContext);
    const rebuilt = {
      ...copyContext(block),
      edgesLeft: from.graph.vertices[number]?.edgesIn ?? 0,
      branchesDone: branches?.filter(({ state }) => state === 'done').length ?? 0,
      branchNext: branches?.filter(({ state }) => state !== 'waiting').length ?? 0,
    };
    return branches === undefined ? rebuilt : { ...rebuilt, branches };
  });
  const run: RunRecord = { ...from, blocks, unsettled: 0, ready: new Set(), active: new Set() };
  for (const [number, { block, successors }] of from.graph.vertices.entries()) {
    const record = blocks[number];
    if (record === undefined) continue;
    if (!isSettled(record)) run.unsettled++;
    if (record.state === 'done') {
      for (const to of successors) {
        const successor = blocks[to];
        if (successor !== undefined) successor.edgesLeft--;
      }
    }
    list(run, block.id, record);
    for (const [branch, context] of (record.branches ?? []).entries()) {
      list(run, branchId(block.id, branch), context);
    }
  }
  return run;
}

function list(run: RunRecord, id: string, context: Context & { branches?: unknown }): void {
  if (context.state === 'ready') run.ready.add(id);
  if (context.state === 'running' && context.branches === undefined) run.active.add(id);
  if (context.failure !== undefined) run.failed ??= { context: id, failure: context.failure };
}

function blankBlock(edgesLeft: number): BlockRecord {
  return { ...blankContext(), edgesLeft, branchesDone: 0, branchNext: 0 };
}

function blankContext(): Context {
  return { state: 'waiting', attempts: 0 };
}

function copyContext({ state, attempts, value, failure, prompt }: Context): Context {
  const context: Context = { state, attempts };
  if (value !== undefined) context.value = value;
  if (failure !== undefined) context.failure = failure;
  if (prompt !== undefined) context.prompt = prompt;
  return context;
}
