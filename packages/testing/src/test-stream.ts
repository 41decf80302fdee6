/** One stream of a session, as a client sees it: hello and welcome, calls and submits, their results. */
import {
  type Answer,
  actorId,
  type Failure,
  isActorKey,
  isTypeName,
  type Outcome,
  type SessionId,
  sessionId,
  type TenantName,
  taskId,
  tenantName,
  troupeError,
  unreachable,
  version,
} from '@troupe/model';
import type {
  ClientMessage,
  OpenRequest,
  OpenResponse,
  ResultMessage,
  SessionStream,
} from '@troupe/sdk/door';
import type { GatewayMessage } from '@troupe/virtual';
import type { Unsent } from './test-door.ts';

export interface StreamStart {
  readonly name: string;
  readonly address: string;
  isOpen(): boolean;
  after(ms: number, run: () => void): () => void;
  send(message: Unsent, since: number): void;
  listen(on: (message: GatewayMessage) => void): () => void;
  gone(): void;
  happened(): void;
  settles(): void;
  now(): number;
}

const helloMs = 0.5;
const refusedMs = 5;

type CallMessage = Extract<ClientMessage, { call: unknown }>['call'] & {
  /** It takes what the method yields: see `takes.ts`. */
  readonly from?: number;
  readonly idempotencyKey?: string;
};
type SubmitMessage = Extract<ClientMessage, { submit: unknown }>['submit'];

interface Listeners {
  data: (response: OpenResponse) => void;
  error: (error: Error) => void;
  end: () => void;
  drain: () => void;
}

export class TestStream implements SessionStream {
  readonly name: string;
  readonly #start: StreamStart;
  readonly #listeners: Partial<Listeners> = {};
  readonly #open = new Set<number>();
  readonly #submits = new Map<number, string>();
  readonly #since: number;
  readonly #stopListening: () => void;
  #welcomed: { readonly session: SessionId; readonly tenant: TenantName } | undefined;
  #ended = false;

  constructor(start: StreamStart) {
    this.#start = start;
    this.name = start.name;
    this.#since = start.now();
    this.#stopListening = start.listen((message) => this.#hear(message));
    if (!start.isOpen()) start.after(refusedMs, () => this.break('nobody listens there'));
  }

  /** Something on it is not answered yet. */
  get waits(): boolean {
    return this.#open.size > 0;
  }

  on<E extends keyof Listeners>(event: E, heard: Listeners[E]): void {
    this.#listeners[event] = heard;
  }

  write({ messages }: OpenRequest): boolean {
    for (const message of messages) if (!this.#ended) this.#take(message);
    return true;
  }

  end(): void {
    this.#end();
  }

  cancel(): void {
    this.#end();
  }

  break(why: string): void {
    if (this.#ended) return;
    this.#end();
    this.#start.settles();
    this.#listeners.error?.(new Error(`${this.#start.address}: ${why}`));
  }

  refuse(reason: Failure): void {
    const { code, message } = reason;
    this.#say({ messages: [{ refused: { code, message, detailsJson: '' } }] });
  }

  #take(message: ClientMessage): void {
    if ('hello' in message) {
      const { session, tenant } = message.hello;
      this.#welcomed = { session: sessionId(session), tenant: tenantName(tenant) };
      this.#start.after(helloMs, () => this.#welcome());
    } else if ('call' in message) this.#call(message.call);
    else if ('submit' in message) this.#submit(message.submit);
    else if ('cancel' in message) this.#cancel(message.cancel.number);
    else unreachable(message);
  }

  #welcome(): void {
    if (!this.#start.isOpen()) return;
    const { address } = this.#start;
    this.#say({ messages: [{ welcome: { cell: 'test', version, gateway: address } }] });
  }

  #call(message: CallMessage): void {
    const { number, low, type, key, method, args, deadlineMs, scope, birth } = message;
    const { from, idempotencyKey, atTurn, priority } = message;
    if (this.#welcomed === undefined) return;
    const { session, tenant } = this.#welcomed;
    if (!isTypeName(type) || !isActorKey(key) || !isTypeName(method)) {
      const what = troupeError('INVALID_ARGUMENT', `${type}/${key}.${method} names no method`);
      return this.#result(number, { ok: false, failure: what.toFailure() });
    }
    this.#open.add(number);
    const actor = actorId(tenant, type, key);
    const of = {
      ...(birth === 0 ? {} : { birth }),
      ...(atTurn === undefined ? {} : { atTurn }),
      ...(from === undefined ? {} : { from }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(priority === 'high' || priority === 'low' ? ({ priority } as const) : {}),
    };
    const call = { kind: 'client-call', session, number, low, actor, method, args, ...of } as const;
    const sent = scope === '' ? { ...call, deadlineMs } : { ...call, deadlineMs, scope };
    this.#start.send(sent, this.#since);
  }

  #submit(message: SubmitMessage): void {
    if (this.#welcomed === undefined) return;
    const { number, task, name, input, priority, retries, limitMs, queue, dueInMs } = message;
    this.#open.add(number);
    this.#submits.set(number, task);
    const body = {
      kind: 'submit-task',
      task: taskId(task),
      tenant: this.#welcomed.tenant,
      name,
      input,
      ...(priority === '' ? {} : { priority: priority as 'low' | 'normal' | 'high' }),
      ...(retries < 0 ? {} : { retries }),
      ...(limitMs === 0 ? {} : { limitMs }),
      ...(queue === '' ? {} : { queue }),
      ...(dueInMs === 0 ? {} : { dueInMs }),
    } as const;
    this.#start.send({ kind: 'client-request', number, body }, this.#since);
  }

  #cancel(number: number): void {
    if (this.#welcomed === undefined) return;
    const task = this.#submits.get(number);
    if (task === undefined) {
      const { session } = this.#welcomed;
      return this.#start.send({ kind: 'client-cancel', session, number }, this.#since);
    }
    const body = { kind: 'cancel-task-request', task: taskId(task) } as const;
    // Numbers of the client itself are whole: this one is nobody's.
    this.#start.send({ kind: 'client-request', number: number + 0.5, body }, this.#since);
  }

  #hear(message: GatewayMessage): void {
    if (this.#ended || message.since !== this.#since) return;
    if (message.kind === 'stream-closed') {
      this.#end();
      this.#start.settles();
      return this.#listeners.end?.();
    }
    if (!this.#open.has(message.number)) return;
    if (message.kind === 'call-answered') this.#result(message.number, message.outcome);
    else this.#result(message.number, outcomeOf(message.answer));
  }

  #result(number: number, outcome: Outcome): void {
    this.#open.delete(number);
    this.#submits.delete(number);
    this.#start.happened();
    this.#say({ messages: [{ result: resultOf(number, outcome) }] });
  }

  #say(response: OpenResponse): void {
    if (this.#ended) return;
    this.#start.settles();
    this.#listeners.data?.(response);
  }

  #end(): void {
    if (this.#ended) return;
    if (this.#open.size > 0) this.#start.send({ kind: 'client-leaves' }, this.#since);
    this.#ended = true;
    this.#stopListening();
    this.#start.gone();
  }
}

function outcomeOf(answer: Answer): Outcome {
  if (answer.kind === 'task-ended') return answer.outcome;
  if (answer.kind === 'failed') return { ok: false, failure: answer.failure };
  const text = `a submitted task was answered by "${answer.kind}"`;
  return { ok: false, failure: troupeError('INTERNAL', text).toFailure() };
}

function resultOf(number: number, outcome: Outcome): ResultMessage {
  if (outcome.ok) {
    return { number, value: outcome.value, objects: outcome.objects ?? [], error: null };
  }
  const { code, message, details } = outcome.failure;
  const detailsJson = details === undefined ? '' : JSON.stringify(details);
  const error = { code, message, detailsJson };
  return { number, value: new Uint8Array(0), objects: [], error };
}
