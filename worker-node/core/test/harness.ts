/**
 * A node machine turned by hand: its log is an array, its runner a few lines that keep the list of
 * ids a `Ledger` actor has applied. Nothing is released before `commit`.
 */
import {
  type ActorId,
  actorId,
  type Bytes,
  bundleHash,
  type Call,
  type CallResult,
  type ChainLink,
  decodeValue,
  encodeValue,
  type FromRunner,
  incarnation,
  logName,
  type Manifest,
  nodeAddress,
  type Outcome,
  type Place,
  sessionId,
  type TimerChange,
  type ToNode,
  type ToRunner,
} from '@troupe/model';
import {
  headOf,
  type NodeConfig,
  type NodeFact,
  NodeMachine,
  type NodeReply,
  type NodeSend,
  type NodeWork,
  stretchesOf,
} from '../src/index.ts';

export const bundle = bundleHash('b'.repeat(64));
export const gateway = 'gateway:g1' as Call['replyTo'];
export const ledger = actorId('default', 'Ledger', 'one');

const manifest: Manifest = {
  sdk: '0.1.0',
  actors: [
    {
      type: 'Ledger',
      methods: ['add', 'fail', 'steps', 'ask', 'post', 'hang', 'time'],
      reads: ['list', 'slowList'],
    },
  ],
  tasks: [],
  workflows: [],
};

type Turn = Extract<ToRunner, { kind: 'turn' }>;

/** Where each durable fact stands in its log. */
const positions = new WeakMap<NodeFact, number>();

function positionsOf(facts: readonly NodeFact[]): number[] {
  return facts.map((fact) => positions.get(fact) ?? 0);
}

interface Stored {
  readonly body: Bytes;
  readonly revision: number;
  readonly base?: Bytes;
}

export class TestNode {
  readonly name: string;
  readonly machine: NodeMachine;
  /** Durable facts. */
  readonly log: NodeFact[] = [];
  /** Released, in order. */
  readonly sent: NodeSend[] = [];
  readonly replies: NodeReply[] = [];
  readonly work: NodeWork[] = [];
  /** Steps whose side effect ran, by `callId/ordinal`. */
  readonly effects: string[] = [];
  now = 1_000;
  wall = 1_000_000;
  autoCommit = true;
  /** The runner takes its time with these, until they are given. */
  heldCaptures: FromRunner[] | undefined;
  checkpoints: Map<ActorId, Stored>;
  #pending: { facts: NodeFact[]; sends: NodeSend[]; replies: NodeReply[] } = {
    facts: [],
    sends: [],
    replies: [],
  };
  #position = 0;
  #states = new Map<ActorId, string[]>();
  #turns = new Map<number, Turn>();
  /** Turns of an actor, the running one first. */
  #lines = new Map<ActorId, Turn[]>();
  #runners = 0;
  /** Facts of earlier nodes, by log, for `restore`. */
  readonly #logs: Map<string, NodeFact[]>;

  constructor(
    name: string,
    shared: {
      logs: Map<string, NodeFact[]>;
      checkpoints: Map<ActorId, Stored>;
    } = { logs: new Map(), checkpoints: new Map() },
    config: Partial<NodeConfig> = {},
  ) {
    this.name = name;
    this.checkpoints = shared.checkpoints;
    this.#logs = shared.logs;
    this.#logs.set(`turns-${name}`, this.log);
    this.machine = new NodeMachine({
      incarnation: incarnation(`${name}.aaaaaaaa`),
      log: logName(`turns-${name}`),
      resendMs: 1_000,
      checkpointTurns: 1_000,
      checkpointMs: 60_000,
      logBytesBeyondCheckpointsMax: 32 * 1024 * 1024,
      idleMs: 300_000,
      rebaseMs: 2_000,
      runners: 1,
      logBytesKeptMax: 1024 * 1024 * 1024,
      ...config,
    });
  }

  place(
    actor: ActorId,
    epoch = 2,
    chain: readonly ChainLink[] = [],
    birth = 1,
    more: Pick<Partial<Place>, 'wish' | 'heir'> = {},
  ): void {
    const place: Place = {
      kind: 'place',
      term: { generation: 1, number: 0 },
      actor,
      birth,
      epoch,
      scope: actor,
      bundle,
      chain,
      ...more,
    };
    this.message(place);
  }

  call(method: string, id: string, caller: Partial<Call['caller']> = {}, more: Partial<Call> = {}) {
    const number = caller.number ?? 1;
    this.message({
      kind: 'call',
      actor: ledger,
      birth: 1,
      epoch: 2,
      method,
      args: encodeValue([id]),
      caller: { session: sessionId('s1'), number, low: caller.low ?? 1, ...caller },
      replyTo: gateway,
      sentAt: this.now,
      deadlineAt: this.now + 30_000,
      standstills: 0,
      path: [],
      ...more,
    });
  }

  message(message: ToNode): void {
    this.post({ kind: 'message', message });
  }

  tick(ms: number): void {
    this.now += ms;
    this.wall += ms;
    this.post({ kind: 'tick' });
  }

  crashRunner(): void {
    this.#turns.clear();
    this.#lines.clear();
    this.#states.clear();
    this.post({ kind: 'runner-exited', runner: this.#runners, reason: 'SIGSEGV' });
  }

  post(event: Parameters<NodeMachine['handle']>[1] extends infer E ? DistributiveOmit<E> : never) {
    const output = this.machine.handle(this.now, { ...event, wall: this.wall } as never);
    this.#pending.facts.push(...output.append);
    this.#pending.sends.push(...output.send);
    this.#pending.replies.push(...output.reply);
    for (const order of output.work) this.#work(order);
    if (this.autoCommit) this.commit();
  }

  /** Makes everything emitted so far durable and releases it. */
  commit(): void {
    const { facts, sends, replies } = this.#pending;
    if (facts.length + sends.length + replies.length === 0) return;
    this.#pending = { facts: [], sends: [], replies: [] };
    if (facts.length > 0) {
      this.#position += 1;
      this.log.push(...facts);
      for (const fact of facts) positions.set(fact, this.#position);
    }
    this.sent.push(...sends);
    this.replies.push(...replies);
    if (facts.length > 0) this.post({ kind: 'log-durable', position: this.#position, bytes: 100 });
    for (const send of sends) this.#send(send);
  }

  get uncommittedReplies(): number {
    return this.#pending.replies.length;
  }

  outcomes(): Outcome[] {
    return this.results().map((result) => result.outcome);
  }

  results(): CallResult[] {
    return this.replies.flatMap(({ message }) => (message.kind === 'call-result' ? [message] : []));
  }

  values(): unknown[] {
    return this.outcomes().map((one) => (one.ok ? decodeValue(one.value) : one.failure.code));
  }

  toNodes(): ToNode[] {
    return this.sent.flatMap((send) => (send.kind === 'to-node' ? [send.message] : []));
  }

  toLeader(): string[] {
    return this.sent.flatMap((send) => (send.kind === 'to-leader' ? [send.message.kind] : []));
  }

  #work(order: NodeWork): void {
    this.work.push(order);
    if (order.kind === 'start-runner') {
      this.#runners += 1;
      this.post({ kind: 'runner-ready', runner: this.#runners, bundle, manifest });
    } else if (order.kind === 'to-runner') this.#run(order.frame);
    else if (order.kind === 'kill-runner') this.crashRunner();
    else if (order.kind === 'read-ahead') {
      this.post({ kind: 'read-ahead', actor: order.actor, epoch: order.epoch });
    }
  }

  #send(send: NodeSend): void {
    if (send.kind === 'to-runner') this.#run(send.frame);
    else if (send.kind === 'put-checkpoint') {
      const before = this.checkpoints.get(send.actor);
      const revision = (before?.revision ?? 0) + 1;
      const base = send.onTop === true ? { base: before?.body ?? send.body } : {};
      this.checkpoints.set(send.actor, { body: send.body, revision, ...base });
      const { actor, epoch, seq } = send;
      this.post({ kind: 'checkpoint-stored', actor, epoch, seq, revision });
    } else if (send.kind === 'restore') {
      const { actor, epoch, ownFrom } = send;
      const checkpoint = this.checkpoints.get(actor);
      const head = headOf(checkpoint?.body, send.birth);
      const own = head?.epoch === epoch;
      const stretches = own ? [] : [...stretchesOf(send.chain, head)];
      if (send.ownLog) {
        const from = own ? head.floor.position + 1 : ownFrom + 1;
        stretches.push({ log: logName(`turns-${this.name}`), from, to: this.#position });
      }
      const facts = stretches
        .flatMap(({ log, from, to }) => {
          const placed = this.#logs.get(log) ?? [];
          const positions = positionsOf(placed);
          return placed.filter((_, at) => {
            const position = positions[at] ?? 0;
            return position >= from && position <= to;
          });
        })
        .filter((fact) => 'actor' in fact && fact.actor === actor);
      const event = { kind: 'restored', actor, epoch, facts } as const;
      this.post(checkpoint === undefined ? event : { ...event, checkpoint });
    }
  }

  #run(frame: ToRunner): void {
    switch (frame.kind) {
      case 'activate': {
        const state = frame.state === undefined ? [] : (decodeValue(frame.state) as string[]);
        this.#states.set(frame.actor, [
          ...state,
          ...frame.deltas.map((one) => String(decodeValue(one))),
        ]);
        return this.frame({ kind: 'activated', actor: frame.actor });
      }
      case 'turn': {
        const line = this.#lines.get(frame.actor) ?? [];
        this.#turns.set(frame.work, frame);
        if (frame.read) return this.#turn(frame);
        this.#lines.set(frame.actor, [...line, frame]);
        if (line.length === 0) this.#turn(frame);
        return;
      }
      case 'step-go':
        return this.#step(frame.work, frame.ordinal);
      case 'capture': {
        const state = encodeValue(this.#states.get(frame.actor) ?? []);
        const { actor, request } = frame;
        const captured = { kind: 'captured', actor, request, state } as const;
        if (this.heldCaptures === undefined) return this.frame(captured);
        this.heldCaptures.push(captured);
        return;
      }
      case 'cancel':
        return this.#cancel(frame.work);
      case 'call-returned': {
        const turn = this.#turns.get(frame.work);
        if (turn !== undefined) this.#done(turn, frame.outcome);
        return;
      }
      default:
        return;
    }
  }

  /** What waits for its turn never starts; what runs here does not listen. */
  #cancel(work: number): void {
    const turn = this.#turns.get(work);
    if (turn === undefined || this.#lines.get(turn.actor)?.[0] === turn) return;
    this.#turns.delete(work);
    this.#ended(turn);
    const failure = { code: 'CANCELLED', message: 'as asked' } as const;
    this.frame({ kind: 'turn-done', work, outcome: { ok: false, failure }, sends: [] });
  }

  frame(frame: FromRunner): void {
    this.post({ kind: 'from-runner', runner: this.#runners, frame });
  }

  /** The user's methods. */
  #turn(turn: Turn): void {
    if (turn.timer !== undefined && !this.#isPending(turn)) {
      this.#ended(turn);
      const outcome = { ok: true, value: encodeValue(null) } as const;
      this.frame({ kind: 'turn-done', work: turn.work, outcome, sends: [], skipped: true });
      return this.#next(turn);
    }
    if (turn.timer?.to !== undefined) {
      const { to } = turn.timer;
      const outcome = { ok: true, value: encodeValue(null) } as const;
      const sends = [{ ...to, method: turn.method, args: turn.args }];
      this.#ended(turn);
      this.frame({ kind: 'turn-done', work: turn.work, outcome, sends });
      return this.#next(turn);
    }
    const [id] = decodeValue(turn.args) as [string];
    const state = this.#states.get(turn.actor) ?? [];
    const ok = (value: unknown): Outcome => ({ ok: true, value: encodeValue(value) });
    switch (turn.method) {
      case 'add':
        state.push(id);
        return this.#done(turn, ok(state.length), encodeValue(id));
      case 'list':
        return this.#done(turn, ok([...state]));
      case 'fail':
        return this.#done(turn, {
          ok: false,
          failure: { code: 'USER_ERROR', message: 'as asked' },
        });
      case 'post':
        this.#ended(turn);
        return this.frame({
          kind: 'turn-done',
          work: turn.work,
          outcome: ok(null),
          sends: [1, 2].map((n) => ({
            type: 'Ledger',
            key: 'other',
            method: 'add',
            args: encodeValue([`${id}-${n}`]),
          })),
        });
      case 'ask':
        return this.frame({
          kind: 'call-out',
          work: turn.work,
          ordinal: 0,
          name: 'Ledger/other.add',
          type: 'Ledger',
          key: 'other',
          method: 'add',
          args: encodeValue([id]),
          deadlineMs: 30_000,
        });
      case 'steps':
        return this.#nextStep(turn, 0);
      case 'time': {
        const [, ...timers] = decodeValue(turn.args) as [string, ...TimerChange[]];
        this.#ended(turn);
        const { work } = turn;
        this.frame({ kind: 'turn-done', work, outcome: ok(null), sends: [], timers });
        return this.#next(turn);
      }
      default:
        return;
    }
  }

  #nextStep(turn: Turn, ordinal: number): void {
    const { work } = turn;
    if (ordinal === 3) {
      const [id] = decodeValue(turn.args) as [string];
      this.#states.get(turn.actor)?.push(id);
      return this.#done(turn, { ok: true, value: encodeValue('stepped') }, encodeValue(id));
    }
    if (turn.recorded.some((one) => one.ordinal === ordinal))
      return this.#nextStep(turn, ordinal + 1);
    this.frame({ kind: 'step-begin', work, ordinal, name: `s${ordinal}` });
  }

  #step(work: number, ordinal: number): void {
    const turn = this.#turns.get(work);
    if (turn === undefined) return;
    this.effects.push(`${turn.callId}/${ordinal}`);
    const outcome: Outcome = { ok: true, value: encodeValue(ordinal) };
    this.frame({ kind: 'step-done', work, ordinal, name: `s${ordinal}`, outcome });
    this.#nextStep(turn, ordinal + 1);
  }

  #done(turn: Turn, outcome: Outcome, delta?: Bytes): void {
    this.#turns.delete(turn.work);
    const frame = { kind: 'turn-done', work: turn.work, outcome, sends: [] } as const;
    this.#ended(turn);
    this.frame(delta === undefined ? frame : { ...frame, delta });
    this.#next(turn);
  }

  #next(turn: Turn): void {
    const next = turn.read ? undefined : this.#lines.get(turn.actor)?.[0];
    if (next !== undefined) this.#turn(next);
  }

  /** As a runner knows it: by the turns that have ended here. */
  #isPending({ actor, timer }: Turn): boolean {
    const pending = this.machine.actors.get(actor)?.memory?.timers.get(timer?.number ?? 0);
    return pending?.firing === timer?.firing;
  }

  #ended(turn: Turn): void {
    const line = this.#lines.get(turn.actor) ?? [];
    this.#lines.set(
      turn.actor,
      line.filter((one) => one !== turn),
    );
  }
}

type DistributiveOmit<E> = E extends unknown ? Omit<E, 'wall'> : never;

export const other = actorId('default', 'Ledger', 'other');
export const node = (name: string) => nodeAddress(incarnation(`${name}.aaaaaaaa`));

/** What outlives a node: the logs and the checkpoints. */
export function shared() {
  return { logs: new Map(), checkpoints: new Map() };
}

/** The chain of an actor whose node of this name has died. */
export const seal = (name: string): ChainLink[] => [
  { log: logName(`turns-${name}`), from: 0, to: 1_000 },
];
