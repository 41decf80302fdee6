/**
 * A call whose values are taken as its method yields them. It is a call under an id of its own, so it
 * begins once however often it is asked for, and whoever has the id can take from any position that is
 * still kept: after the client was cut off, and in another process.
 *
 *   next() ──values at hand──▶ value
 *     │ none
 *     └──▶ take from `position`, again until there is a value ──▶ values, or the end
 *
 * T1  each position is given once, in order, without a gap; what comes twice on the way is passed over.
 * T2  values count as taken when those before them were given to user code: one answer is under way, or
 *     at hand, at a time.
 */
import { decodeValue, limits, TroupeError, troupeError } from '@troupe/model';
import { checkWhole } from './definition.ts';
import type { Platform } from './platform.ts';
import { failureOfMessage } from './wire/failures.ts';
import type { TakeRequest, TakeResponse } from './wire/messages.ts';
import { asUnknown, type Unary } from './wire/unary.ts';

/** Shorter than the time after which an actor forgets the call: what is asked for from position 0 on would
 *  begin anew. */
const silentMsMax = 600_000;
/** For so long without an answer it is asked for again, whatever is said of it. */
const patienceMs = 60_000;
const backoffMs = 200;

/** What a method yields, and what it returns in the end. It begins when it is first asked for a value,
 *  or for the reply. Whoever leaves it early does not end the method. */
export interface ActorStream<Y, R> extends AsyncIterable<Y> {
  /** `{ stream: id, from: position }` goes on elsewhere. */
  readonly id: string;
  /** Of the value that comes next. */
  readonly position: number;
  /** What the method returned. Values that were not asked for are passed over. */
  reply(): Promise<R>;
  [Symbol.asyncIterator](): AsyncIterator<Y, R, undefined>;
}

export interface StreamOrder {
  readonly request: Omit<TakeRequest, 'from' | 'idempotencyKey' | 'deadlineMs'>;
  readonly id: string;
  /** In messages: `stream 7f3a`. */
  readonly name: string;
  readonly from: number;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
  readonly platform: Platform;
}

type Step<Y, R> = IteratorResult<Y, R>;

export function streamOf<Y, R>(unary: Unary, order: StreamOrder): ActorStream<Y, R> {
  return new TakenStream<Y, R>(unary, order);
}

class TakenStream<Y, R> implements ActorStream<Y, R> {
  readonly id: string;
  readonly #unary: Unary;
  readonly #order: StreamOrder;
  readonly #platform: Platform;
  /** Milliseconds of the machine at the last answer, or when it began. */
  #heardAt: number | undefined;
  /** Until when it must be accepted: milliseconds of this process's own clock. */
  #acceptBy = 0;
  #position: number;
  /** The last answer, and which of its values comes next. */
  #values: readonly Uint8Array[] = [];
  #at = 0;
  #ended: { readonly value: R } | undefined;
  /** It was asked for from the start, and not refused: whoever refuses that later has not heard of it. */
  #mayRun = false;
  /** The step that was asked for last: the next one follows it. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(unary: Unary, order: StreamOrder) {
    checkWhole('from', order.from, 0);
    this.#unary = unary;
    this.#order = order;
    this.#platform = order.platform;
    this.id = order.id;
    this.#position = order.from;
  }

  get position(): number {
    return this.#position;
  }

  async reply(): Promise<R> {
    for (;;) {
      const step = await this.#next();
      if (step.done === true) return step.value;
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<Y, R, undefined> {
    return {
      next: () => this.#next(),
      // Whoever leaves it may come back to it.
      return: async () => ({ done: true, value: undefined as R }),
    };
  }

  /** Steps follow one another, also when several are asked for at once (T1). */
  #next(): Promise<Step<Y, R>> {
    const step = this.#last.then(() => this.#step());
    this.#last = step.catch(() => undefined);
    return step;
  }

  async #step(): Promise<Step<Y, R>> {
    for (;;) {
      this.#checkWanted();
      const value = this.#values[this.#at];
      if (value !== undefined) {
        this.#at += 1;
        this.#position += 1;
        return { done: false, value: decodeValue(value) as Y };
      }
      if (this.#ended !== undefined) return { done: true, value: this.#ended.value };
      const answer = await this.#answer();
      if (answer === undefined) continue;
      this.#heardAt = this.#platform.sinceBoot();
      this.#take(answer);
    }
  }

  /** Undefined: it may be asked for again, and should. */
  async #answer(): Promise<TakeResponse | undefined> {
    if (this.#heardAt === undefined) {
      this.#heardAt = this.#platform.sinceBoot();
      this.#acceptBy = this.#platform.now() + this.#order.deadlineMs;
    }
    if (this.#position === 0 && this.#silentMs > silentMsMax) {
      const what = `nothing was heard of ${this.#order.name} for ${silentMsMax} ms`;
      throw troupeError('OUTCOME_UNKNOWN', what, { stream: this.id });
    }
    try {
      const answer = await this.#ask();
      this.#mayRun = this.#position === 0;
      return answer;
    } catch (thrown) {
      this.#mayRun ||= this.#position === 0 && isUnknown(thrown);
      // Under one id it is the same stream: that nobody knows what became of the question is no harm.
      const goesOn = isOpen(thrown) || (this.#mayRun && isPassing(thrown));
      if (!goesOn || this.#silentMs > patienceMs) throw this.#mayRun ? asUnknown(thrown) : thrown;
    }
    await new Promise<void>((go) => this.#platform.after(backoffMs, go));
    return undefined;
  }

  get #silentMs(): number {
    return this.#platform.sinceBoot() - (this.#heardAt ?? 0);
  }

  #take({ position, values, ended, value, error }: TakeResponse): void {
    if (error !== null) throw new TroupeError(failureOfMessage(error));
    if (ended) {
      this.#ended = { value: decodeValue(value) as R };
      return;
    }
    const known = this.#position - position;
    // An answer to somebody else who takes here; ours comes when it is asked for again.
    this.#values = known < 0 ? [] : values;
    this.#at = Math.max(0, known);
  }

  #ask(): Promise<TakeResponse> {
    const { request, id, deadlineMs } = this.#order;
    const from = this.#position;
    const leftMs = Math.max(1, Math.ceil(this.#acceptBy - this.#platform.now()));
    const asked = {
      ...request,
      idempotencyKey: id,
      from,
      deadlineMs: from === 0 ? leftMs : deadlineMs,
    };
    // From a position above 0 on nothing begins by it.
    const options = { waitMs: limits.takeMs, begins: from === 0 };
    return this.#wanted(this.#unary.ask('ActorsService/Take', asked, options));
  }

  /** The answer, unless nobody wants it any more. */
  #wanted<T>(answer: Promise<T>): Promise<T> {
    const { signal } = this.#order;
    if (signal === undefined) return answer;
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(this.#aborted());
      signal.addEventListener('abort', abort, { once: true });
      answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  #checkWanted(): void {
    if (this.#order.signal?.aborted === true) throw this.#aborted();
  }

  #aborted(): Error {
    const { id } = this;
    const { name } = this.#order;
    const what = `${name} was left at position ${this.#position} (aborted); its method goes on`;
    return troupeError('CANCELLED', what, { stream: id, position: this.#position });
  }
}

function isOpen(thrown: unknown): boolean {
  return isUnknown(thrown) || (thrown instanceof TroupeError && thrown.code === 'UNAVAILABLE');
}

function isUnknown(thrown: unknown): boolean {
  return thrown instanceof TroupeError && thrown.code === 'OUTCOME_UNKNOWN';
}

/** There is nobody just now who could answer, such as a leader. */
function isPassing(thrown: unknown): boolean {
  return thrown instanceof TroupeError && thrown.retryable && thrown.outcome === 'none';
}
