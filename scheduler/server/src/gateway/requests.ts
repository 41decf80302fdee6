/**
 * What this gateway has asked of the leader and not been answered: numbered, resent until answered
 * (with growing pauses, and at once to a new leader), answered once.
 *
 * Q1  each copy is for one term. A refusal counts only when it is of the last term that a copy was for:
 *     what one leader refused, the next may have taken.
 * Q2  what may have been heard and would change something is never said to be surely undone because
 *     nobody answered.
 *
 * A request that waits for the end of something (a task) has no deadline of its own: it is given up
 * only when no leader was heard of at all since it was made, or this process stood still since.
 */
import type { Clock } from '@troupe/fabric';
import {
  type Address,
  type Answer,
  type Answered,
  failure,
  isReadOnly,
  limits,
  type Request,
  type RequestBody,
  TroupeError,
} from '@troupe/model';

export interface AskOptions {
  /** Monotonic ms; the default deadline from now when absent. */
  readonly deadlineAt?: number | undefined;
  /** Aborted: nobody waits any more. */
  readonly signal?: AbortSignal | undefined;
}

export interface RequestsStart {
  readonly clock: Clock;
  readonly replyTo: Address;
  readonly resendMs: number;
  readonly send: (request: Request) => void;
}

interface OpenRequest {
  readonly number: number;
  readonly body: RequestBody;
  readonly openedAt: number;
  readonly deadlineAt: number | undefined;
  /** Of the last copy; nothing is sent before a term is known. */
  forTerm: number | undefined;
  resendAt: number;
  pauseMs: number;
  settle(answer: Answer): void;
  reject(reason: unknown): void;
}

const pauseMsMax = 15_000;

export class Requests {
  readonly #start: RequestsStart;
  readonly #open = new Map<number, OpenRequest>();
  #number = 0;
  /** The last that was opened, as far as this gateway knows. */
  #term: number | undefined;
  #leaderHeardAt = Number.NEGATIVE_INFINITY;
  #sweepAt = Number.POSITIVE_INFINITY;
  #cancelSweep: (() => void) | undefined;

  constructor(start: RequestsStart) {
    this.#start = start;
    this.#armSweep();
  }

  get size(): number {
    return this.#open.size;
  }

  /** The leader's answer; a `failed` one is thrown. */
  async ask(body: RequestBody, options: AskOptions = {}): Promise<Answer> {
    const answer = await this.#ask(body, options);
    if (answer.kind === 'failed') throw new TroupeError(answer.failure);
    return answer;
  }

  onAnswered(answered: Answered): void {
    this.onLeaderHeard();
    const open = this.#open.get(answered.number);
    if (open === undefined) return;
    if (answered.answer.kind === 'failed' && answered.term.number !== open.forTerm) return;
    this.#open.delete(answered.number);
    open.settle(answered.answer);
  }

  /** A sign of life of whoever leads. */
  onLeaderHeard(): void {
    this.#leaderHeardAt = this.#start.clock.now();
  }

  /** A new leader knows nothing of what waits here. */
  onTerm(number: number): void {
    this.#term = number;
    this.resendAll();
  }

  /** Our connection is back. */
  resendAll(): void {
    for (const open of this.#open.values()) this.#send(open);
  }

  stop(): void {
    this.#sweepAt = Number.NEGATIVE_INFINITY;
    this.#cancelSweep?.();
  }

  #ask(body: RequestBody, options: AskOptions): Promise<Answer> {
    const number = ++this.#number;
    const { clock } = this.#start;
    const waits = body.kind === 'submit-task';
    const deadlineAt = waits
      ? options.deadlineAt
      : (options.deadlineAt ?? clock.now() + limits.deadlineMsDefault);
    return new Promise((resolve, reject) => {
      const open: OpenRequest = {
        number,
        body,
        openedAt: clock.now(),
        deadlineAt,
        forTerm: undefined,
        resendAt: 0,
        pauseMs: this.#start.resendMs / 2,
        settle: resolve,
        reject,
      };
      options.signal?.addEventListener('abort', () => {
        if (!this.#open.delete(number)) return;
        reject(new TroupeError(failure('CANCELLED', `the caller no longer waits (${body.kind})`)));
      });
      this.#open.set(number, open);
      this.#send(open);
      if (this.#leftMs(open) < this.#sweepAt - clock.now()) this.#armSweep();
    });
  }

  #send(open: OpenRequest): void {
    open.pauseMs = Math.min(open.pauseMs * 2, pauseMsMax);
    open.resendAt = this.#start.clock.now() + open.pauseMs;
    const { number, body } = open;
    const [low = number] = this.#open.keys();
    const forTerm = this.#term;
    if (forTerm === undefined) return;
    open.forTerm = forTerm;
    try {
      const { replyTo } = this.#start;
      this.#start.send({ kind: 'request', number, low, forTerm, replyTo, body });
    } catch (thrown) {
      // Too large to travel.
      this.#open.delete(number);
      open.reject(thrown);
    }
  }

  /** Each quarter of a resend, and just when a deadline has come: its caller soon stops waiting. */
  #armSweep(): void {
    const { clock, resendMs } = this.#start;
    let waitMs = resendMs / 4;
    for (const open of this.#open.values()) waitMs = Math.min(waitMs, this.#leftMs(open));
    this.#cancelSweep?.();
    this.#sweepAt = clock.now() + waitMs;
    this.#cancelSweep = clock.after(waitMs, () => {
      this.#sweep();
      this.#armSweep();
    });
  }

  #leftMs({ deadlineAt }: OpenRequest): number {
    if (deadlineAt === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(1, deadlineAt - this.#start.clock.now());
  }

  #sweep(): void {
    const now = this.#start.clock.now();
    for (const [number, open] of this.#open) {
      const reason = this.#expired(open, now);
      if (reason !== undefined) {
        this.#open.delete(number);
        open.reject(reason);
      } else if (open.resendAt <= now) this.#send(open);
    }
  }

  /** This process stood still: the leader may have forgotten what was asked before. */
  giveUpAll(): void {
    for (const [number, open] of this.#open) {
      this.#open.delete(number);
      const { kind } = open.body;
      const code = isReadOnly(kind) ? 'DEADLINE_EXCEEDED' : 'OUTCOME_UNKNOWN';
      const text = `this gateway stood still while it waited for the answer to "${kind}"`;
      open.reject(new TroupeError(failure(code, text)));
    }
  }

  #expired(open: OpenRequest, now: number): TroupeError | undefined {
    const { kind } = open.body;
    const heard = this.#leaderHeardAt >= open.openedAt;
    const patienceOver = now - open.openedAt > limits.deadlineMsDefault && !heard;
    const deadlineOver = open.deadlineAt !== undefined && open.deadlineAt <= now;
    if (!deadlineOver && !patienceOver) return undefined;
    const text = `no leader answered "${kind}" in time`;
    if (open.forTerm !== undefined && !isReadOnly(kind))
      return new TroupeError(failure('OUTCOME_UNKNOWN', text));
    return new TroupeError(failure(heard ? 'DEADLINE_EXCEEDED' : 'NO_LEADER', text));
  }
}
