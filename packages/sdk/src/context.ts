/** What user code is given while it runs: the contexts of turns, reads, steps and tasks. */
import type { ActorCalls, ActorSends, AnyActorDefinition, UntypedCalls } from './actor.ts';
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
  /** A line for the log of the node. */
  log(text: string): void;
  /** A side effect that is recorded: when the turn runs again it is not repeated. */
  step<T>(name: string, run: (step: StepContext) => T, options?: StepOptions): Promise<Awaited<T>>;
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
  log(text: string): void;
  readonly timers: Pick<Timers, 'list'>;
}

export interface SendOptions {
  /** Milliseconds after this turn has committed until it leaves; at once unless given. It counts as one
   *  of the timers of the sender, and letters keep no order with those that wait. */
  readonly delayMs?: number;
}

export interface StepContext {
  /** The same whenever this step is tried: give it to the outside as idempotency key. */
  readonly effectId: string;
  readonly signal: AbortSignal;
}

export interface StepOptions {
  /** Tries after the first; 0 unless given. */
  readonly retries?: number;
  /** Wait before each further try; the last one repeats. 1 s unless given. */
  readonly backoffMs?: number | readonly number[];
  /** Time for one try; the turn's own limit unless given. */
  readonly limitMs?: number;
}

export interface CallLimit {
  /** Milliseconds in which the call must be accepted. */
  readonly deadlineMs?: number;
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
  log(text: string): void;
  actor<A extends AnyActorDefinition>(actor: A, key: string, options?: CallLimit): ActorCalls<A>;
  actor(type: string, key: string, options?: CallLimit): UntypedCalls;
}

/** Read-only through and through; dates and bytes as they are. */
export type Frozen<T> = T extends Date | Uint8Array | ((...args: never[]) => unknown)
  ? T
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;
