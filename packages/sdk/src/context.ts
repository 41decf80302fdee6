/** What user code is given while it runs: the contexts of turns, reads, steps and tasks. */
import type { PriorityName, Retries } from '@troupe/model';
import type { ActorCalls, ActorSends, AnyActorDefinition, UntypedCalls } from './actor.ts';
import type { LetterOptions } from './letter-tries.ts';
import type { AwaitedSends, UntypedAwaitedSends } from './sends.ts';
import type { Timers } from './timers.ts';

/** Given to a method. After its turn has ended every use of it throws. */
export interface TurnContext<S> {
  /** Change it in place or assign a new one. A turn that throws changes nothing. */
  state: S;
  readonly key: string;
  /** `tenant/Type/key`. */
  readonly id: string;
  /** Stable over retries and failovers of this call. */
  readonly callId: string;
  /** Aborted when the caller cancels or the turn passes its time limit. */
  readonly signal: AbortSignal;
  /** What the tenant is configured with. A turn sees one version, also when it runs again. */
  readonly config: ConfigValues;
  /** The secret that a value of the configuration names. Nothing with it in is recorded. */
  secret(name: string): string;
  /** A line for the log of the node. */
  log(text: string): void;
  /** Says how far this turn has come, from 0 to 1, to whoever looks at the actor. It is not recorded,
   *  so it costs no append: it is forgotten when the turn ends or its node dies. */
  progress(share: number, text?: string): void;
  /** A side effect that is recorded: when the turn runs again it is not repeated. */
  step<T>(
    name: string,
    run: (step: StepContext) => T,
    options?: StepOptions<Awaited<T>>,
  ): Promise<Awaited<T>>;
  /** Undoes something, in turn with the compensations of steps, when this turn fails for good. */
  compensate(name: string, undo: (undo: UndoContext) => unknown, options?: UndoOptions): void;
  /** What all of these came to, which `c` has given: steps, calls, waits, races. When one has failed
   *  it throws, for the first in the list, but not before all have ended. */
  all<T extends readonly Promise<unknown>[] | readonly []>(
    list: T,
  ): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }>;
  /** What the first of these came to, which `c` has given. Who won is recorded; the others are
   *  cancelled, and what they come to is not heard of. */
  race<T extends readonly Promise<unknown>[]>(list: T): Promise<Awaited<T[number]>>;
  /** The value of the next signal of this name. While it waits the turn takes no place in a runner:
   *  when the signal has come it runs again from its start, with its record. */
  waitFor<T = unknown>(name: string, options?: WaitOptions): Promise<T>;
  /** Yields behind what earlier runs of this turn have yielded, and says how many values that is: 0 in the
   *  first run. Without it a turn that runs again yields from the start, and what it yields where an
   *  earlier run has yielded is passed over. */
  continueStream(): number;
  /** Signals another actor, and awaits that it has the signal. */
  signalTo(
    actor: string | { readonly name: string },
    key: string,
    name: string,
    value?: unknown,
    options?: CallLimit,
  ): Promise<void>;
  /** Another actor, to call and await. */
  actor<A extends AnyActorDefinition>(actor: A, key: string, options?: CallLimit): ActorCalls<A>;
  actor(type: string, key: string, options?: CallLimit): UntypedCalls;
  /** Another actor, to send to: durable, delivered once, leaves when this turn commits. */
  send<A extends AnyActorDefinition>(actor: A, key: string, options?: SendOptions): ActorSends<A>;
  send(
    type: string,
    key: string,
    options?: SendOptions,
  ): { readonly [method: string]: (...args: unknown[]) => void };
  /** Publishes a message: it leaves when this turn commits, and comes once to each actor that has
   *  subscribed by then, in the order of this actor's messages. */
  publish(topic: string, value: unknown): void;
  /** From the next message of the topic on this method is called with each, as a turn of its own, with
   *  the value and a `TopicMessage`. When this resolves that is so, whatever becomes of this turn. */
  subscribe(topic: string, method: string, options?: CallLimit): Promise<number>;
  /** False when it had not subscribed. What is on its way may still come, or not. */
  unsubscribe(topic: string, options?: CallLimit): Promise<boolean>;
  /** Timers of this actor, which call its methods when they are due, wherever it is then. */
  readonly timers: Timers;
}

/** Given to a read. */
export interface ReadContext<S> {
  /** The state at the last turn boundary, frozen. */
  readonly state: Frozen<S>;
  readonly key: string;
  readonly id: string;
  readonly callId: string;
  readonly signal: AbortSignal;
  readonly config: ConfigValues;
  log(text: string): void;
  readonly timers: Pick<Timers, 'list'>;
}

/** Values by name, read-only. One that names a secret is the reference, never the secret. */
export interface ConfigValues {
  readonly [name: string]: unknown;
}

/** Of tries nothing given means as the receiver declares. */
export interface SendOptions extends LetterOptions {
  /** Milliseconds after this turn has committed until it leaves; at once unless given. It counts as one
   *  of the timers of the sender, and letters keep no order with those that wait. */
  readonly delayMs?: number;
  /** Among all that waits for the receiver; normal unless given. Letters of one sender keep their order: a
   *  more urgent one takes those before it along. */
  readonly priority?: PriorityName;
  /** Of all letters to this receiver with one key, whoever sends them, one takes effect: the first whose turn
   *  ends well. The others are taken and run nothing. 1 to 128 characters; known for 15 minutes after one
   *  was last taken. */
  readonly idempotencyKey?: string;
}

export interface StepContext {
  /** The same whenever this step is tried: give it to the outside as idempotency key. */
  readonly effectId: string;
  readonly signal: AbortSignal;
  /** Says that the step goes on: see `beatMs`. */
  readonly beat: () => void;
}

export interface StepTries {
  /** Tries after the first; 0 unless given. Unlimited ones end with the time limit of the turn. */
  readonly retries?: Retries;
  /** Wait before each further try; the last one repeats. 1 s unless given. */
  readonly backoffMs?: number | readonly number[];
  /** Time for one try; the turn's own limit unless given. */
  readonly limitMs?: number;
  /** A try that does not call `beat` for so long is given up before its limit. */
  readonly beatMs?: number;
}

export interface StepOptions<T = unknown> extends StepTries {
  /** Undoes the step when the turn fails for good after it was done. It is given what the step came
   *  to, or `undefined` when the step lost a race, or was at work when the turn failed or its runner
   *  crashed: then it may have been done, or not. */
  readonly compensate?: Compensation<T> | (UndoOptions & { readonly run: Compensation<T> });
}

export type Compensation<T> = (result: T | undefined, undo: UndoContext) => unknown;

/** As of a step, but with 5 tries after the first unless given. */
export type UndoOptions = StepTries;

/** Given to a compensation, which is a recorded step of its own. */
export interface UndoContext extends StepContext {
  /** An actor, to call and await: recorded too. */
  actor<A extends AnyActorDefinition>(actor: A, key: string, options?: CallLimit): ActorCalls<A>;
  actor(type: string, key: string, options?: CallLimit): UntypedCalls;
}

export interface WaitOptions {
  /** After so long without a signal the wait fails with `NO_SIGNAL`; never unless given. */
  readonly limitMs?: number;
}

export interface CallLimit {
  /** Milliseconds in which the call must be accepted. */
  readonly deadlineMs?: number;
  /** Among all that waits for the same actor; normal unless given. */
  readonly priority?: PriorityName;
}

/** Given to a task. */
export interface TaskContext {
  readonly taskId: string;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Numbers of the GPUs of its node that it has reserved; whoever uses others takes them from others. */
  readonly gpus: readonly number[];
  /** Aborted when the task is cancelled or passes its time limit. */
  readonly signal: AbortSignal;
  /** What the tenant is configured with; one version for each attempt. */
  readonly config: ConfigValues;
  secret(name: string): string;
  log(text: string): void;
  /** Says how far this attempt has come, from 0 to 1, to whoever looks at tasks and runs. It is not
   *  recorded. */
  progress(share: number, text?: string): void;
  actor<A extends AnyActorDefinition>(actor: A, key: string, options?: CallLimit): ActorCalls<A>;
  actor(type: string, key: string, options?: CallLimit): UntypedCalls;
  /** Another actor, to send to at once, whatever becomes of this attempt: it resolves when the letter is durable. The same letter of a
   *  later attempt is the same one. Of those to one actor each is taken behind those that were awaited before it. */
  send<A extends AnyActorDefinition>(
    actor: A,
    key: string,
    options?: SendOptions & CallLimit,
  ): AwaitedSends<A>;
  send(type: string, key: string, options?: SendOptions & CallLimit): UntypedAwaitedSends;
  /** Publishes a message at once, as a call: resolves with its number when the topic has taken it. */
  publish(topic: string, value: unknown, options?: CallLimit): Promise<number>;
}

/** Read-only through and through; dates and bytes as they are. */
export type Frozen<T> = T extends Date | Uint8Array | ((...args: never[]) => unknown)
  ? T
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;
