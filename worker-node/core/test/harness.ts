/**
 * A node machine turned by hand: its log is an array, its runner a few lines that keep the list of
 * ids a `Ledger` actor has applied. Nothing is released before `commit`.
 */
import {
  type ActorId,
  type Bytes,
  type Call,
  type CallResult,
  type ChainLink,
  decodeValue,
  encodeValue,
  type Failure,
  type FromRunner,
  incarnation,
  logName,
  type Outcome,
  type Place,
  sessionId,
  signalMethod,
  type TimerChange,
  type ToNode,
  type ToRunner,
} from '@troupe/model';
import {
  checkpointHead,
  claimOnePast,
  headOf,
  type NodeConfig,
  type NodeFact,
  NodeMachine,
  type NodeReply,
  type NodeSend,
  type NodeWork,
  readOnFrom,
  stretchesOf,
} from '../src/index.ts';
import { bundle, gateway, ledger, manifest } from './parties.ts';

export { bundle, frail, gateway, ledger, node, other, seal } from './parties.ts';

type PlaceField =
  | 'seed'
  | 'wish'
  | 'heir'
  | 'scope'
  | 'bundle'
  | 'config'
  | 'rewind'
  | 'code'
  | 'upgrade'
  | 'follows'
  | 'asleep';
type Turn = Extract<ToRunner, { kind: 'turn' }>;
type Activate = Extract<ToRunner, { kind: 'activate' }>;
type RestoreOrder = Extract<NodeSend, { kind: 'restore' }>;

/** A delta is an id that was added, or all that there are. */
function added(ids: string[], delta: unknown): string[] {
  return Array.isArray(delta) ? delta.map(String) : [...ids, String(delta)];
}

/** Where each durable fact stands in its log. */
const positions = new WeakMap<NodeFact, number>();

function positionsOf(facts: readonly NodeFact[]): number[] {
  return facts.map((fact) => positions.get(fact) ?? 0);
}

interface Stored {
  readonly body: Bytes;
  readonly revision: number;
  readonly base?: Bytes;
  readonly baseRevision?: number;
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
  /** Who was read back, or shall be. */
  readonly restores: RestoreOrder[] = [];
  /** Steps whose side effect ran, by `callId/ordinal`. */
  readonly effects: string[] = [];
  now = 1_000;
  wall = 1_000_000;
  autoCommit = true;
  /** So many runners can be started, then none. */
  startsLeft = Number.POSITIVE_INFINITY;
  /** What brings these into memory never ends. */
  readonly hangsAtStart = new Set<ActorId>();
  /** Migrating these throws. */
  readonly failsToMigrate = new Set<ActorId>();
  /** The runner takes its time with these, until they are given to `activate`. */
  heldStarts: Activate[] | undefined;
  /** States that the runner has built ahead. */
  readonly #ahead = new Map<ActorId, { readonly revision: number; readonly state: Bytes }>();
  /** It takes its time with these, until they are given. */
  heldAhead: FromRunner[] | undefined;
  /** What follows the state of those whose start is held, or hangs. */
  readonly #behindStart = new Map<ActorId, Turn[]>();
  /** The runner takes its time with these, until they are given. */
  heldCaptures: FromRunner[] | undefined;
  /** Likewise with turns that it gives back. */
  heldRecalls: FromRunner[] | undefined;
  /** The store takes its time with these. */
  heldRestores: RestoreOrder[] | undefined;
  checkpoints: Map<ActorId, Stored>;
  /** What is kept of the past, by key. */
  readonly segments: Map<string, Bytes>;
  #pending: { facts: NodeFact[]; sends: NodeSend[]; replies: NodeReply[] } = {
    facts: [],
    sends: [],
    replies: [],
  };
  #position = 0;
  /** Where whoever calls believes an actor to be: its latest placement. */
  readonly #placedAt = new Map<ActorId, number>();
  #states = new Map<ActorId, string[]>();
  #turns = new Map<number, Turn>();
  /** Turns of an actor, the running one first. */
  #lines = new Map<ActorId, Turn[]>();
  #runners = 0;
  /** Who is at which runner, and which works were given to it. */
  readonly #at = new Map<ActorId, number>();
  readonly #workAt = new Map<number, number>();
  #lastWork = 0;
  /** Facts of earlier nodes, by log, for `restore`. */
  readonly #logs: Map<string, NodeFact[]>;

  constructor(
    name: string,
    shared: {
      logs: Map<string, NodeFact[]>;
      checkpoints: Map<ActorId, Stored>;
      segments?: Map<string, Bytes>;
    } = { logs: new Map(), checkpoints: new Map() },
    config: Partial<NodeConfig> = {},
  ) {
    this.name = name;
    this.checkpoints = shared.checkpoints;
    this.segments = shared.segments ?? new Map();
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
    more: Pick<Partial<Place>, PlaceField> = {},
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
    this.#placedAt.set(actor, epoch);
    this.message(place);
  }

  call(method: string, id: string, caller: Partial<Call['caller']> = {}, more: Partial<Call> = {}) {
    const number = caller.number ?? 1;
    this.message({
      kind: 'call',
      actor: ledger,
      birth: 1,
      epoch: this.#placedAt.get(more.actor ?? ledger) ?? 2,
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

  /** The turns and reads that runners have been given, in order. */
  turns(): Turn[] {
    return [...this.work, ...this.sent].flatMap((one) =>
      one.kind === 'to-runner' && one.frame.kind === 'turn' ? [one.frame] : [],
    );
  }

  /** The turn of `hang` that a runner was given last: the test says what it does. */
  lastTurn(): Turn {
    const turn = this.turns()
      .filter(({ method }) => method === 'hang')
      .at(-1);
    if (turn === undefined) throw new Error('no runner was given a turn');
    return turn;
  }

  /** What the runner is told of the waits and calls of a turn, by ordinal. */
  told(work: number): Map<number, Outcome> {
    const frames = this.work.flatMap((one) => (one.kind === 'to-runner' ? [one.frame] : []));
    return new Map(
      frames.flatMap((frame) =>
        frame.kind === 'call-returned' && frame.work === work
          ? [[frame.ordinal, frame.outcome] as const]
          : [],
      ),
    );
  }

  /** A turn gives itself up: with it goes all that its runner was to run after it. */
  giveUp(work: number, ordinals: readonly number[]): void {
    const turn = this.#turns.get(work);
    if (turn !== undefined) {
      for (const one of this.#lines.get(turn.actor) ?? []) this.#turns.delete(one.work);
      this.#lines.delete(turn.actor);
    }
    this.frame({ kind: 'turn-waits', work, ordinals });
  }

  /** A turn ends well. */
  end(work: number, value: unknown, id?: string): void {
    const turn = this.#turns.get(work);
    if (turn === undefined) throw new Error(`no turn ${work}`);
    if (id !== undefined) this.#states.get(turn.actor)?.push(id);
    const delta = id === undefined ? undefined : encodeValue(id);
    this.#done(turn, { ok: true, value: encodeValue(value) }, delta);
  }

  signal(name: string, value: unknown, caller: Partial<Call['caller']> = {}): void {
    const args = encodeValue([name, value]);
    this.call(signalMethod, '', { session: sessionId('s9'), ...caller }, { args });
  }

  /** Crashes a runner: the one that was given work last, unless another is named. */
  crashRunner(runner = this.runnerOf(this.#lastWork)): void {
    for (const [work, at] of this.#workAt) if (at === runner) this.#turns.delete(work);
    for (const [actor, at] of this.#at) {
      if (at !== runner) continue;
      this.#at.delete(actor);
      this.#behindStart.delete(actor);
      this.#lines.delete(actor);
      this.#states.delete(actor);
    }
    this.post({ kind: 'runner-exited', runner, reason: 'SIGSEGV' });
  }

  /** The runner that this work was given to. */
  runnerOf(work: number): number {
    return this.#workAt.get(work) ?? this.#runners;
  }

  /** The runner that has this actor. */
  runnerAt(actor: ActorId): number | undefined {
    return this.#at.get(actor);
  }

  /** Who is at the runner. */
  actorsAt(runner: number): ActorId[] {
    return [...this.#at].flatMap(([actor, at]) => (at === runner ? [actor] : []));
  }

  /** Turns and reads that a runner has and has not ended. */
  get running(): readonly Turn[] {
    return [...this.#turns.values()];
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
      this.startsLeft -= 1;
      if (this.startsLeft < 0) {
        const failure = { code: 'BUNDLE_LOAD_FAILED', message: 'no memory' } as const;
        return this.post({ kind: 'bundle-failed', bundle, failure });
      }
      this.#runners += 1;
      const { bundle: of } = order;
      this.post({ kind: 'runner-ready', runner: this.#runners, bundle: of, manifest });
    } else if (order.kind === 'to-runner') this.#run(order.runner, order.frame);
    else if (order.kind === 'kill-runner') this.crashRunner(order.runner);
    else if (order.kind === 'read-past') {
      const bodies = order.keys.map((key) => this.segments.get(key));
      this.post({ kind: 'past-read', ask: order.ask, bodies });
    } else if (order.kind === 'restore') this.#restore(order);
    else if (order.kind === 'read-ahead') {
      const checkpoint = this.checkpoints.get(order.actor);
      const event = { kind: 'read-ahead', actor: order.actor, epoch: order.epoch } as const;
      this.post(checkpoint === undefined ? event : { ...event, checkpoint });
    }
  }

  #send(send: NodeSend): void {
    if (send.kind === 'to-runner') this.#run(send.runner, send.frame);
    else if (send.kind === 'put-checkpoint') {
      const before = this.checkpoints.get(send.actor);
      const { actor, epoch, seq } = send;
      const own = checkpointHead(send.body);
      const head = before === undefined ? own : checkpointHead(before.body);
      if (before !== undefined && send.expected !== before.revision && claimOnePast(head, own)) {
        const rival = { epoch: head.epoch, seq: head.seq, revision: before.revision };
        return this.post({ kind: 'checkpoint-stored', actor, epoch, seq, rival });
      }
      const revision = (before?.revision ?? 0) + 1;
      const below = { base: before?.body ?? send.body, baseRevision: before?.revision ?? 0 };
      const base = send.onTop === true ? below : {};
      const { segment, dropped = [] } = send;
      if (segment !== undefined) this.segments.set(segment.key, segment.body);
      for (const key of dropped) this.segments.delete(key);
      this.checkpoints.set(send.actor, { body: send.body, revision, ...base });
      this.post({ kind: 'checkpoint-stored', actor, epoch, seq, revision });
    } else if (send.kind === 'restore') this.#restore(send);
  }

  #restore(order: RestoreOrder): void {
    this.restores.push(order);
    if (this.heldRestores === undefined) this.readBack(order);
    else this.heldRestores.push(order);
  }

  readBack(order: RestoreOrder): void {
    const { actor, epoch, uncoveredFrom: after, handed } = order;
    if (handed !== undefined) {
      return this.post({ kind: 'restored', actor, epoch, facts: [], checkpoint: handed });
    }
    const checkpoint = this.checkpoints.get(actor);
    const head = headOf(checkpoint?.body, order.birth);
    const own = head?.epoch === epoch;
    const stretches = own ? [] : [...stretchesOf(order.chain, head)];
    if (after !== undefined) {
      const from = readOnFrom(after, own ? head : undefined);
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
    const seed = order.seed === undefined ? undefined : this.segments.get(order.seed);
    const planted = seed === undefined ? {} : { seed };
    const event = { kind: 'restored', actor, epoch, facts, ...planted } as const;
    this.post(checkpoint === undefined ? event : { ...event, checkpoint });
  }

  activate(frame: Activate): void {
    const encoded = frame.state ?? this.#builtAhead(frame);
    const state = encoded === undefined ? [] : (decodeValue(encoded) as string[]);
    const ids = frame.deltas.map((one) => decodeValue(one)).reduce(added, state);
    this.#states.set(frame.actor, ids);
    this.frame(this.#activated(frame, ids));
    this.#goOn(frame.actor);
  }

  /** Its runner cannot make anything of the state, nor run what follows it. */
  failStart({ actor }: Activate, failure: Failure): void {
    const behind = this.#behindStart.get(actor) ?? [];
    this.#behindStart.delete(actor);
    this.frame({ kind: 'activate-failed', actor, failure });
    for (const { work } of behind) {
      this.frame({ kind: 'turn-done', work, outcome: { ok: false, failure }, sends: [] });
    }
  }

  #builtAhead({ actor, ahead }: Activate): Bytes | undefined {
    const built = this.#ahead.get(actor);
    this.#ahead.delete(actor);
    if (ahead === undefined) return undefined;
    if (built?.revision !== ahead) throw new Error(`${actor} at ${ahead} was not built ahead`);
    return built.state;
  }

  #goOn(actor: ActorId): void {
    const behind = this.#behindStart.get(actor) ?? [];
    this.#behindStart.delete(actor);
    for (const turn of behind) this.#hear(turn);
  }

  #hear(frame: Turn): void {
    const line = this.#lines.get(frame.actor) ?? [];
    this.#turns.set(frame.work, frame);
    if (frame.read) return this.#turn(frame);
    this.#lines.set(frame.actor, [...line, frame]);
    if (line.length === 0) this.#turn(frame);
  }

  /** A migration adds a word to the state, or records it whole. */
  #activated({ actor, migrate }: Activate, ids: string[]): FromRunner {
    const isMade = migrate !== undefined && 'from' in migrate && ids.length === 0;
    if (migrate === undefined || isMade) return { kind: 'activated', actor };
    if (this.failsToMigrate.has(actor)) {
      const failure = { code: 'USER_ERROR', message: 'thirteen' } as const;
      return { kind: 'activate-failed', actor, failure };
    }
    const former = encodeValue([...ids]);
    if ('stored' in migrate) {
      return { kind: 'activated', actor, migrated: { former, delta: encodeValue([...ids]) } };
    }
    const word = `from ${migrate.from}`;
    ids.push(word);
    return { kind: 'activated', actor, migrated: { former, delta: encodeValue(word) } };
  }

  #run(runner: number, frame: ToRunner): void {
    if ('work' in frame && (frame.kind === 'turn' || frame.kind === 'task')) {
      this.#workAt.set(frame.work, runner);
      this.#lastWork = frame.work;
    }
    switch (frame.kind) {
      case 'deactivate':
        this.#at.delete(frame.actor);
        this.#behindStart.delete(frame.actor);
        return;
      case 'build-ahead': {
        const { actor, revision, state } = frame;
        this.#ahead.set(actor, { revision, state });
        const built = { kind: 'built-ahead', actor, revision, kept: true } as const;
        if (this.heldAhead === undefined) {
          return this.post({ kind: 'from-runner', runner, frame: built });
        }
        this.heldAhead.push(built);
        return;
      }
      case 'drop-ahead':
        this.#ahead.delete(frame.actor);
        return;
      case 'activate':
        this.#at.set(frame.actor, runner);
        this.#behindStart.set(frame.actor, []);
        if (this.hangsAtStart.has(frame.actor)) return;
        if (this.heldStarts === undefined) return this.activate(frame);
        this.heldStarts.push(frame);
        return;
      case 'turn': {
        const behind = this.#behindStart.get(frame.actor);
        if (behind === undefined) return this.#hear(frame);
        behind.push(frame);
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
      case 'recall': {
        const [running, ...others] = this.#lines.get(frame.actor) ?? [];
        if (running !== undefined) this.#lines.set(frame.actor, [running]);
        for (const { work } of others) this.#turns.delete(work);
        const works = others.map(({ work }) => work);
        const recalled = { kind: 'recalled', actor: frame.actor, works } as const;
        if (this.heldRecalls === undefined) return this.frame(recalled);
        this.heldRecalls.push(recalled);
        return;
      }
      case 'call-returned': {
        const turn = this.#turns.get(frame.work);
        if (turn?.method === 'ask') this.#done(turn, frame.outcome);
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
    const of = 'work' in frame ? this.#workAt.get(frame.work) : undefined;
    const at = 'actor' in frame ? this.#at.get(frame.actor) : undefined;
    this.post({ kind: 'from-runner', runner: of ?? at ?? this.#runners, frame });
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
    if (turn?.method !== 'steps') return;
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

/** What outlives a node: the logs and the checkpoints. */
export function shared() {
  return { logs: new Map(), checkpoints: new Map(), segments: new Map() };
}
