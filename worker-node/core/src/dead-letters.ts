/**
 * Letters whose turns fail: tried again as was asked for, and then dead.
 *
 *   letter ──▶ turn fails ──▶ tries left? ──yes──▶ not taken; its sender says it again, when the wait is over
 *                                │ no                  ▲
 *                                ▼                     │ no
 *                         room among the dead? ────────┘
 *                                │ yes
 *                                ▼
 *                              dead ──▶ delivered anew by a turn that ends well, or discarded
 *
 * U1  a letter that fails is not taken before it is dead: nothing of it is lost in between.
 * U2  no letter is handed over behind one of the same sender that might be tried again.
 * U3  what crashes its runners, or could not be undone, is not tried again by itself.
 * U4  a dead letter is delivered anew by one turn at a time, and is not discarded meanwhile.
 */
import {
  type AskDeadLetters,
  type Bytes,
  type Call,
  clockChanges,
  type DeadLetter,
  type DeadLettersFound,
  type DeadLettersOfActor,
  type DeadLetterView,
  decodeValue,
  discardMethod,
  encodeValue,
  failure,
  type Letter,
  type LetterTries,
  lettersMethod,
  letterTriesDefault,
  limits,
  mergeClocks,
  type Outcome,
  unlimitedRetries,
} from '@troupe/model';
import type { Activation, Input } from './activation.ts';
import type { Core } from './core.ts';
import type { LetterEnd } from './facts.ts';
import { typeOf } from './hosting.ts';
import type { DeadSummary } from './letter-book.ts';
import { applyDiscard, senderOf, signalled } from './memory.ts';
import { costsRunners, isHalfUndone } from './own-failures.ts';

/** Once the time is over its sender has said it again after one `resendMs`, or two when that was lost. */
const saidAgainTimes = 3;

/** Letters on one page, and the bytes of arguments that it shows; those of a larger letter are left out. */
const pageMax = 100;
const pageBytesMax = 256 * 1024;
const shownBytesMax = 16 * 1024;

/** What a call about dead letters comes to: an answer, or a turn that delivers this one. */
export type LetterCall =
  | { readonly kind: 'answer'; readonly outcome: Outcome }
  | { readonly kind: 'refuse'; readonly outcome: Outcome }
  | { readonly kind: 'deliver'; readonly letter: DeadLetter };

export class DeadLetters {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** For how long a letter is not taken: its sender keeps it, and need not say it before. Undefined when
   *  it may be tried. */
  heldMs({ memory }: Activation, { from, fromBirth, number, args }: Letter): number | undefined {
    const sender = senderOf(from, fromBirth);
    return memory?.letters.heldMs(sender, number, args, this.#core.now);
  }

  /** A letter will be tried again. Out of memory the time that it waits for that would not pass, so its actor stays
   *  there until the sender, which says it anew every `resendMs`, has had time to do so. */
  isAwaited({ memory }: Activation): boolean {
    const { now, config } = this.#core;
    return memory?.letters.isWaiting(now - saidAgainTimes * config.resendMs) === true;
  }

  /** U2 */
  mustWait(activation: Activation, { cause }: Input): boolean {
    const { dispatched, memory } = activation;
    if (cause.kind !== 'letter') return false;
    const before = dispatched.filter(({ input }) => isOfSender(input, cause));
    if (before.length === 0) return false;
    // When it fails there may be no room for it among the dead.
    const bytes = dispatched.reduce((sum, { input }) => sum + input.args.length, 0);
    if (memory?.letters.hasRoom(dispatched.length, bytes) !== true) return true;
    return before.some(({ input }) => {
      return this.failedBefore(activation, input) < this.#triesOf(activation, input).retries;
    });
  }

  /** How often it has failed before. */
  failedBefore({ memory }: Activation, { cause }: Pick<Input, 'cause'>): number {
    if (cause.kind !== 'letter') return 0;
    return memory?.letters.attempts(senderOf(cause.from, cause.fromBirth), cause.number) ?? 0;
  }

  /** What the end of a turn makes of its letter; undefined when it is simply taken. */
  endOf(activation: Activation, input: Input, outcome: Outcome): LetterEnd | undefined {
    const { cause, args } = input;
    if (outcome.ok || cause.kind !== 'letter') return undefined;
    const { retries, backoffMs } = this.#triesOf(activation, input);
    const failed = this.failedBefore(activation, input);
    const { failure: reason } = outcome;
    const isFinal = costsRunners(reason, activation) || isHalfUndone(reason, activation);
    if (failed < retries && !isFinal) {
      const waitMs = backoffMs[failed] ?? backoffMs.at(-1) ?? 0;
      const least = retries === unlimitedRetries ? limits.unlimitedBackoffMsMin : 0;
      return { kind: 'again', waitMs: Math.max(waitMs, least) };
    }
    if (activation.memory?.letters.hasRoom(1, args.length) === true) {
      return { kind: 'dead', attempts: failed + 1, args };
    }
    return { kind: 'again', waitMs: limits.deadRoomMs, full: true };
  }

  /** Its turn has been appended: what its sender has sent after it comes anew, behind it. */
  onEnd(activation: Activation, { cause }: Input, end: LetterEnd | undefined): void {
    if (cause.kind !== 'letter' || end === undefined) return;
    const { id } = activation;
    const what = `letter ${cause.number} of ${cause.from} to ${id}`;
    if (end.kind === 'dead') return this.#log(`${what} is dead: troupe letters dead ${id}`);
    if (end.full === true) this.#log(`${what} waits for room among the dead letters of ${id}`);
    activation.queuedLetters.delete(senderOf(cause.from, cause.fromBirth));
    const left = activation.mailbox.filter((input) => !isOfSender(input, cause));
    activation.mailbox.splice(0, activation.mailbox.length, ...left);
  }

  /** A call of a method of dead letters, of a live actor. */
  onCall(activation: Activation, call: Call): LetterCall {
    const given = numbersIn(call.args);
    if (given === undefined) {
      const what = `${call.method} of ${activation.id} needs whole numbers`;
      return refused(failure('INVALID_ARGUMENT', what));
    }
    const [number = 0, limit = pageMax] = given;
    if (call.method === lettersMethod) {
      return { kind: 'answer', outcome: pageAnswer(pageOf(activation, number, limit)) };
    }
    const letter = activation.memory?.letters.get(number);
    if (letter === undefined) {
      const what = `actor ${activation.id} has no dead letter ${number}`;
      return refused(failure('UNKNOWN_LETTER', what, { actor: activation.id }));
    }
    if (isUnderWay(activation, number)) {
      const what = `dead letter ${number} of ${activation.id} is being delivered anew`;
      return refused(failure('WRONG_STATE', what, { actor: activation.id }));
    }
    if (call.method !== discardMethod) return { kind: 'deliver', letter };
    this.#discard(activation, call, number);
    return { kind: 'answer', outcome: signalled };
  }

  onAsk({ ask, tenant, type, after = '', limit }: AskDeadLetters): void {
    const start = type === undefined ? `${tenant}/` : `${tenant}/${type}/`;
    const found: { activation: Activation; dead: Exclude<DeadSummary, 'none'> }[] = [];
    let unread = 0;
    let letters = 0;
    for (const activation of this.#core.actors.values()) {
      // Those of one that is being destroyed go with it.
      if (!activation.id.startsWith(start) || activation.phase === 'ending') continue;
      const dead = activation.memory?.letters.summary() ?? activation.deadWhenLeft;
      if (dead === undefined) unread += 1;
      if (dead === undefined || dead === 'none') continue;
      letters += dead.count;
      found.push({ activation, dead });
    }
    const actors = found
      .filter(({ activation }) => activation.id > after)
      .sort((left, right) => (left.activation.id < right.activation.id ? -1 : 1))
      .slice(0, Math.min(limit, limits.listedDeadMax))
      .map(({ activation: { id: actor, birth, epoch }, dead }) => ({
        actor,
        birth,
        epoch,
        ...dead,
      }));
    const { incarnation } = this.#core.config;
    const message: DeadLettersFound = {
      kind: 'dead-letters-found',
      incarnation,
      ask,
      actors,
      total: found.length,
      letters,
      unread,
    };
    this.#core.out.send({ kind: 'to-leader', message });
  }

  #discard(activation: Activation, call: Call, letter: number): void {
    const { memory, id, epoch } = activation;
    if (memory === undefined) return;
    const known = call.scope === activation.scope ? call.clock : undefined;
    const fact = {
      kind: 'letter-discarded',
      actor: id,
      epoch,
      number: memory.letters.discards + 1,
      cause: { kind: 'call', ...call.caller },
      letter,
      clock: clockChanges(memory.clock, mergeClocks(memory.clock, known ?? {})),
    } as const;
    this.#core.turns.fact(activation, fact);
    applyDiscard(memory, fact, this.#core.now);
  }

  #triesOf(activation: Activation, { tries, method }: Input): LetterTries {
    const { bundle } = activation;
    const declared = this.#core.runners.letterTries(bundle, typeOf(activation), method);
    return tries ?? declared ?? letterTriesDefault;
  }

  #log(text: string): void {
    this.#core.out.work({ kind: 'log', level: 'warn', text });
  }
}

function pageOf({ memory }: Activation, after: number, limit: number): DeadLettersOfActor {
  const letters: DeadLetterView[] = [];
  const total = memory?.letters.count ?? 0;
  const most = Math.min(Math.max(limit, 1), pageMax);
  let bytes = 0;
  for (const letter of memory?.letters.after(after) ?? []) {
    if (letters.length === most || bytes > pageBytesMax) {
      return { letters, total, next: letters.at(-1)?.number ?? after };
    }
    const view = viewOf(letter);
    if (view.args !== undefined) bytes += view.bytes;
    letters.push(view);
  }
  return { letters, total };
}

function viewOf({ args, failure: reason, ...letter }: DeadLetter): DeadLetterView {
  const { code, message } = reason;
  const view = { ...letter, bytes: args.length, code, message };
  if (args.length > shownBytesMax) return view;
  return { ...view, args: decodeValue(args) as readonly unknown[] };
}

/** U4 */
function isUnderWay(activation: Activation, number: number): boolean {
  const { mailbox, dispatched, parked, memory } = activation;
  const is = (one: { readonly redelivers?: number } | undefined): boolean =>
    one?.redelivers === number;
  if (is(parked) || is(memory?.begun) || mailbox.some(is)) return true;
  return dispatched.some(({ input }) => is(input));
}

function isOfSender({ cause }: Input, sender: { from: string; fromBirth: number }): boolean {
  return (
    cause.kind === 'letter' && cause.from === sender.from && cause.fromBirth === sender.fromBirth
  );
}

function numbersIn(args: Bytes): readonly number[] | undefined {
  try {
    const given: unknown = decodeValue(args);
    if (!Array.isArray(given)) return undefined;
    const numbers = (given as readonly unknown[]).filter((one) => Number.isSafeInteger(one));
    return numbers.length === given.length ? (numbers as number[]) : undefined;
  } catch {
    // Told by whoever asked for numbers.
    return undefined;
  }
}

function pageAnswer(page: DeadLettersOfActor): Outcome {
  return { ok: true, value: encodeValue(page) };
}

function refused(reason: ReturnType<typeof failure>): LetterCall {
  return { kind: 'refuse', outcome: { ok: false, failure: reason } };
}
