/** A scheduler machine on a stage: nodes, clients and time in the words of the domain. */
import {
  type ActorId,
  type Address,
  type Answer,
  actorId,
  bundleHash,
  decodeValue,
  encodeValue,
  gatewayAddress,
  type Incarnation,
  incarnation,
  type Labels,
  type Located,
  type Manifest,
  type NodeLoad,
  type NodeToLeader,
  nodeName,
  type Outcome,
  type Request,
  type RequestBody,
  type Resources,
  type RunView,
  runId,
  type TaskId,
  type TaskManifest,
  type ToNode,
  taskId,
  tenantName,
  turnLogName,
  type Workflow,
} from '@troupe/model';
import {
  type SchedulerConfig,
  type SchedulerEvent,
  type SchedulerFact,
  SchedulerMachine,
  type SchedulerReply,
  type SchedulerSend,
} from '../src/index.ts';

export const config: SchedulerConfig = {
  cell: 'test',
  version: '0.1.0',
  heartbeatMs: 1_000,
  nodeSilenceMs: 3_000,
  probeMs: 300,
  resendMs: 1_000,
  seed: 7,
};

export const tenant = tenantName('default');
const gateway: Address = gatewayAddress('g1');

export function task(name: string, given: Partial<TaskManifest> = {}): TaskManifest {
  const backoffMs = [1_000, 3_000, 5_000];
  return { name, resources: { cpu: 1 }, retries: 3, backoffMs, limitMs: 60_000, ...given };
}

function manifest(given: Partial<Manifest> = {}): Manifest {
  const cart = { type: 'Cart', methods: ['add'], reads: [] };
  return { sdk: '0.1.0', actors: [cart], tasks: [task('work')], workflows: [], ...given };
}

/** An event without its wall time. */
type Told = SchedulerEvent extends infer E
  ? E extends { wall: number }
    ? Omit<E, 'wall'>
    : never
  : never;

export class Scene {
  machine: SchedulerMachine;
  readonly facts: SchedulerFact[] = [];
  sends: SchedulerSend[] = [];
  replies: SchedulerReply[] = [];
  now = 1_000;
  wall = 1_700_000_000_000;
  /** Nodes that send heartbeats while time passes. */
  readonly beating = new Set<Incarnation>();
  /** What they say of their load, when it is not next to nothing. */
  readonly said = new Map<Incarnation, Pick<NodeLoad, 'cpu' | 'memory' | 'inMemory'>>();
  readonly #config: SchedulerConfig;
  #nextBeat = 0;
  #number = 0;
  /** Number of the present term. */
  term = 0;

  constructor(machine = new SchedulerMachine(config), given = config) {
    this.machine = machine;
    this.#config = given;
    this.lead();
  }

  lead(scheduler = 's1', generation = 1): void {
    this.term = this.machine.factCount;
    this.tell({ kind: 'lead', scheduler, generation });
  }

  tell(event: Told): void {
    const output = this.machine.handle(this.now, { ...event, wall: this.wall });
    this.facts.push(...output.append);
    this.sends.push(...output.send);
    this.replies.push(...output.reply);
    this.machine.checkInvariants();
  }

  hear(message: NodeToLeader): void {
    this.tell({ kind: 'from-node', message });
  }

  /** The leader is gone; another one reads the journal, from its first fact or from an image, and leads. */
  failOver(from: 'facts' | 'image' = 'facts'): void {
    const next = new SchedulerMachine(this.#config);
    for (const fact of this.facts) next.apply(fact);
    this.machine = from === 'facts' ? next : SchedulerMachine.restore(this.#config, next.image());
    this.forgetWords();
    this.lead('s2');
  }

  forgetWords(): void {
    this.sends = [];
    this.replies = [];
  }

  /** Lets time pass, waking the machine whenever it asks; the beating nodes beat. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      if (this.#nextBeat <= this.now) this.#beatAll();
      const wake = this.machine.wakeAt() ?? Number.POSITIVE_INFINITY;
      if (wake <= this.now) this.tell({ kind: 'tick' });
      else if (this.now >= end) return;
      else this.#moveTo(Math.min(end, this.#nextBeat, wake));
    }
  }

  beat(node: Incarnation, hasWitness = false): void {
    const measured = this.said.get(node) ?? { cpu: 0, memory: 100 };
    const load = { ...measured, actors: 0, turns: 0, tasks: 0 };
    const witness = hasWitness ? { witness: true as const } : {};
    this.hear({ kind: 'heartbeat', incarnation: node, counter: 1, load, ...witness });
  }

  // ------------------------------------------------------------ nodes

  asksToJoin(
    id: string,
    resources: Resources = { cpu: 4 },
    version = '0.1.0',
    labels: Labels = {},
  ): Incarnation {
    const node = incarnation(id);
    const name = nodeName(id.slice(0, id.indexOf('.')));
    this.hear({ kind: 'join', incarnation: node, name, resources, labels, version });
    return node;
  }

  joins(id: string, resources: Resources = { cpu: 4 }, labels: Labels = {}): Incarnation {
    const node = this.asksToJoin(id, resources, '0.1.0', labels);
    this.tell({ kind: 'log-created', incarnation: node });
    this.beating.add(node);
    return node;
  }

  /** The node stops speaking, and the leader notices. */
  dies(node: Incarnation): void {
    this.beating.delete(node);
    this.pass(4_000);
  }

  sealed(node: Incarnation, position = 100): void {
    this.tell({ kind: 'log-sealed', incarnation: node, position });
  }

  phase(node: Incarnation): string | undefined {
    return this.machine.durable().nodes.nodes.find((record) => record.incarnation === node)?.phase
      .kind;
  }

  logDeleted(node: Incarnation): void {
    this.tell({ kind: 'log-deleted', log: turnLogName(node) });
  }

  /** Messages of one kind to a node, in order. */
  to<K extends ToNode['kind']>(node: Incarnation, kind: K): Extract<ToNode, { kind: K }>[] {
    return this.sends.flatMap((send) =>
      send.kind === 'to-node' && send.node === node && isKind(send.message, kind)
        ? [send.message]
        : [],
    );
  }

  orders(kind: SchedulerSend['kind']): SchedulerSend[] {
    return this.sends.filter((send) => send.kind === kind);
  }

  kinds(): string[] {
    return this.facts.map((fact) => fact.kind);
  }

  /** Facts of one kind, in order. */
  decided<K extends SchedulerFact['kind']>(kind: K): Extract<SchedulerFact, { kind: K }>[] {
    return this.facts.flatMap((fact) => (isKind(fact, kind) ? [fact] : []));
  }

  // ------------------------------------------------------------ clients

  /** Asks; answers the number of the request. */
  ask(body: RequestBody): number {
    this.#number++;
    this.again(this.#number, body);
    return this.#number;
  }

  /** Sends a request again. */
  again(number: number, body: RequestBody): void {
    const forTerm = this.term;
    this.hands({ number, low: 0, forTerm, replyTo: gateway, body });
  }

  hands(request: Omit<Request, 'kind'>): void {
    this.tell({ kind: 'request', request: { kind: 'request', ...request } });
  }

  answer(number: number): Answer | undefined {
    for (const { message } of this.replies) {
      if (message.kind === 'answered' && message.number === number) return message.answer;
    }
    return undefined;
  }

  asks(body: RequestBody): Answer | undefined {
    return this.answer(this.ask(body));
  }

  /** The code of a refusal, or the kind of the answer. */
  code(answer: Answer | undefined): string | undefined {
    return answer?.kind === 'failed' ? answer.failure.code : answer?.kind;
  }

  deploys(given: Partial<Manifest> = {}, hash = 'b1'): Answer | undefined {
    const bundle = bundleHash(hash);
    return this.asks({ kind: 'deploy', tenant, bundle, manifest: manifest(given), bytes: 10 });
  }

  // ------------------------------------------------------------ actors

  resolves(key: string, refusedEpoch?: number): Located | undefined {
    const actor = cart(key);
    const refused = refusedEpoch === undefined ? {} : { refusedEpoch };
    this.replies = [];
    this.hear({ kind: 'resolve', actor, replyTo: gateway, ...refused });
    return this.located(actor);
  }

  located(actor: ActorId): Located | undefined {
    for (const { message } of this.replies) {
      if (message.kind === 'located' && message.actor === actor) return message;
    }
    return undefined;
  }

  actor(key: string) {
    const found = this.machine.durable().actors.find(({ id }) => id === cart(key));
    if (found === undefined) throw new Error(`there is no actor ${key}`);
    return found;
  }

  // ------------------------------------------------------------ tasks

  submits(id: string, given: Partial<Extract<RequestBody, { kind: 'submit-task' }>> = {}): number {
    const input = encodeValue({ id });
    return this.ask({
      kind: 'submit-task',
      task: taskId(id),
      tenant,
      name: 'work',
      input,
      ...given,
    });
  }

  /** The run-task messages sent to any node for this task, in order. */
  started(id: string) {
    return this.sends.flatMap((send) =>
      send.kind === 'to-node' && send.message.kind === 'run-task' && send.message.task === id
        ? [{ node: send.node, ...send.message }]
        : [],
    );
  }

  /** The node runs the latest attempt of the task and reports. */
  finishes(id: string, outcome: Outcome = ok(id), durationMs = 10, used?: Resources): void {
    const last = this.started(id).at(-1);
    if (last === undefined) throw new Error(`task ${id} was not started`);
    const result = { task: last.task, attempt: last.attempt, outcome, durationMs };
    this.reports(last.node, used === undefined ? result : { ...result, used });
  }

  reports(
    node: Incarnation,
    result: {
      task: TaskId;
      attempt: number;
      outcome: Outcome;
      durationMs: number;
      used?: Resources;
    },
  ): void {
    this.hear({ kind: 'task-result', incarnation: node, ...result });
  }

  // ------------------------------------------------------------ runs

  starts(workflow: string, input: unknown = {}, run = 'r1'): RunView {
    const body = { run: runId(run), tenant, workflow, input: encodeValue(input) };
    return this.#view(this.asks({ kind: 'start-run', ...body }));
  }

  view(run = 'r1'): RunView {
    return this.#view(this.asks({ kind: 'wait-run', run: runId(run), waitMs: 0 }));
  }

  /** The input that a block's task was started with. */
  inputOf(block: string, run = 'r1'): unknown {
    const last = this.started(`run:${run}:${block}`).at(-1);
    if (last === undefined) throw new Error(`block ${block} was not started`);
    return decodeValue(last.input);
  }

  blockFinishes(block: string, value: unknown, run = 'r1'): void {
    this.finishes(`run:${run}:${block}`, { ok: true, value: encodeValue(value) });
  }

  block(id: string, run = 'r1') {
    return this.view(run).blocks.find((block) => block.block === id);
  }

  #view(answer: Answer | undefined): RunView {
    if (answer?.kind !== 'run') throw new Error(`no view of a run: ${JSON.stringify(answer)}`);
    return answer.run;
  }

  #beatAll(): void {
    this.#nextBeat = this.now + 500;
    for (const node of this.beating) this.beat(node);
  }

  #moveTo(at: number): void {
    this.wall += at - this.now;
    this.now = at;
  }
}

/** The durable state in one comparable piece. */
export function stateOf(machine: SchedulerMachine): string {
  return Buffer.from(machine.image()).toString('base64');
}

export function cart(key: string): ActorId {
  return actorId('default', 'Cart', key);
}

export function ok(value: unknown): Outcome {
  return { ok: true, value: encodeValue(value) };
}

export function failed(
  code: 'USER_ERROR' | 'INVALID_ARGUMENT' | 'UNAVAILABLE' | 'BUNDLE_LOAD_FAILED',
): Outcome {
  return { ok: false, failure: { code, message: `it was ${code}` } };
}

export function outcomeOf(answer: Answer | undefined): Outcome | undefined {
  return answer?.kind === 'task-ended' ? answer.outcome : undefined;
}

export function codeOf(outcome: Outcome | undefined): string | undefined {
  return outcome === undefined ? undefined : outcome.ok ? 'ok' : outcome.failure.code;
}

export function workflow(
  name: string,
  blocks: Workflow['blocks'],
  output: Workflow['output'] = null,
): Workflow {
  return { name, blocks, output };
}

/** A scene with so many nodes of 4 cpus, `n1.aaaaaaaa` and so on, and a bundle. */
export function cluster(nodes = 2): { scene: Scene; nodes: Incarnation[] } {
  const scene = new Scene();
  scene.deploys();
  const joined = Array.from({ length: nodes }, (_, i) => scene.joins(`n${i + 1}.aaaaaaaa`));
  return { scene, nodes: joined };
}

function isKind<T extends { kind: string }, K extends T['kind']>(
  value: T,
  kind: K,
): value is Extract<T, { kind: K }> {
  return value.kind === kind;
}
