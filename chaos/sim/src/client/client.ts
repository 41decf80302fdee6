/**
 * A client with a session, as the SDK keeps one: calls are numbered, each says the least number that
 * is still open at its actor, and is asked for again under its number, here or elsewhere, until it is
 * answered.
 */
import {
  type ActorId,
  type Address,
  type Answer,
  decodeValue,
  dropMethod,
  encodeValue,
  errorTable,
  failure,
  lettersMethod,
  type Outcome,
  type RequestBody,
  type SaidPriority,
  type SessionId,
  sessionId,
  signalMethod,
  type Taken,
  takenIn,
  tenantName,
} from '@troupe/model';
import type { ClientMessage, GatewayMessage, Process } from '@troupe/virtual';
import { actorType, encodeArgs, tenant } from '../node/program.ts';
import { bundles } from '../plan/bundles.ts';
import type { Operation } from '../plan/load.ts';
import { reservation, reservedTenant, type Scene, type TenantWish } from '../plan/scene.ts';
import type { World } from '../world/world.ts';
import { beginGang, outcomeOf } from './gang-errand.ts';
import { askedUnderKey, keyedCallerOf } from './keyed.ts';
import { beginLetters } from './letters-errand.ts';
import { beginLife } from './life-errand.ts';
import { beginOwned } from './owned-errand.ts';
import { beginRewind } from './rewind-errand.ts';
import { beginRival } from './rival-errand.ts';
import { beginRollout } from './rollout-errand.ts';
import { RunErrand } from './run-errand.ts';

/** A message without its stream. */
type Unsent = ClientMessage extends infer M
  ? M extends ClientMessage
    ? Omit<M, 'since'>
    : never
  : never;
type CallOperation = Extract<
  Operation,
  { kind: 'call' | 'keyed' | 'read' | 'signal' | 'letter-call' | 'topic' | 'send' | 'stream' }
>;
type ReservationOperation = Extract<Operation, { kind: 'reservation' }>;
type TaskOperation = Extract<Operation, { kind: 'task' }>;

interface OpenCall {
  readonly operation: CallOperation;
  readonly session: SessionId;
  readonly number: number;
  readonly deadlineAt: number;
  readonly acknowledgedBefore: number;
  readonly bornBefore: number | undefined;
  /** The birth that is meant, and no other. */
  readonly birth: number | undefined;
  /** Dead letters that the actor had when it was first asked. */
  readonly deadBefore: readonly number[];
  readonly then: ((outcome: Outcome) => void) | undefined;
  /** Streams on which it was asked. */
  readonly streams: Set<number>;
  /** What its method has yielded, as far as it was taken. */
  readonly taken?: Uint8Array[];
}

interface OpenRequest {
  readonly number: number;
  readonly body: RequestBody;
  readonly answered: (answer: Answer) => void;
  /** Streams on which it was asked. */
  readonly streams: Set<number>;
  askedAt: number;
}

const againMs = 700;
/** For reads of savepoints. */
const readMs = 30_000;
/** Longer than a leader is away for, and than what is held up in the network. */
const lostMs = 20_000;
/** Questions without an answer after which another gateway is tried. */
const patience = 3;
/** How long after its deadline an accepted call is waited for. */
const answerMsMax = 60_000;

export class Client {
  readonly process: Process;
  readonly #world: World;
  readonly #name: string;
  readonly #doors: readonly string[];
  readonly #calls = new Map<number, OpenCall>();
  readonly #requests = new Map<number, OpenRequest>();
  #door = 0;
  /** Counts the streams to gateways. */
  #stream = 0;
  /** When the present one was opened. */
  #since = 0;
  #unanswered = 0;
  #numbers = 0;
  #left: number;

  constructor(
    world: World,
    process: Process,
    given: { readonly doors: readonly string[]; readonly operations: readonly Operation[] },
  ) {
    this.#world = world;
    this.process = process;
    this.#name = process.host.name;
    this.#doors = given.doors;
    this.#door = world.chance.whole(0, given.doors.length - 1);
    this.#left = given.operations.length;
    world.network.listen(process, this.#address, (message: GatewayMessage) => this.#hear(message));
    for (const operation of given.operations) {
      process.after(operation.at, () => this.#begin(operation));
    }
    this.#againLater();
  }

  /** Operations that have not come to their end. */
  get unfinished(): readonly string[] {
    const calls = [...this.#calls.values()].map(
      ({ operation, number }) =>
        `${operation.kind} ${number} of ${this.#name} at ${operation.actor}`,
    );
    const requests = [...this.#requests.values()].map(
      ({ body }) => `${body.kind} of ${this.#name}`,
    );
    const more = this.#left > calls.length + requests.length ? [`more of ${this.#name}`] : [];
    return this.#left + this.#requests.size === 0 ? [] : [...calls, ...requests, ...more];
  }

  /** More than it was made with. */
  askMore(operations: readonly Operation[]): void {
    this.#left += operations.length;
    for (const operation of operations) this.#begin(operation);
  }

  deploy(version: number, payer = tenant): void {
    const bundle = bundles[version];
    if (bundle === undefined) return;
    const manifest = this.#world.manifests.of(bundle);
    const body = { kind: 'deploy', tenant: tenantName(payer), bundle, manifest, bytes: 1_000 };
    this.#ask(body as RequestBody, (answer) => {
      // Before the first term there is not even a tenant.
      if (answer.kind === 'deployed') return;
      this.process.after(againMs, () => this.deploy(version, payer));
    });
  }

  putTenant(name: string, wish: TenantWish): void {
    this.#ask({ kind: 'put-tenant', tenant: tenantName(name), ...wish }, (answer) => {
      if (answer.kind === 'tenant') this.deploy(0, name);
      else this.process.after(againMs, () => this.putTenant(name, wish));
    });
  }

  /** As soon as there is the tenant; it may have been changed by then. */
  reserve(wish: NonNullable<Scene['reserved']>): void {
    const named = { tenant: tenantName(reservedTenant), reservation };
    this.#ask({ kind: 'put-reservation', ...named, ...wish }, (answer) => {
      const isThere = answer.kind !== 'failed' || answer.failure.code === 'ALREADY_EXISTS';
      if (!isThere) this.process.after(againMs, () => this.reserve(wish));
    });
  }

  request(body: RequestBody): void {
    this.#ask(body, () => undefined);
  }

  /** The process behind this door has died: what speaks there from now on is another one. */
  doorClosed(host: string): void {
    if (this.#doors[this.#door] === host) this.#openStream();
  }

  get #address(): Address {
    return `client:${this.#name}` as Address;
  }

  #begin(operation: Operation): void {
    const door = operation.via === undefined ? -1 : this.#doors.indexOf(operation.via);
    if (door >= 0 && door !== this.#door) this.#enter(door);
    switch (operation.kind) {
      case 'call':
        if (operation.ofBirth === true) return this.#callOfBirth(operation);
        return this.#call(operation);
      case 'keyed':
      case 'read':
      case 'signal':
      case 'letter-call':
      case 'topic':
      case 'send':
      case 'stream':
        return this.#call(operation);
      case 'letters':
        return beginLetters(operation, {
          ask: (body, answered) => this.#ask(body, answered),
          call: ({ birth, ...asked }, answered) => {
            this.#left += 1;
            const of = { kind: 'letter-call', at: 0, ...asked, deadlineMs: readMs } as const;
            this.#call(of, birth, answered);
          },
          end: (outcome) => this.#end(operation, outcome),
        });
      case 'rollout':
        return beginRollout(operation, {
          ask: (body, answered) => this.#ask(body, answered),
          after: (ms, run) => this.process.after(ms, run),
          deploy: (version) => this.deploy(version),
          reach: (state) => this.#world.coverage.reach(state),
          end: (outcome) => this.#end(operation, outcome),
        });
      case 'life':
        return beginLife(operation, {
          ask: (body, answered) => this.#ask(body, answered),
          after: (ms, run) => this.process.after(ms, run),
          reach: (state) => this.#world.coverage.reach(state),
          end: (outcome) => this.#end(operation, outcome),
        });
      case 'owned':
        return beginOwned(operation, {
          scope: this.#world.scope,
          ask: (body, answered) => this.#ask(body, answered),
          after: (ms, run) => this.process.after(ms, run),
          end: (outcome) => this.#end(operation, outcome),
        });
      case 'task':
        return this.#submit(operation);
      case 'gang':
        return beginGang(operation, {
          ask: (body, answered) => this.#ask(body, answered),
          after: (ms, run) => this.process.after(ms, run),
          told: (member, outcome) => this.#tell(member, outcome),
          end: (outcome, refused) => this.#end(operation, outcome, refused),
        });
      case 'rival':
        return beginRival(operation, {
          ask: (body, answered) => this.#ask(body, answered),
          after: (ms, run) => this.process.after(ms, run),
          told: (member, outcome) => this.#tell(member, outcome),
          end: (outcome) => this.#end(operation, outcome),
        });
      case 'tenant': {
        const { tenant: name, wish } = operation;
        const body = { kind: 'put-tenant', tenant: tenantName(name), existing: true } as const;
        return this.#ask({ ...body, ...wish }, (answer) => {
          this.#end(operation, outcomeOf(answer) ?? { ok: true, value: encodeValue(null) });
        });
      }
      case 'config': {
        const set = encodeValue({ [this.#name]: operation.value });
        const body = { kind: 'put-config', tenant: tenantName(tenant), set, unset: [] } as const;
        return this.#ask(body, (answer) => {
          this.#end(operation, outcomeOf(answer) ?? { ok: true, value: encodeValue(null) });
        });
      }
      case 'reservation':
        return this.#reserveAnew(operation, (answer) => {
          this.#end(operation, outcomeOf(answer) ?? { ok: true, value: encodeValue(null) });
        });
      case 'savepoint':
        return this.#savepoint(operation);
      case 'rewind':
        return beginRewind(operation, {
          ask: (body, answered) => this.#ask(body, answered),
          after: (ms, run) => this.process.after(ms, run),
          reach: (state) => this.#world.coverage.reach(state),
          end: (outcome) => this.#end(operation, outcome),
        });
      case 'run':
        return new RunErrand(operation, {
          world: this.#world,
          ask: (body, answered) => this.#ask(body, answered),
          after: (ms, run) => this.process.after(ms, run),
          deploy: (version) => this.deploy(version),
          end: (outcome) => this.#end(operation, outcome),
        }).begin();
    }
  }

  /** Each actor is read as it was at the savepoint. */
  #savepoint(operation: Extract<Operation, { kind: 'savepoint' }>): void {
    const { scope, savepoint, later } = operation;
    const body = { kind: 'make-savepoint', tenant: tenantName(tenant), scope, savepoint } as const;
    this.#ask(body, (answer) => {
      this.#end(operation, outcomeOf(answer) ?? { ok: true, value: encodeValue(null) });
      if (answer.kind !== 'savepoint') return;
      const line = Object.entries(answer.savepoint.line) as [ActorId, number][];
      const reads = line.map(([actor, atTurn]) => {
        return { kind: 'read', at: 0, actor, deadlineMs: readMs, atTurn } as const;
      });
      this.#left += reads.length;
      this.process.after(later, () => {
        for (const read of reads) this.#begin(read);
      });
    });
  }

  #reserveAnew({ wish }: ReservationOperation, answered: (answer: Answer) => void): void {
    const named = { tenant: tenantName(reservedTenant), reservation };
    if (wish === undefined) return this.#ask({ kind: 'drop-reservation', ...named }, answered);
    this.#ask({ kind: 'put-reservation', ...named, ...wish, existing: true }, answered);
  }

  #submit(operation: TaskOperation): void {
    const { id: task, name, parts, cancelAfterMs } = operation;
    const { priority, queue, dueInMs } = operation;
    const input = encodeValue({ parts });
    const payer = tenantName(operation.tenant ?? tenant);
    const wishes = {
      ...(priority === undefined ? {} : { priority }),
      ...(queue === undefined ? {} : { queue }),
      ...(dueInMs === undefined ? {} : { dueInMs }),
    };
    this.#ask({ kind: 'submit-task', task, tenant: payer, name, input, ...wishes }, (answer) => {
      const outcome = outcomeOf(answer);
      if (outcome !== undefined) this.#end(operation, outcome, answer.kind === 'failed');
    });
    if (cancelAfterMs === undefined) return;
    this.process.after(cancelAfterMs, () => this.request({ kind: 'cancel-task-request', task }));
  }

  /** To the actor that is there now, whatever becomes of it meanwhile. */
  #callOfBirth(operation: Extract<CallOperation, { kind: 'call' }>): void {
    this.#ask({ kind: 'get-actor', actor: operation.actor }, (answer) => {
      if (answer.kind === 'actor') return this.#call(operation, answer.actor.birth);
      this.#end(operation, outcomeOf(answer) ?? { ok: true, value: encodeValue(null) });
    });
  }

  #call(operation: CallOperation, birth?: number, then?: (outcome: Outcome) => void): void {
    this.#numbers += 1;
    const session = sessionId(sessionOf(this.#name, operation, this.#numbers));
    const actor = this.#world.checks.truth.actors.get(operation.actor);
    const call: OpenCall = {
      operation,
      session,
      number: this.#numbers,
      deadlineAt: this.process.now() + operation.deadlineMs,
      acknowledgedBefore: actor?.acknowledged ?? 0,
      bornBefore: actor?.birth,
      birth,
      deadBefore: [...(actor?.memory.letters.after(0) ?? [])].map(({ number }) => number),
      then,
      streams: new Set(),
      ...(operation.kind === 'stream' ? { taken: [] } : {}),
    };
    this.#calls.set(call.number, call);
    this.#sendCall(call);
  }

  #ask(body: RequestBody, answered: (answer: Answer) => void): void {
    this.#numbers += 1;
    const open: OpenRequest = {
      number: this.#numbers,
      body,
      answered,
      streams: new Set(),
      askedAt: 0,
    };
    this.#requests.set(open.number, open);
    this.#sendRequest(open);
  }

  #hear(message: GatewayMessage): void {
    // Of a stream that was left nothing is heard.
    if (message.since !== this.#since) return;
    if (message.kind === 'stream-closed') return this.#openStream();
    this.#unanswered = 0;
    if (message.kind === 'call-answered') {
      const call = this.#calls.get(message.number);
      if (call === undefined) return;
      if (call.taken !== undefined && message.outcome.ok) {
        return this.#take(call, call.taken, takenIn(message.outcome.value));
      }
      this.#settle(call, believed(message.outcome, call.streams.size));
      return;
    }
    const request = this.#requests.get(message.number);
    if (request === undefined) return;
    this.#requests.delete(message.number);
    request.answered(believedAnswer(message.answer, request.streams.size));
  }

  /** What follows what it has; an answer that lies elsewhere is one to an earlier question. */
  #take(call: OpenCall, taken: Uint8Array[], { position, values, end }: Taken): void {
    const known = taken.length - position;
    if (known >= 0) taken.push(...values.slice(known));
    if (end !== undefined && known >= 0) {
      this.#world.checks.tookAll(call.operation.actor, `${call.session}:${call.number}`, taken);
      return this.#settle(call, end);
    }
    const { operation } = call;
    const restMs = operation.kind === 'stream' ? operation.restMs : 0;
    this.process.after(restMs, () => {
      if (this.#calls.has(call.number)) this.#sendCall(call);
    });
  }

  /** `refused`: it was not taken at all. */
  #end(operation: Operation, outcome: Outcome, refused = false): void {
    this.#left -= 1;
    this.#tell(operation, outcome, refused);
  }

  #tell(operation: Operation, outcome: Outcome, refused = false): void {
    this.#world.checks.answered({
      client: this.#name,
      session: this.#name,
      number: 0,
      operation,
      outcome,
      refused,
      acknowledgedBefore: 0,
    });
  }

  #againLater(): void {
    this.process.after(againMs, () => {
      this.#again();
      this.#againLater();
    });
  }

  #again(): void {
    if (this.#calls.size + this.#requests.size === 0) return;
    this.#unanswered += 1;
    this.#giveUp();
    if (this.#unanswered > patience && !this.#stays) this.#move();
    else if (this.#isBroken()) this.#openStream();
    else this.#send({ kind: 'client-lives', client: this.#address });
  }

  get #stays(): boolean {
    for (const { operation } of this.#calls.values()) if (operation.patient) return true;
    return false;
  }

  /** What is answered at once was not: it was lost, and with it a real stream would have been. */
  #isBroken(): boolean {
    const before = this.process.now() - lostMs;
    for (const { body, askedAt } of this.#requests.values()) {
      if (body.kind === 'submit-task') continue;
      const waitMs = body.kind === 'wait-run' ? body.waitMs : 0;
      if (askedAt + waitMs < before) return true;
    }
    return false;
  }

  /** What should have been answered long ago is not asked for again: its actor may forget it. */
  #giveUp(): void {
    const before = this.process.now() - answerMsMax;
    for (const call of [...this.#calls.values()]) {
      if (call.deadlineAt > before) continue;
      const text = `call ${call.number} of ${this.#name} was not answered`;
      this.#settle(call, { ok: false, failure: failure('OUTCOME_UNKNOWN', text) });
    }
  }

  #settle(call: OpenCall, outcome: Outcome): void {
    this.#calls.delete(call.number);
    this.#left -= 1;
    const { operation, session, number } = call;
    const called = operation.kind === 'keyed' ? keyedCallerOf(operation) : { session, number };
    const { session: as, number: under } = called;
    this.#world.checks.answered({
      client: this.#name,
      ...call,
      session: as,
      number: under,
      ask: number,
      outcome,
    });
    call.then?.(outcome);
  }

  #move(): void {
    this.#world.coverage.reach('a client moves to another gateway');
    this.#enter((this.#door + 1) % this.#doors.length);
  }

  #enter(door: number): void {
    this.#unanswered = 0;
    this.#send({ kind: 'client-leaves', client: this.#address });
    this.#door = door;
    this.#openStream();
  }

  /** What is open is asked for again under its numbers. */
  #openStream(): void {
    this.#stream += 1;
    this.#since = this.#world.timeline.now;
    this.#giveUp();
    for (const call of this.#calls.values()) this.#sendCall(call);
    for (const request of this.#requests.values()) this.#sendRequest(request);
  }

  #sendCall(call: OpenCall): void {
    const { operation, session, number, deadlineAt, birth, streams, taken } = call;
    const { kind } = operation;
    const isScoped = scopedKinds.has(kind);
    const { scope = this.#world.scope } = isScoped && 'scope' in operation ? operation : {};
    const from = taken?.length;
    // What has begun needs no time to be accepted in.
    const leftMs = (from ?? 0) > 0 ? operation.deadlineMs : deadlineAt - this.process.now();
    streams.add(this.#stream);
    this.#send({
      kind: 'client-call',
      client: this.#address,
      session,
      number,
      low: this.#low(operation.actor, session),
      actor: operation.actor,
      ...askedOf(operation),
      ...(operation.kind === 'keyed' ? { idempotencyKey: operation.key } : {}),
      deadlineMs: Math.max(1, Math.ceil(leftMs)),
      ...(from === undefined ? {} : { from }),
      ...(operation.kind === 'read' && operation.atTurn !== undefined
        ? { atTurn: operation.atTurn }
        : {}),
      ...(scope === undefined ? {} : { scope }),
      birth,
    });
  }

  #sendRequest(request: OpenRequest): void {
    const { number, body } = request;
    request.streams.add(this.#stream);
    request.askedAt = this.process.now();
    this.#send({ kind: 'client-request', client: this.#address, number, body });
  }

  #send(message: Unsent): void {
    const since = this.#since;
    this.#world.network.send(this.process, `door:${this.#doors[this.#door]}`, {
      ...message,
      since,
    });
  }

  /** The least number that is open at this actor. */
  #low(actor: ActorId, session: SessionId): number {
    for (const call of this.#calls.values()) {
      if (call.operation.actor === actor && call.session === session) return call.number;
    }
    return this.#numbers;
  }
}

/** What creates its actor, and in which scope. */
const scopedKinds: ReadonlySet<string> = new Set(['call', 'keyed', 'read', 'stream']);

/** It is no turn, and nothing of it is recorded. */
function isRead(operation: CallOperation): boolean {
  return operation.kind === 'read' || ('method' in operation && operation.method === lettersMethod);
}

/** A stream has one of its own; under a key it tells this client what is answered, and no more. */
function sessionOf(name: string, operation: CallOperation, number: number): string {
  if (operation.kind === 'stream') return `${name}/stream-${number}`;
  if (operation.kind === 'keyed') return `${name}/keyed-${number}`;
  return isRead(operation) ? `${name}/reads` : name;
}

function askedOf(operation: CallOperation): {
  method: string;
  args: Uint8Array;
  priority?: SaidPriority | undefined;
} {
  switch (operation.kind) {
    case 'call':
      return {
        method: 'run',
        args: encodeArgs(operation.program),
        priority: operation.priority,
      };
    case 'keyed':
      return askedUnderKey(operation);
    case 'stream':
      return { method: 'run', args: encodeArgs(operation.program) };
    case 'signal':
      return { method: signalMethod, args: encodeValue([operation.name, operation.id]) };
    case 'letter-call':
      return { method: operation.method, args: encodeValue([...operation.numbers]) };
    case 'topic':
      return { method: operation.method, args: encodeValue([...operation.args]) };
    case 'send': {
      const { key, program, delivery } = operation;
      const given = decodeValue(encodeArgs(program));
      return { method: dropMethod, args: encodeValue([actorType, key, 'run', given, delivery]) };
    }
    case 'read':
      return { method: 'list', args: encodeValue([]) };
  }
}

function believedAnswer(answer: Answer, streams: number): Answer {
  if (answer.kind !== 'failed') return answer;
  const outcome = believed({ ok: false, failure: answer.failure }, streams);
  return outcome.ok ? answer : { kind: 'failed', failure: outcome.failure };
}

/** A gateway cannot say what one that was asked before may have done. */
function believed(outcome: Outcome, streams: number): Outcome {
  if (outcome.ok || streams < 2) return outcome;
  if (errorTable[outcome.failure.code].outcome !== 'none') return outcome;
  return { ok: false, failure: failure('OUTCOME_UNKNOWN', outcome.failure.message) };
}
