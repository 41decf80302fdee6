/**
 * One client stream of `SessionService.Open`: its calls go to the open calls, its submits to the
 * leader, and the answers of one turn of the event loop go back as one message.
 *
 * S1  nothing but a hello is heard before the session is welcomed.
 * S2  what waits for a slow client is bounded; beyond, the client is dropped, and finds the answers
 *     under its numbers when it comes back.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import {
  type Bytes,
  encodeValue,
  type Failure,
  failure,
  failureOf,
  limits,
  type Outcome,
  type SessionId,
  type TenantName,
  troupeError,
  version,
  versionsAgree,
} from '@troupe/model';
import {
  atTurnOf,
  checkedActor,
  checkedBirth,
  checkedDeadline,
  checkedName,
  checkedNumber,
  checkedPayload,
  checkedPriority,
  checkedSession,
  checkedTask,
  checkedTenant,
  placeInTenant,
} from './checked.ts';
import { errorMessage, statusOf } from './coded.ts';
import type { Gateway } from './gateway.ts';
import type { CallSink } from './open-call.ts';
import {
  type CallMessage,
  type ClientMessage,
  type HelloMessage,
  malformed,
  type OpenRequest,
  type OpenResponse,
  type ServerMessage,
  type SubmitMessage,
} from './wire.ts';

export type SessionCall = ServerDuplexStream<OpenRequest | typeof malformed, OpenResponse>;

/** One response stays well below the 4 MiB that a client accepts by default. */
const responseBytesMax = 1024 * 1024;
const waitingBytesMax = 64 * 1024 * 1024;
const waitingMessagesMax = 4 * limits.sessionCallsMax;
/** What a message costs beside its payload. */
const messageBytes = 32;

const noArguments = encodeValue([]);

export class SessionStream implements CallSink {
  readonly #call: SessionCall;
  readonly #gateway: Gateway;
  #welcomed: { readonly session: SessionId; readonly tenant: TenantName } | undefined;
  #waiting: ServerMessage[] = [];
  #waitingBytes = 0;
  #flushArmed = false;
  #blocked = false;
  #ended = false;
  /** The client sends nothing more, but still hears the answers. */
  #halfClosed = false;
  /** Calls of methods unknown here, until this gateway is sure to know what the leader knows. */
  #held: HeldCall[] = [];
  #arrivals = 0;
  #freshening = false;
  readonly #submits = new Map<number, { readonly task: string; readonly leave: AbortController }>();

  constructor(call: SessionCall, gateway: Gateway) {
    this.#call = call;
    this.#gateway = gateway;
    call.on('data', (request: OpenRequest | typeof malformed) => this.#onRequest(request));
    call.on('drain', () => {
      this.#blocked = false;
      this.#flush();
    });
    call.on('end', () => {
      this.#halfClosed = true;
      this.#endWhenIdle();
    });
    call.on('cancelled', () => this.#onGone());
    // Without a listener a broken stream would end the process.
    call.on('error', () => this.#onGone());
  }

  get idle(): boolean {
    const open = this.#welcomed !== undefined && this.#gateway.calls.has(this.#welcomed.session);
    if (open || this.#submits.size > 0 || this.#held.length > 0) return false;
    return this.#waiting.length === 0 && !this.#blocked;
  }

  get session(): SessionId | undefined {
    return this.#welcomed?.session;
  }

  answered(number: number, outcome: Outcome): void {
    if (outcome.ok) {
      const { value, objects } = outcome;
      const result = objects === undefined ? { number, value } : { number, value, objects };
      this.#push({ result }, value.length);
      return;
    }
    const error = errorMessage(outcome.failure);
    this.#push({ result: { number, error } }, error.message.length + error.detailsJson.length);
  }

  /** Ends the stream; unanswered calls are the client's to ask again elsewhere. */
  end(): void {
    if (this.#ended) return;
    this.#flushAll();
    this.#onGone();
    this.#call.end();
  }

  /** Ends the stream with a reason that the client cannot mend by asking again. */
  refuse(reason: Failure): void {
    if (this.#ended) return;
    this.#flushAll();
    this.#call.write({ messages: [{ refused: errorMessage(reason) }] });
    this.#break(reason);
  }

  /** The catalog has changed; for calls held up to `freshUpTo` it is known to be fresh. */
  retryHeld(freshUpTo = 0): void {
    const held = this.#held;
    this.#held = [];
    for (const { message, order } of held) this.#onCall(message, order, order <= freshUpTo);
  }

  get holding(): boolean {
    return this.#held.length > 0;
  }

  #onRequest(request: OpenRequest | typeof malformed): void {
    this.#gateway.standstill.look();
    if (this.#ended) return;
    try {
      if (request === malformed) {
        throw troupeError('INVALID_ARGUMENT', 'the stream holds bytes that are no OpenRequest');
      }
      for (const message of request.messages) this.#onMessage(message);
    } catch (thrown) {
      this.refuse(failureOf(thrown));
    }
  }

  #onMessage(message: ClientMessage): void {
    if (this.#ended) return;
    if (message.hello) return this.#onHello(message.hello);
    if (this.#welcomed === undefined) {
      throw troupeError('INVALID_ARGUMENT', 'the first message of a session is not a hello');
    }
    if (message.call) return this.#onCall(message.call, ++this.#arrivals, false);
    if (message.submit) return this.#onSubmit(message.submit);
    if (message.cancel) return this.#onCancel(message.cancel.number);
    throw troupeError('INVALID_ARGUMENT', 'a session message is empty');
  }

  #onHello(hello: HelloMessage): void {
    if (this.#welcomed !== undefined) {
      throw troupeError('INVALID_ARGUMENT', 'a second hello came on one stream');
    }
    if (hello.session === '' && hello.version === '') {
      throw troupeError('INVALID_ARGUMENT', 'the hello is empty');
    }
    if (!versionsAgree(hello.version, version)) {
      const text = `client version "${hello.version}" does not go with cluster version ${version}`;
      throw troupeError('VERSION_MISMATCH', text, { client: hello.version, cluster: version });
    }
    const session = checkedSession(hello.session);
    const tenant = checkedTenant(hello.tenant);
    this.#welcomed = { session, tenant };
    this.#gateway.onWelcomed(this, session);
    this.#push({
      welcome: { cell: this.#gateway.cell, version, gateway: this.#gateway.id },
    });
  }

  #onCall(message: CallMessage, order: number, fresh: boolean): void {
    const welcomed = this.#welcomed;
    if (welcomed === undefined) return;
    const { number, type, method } = message;
    try {
      const { tenant, session } = welcomed;
      checkedNumber('number', number);
      const low = Math.min(checkedNumber('low', message.low, 0), number);
      const actor = checkedActor(tenant, type, message.key);
      const { catalog } = this.#gateway;
      const entry = catalog.actor(tenant, type);
      const refusal = catalog.refusalOf(tenant, type, method, message.args);
      if (entry === undefined || refusal !== undefined) {
        this.#unknown(message, tenant, order, fresh);
        return;
      }
      const args = message.args.length === 0 ? noArguments : message.args;
      this.#gateway.calls.open({
        session,
        number,
        low,
        actor,
        method,
        args: checkedPayload('args', args),
        scope: message.scope,
        ...atTurnOf(message),
        birth: checkedBirth(message.birth),
        priority: checkedPriority(message.priority),
        deadlineAt: checkedDeadline(message.deadlineMs, this.#gateway.now()),
        runMs: entry.runMs,
        sink: this,
      });
    } catch (thrown) {
      this.answered(number, { ok: false, failure: failureOf(thrown) });
    }
  }

  #unknown(message: CallMessage, tenant: TenantName, order: number, fresh: boolean): void {
    const refusal = this.#gateway.catalog.refusalOf(
      tenant,
      message.type,
      message.method,
      message.args,
    );
    if (refusal !== undefined && fresh) {
      this.answered(message.number, { ok: false, failure: refusal });
      return;
    }
    this.#held.push({ message, order });
    if (this.#freshening) return;
    this.#freshening = true;
    // After this turn of the event loop, so that one question serves all calls of a frame.
    setImmediate(() => this.#freshen());
  }

  #freshen(): void {
    const upTo = this.#arrivals;
    const settled = (): void => {
      this.#freshening = false;
    };
    this.#gateway.fresh().then(
      () => {
        settled();
        this.retryHeld(upTo);
      },
      (thrown: unknown) => {
        settled();
        this.#failHeld(failureOf(thrown, 'UNAVAILABLE'));
      },
    );
  }

  #failHeld(reason: Failure): void {
    for (const { message } of this.#held.splice(0)) {
      this.answered(message.number, { ok: false, failure: reason });
    }
  }

  #onSubmit(message: SubmitMessage): void {
    const welcomed = this.#welcomed;
    if (welcomed === undefined) return;
    const { number } = message;
    const leave = new AbortController();
    const submit = async (): Promise<Outcome> => {
      checkedNumber('number', number);
      if (message.retries < -1) throw troupeError('INVALID_ARGUMENT', 'retries is below -1');
      const answer = await this.#gateway.requests.ask(
        {
          kind: 'submit-task',
          task: checkedTask(message.task),
          tenant: welcomed.tenant,
          name: checkedName('name', message.name),
          input: checkedPayload('input', message.input),
          priority: checkedPriority(message.priority),
          ...(message.retries < 0 ? {} : { retries: message.retries }),
          ...(message.limitMs === 0 ? {} : { limitMs: message.limitMs }),
          ...placeInTenant(message),
        },
        { signal: leave.signal },
      );
      if (answer.kind === 'task-ended') return answer.outcome;
      throw troupeError('INTERNAL', `a submitted task was answered by "${answer.kind}"`);
    };
    if (this.#submits.has(number)) return;
    this.#submits.set(number, { task: message.task, leave });
    submit()
      .catch((thrown: unknown): Outcome => ({ ok: false, failure: failureOf(thrown) }))
      .then((outcome) => {
        this.#submits.delete(number);
        if (!leave.signal.aborted) this.answered(number, outcome);
      });
  }

  #onCancel(number: number): void {
    const welcomed = this.#welcomed;
    if (welcomed === undefined) return;
    this.#gateway.calls.cancel(welcomed.session, number);
    // A cancelled task is waited for like any other: its end says whether it was in time.
    const submit = this.#submits.get(number);
    if (submit !== undefined) this.#gateway.cancelTask(submit.task);
    if (!this.#held.some(({ message }) => message.number === number)) return;
    this.#held = this.#held.filter(({ message }) => message.number !== number);
    const text = `call ${number} was cancelled before it was sent to a node`;
    this.answered(number, { ok: false, failure: failure('CANCELLED', text) });
  }

  #push(message: ServerMessage, bytes: Bytes['length'] = 0): void {
    if (this.#ended) return;
    this.#waiting.push(message);
    this.#waitingBytes += bytes + messageBytes;
    if (this.#blocked) {
      if (this.#waitingBytes > waitingBytesMax || this.#waiting.length > waitingMessagesMax) {
        const text = `the client reads too slowly, ${this.#waiting.length} answers wait for it`;
        this.#waiting = [];
        this.#break(failure('RESOURCE_EXHAUSTED', text));
      }
      return;
    }
    if (this.#flushArmed) return;
    this.#flushArmed = true;
    setImmediate(() => {
      this.#flushArmed = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (!this.#blocked && !this.#ended && this.#waiting.length > 0) {
      this.#blocked = !this.#call.write({ messages: this.#nextResponse() });
    }
    this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (this.#halfClosed && this.idle) this.end();
  }

  /** At the end of the stream everything is handed to the transport, which is bounded by S2. */
  #flushAll(): void {
    while (this.#waiting.length > 0) this.#call.write({ messages: this.#nextResponse() });
  }

  #nextResponse(): ServerMessage[] {
    if (this.#waitingBytes <= responseBytesMax) {
      const all = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      return all;
    }
    let bytes = 0;
    let count = 0;
    for (const message of this.#waiting) {
      const size = sizeOf(message) + messageBytes;
      if (count > 0 && bytes + size > responseBytesMax) break;
      bytes += size;
      count++;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  #break(reason: Failure): void {
    this.#onGone();
    this.#call.emit('error', statusOf(reason));
  }

  #onGone(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const { leave } of this.#submits.values()) leave.abort();
    this.#submits.clear();
    this.#held = [];
    if (this.#welcomed !== undefined) {
      this.#gateway.calls.forget({ session: this.#welcomed.session }, this);
    }
    this.#gateway.onStreamGone(this);
  }
}

/** A call of a method unknown here; `order` is that of its arrival on the stream. */
interface HeldCall {
  readonly message: CallMessage;
  readonly order: number;
}

function sizeOf(message: ServerMessage): number {
  if (!('result' in message)) return 0;
  const { value, error } = message.result;
  if (error !== undefined) return error.message.length + error.detailsJson.length;
  return value?.length ?? 0;
}
