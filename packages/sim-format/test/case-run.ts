/**
 * Plays a case: a workflow of Sim, imported, deployed to a real scheduler machine and run, where each
 * task does what the case says. What is seen of it is read from the machine's facts.
 */
import { type Block, decodeValue, encodeValue, type Failure, runId } from '@troupe/model';
import { Scene, task, tenant } from '../../../scheduler/core/test/scene.ts';
import { type Imported, importSim } from '../src/index.ts';
import type { Behaviour, Seen, SimCase } from './case-file.ts';

interface Due {
  readonly at: number;
  readonly number: number;
  readonly task: string;
  readonly attempt: number;
}

const longestMs = 3_600_000;

export class CaseRun {
  readonly imported: Imported;
  readonly #case: SimCase;
  readonly #scene = new Scene();
  readonly #simIds: ReadonlyMap<string, string>;
  readonly #blocks: ReadonlyMap<string, Block>;
  readonly #due: Due[] = [];
  readonly #calls = new Map<string, number>();
  #run = '';
  #sent = 0;
  #told = 0;
  #number = 0;

  constructor(simCase: SimCase) {
    this.#case = simCase;
    this.imported = importCase(simCase);
    const { workflow, blocks, tasks } = this.imported;
    this.#simIds = new Map(blocks.map(({ id, simId }) => [id, simId]));
    this.#blocks = new Map((workflow?.blocks ?? []).map((block) => [block.id, block]));
    if (workflow === undefined) return;
    const stubbed = workflow.blocks.flatMap((block) => this.#stubbed(block));
    const seen = stubbed.filter((block) => block.in === undefined && block.kind !== 'answer');
    const all = seen.map(({ id }) => [this.#simId(id), { $ref: ['blocks', id], optional: true }]);
    const output = { final: workflow.output, blocks: Object.fromEntries(all) };
    const own = { name: 'answer', retries: 0, backoffMs: 0 };
    const declared = [...tasks, own].map(({ name, retries, backoffMs }) =>
      task(name, { retries, backoffMs: [backoffMs], resources: { cpu: 0.001 } }),
    );
    this.#scene.joins('n1.aaaaaaaa', { cpu: 100 });
    const workflows = [{ ...workflow, blocks: stubbed, output }];
    const answer = this.#scene.deploys({ tasks: declared, workflows });
    if (answer?.kind !== 'deployed') throw new Error(JSON.stringify(answer));
  }

  start(): Seen {
    const { workflow } = this.imported;
    if (workflow === undefined) throw new Error(JSON.stringify(this.imported.refusals));
    const trigger = workflow.blocks.find(({ kind }) => kind === 'value')?.id ?? '';
    const input = this.#case.blockBehaviours[this.#simId(trigger)]?.output ?? { result: 1 };
    this.#run = 'r1';
    this.#scene.starts(workflow.name, input, this.#run);
    return this.#goOn();
  }

  /** A second run, from a block on, or why there is none. */
  startFrom(block: string): Seen | Failure {
    const name = this.imported.workflow?.name ?? '';
    const from = { run: runId('r1'), block: this.#idOf(block) };
    const input = new Uint8Array(0);
    this.#run = 'r2';
    const asked = { kind: 'start-run', run: runId('r2'), tenant, workflow: name, input } as const;
    const answer = this.#scene.asks({ ...asked, from });
    return answer?.kind === 'failed' ? answer.failure : this.#goOn();
  }

  resume(contextId: string, answer: unknown): Seen {
    const wanted = pauseOf(contextId);
    const open = this.#scene.view(this.#run).blocks.filter(({ state }) => state === 'paused');
    const context = open.find(({ block }) => {
      const { id, indices } = placeOf(block);
      const { branch, round } = this.#turnsOf(id, indices);
      const isThere = wanted.branch === branch && wanted.round === round;
      return this.#simId(id) === wanted.id && isThere;
    });
    if (context === undefined) throw new Error(`nothing is paused at ${contextId}`);
    const asked = { kind: 'resume-run', run: runId(this.#run), block: context.block } as const;
    this.#scene.asks({ ...asked, answer: encodeValue(answer) });
    return this.#goOn();
  }

  /** Until the run has ended or waits for a person. */
  #goOn(): Seen {
    const end = this.#scene.now + longestMs;
    for (;;) {
      this.#takeSent();
      const [next] = this.#due.sort((a, b) => a.at - b.at || a.number - b.number);
      if (next !== undefined) {
        this.#due.shift();
        this.#scene.pass(Math.max(0, next.at - this.#scene.now));
        this.#finish(next);
        continue;
      }
      const view = this.#scene.view(this.#run);
      const isOver = ['done', 'failed', 'cancelled'].includes(view.state);
      const isPaused = view.blocks.some(({ state, prompt }) => state === 'paused' && prompt);
      if (isOver || isPaused || this.#scene.now > end) return this.#seen();
      this.#scene.pass(100);
    }
  }

  #takeSent(): void {
    const { sends } = this.#scene;
    for (; this.#sent < sends.length; this.#sent++) {
      const send = sends[this.#sent];
      if (send?.kind !== 'to-node' || send.message.kind !== 'run-task') continue;
      const { task: id, attempt } = send.message;
      const { behaviour, turns } = this.#behaviourOf(id);
      const { delayMs = 0 } = behaviour;
      const call = this.#calls.get(this.#simIdOfTask(id)) ?? 0;
      const delay = Array.isArray(delayMs)
        ? pick(delayMs, turns.branch ?? turns.round ?? call)
        : delayMs;
      const at = this.#scene.now + (delay ?? 0);
      this.#due.push({ at, number: this.#number++, task: id, attempt });
    }
  }

  #finish({ task: id }: Due): void {
    const context = id.slice(id.indexOf(':', 4) + 1);
    const input = this.#scene.inputOf(context, this.#run);
    const { behaviour, turns } = this.#behaviourOf(id);
    const simId = this.#simIdOfTask(id);
    const call = this.#calls.get(simId) ?? 0;
    this.#calls.set(simId, call + 1);
    const message = errorOf(behaviour, turns, call);
    if (message !== undefined) {
      this.#scene.finishes(id, { ok: false, failure: { code: 'USER_ERROR', message } });
      return;
    }
    const value = outputOf(behaviour, turns, { call, input });
    this.#scene.finishes(id, { ok: true, value: encodeValue(value) });
  }

  #behaviourOf(id: string): { behaviour: Behaviour; turns: Turns } {
    const { id: block, indices } = placeOf(id.slice(id.indexOf(':', 4) + 1));
    const behaviour = this.#case.blockBehaviours[this.#simId(block)] ?? {};
    return { behaviour, turns: this.#turnsOf(block, indices) };
  }

  #turnsOf(block: string, indices: readonly number[]): Turns {
    const turns: { round?: number; branch?: number } = {};
    const around: Block[] = [];
    for (let at = this.#blocks.get(block)?.in; at !== undefined; at = this.#blocks.get(at)?.in) {
      const container = this.#blocks.get(at);
      if (container !== undefined) around.unshift(container);
    }
    for (const [i, { kind }] of around.entries()) {
      if (kind === 'loop') turns.round = indices[i] ?? 0;
      else turns.branch = indices[i] ?? 0;
    }
    return turns;
  }

  /** What an answer says is said by a task of the case before it. */
  #stubbed(block: Block): readonly Block[] {
    if (block.kind !== 'answer') return [block];
    const { value: _value, kind: _kind, ...rest } = block;
    const said: Block = { ...rest, kind: 'task', task: 'answer', input: null };
    const final = { $ref: ['blocks', block.id] };
    const answer: Block = {
      id: `${block.id}${answerSuffix}`,
      after: [block.id],
      ...(block.in === undefined ? {} : { in: block.in }),
      kind: 'answer',
      value: { final, blocks: {} },
    };
    return [said, answer];
  }

  /** What happened since it was last asked. */
  #seen(): Seen {
    const view = this.#scene.view(this.#run);
    const started: string[] = [];
    const errored = new Set<string>();
    const cancelled = new Set<string>();
    const outputs: { [block: string]: unknown } = {};
    const turns: { [container: string]: number } = {};
    const known = new Set<string>();
    for (; this.#told < this.#scene.facts.length; this.#told++) {
      const fact = this.#scene.facts[this.#told];
      if (fact === undefined || !('run' in fact || 'task' in fact)) continue;
      const context = contextOf(fact, this.#run);
      if (context === undefined || context.includes(answerSuffix)) continue;
      const { id } = placeOf(context);
      const simId = this.#simId(id);
      const kind = this.#blocks.get(id)?.kind;
      const isContainer = kind === 'loop' || kind === 'parallel';
      if (fact.kind === 'branches-expanded') turns[simId] = fact.count ?? 1;
      if (fact.kind === 'round-decided' && fact.more) turns[simId] = (turns[simId] ?? 0) + 1;
      const isStart =
        fact.kind === 'task-submitted' ||
        fact.kind === 'block-paused' ||
        fact.kind === 'block-waiting' ||
        (fact.kind === 'block-ended' && !this.#wasStarted(context));
      if (isStart && !isContainer && !known.has(context)) {
        known.add(context);
        this.#startedEver.add(`${this.#run} ${context}`);
        started.push(this.#shown(context));
      }
      if (fact.kind !== 'task-ended' && fact.kind !== 'block-ended') continue;
      if (!fact.outcome.ok && fact.outcome.failure.code === 'CANCELLED') {
        cancelled.add(simId);
      } else if (!fact.outcome.ok) {
        errored.add(simId);
        outputs[simId] = { error: fact.outcome.failure.message };
      } else outputs[simId] = decodeValue(fact.outcome.value);
    }
    const ended = view.outcome?.ok === true ? decodeValue(view.outcome.value) : undefined;
    const whole = ended as { final?: unknown; blocks?: { [id: string]: unknown } } | undefined;
    const paused = view.blocks.filter(({ state, prompt }) => state === 'paused' && prompt);
    const ofRoot = withoutNull(whole?.blocks ?? {});
    return {
      status: paused.length > 0 ? 'paused' : view.state === 'done' ? 'completed' : view.state,
      started,
      errored,
      cancelled,
      outputs: {
        ...outputs,
        ...ofRoot,
        ...this.#nested(ofRoot),
        ...failedIn(outputs, errored),
      },
      turns,
      final: whole?.final,
      message: view.outcome?.ok === false ? view.outcome.failure.message : '',
      paused: paused.map(({ block }) => this.#shown(block)),
      calls: Object.fromEntries(this.#calls),
    };
  }

  /** What containers in others came to in the last round or branch, which only those around hold. */
  #nested(ofRoot: { readonly [block: string]: unknown }): { [block: string]: unknown } {
    const containers = [...this.#blocks.values()].filter(
      ({ kind }) => kind === 'loop' || kind === 'parallel',
    );
    const found: { [block: string]: unknown } = {};
    for (const { id, in: around } of containers) {
      const others = containers.filter((one) => one.in === around);
      const outer = this.#simId(around ?? '');
      const [held, ...more] = lastIn(found[outer] ?? ofRoot[outer]).filter(hasResults);
      if (others.length === 1 && more.length === 0 && held !== undefined) {
        found[this.#simId(id)] = held;
      }
    }
    return found;
  }

  readonly #startedEver = new Set<string>();

  #wasStarted(context: string): boolean {
    return this.#startedEver.has(`${this.#run} ${context}`);
  }

  /** As the cases write it: `leaf[0.1]`. */
  #shown(context: string): string {
    const { id, indices } = placeOf(context);
    return indices.length === 0
      ? this.#simId(id)
      : `${this.#simId(id)}[${indices.slice(-2).join('.')}]`;
  }

  #simIdOfTask(id: string): string {
    return this.#simId(placeOf(id.slice(id.indexOf(':', 4) + 1)).id);
  }

  #simId(id: string): string {
    return this.#simIds.get(id) ?? id;
  }

  #idOf(simId: string): string {
    return this.imported.blocks.find((block) => block.simId === simId)?.id ?? simId;
  }
}

const answerSuffix = '.answer';

/** Where the case says what a condition chooses, the block is a task that says so. */
export function importCase(simCase: SimCase): Imported {
  const { workflow, workflowVariables, triggerBlockId, blockBehaviours, options } = simCase;
  const blocks = workflow.blocks.map((block) => {
    const chooses =
      blockBehaviours[block.id] !== undefined && 'choose' in (blockBehaviours[block.id] ?? {});
    if (block.metadata.id !== 'condition' || !chooses) return block;
    const { params } = block.config;
    const config = { ...block.config, params: { routes: params['conditions'] } };
    return { ...block, config, metadata: { ...block.metadata, id: 'chosen_by_the_case' } };
  });
  const document = {
    ...workflow,
    blocks,
    ...(workflowVariables ? { variables: workflowVariables } : {}),
  };
  const until = options?.stopAfterBlockId?.replace(
    /^(?:loop|parallel)-(.*)-sentinel-(?:start|end)$/,
    '$1',
  );
  return importSim(document, {
    name: simCase.name,
    types: { chosen_by_the_case: { kind: 'route', ports: 'routes' } },
    ...(triggerBlockId === null ? {} : { trigger: triggerBlockId }),
    ...(until === undefined ? {} : { until }),
  });
}

interface Turns {
  readonly round?: number;
  readonly branch?: number;
}

function errorOf(behaviour: Behaviour, turns: Turns, call: number): string | undefined {
  const { error, errorAt, failFirst, message } = behaviour;
  if (typeof failFirst === 'number' && call < failFirst) return message ?? error ?? 'failed';
  if (typeof failFirst === 'number') return undefined;
  if (errorAt === undefined) return error;
  const { iteration, branch, invocation } = errorAt;
  const isHere =
    (iteration === undefined || iteration === turns.round) &&
    (branch === undefined || branch === turns.branch) &&
    (invocation === undefined || invocation === call);
  return isHere ? (errorAt.message ?? 'failed') : undefined;
}

function outputOf(
  behaviour: Behaviour,
  turns: Turns,
  { call, input }: { readonly call: number; readonly input: unknown },
): unknown {
  const { byIteration, byBranch, sequence, echo, output } = behaviour;
  if ('choose' in behaviour) {
    const { choose } = behaviour;
    const list = Array.isArray(choose) ? choose : [choose];
    const port: unknown = pick(list, turns.branch ?? turns.round ?? call) ?? null;
    return { conditionResult: port !== null, selectedPath: null, selectedOption: port, port };
  }
  if (byIteration !== undefined) return pick(byIteration, turns.round ?? 0);
  if (byBranch !== undefined) return pick(byBranch, turns.branch ?? 0);
  if (sequence !== undefined) return pick(sequence, call);
  if (echo === true) return { result: (input as { value?: unknown }).value };
  return output === undefined ? { result: 1 } : output;
}

/** The last value repeats. */
function pick<T>(list: readonly T[], index: number): T | undefined {
  return list[Math.min(index, list.length - 1)];
}

function placeOf(context: string): { readonly id: string; readonly indices: readonly number[] } {
  const bracket = context.indexOf('[');
  if (bracket < 0) return { id: context, indices: [] };
  const indices = context
    .slice(bracket + 1, -1)
    .split('][')
    .map(Number);
  return { id: context.slice(0, bracket), indices };
}

/** Sim's context id: `ask_loop1`; in a branch its index stands there, twice. */
function pauseOf(contextId: string): Turns & { readonly id: string } {
  const match = /^(.*?)(?:__(?:obranch-\d+|clone[0-9a-f]+))*(?:₍(\d+)₎)*(?:_loop(\d+))?$/.exec(
    contextId,
  );
  const [, id = contextId, branch, round] = match ?? [];
  return {
    id,
    ...(branch === undefined ? {} : { branch: Number(branch) }),
    ...(round === undefined ? {} : { round: Number(round) }),
  };
}

function contextOf(
  fact: {
    readonly kind: string;
    readonly run?: unknown;
    readonly block?: unknown;
    readonly task?: unknown;
  },
  run: string,
): string | undefined {
  if (typeof fact.task === 'string') {
    const prefix = `run:${run}:`;
    return fact.task.startsWith(prefix) ? fact.task.slice(prefix.length) : undefined;
  }
  return fact.run === run && typeof fact.block === 'string' ? fact.block : undefined;
}

function withoutNull(outputs: { [id: string]: unknown }): { [id: string]: unknown } {
  return Object.fromEntries(Object.entries(outputs).filter(([, value]) => value !== null));
}

function hasResults(value: unknown): value is { readonly results: readonly unknown[][] } {
  return typeof value === 'object' && value !== null && 'results' in value;
}

/** What the last round or branch of a container came to, block by block. */
function lastIn(output: unknown): readonly unknown[] {
  return hasResults(output) ? (output.results.at(-1) ?? []) : [];
}

function failedIn(outputs: { [id: string]: unknown }, errored: ReadonlySet<string>) {
  return Object.fromEntries([...errored].map((id) => [id, outputs[id]]));
}
