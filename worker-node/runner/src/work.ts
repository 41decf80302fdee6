/**
 * One turn, read or task while it runs: its time limit, its signal, and its end.
 *
 * R1  a work ends once; whatever its user code does later has no effect and throws.
 * R2  when the limit expires the work ends at once, whether user code listens or not.
 */
import {
  limits,
  type Outcome,
  type Recorded,
  type TroupeError,
  troupeError,
  type WorkId,
} from '@troupe/model';
import { Departures, type Emit } from './departures.ts';
import type { After } from './long-timer.ts';
import { failed } from './outcome.ts';

export interface WorkFrame {
  readonly work: WorkId;
  readonly limitMs: number;
  readonly recorded?: readonly Recorded[];
}

export class Work {
  readonly id: WorkId;
  /** Names it in messages: `turn Counter/k.inc`. */
  readonly name: string;
  readonly #emit: Emit;
  readonly #after: After;
  readonly #recorded: readonly Recorded[];
  readonly #limitMs: number;
  readonly #onEnd: (outcome: Outcome, value: unknown) => void;
  #departures: Departures | undefined;
  #controller: AbortController | undefined;
  #cancelLimit: (() => void) | undefined;
  #stopped: TroupeError | undefined;
  #ended = false;
  /** Side effects of steps that are under way. */
  #outside = 0;
  #pauses = 0;

  constructor(
    frame: WorkFrame,
    options: {
      readonly name: string;
      readonly emit: Emit;
      readonly after: After;
      /** Called once (R1). `outcome` is the failure, or a placeholder for `value` when it is ok. */
      readonly onEnd: (outcome: Outcome, value: unknown) => void;
    },
  ) {
    this.id = frame.work;
    this.name = options.name;
    this.#emit = options.emit;
    this.#after = options.after;
    this.#recorded = frame.recorded ?? noRecords;
    this.#limitMs = frame.limitMs > 0 ? frame.limitMs : limits.turnLimitMs;
    this.#onEnd = options.onEnd;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Its user code waits neither for the node nor for a timer of ours. */
  get engaged(): boolean {
    if (this.#ended) return false;
    return this.#outside > 0 || this.#pauses + (this.#departures?.waits ?? 0) === 0;
  }

  /** Does what is outside of this process. */
  async outside<T>(run: () => T | Promise<T>): Promise<T> {
    this.#outside += 1;
    try {
      return await run();
    } finally {
      this.#outside -= 1;
    }
  }

  /** Waits, unless the work is to stop. */
  pause(ms: number): Promise<void> {
    const { signal } = this;
    this.#pauses += 1;
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel();
        signal.removeEventListener('abort', finish);
        this.#pauses -= 1;
        resolve();
      };
      const cancel = this.#after(ms, finish);
      signal.addEventListener('abort', finish);
      if (signal.aborted) finish();
    });
  }

  /** A timer that goes by the same time as the limit. */
  after(ms: number, fire: () => void): () => void {
    return this.#after(ms, fire);
  }

  /** Made on first use, as is the signal: most turns never leave their actor. */
  get departures(): Departures {
    this.#departures ??= new Departures(this.id, this.#emit, this.#recorded);
    return this.#departures;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#stopped !== undefined) this.#controller.abort(this.#stopped);
    return this.#controller.signal;
  }

  /** Why the work is to stop, if it is. */
  get stopped(): TroupeError | undefined {
    return this.#stopped;
  }

  /** Runs user code; a plain function ends within this call. */
  run(code: () => unknown): void {
    let value: unknown;
    try {
      value = code();
    } catch (thrown) {
      this.#fail(thrown);
      return;
    }
    if (!isThenable(value)) {
      this.#finish(value);
      return;
    }
    this.#cancelLimit = this.#after(this.#limitMs, () => this.#expire());
    value.then(
      (result) => this.#finish(result),
      (thrown) => this.#fail(thrown),
    );
  }

  /** The caller no longer waits. User code hears it by its signal and by what it awaits of us. */
  cancel(): void {
    this.#stop(troupeError('CANCELLED', `${this.name} was cancelled`));
  }

  /** Throws when user code goes on after the end (R1). */
  checkOpen(use: string): void {
    if (this.#ended) {
      throw troupeError('WRONG_STATE', `${use} was used after ${this.name} had ended`);
    }
  }

  #expire(): void {
    const reason = troupeError(
      'TIME_LIMIT',
      `${this.name} ran longer than its limit of ${this.#limitMs} ms`,
    );
    this.#stop(reason);
    this.#end(failed(reason), undefined);
  }

  #stop(reason: TroupeError): void {
    if (this.#ended) return;
    this.#stopped ??= reason;
    this.#controller?.abort(this.#stopped);
    this.#departures?.abandon(this.#stopped);
  }

  #finish(value: unknown): void {
    if (this.#ended) return;
    if (this.#departures === undefined && this.#recorded.length === 0) {
      return this.#end(done, value);
    }
    const { mismatch, open, unasked } = this.departures;
    if (mismatch !== undefined) return this.#end(failed(mismatch), undefined);
    if (open.length > 0) {
      const what = `${this.name} ended without awaiting ${open.join(', ')}`;
      return this.#end(failed(troupeError('USER_ERROR', what)), undefined);
    }
    if (unasked.length > 0) {
      const what = `${this.name} ended without ${unasked.join(', ')}, which its first run had`;
      return this.#end(failed(troupeError('STEP_MISMATCH', what)), undefined);
    }
    this.#end(done, value);
  }

  #fail(thrown: unknown): void {
    const reason = this.#departures?.mismatch ?? this.#stopped ?? thrown;
    this.#end(failed(reason), undefined);
  }

  #end(outcome: Outcome, value: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelLimit?.();
    this.#onEnd(outcome, value);
  }
}

const noRecords: readonly Recorded[] = [];
const done: Outcome = { ok: true, value: new Uint8Array(0) };

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
