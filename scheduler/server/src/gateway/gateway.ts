/**
 * The door of one scheduler process: what its clients ask, who waits for which answer, and what the
 * durable journal says about actors, nodes and bundles. Actor calls go straight to the actor's
 * node, everything else to whoever leads.
 */
import {
  type Bus,
  type Checkpoints,
  type Clock,
  type Logger,
  type Names,
  type ObjectStore,
  type OutputStore,
  Slots,
} from '@troupe/fabric';
import { CheckpointShelf } from '@troupe/fabric/shelf';
import {
  type ActorId,
  type Address,
  type Answered,
  type Bytes,
  type CallResult,
  failureOf,
  gatewayAddress,
  type Located,
  limits,
  type NotHere,
  type Request,
  type Resolve,
  type SessionId,
  type StoredObject,
  TroupeError,
  taskId,
  unreachable,
} from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import { Catalog } from './catalog.ts';
import { OpenCalls } from './open-calls.ts';
import { Requests } from './requests.ts';
import { Routes } from './routes.ts';
import { type SessionCall, SessionStream } from './session-stream.ts';
import { Standstill } from './standstill.ts';

/** Large outputs that are read at once, each held whole. */
const readsMax = 8;

/** The way to whoever leads: in this process or over the bus. */
export interface LeaderDoor {
  post(message: Request | Resolve): void;
  readonly leading: boolean;
  /** Resolves when everything durable at the time of the call is known to this process. */
  fresh(): Promise<void>;
}

export interface GatewayStart {
  /** Unique to this process: answers to an earlier one never reach it. */
  readonly id: string;
  readonly cell: string;
  readonly names: Names;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly objects: ObjectStore;
  readonly outputs: OutputStore;
  readonly checkpoints: Checkpoints;
  readonly leader: LeaderDoor;
  readonly resendMs: number;
  readonly logger: Logger;
}

export type ToGateway = CallResult | NotHere | Located | Answered;

export class Gateway {
  readonly #start: GatewayStart;
  readonly id: string;
  readonly cell: string;
  readonly address: Address;
  readonly routes: Routes;
  readonly catalog = new Catalog();
  readonly standstill: Standstill;
  readonly calls: OpenCalls;
  readonly requests: Requests;
  readonly checkpoints: CheckpointShelf;
  readonly logger: Logger;
  /** Numbers of the calls that this gateway makes for unary clients, under one session. */
  #ownCall = 0;
  readonly #streams = new Set<SessionStream>();
  readonly #bySession = new Map<SessionId, SessionStream>();
  readonly #inbox: { stop(): void };
  readonly #reads = new Slots(readsMax);
  #draining = false;

  constructor(start: GatewayStart) {
    this.#start = start;
    this.id = start.id;
    this.cell = start.cell;
    this.logger = start.logger;
    this.checkpoints = new CheckpointShelf(start.checkpoints);
    this.address = gatewayAddress(start.id);
    const { bus, clock, names, resendMs, leader } = start;
    this.routes = new Routes(names, {
      placed: (actor, route) => this.calls.onPlaced(actor, route),
      nodeLost: (incarnation) => this.calls.onNodeLost(incarnation),
    });
    const replyTo = this.address;
    const { routes } = this;
    const resolve = (message: Resolve) => leader.post(message);
    const standstill = new Standstill(clock, (why) => this.#onStandstill(why));
    this.standstill = standstill;
    this.calls = new OpenCalls({ bus, clock, routes, standstill, replyTo, resendMs, resolve });
    const send = (request: Request) => leader.post(request);
    this.requests = new Requests({ clock, replyTo, resendMs, send });
    this.#inbox = bus.listen(names.gateway(start.id), (message: ToGateway) => {
      this.deliver(message);
    });
    bus.onConnection((connected) => {
      if (!connected) return;
      this.calls.onConnected();
      this.requests.resendAll();
    });
  }

  get objects(): ObjectStore {
    return this.#start.objects;
  }

  /** Reads a large output; many at once wait for each other. */
  readObject(stored: StoredObject): Promise<Bytes> {
    return this.#reads.run(() => this.#start.outputs.get(stored, limits.objectMs));
  }

  get bus(): Bus {
    return this.#start.bus;
  }

  get leading(): boolean {
    return this.#start.leader.leading;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Monotonic ms. */
  now(): number {
    return this.#start.clock.now();
  }

  /** Calls `fire` once after `ms`; the answer cancels it. */
  after(ms: number, fire: () => void): () => void {
    return this.#start.clock.after(ms, fire);
  }

  /** Session and number of a call that this gateway makes itself. */
  nextOwnCall(actor: ActorId): { session: SessionId; number: number; low: number } {
    const session = `gateway:${this.id}` as SessionId;
    const number = ++this.#ownCall;
    return { session, number, low: this.calls.lowOf(session, actor) ?? number };
  }

  /** From nodes and from the leader, over the bus or inside this process. */
  deliver(message: ToGateway): void {
    switch (message.kind) {
      case 'call-result':
        this.calls.onResult(message);
        return;
      case 'not-here':
        this.calls.onNotHere(message);
        return;
      case 'located':
        this.requests.onLeaderHeard();
        this.calls.onLocated(message);
        return;
      case 'answered':
        this.requests.onAnswered(message);
        return;
      default:
        unreachable(message);
    }
  }

  /** Durable facts of the journal; `first` is the position of the first of them. */
  durable(facts: readonly SchedulerFact[], first: number): void {
    const { version } = this.catalog;
    let position = first;
    let term: number | undefined;
    for (const fact of facts) {
      if (fact.kind === 'term-opened') term = position;
      this.routes.apply(fact, position++);
      this.catalog.apply(fact);
    }
    if (term !== undefined) this.onNewLeader(term);
    if (this.catalog.version !== version) this.#retryHeld();
  }

  /** It knows nothing of what waits here. */
  onNewLeader(term: number): void {
    this.requests.onLeaderHeard();
    this.requests.onTerm(term);
    this.calls.askAgain();
  }

  /** Resolves when this gateway knows everything that was durable at the time of the call. */
  fresh(): Promise<void> {
    return this.#start.leader.fresh();
  }

  /** Throws why a call would go nowhere; otherwise how long its turn may run. */
  async admit(tenant: string, type: string, method: string, args?: Bytes): Promise<number> {
    if (this.catalog.refusalOf(tenant, type, method, args) !== undefined) {
      await this.fresh();
      const refusal = this.catalog.refusalOf(tenant, type, method, args);
      if (refusal !== undefined) throw new TroupeError(refusal);
    }
    return this.catalog.actor(tenant, type)?.runMs ?? 0;
  }

  cancelTask(task: string): void {
    const body = { kind: 'cancel-task-request', task: taskId(task) } as const;
    this.requests.ask(body).catch((thrown: unknown) => {
      const { code } = failureOf(thrown);
      this.logger.warn({ task, code }, 'a task could not be cancelled');
    });
  }

  openStream(call: SessionCall): void {
    const stream = new SessionStream(call, this);
    this.#streams.add(stream);
    if (this.#draining || this.standstill.isOfAnotherTime()) stream.end();
  }

  /** A session lives on one stream: an older one is stale and ends. */
  onWelcomed(stream: SessionStream, session: SessionId): void {
    const older = this.#bySession.get(session);
    this.#bySession.set(session, stream);
    older?.end();
  }

  onStreamGone(stream: SessionStream): void {
    this.#streams.delete(stream);
    const { session } = stream;
    if (session !== undefined && this.#bySession.get(session) === stream) {
      this.#bySession.delete(session);
    }
  }

  /** Ends idle streams, waits at most `limitMs` for the others, ends them too. */
  async drain(limitMs: number): Promise<void> {
    this.#draining = true;
    const until = this.#start.clock.now() + limitMs;
    for (;;) {
      for (const stream of [...this.#streams]) if (stream.idle) stream.end();
      if (this.#streams.size === 0 || this.#start.clock.now() >= until) break;
      await new Promise<void>((resolve) => this.#start.clock.after(20, resolve));
    }
    for (const stream of [...this.#streams]) stream.end();
  }

  stop(): void {
    this.#inbox.stop();
    this.standstill.stop();
    this.calls.stop();
    this.requests.stop();
  }

  /** Clients ask again, here or elsewhere, with the time that is left to them. */
  #onStandstill(why: string): void {
    const { standstill, calls, requests } = this;
    this.logger.warn({ why, standstills: standstill.count }, 'this gateway stood still');
    for (const stream of [...this.#streams]) stream.end();
    calls.giveUpAll();
    requests.giveUpAll();
  }

  #retryHeld(): void {
    for (const stream of this.#streams) if (stream.holding) stream.retryHeld();
  }
}
