/**
 * One turn, read or task while it runs: its time limit, its signal, and its end.
 *
 * R1  a work ends once; whatever its user code does later has no effect and throws.
 * R2  when the limit expires the work ends at once, whether user code listens or not.
 * R3  a turn that fails and has something to undo ends when that is done; its user code is not heard
 *     any more meanwhile.
 * R4  a turn that has nothing to do but to wait is given up, without an end.
 * R5  a turn whose actor has left begins nothing any more, no compensation either, and has no end.
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
import { ProgressTold } from './progress-told.ts';
import type { Stream } from './stream.ts';
import { Undos } from './undos.ts';

export interface WorkFrame {
  readonly work: WorkId;
  readonly limitMs: number;
  readonly recorded?: readonly Recorded[];
}

export interface WorkOptions {
  readonly name: string;
  readonly emit: Emit;
  readonly after: After;
  /** Called once (R1), unless it is given up. `outcome` is the failure, or a placeholder for `value`
   *  when it is ok. */
  readonly onEnd: (outcome: Outcome, value: unknown) => void;
  /** User code has ended well: makes what it did count, or throws why that cannot be. */
  readonly onCommit?: (value: unknown) => void;
  /** It fails: undoes what it did, if there is anything to undo. */
  readonly onFail?: (work: Work, reason: unknown) => Promise<Outcome> | undefined;
  /** It is given up, for it only waits (R4). */
  readonly onWaits?: () => void;
}

export class Work {
  readonly id: WorkId;
  /** Names it in messages: `turn Counter/k.inc`. */
  readonly name: string;
  readonly #emit: Emit;
  readonly #after: After;
  readonly #recorded: readonly Recorded[];
  readonly limitMs: number;
  /** Where what it yields goes; a turn has one. */
  stream: Stream | undefined;
  readonly #options: WorkOptions;
  #departures: Departures | undefined;
  #undos: Undos | undefined;
  #progress: ProgressTold | undefined;
  #controller: AbortController | undefined;
  #cancelLimit: (() => void) | undefined;
  #stopped: TroupeError | undefined;
  #undoing = false;
  #looking = false;
  #ended = false;
  /** Side effects of steps that are under way. */
  #outside = 0;
  #pauses = 0;

  constructor(frame: WorkFrame, options: WorkOptions) {
    this.id = frame.work;
    this.name = options.name;
    this.#emit = options.emit;
    this.#after = options.after;
    this.#recorded = frame.recorded ?? noRecords;
    this.limitMs = frame.limitMs > 0 ? frame.limitMs : limits.turnLimitMs;
    this.#options = options;
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

  /** Waits, unless what it waits for is not wanted any more. */
  pause(ms: number, signal: AbortSignal): Promise<void> {
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

  /** Waits for what the node will say. */
  async waitsFor(word: Promise<void>): Promise<void> {
    this.#pauses += 1;
    try {
      await word;
    } finally {
      this.#pauses -= 1;
    }
  }

  /** A timer that goes by the same time as the limit. */
  after(ms: number, fire: () => void): () => void {
    return this.#after(ms, fire);
  }

  /** Made on first use, as is the signal: most turns never leave their actor. */
  get departures(): Departures {
    this.#departures ??= new Departures(this.id, this.#emit, this.#recorded, () => this.#look());
    return this.#departures;
  }

  get undos(): Undos {
    this.#undos ??= new Undos();
    return this.#undos;
  }

  tellProgress(share: number, text: string | undefined): void {
    this.#progress ??= new ProgressTold(this, this.#emit);
    this.#progress.tell(share, text);
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
    this.#cancelLimit = this.#after(this.limitMs, () => this.#expire());
    value.then(
      (result) => this.#finish(result),
      (thrown) => this.#fail(thrown),
    );
  }

  /** The caller no longer waits. User code hears it by its signal and by what it awaits of us. */
  cancel(): void {
    const stop = (): void => this.#stop(troupeError('CANCELLED', `${this.name} was cancelled`));
    // One that runs again comes first to where it was, so that what it had done can be undone.
    if (this.#recorded.length > 0) this.departures.whenAsked(stop);
    else stop();
  }

  /** Its actor is not here any more: a go that was on its way comes too late (R5). */
  leave(): void {
    if (this.#ended) return;
    this.#stop(troupeError('CANCELLED', `the actor of ${this.name} has left this runner`));
    this.#ended = true;
    this.#cancelLimit?.();
  }

  /** Throws when user code goes on after the end (R1). */
  checkOpen(use: string): void {
    if (this.#ended) {
      throw troupeError('WRONG_STATE', `${use} was used after ${this.name} had ended`);
    }
    if (this.#undoing) {
      const what = `${use} was used after ${this.name} had failed`;
      throw troupeError('WRONG_STATE', `${what}; a compensation calls actors by what it is given`);
    }
  }

  #expire(): void {
    const reason = troupeError(
      'TIME_LIMIT',
      `${this.name} ran longer than its limit of ${this.limitMs} ms`,
    );
    this.#stop(reason);
    this.#fail(reason);
  }

  /** It was found to crash its runners, and has come to where that may have been. */
  #halt(): void {
    const reason = troupeError('CANCELLED', `${this.name} is undone`);
    this.#stop(reason);
    this.#fail(reason);
  }

  #stop(reason: TroupeError): void {
    if (this.#ended || this.#undoing) return;
    this.#stopped ??= reason;
    this.#controller?.abort(this.#stopped);
    this.#departures?.abandon(this.#stopped);
  }

  #finish(value: unknown): void {
    if (this.#ended || this.#undoing) return;
    if (this.#departures === undefined && this.#recorded.length === 0) {
      return this.#commit(value);
    }
    const { mismatch, open, unasked, failed: record } = this.departures;
    if (mismatch !== undefined || record !== undefined) return this.#fail(mismatch);
    if (open.length > 0) {
      const what = `${this.name} ended without awaiting ${open.join(', ')}`;
      return this.#fail(troupeError('USER_ERROR', what));
    }
    if (unasked.length > 0) {
      const what = `${this.name} ended without ${unasked.join(', ')}, which its first run had`;
      return this.#fail(troupeError('STEP_MISMATCH', what));
    }
    this.#commit(value);
  }

  #commit(value: unknown): void {
    try {
      this.#options.onCommit?.(value);
    } catch (thrown) {
      return this.#fail(thrown);
    }
    this.#end(done, value);
  }

  #fail(thrown: unknown): void {
    if (this.#ended || this.#undoing) return;
    const departures = this.#recorded.length > 0 ? this.departures : this.#departures;
    const reason = departures?.mismatch ?? this.#stopped ?? thrown;
    const undone = this.#options.onFail?.(this, reason);
    if (undone === undefined) {
      return this.#end(departures?.failed?.outcome ?? failed(reason), undefined);
    }
    this.#undoing = true;
    this.#cancelLimit?.();
    undone.then(
      (outcome) => this.#end(outcome, undefined),
      (broken: unknown) => this.#end(failed(broken), undefined),
    );
  }

  /** Gives itself up when it only waits, once user code has asked for all that it asks now (R4). */
  #look(): void {
    if (this.#looking || this.#options.onWaits === undefined) return;
    this.#looking = true;
    this.#after(0, () => {
      this.#looking = false;
      if (this.#ended || this.#undoing) return;
      if (this.departures.halted) return this.#halt();
      if (this.#stopped !== undefined || !this.departures.onlyWaits) return;
      this.#ended = true;
      this.#cancelLimit?.();
      this.#options.onWaits?.();
    });
  }

  #end(outcome: Outcome, value: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelLimit?.();
    this.#options.onEnd(outcome, value);
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
