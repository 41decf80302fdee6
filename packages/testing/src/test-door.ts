/**
 * The way of a client to one gateway of a test cluster. It carries the messages of the real session over
 * the virtual network, and answers unary calls as the services of a real gateway do.
 *
 * D1  when the process behind it dies, or cannot be reached, every stream breaks and every open unary
 *     call fails, as their connection would.
 */
import { CheckpointShelf } from '@troupe/fabric/shelf';
import {
  type Answer,
  type Bytes,
  type Failure,
  type RequestBody,
  type StoredObject,
  TroupeError,
  troupeError,
} from '@troupe/model';
import type { Door, TakeRequest, TakeResponse, UnaryMethods } from '@troupe/sdk/door';
import {
  type CheckpointServer,
  type ClientMessage,
  type GatewayMessage,
  type Network,
  OpenCheckpoints,
  type Process,
  type Timeline,
} from '@troupe/virtual';
import { sessionOf, take } from './takes.ts';
import { TestStream } from './test-stream.ts';
import { serve } from './unary-services.ts';

/** A message before its sender and stream are known. */
export type Unsent = ClientMessage extends infer M
  ? M extends ClientMessage
    ? Omit<M, 'client' | 'since'>
    : never
  : never;

export interface DoorWorld {
  readonly timeline: Timeline;
  readonly network: Network;
  readonly checkpoints: CheckpointServer;
  readonly objects: { readonly outputs: ReadonlyMap<number, Bytes> };
}

export interface DoorStart {
  readonly world: DoorWorld;
  /** The process of the client. */
  readonly process: Process;
  /** Host of the scheduler. */
  readonly host: string;
  /** Whether its process runs and can be reached. */
  isOpen(): boolean;
  /** Something was asked or answered. */
  happened(): void;
}

interface Pending {
  readonly body: RequestBody;
  readonly askedAt: number;
  readonly answered: (answer: Answer) => void;
  readonly failed: (reason: Error) => void;
}

/** Between two words of a client that waits. */
const livesMs = 1_000;
/** How long it takes to find out that nobody is there. */
const refusedMs = 5;

export class TestDoor implements Door {
  readonly address: string;
  readonly #start: DoorStart;
  readonly #streams = new Set<TestStream>();
  readonly #unary = new Map<number, Pending>();
  readonly #unaryName: string;
  readonly #shelf: CheckpointShelf;
  #stopListening: (() => void) | undefined;
  #since = 0;
  /** When a wait for a run was answered that it goes on: its next one goes on waiting, and is nothing new. */
  readonly #waitsOn = new Map<string, number>();
  /** The same of who takes what is yielded, by stream and position. */
  readonly #takesOn = new Map<string, number>();
  #numbers = 0;
  #refusals = 0;
  #takes = 0;
  #lives = false;

  constructor(start: DoorStart) {
    this.#start = start;
    this.address = start.host;
    this.#shelf = new CheckpointShelf(new OpenCheckpoints(start.world.checkpoints));
    this.#unaryName = `client:${start.process.name}>${start.host}`;
  }

  openSession(): TestStream {
    return this.#openStream(() => true);
  }

  #openStream(isNew: () => boolean): TestStream {
    const { process, host } = this.#start;
    this.#numbers += 1;
    const name = `client:${process.name}>${host}#${this.#numbers}`;
    const stream = new TestStream({
      name,
      address: host,
      isOpen: () => this.#start.isOpen(),
      after: (ms, run) => process.after(ms, run),
      send: (message, since) => this.#send(message, name, since, isNew()),
      listen: (on) => this.#start.world.network.listen(process, name, on),
      gone: () => this.#streams.delete(stream),
      happened: () => this.#start.happened(),
      settles: () => this.#start.world.timeline.settles(),
      now: () => this.#start.world.timeline.now,
    });
    this.#streams.add(stream);
    return stream;
  }

  async unary<M extends keyof UnaryMethods>(
    method: M,
    request: UnaryMethods[M]['request'],
    deadlineMs: number,
  ): Promise<UnaryMethods[M]['response']> {
    const serving = isTake(method, request)
      ? (this.#take(request) as Promise<UnaryMethods[M]['response']>)
      : serve(method, request, { ask: (body) => this.ask(body), shelf: this.#shelf });
    return await this.#within(serving, deadlineMs, method);
  }

  /** One that goes on waiting where another one has waited in vain is nothing new. */
  async #take(request: TakeRequest): Promise<TakeResponse> {
    const { timeline } = this.#start.world;
    const waited = `${sessionOf(request)} ${request.from}`;
    const isNew = this.#takesOn.get(waited) !== timeline.now;
    this.#takesOn.delete(waited);
    const stream = this.#openStream(() => isNew);
    this.#takes += 1;
    const taken = await take(request, stream, (ms, run) =>
      this.#start.process.after(ms, () => {
        timeline.settles();
        run();
      }),
    ).finally(() => {
      this.#takes -= 1;
    });
    if (taken.values.length === 0 && !taken.ended) this.#takesOn.set(waited, timeline.now);
    return taken;
  }

  deploy(): Promise<never> {
    const text = 'a test cluster runs definitions, not the bytes of a bundle: use cluster.deploy';
    return Promise.reject(troupeError('INVALID_ARGUMENT', text));
  }

  read(object: StoredObject): Promise<Bytes> {
    const body = this.#start.world.objects.outputs.get(object.object);
    if (body !== undefined) return Promise.resolve(body);
    const text = `object ${object.object} is not in the store`;
    return Promise.reject(troupeError('OBJECT_CORRUPT', text, { object: object.object }));
  }

  close(): void {
    this.#break(() => unreached(this.address, 'the client was closed'));
  }

  /** Nobody is there any more (D1). */
  broken(): void {
    this.#break(() => unreached(this.address, 'the connection was lost'));
  }

  /** Nothing that comes from there has a meaning any more. */
  refuse(reason: Failure): void {
    for (const stream of [...this.#streams]) stream.refuse(reason);
    this.#break(() => new TroupeError(reason));
  }

  #break(reason: () => TroupeError): void {
    for (const stream of [...this.#streams]) stream.break('the connection was lost');
    const open = [...this.#unary.values()];
    this.#unary.clear();
    for (const { failed } of open) failed(reason());
    this.#start.world.timeline.settles();
  }

  get isOpen(): boolean {
    return this.#start.isOpen();
  }

  /** Unary calls that are not answered yet. */
  get waits(): boolean {
    return this.#unary.size > 0 || this.#refusals > 0 || this.#takes > 0;
  }

  /** Asks the leader, whoever that is. */
  ask(body: RequestBody): Promise<Answer> {
    const { now } = this.#start.world.timeline;
    const isNew = body.kind !== 'wait-run' || this.#waitsOn.get(body.run) !== now;
    if (isNew) this.#start.happened();
    if (!this.#start.isOpen()) return this.#refused();
    this.#listen();
    this.#numbers += 1;
    const number = this.#numbers;
    return new Promise<Answer>((answered, failed) => {
      this.#unary.set(number, { body, askedAt: now, answered, failed });
      this.#send({ kind: 'client-request', number, body }, this.#unaryName, this.#since, isNew);
    });
  }

  #refused(): Promise<Answer> {
    return new Promise((_resolve, reject) => {
      this.#refusals += 1;
      this.#start.process.after(refusedMs, () => {
        this.#refusals -= 1;
        this.#start.world.timeline.settles();
        reject(unreached(this.address, 'nobody listens there'));
      });
    });
  }

  #listen(): void {
    if (this.#stopListening !== undefined) return;
    const { world, process } = this.#start;
    this.#since = world.timeline.now;
    this.#stopListening = world.network.listen(
      process,
      this.#unaryName,
      (message: GatewayMessage) => this.#hear(message),
    );
  }

  #hear(message: GatewayMessage): void {
    if (message.since !== this.#since) return;
    if (message.kind === 'stream-closed') {
      this.#since = this.#start.world.timeline.now;
      return this.broken();
    }
    if (message.kind !== 'request-answered') return;
    const open = this.#unary.get(message.number);
    this.#unary.delete(message.number);
    if (!this.#waitsOnAfter(open)) this.#start.happened();
    this.#start.world.timeline.settles();
    if (message.answer.kind !== 'failed') open?.answered(message.answer);
    else open?.failed(new TroupeError(message.answer.failure));
  }

  #waitsOnAfter(open: Pending | undefined): boolean {
    const { now } = this.#start.world.timeline;
    if (open?.body.kind !== 'wait-run' || now - open.askedAt < open.body.waitMs) return false;
    for (const [run, at] of this.#waitsOn) if (at !== now) this.#waitsOn.delete(run);
    this.#waitsOn.set(open.body.run, now);
    return true;
  }

  /** The deadline of a call is the client's: the cluster may still do what was asked. */
  #within<T>(serving: Promise<T>, deadlineMs: number, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#start.process.after(deadlineMs, () => {
        this.#start.world.timeline.settles();
        const text = `${what} at ${this.address} was not answered within ${deadlineMs} ms`;
        reject(troupeError('OUTCOME_UNKNOWN', text, {}, new Error(text)));
      });
      serving.then(resolve, reject).finally(cancel);
    });
  }

  #send(message: Unsent, client: string, since: number, isNew = true): void {
    const { world, process, host } = this.#start;
    if (isNew) this.#start.happened();
    world.network.send(process, `door:${host}`, { ...message, client, since });
    if (!this.#lives) this.#live();
  }

  /** A gateway forgets who is not heard of. */
  #live(): void {
    this.#lives = true;
    this.#start.process.routine(livesMs, () => {
      const waiting = [...this.#streams].filter(({ waits }) => waits).map(({ name }) => name);
      if (this.#unary.size > 0) waiting.push(this.#unaryName);
      const { world, process, host } = this.#start;
      for (const client of waiting) {
        const since = world.timeline.now;
        world.network.send(process, `door:${host}`, { kind: 'client-lives', client, since });
      }
      if (waiting.length > 0) this.#live();
      else this.#lives = false;
    });
  }
}

function isTake(method: string, request: object): request is TakeRequest {
  return method === 'ActorsService/Take' && 'idempotencyKey' in request;
}

function unreached(address: string, why: string): TroupeError {
  return troupeError('UNAVAILABLE', `${address}: ${why}`, { address }, new Error(why));
}
