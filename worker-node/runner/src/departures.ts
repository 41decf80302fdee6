/**
 * Where a turn or task leaves this process: steps and calls, numbered in the order in which user
 * code asks for them, and what it waits for.
 *
 * L1  the ordinal of a step or call depends only on the order of the asking.
 * L2  what was recorded under an ordinal is given back and not done again; another kind or name
 *     under it is STEP_MISMATCH, whatever user code makes of the error.
 */
import {
  type Bytes,
  decodeValue,
  type FromRunner,
  isActorKey,
  isTypeName,
  limits,
  type Outcome,
  type Recorded,
  TroupeError,
  troupeError,
  type WorkId,
} from '@troupe/model';
import { encodePayload } from './outcome.ts';

export type Emit = (frame: FromRunner) => void;

/** A call as user code asks for it. */
export interface Asked {
  readonly type: string;
  readonly key: string;
  readonly method: string;
  readonly args: Bytes;
}

interface Wait {
  readonly settle: (outcome: Outcome) => void;
  readonly fail: (reason: unknown) => void;
}

const gone: Outcome = { ok: true, value: new Uint8Array(0) };

export class Departures {
  readonly #work: WorkId;
  readonly #emit: Emit;
  readonly #recorded = new Map<number, Recorded>();
  readonly #waits = new Map<number, Wait>();
  /** Steps and calls that have been asked for and have not come to anything yet. */
  readonly #open = new Map<number, string>();
  #next = 0;
  #mismatch: TroupeError | undefined;

  constructor(work: WorkId, emit: Emit, recorded: readonly Recorded[]) {
    this.#work = work;
    this.#emit = emit;
    for (const record of recorded) this.#recorded.set(record.ordinal, record);
  }

  /** The first thing that did not match its record (L2). */
  get mismatch(): TroupeError | undefined {
    return this.#mismatch;
  }

  /** What is recorded and was not asked for again. */
  get unasked(): readonly string[] {
    return [...this.#recorded.values()].map((record) => `${record.kind} ${record.name}`);
  }

  /** What has not come to anything yet: a turn may not end and leave it behind. */
  get open(): readonly string[] {
    return [...this.#open.values()];
  }

  /** How many of them wait for the node to speak. */
  get waits(): number {
    return this.#waits.size;
  }

  /** Takes the next ordinal, and what is recorded under it (L1, L2). */
  next(kind: Recorded['kind'], name: string): { ordinal: number; record: Recorded | undefined } {
    const ordinal = this.#next++;
    if (ordinal >= limits.turnStepsMax) {
      throw this.#refuse(
        `${kind} ${name} is beyond the ${limits.turnStepsMax} that a turn may have`,
      );
    }
    const record = this.#recorded.get(ordinal);
    if (record !== undefined && (record.kind !== kind || record.name !== name)) {
      throw this.#refuse(
        `${kind} ${name} stands where ${record.kind} ${record.name} was recorded (ordinal ${ordinal})`,
      );
    }
    this.#recorded.delete(ordinal);
    return { ordinal, record };
  }

  /** Calls an actor, or gives back what the recorded call came to. */
  call(asked: Asked, deadlineMs: number): Promise<unknown> {
    const name = `${asked.type}/${asked.key}.${asked.method}`;
    const { ordinal, record } = this.next('call', name);
    if (record?.outcome !== undefined) return valueIn(record.outcome);
    const { type, key, method, args } = asked;
    this.opened(ordinal, `call ${name}`);
    const reply = this.wait(ordinal).then((outcome) => {
      this.closed(ordinal);
      return valueIn(outcome);
    });
    const work = this.#work;
    this.#emit({ kind: 'call-out', work, ordinal, name, type, key, method, args, deadlineMs });
    return reply;
  }

  opened(ordinal: number, name: string): void {
    this.#open.set(ordinal, name);
  }

  closed(ordinal: number): void {
    this.#open.delete(ordinal);
  }

  /** Waits for the node to speak of this ordinal. */
  wait(ordinal: number): Promise<Outcome> {
    return new Promise((settle, fail) => {
      this.#waits.set(ordinal, { settle, fail });
    });
  }

  go(ordinal: number): void {
    this.returned(ordinal, gone);
  }

  returned(ordinal: number, outcome: Outcome): void {
    const wait = this.#waits.get(ordinal);
    this.#waits.delete(ordinal);
    wait?.settle(outcome);
  }

  /** Ends every wait with an error. */
  abandon(reason: TroupeError): void {
    for (const wait of this.#waits.values()) wait.fail(reason);
    this.#waits.clear();
  }

  #refuse(what: string): TroupeError {
    this.#mismatch ??= troupeError('STEP_MISMATCH', what);
    return this.#mismatch;
  }
}

/** What an outcome comes to for the user code that waits for it. */
export async function valueIn(outcome: Outcome): Promise<unknown> {
  if (outcome.ok) return decodeValue(outcome.value);
  throw new TroupeError(outcome.failure);
}

/** Checks a call or send where user code makes it, so that the stack shows the line. */
export function ask(type: string, key: string, method: string, args: readonly unknown[]): Asked {
  if (!isTypeName(type) || typeof key !== 'string' || !isActorKey(key)) {
    throw troupeError('INVALID_ARGUMENT', `${String(type)}/${String(key)} names no actor`);
  }
  if (!isTypeName(method)) {
    throw troupeError('INVALID_ARGUMENT', `${type}.${method} names no method`);
  }
  return { type, key, method, args: encodePayload([...args], 'args') };
}

export function checkDeadline(deadlineMs: number = limits.deadlineMsDefault): number {
  if (Number.isSafeInteger(deadlineMs) && deadlineMs > 0 && deadlineMs <= limits.deadlineMsMax) {
    return deadlineMs;
  }
  throw troupeError(
    'INVALID_ARGUMENT',
    `deadlineMs is ${deadlineMs}; it must be a whole number from 1 to ${limits.deadlineMsMax}`,
  );
}

/** Keeps a rejection that user code has not awaited yet from ending the process: a turn that ends
 *  while something is still waited for fails by itself. */
export function observed<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
