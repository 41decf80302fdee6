/**
 * Letters to one actor that have failed: how often those were tried that are tried again, and those that
 * are dead. It changes by turns and discards alone, live and at replay.
 *
 * LB1  the number of a dead letter is never used again.
 * LB2  of a sender at most one letter is tried again, the first that is not taken.
 * LB3  a dead letter stays until a turn that delivers it anew has ended well, or it is discarded.
 *
 * `now` is monotonic ms of this node: what is read back from facts has failed now, so that no try comes
 * too early.
 */
import {
  assert,
  type Bytes,
  type DeadLetter,
  type DeadLettersView,
  type Failure,
  limits,
  type Outcome,
} from '@troupe/model';
import type { LetterEnd, TurnCause } from './facts.ts';

/** A letter whose last turn has failed, and that is not taken. */
interface Tried {
  readonly letter: number;
  /** Turns that have failed. */
  readonly attempts: number;
  /** It has had all its tries, and waits for room among the dead. */
  readonly full: boolean;
  /** Monotonic ms of this node. */
  readonly dueAt: number;
}

/** As they stand in a checkpoint. */
export interface StoredLetterBook {
  readonly next: number;
  readonly discards: number;
  readonly dead: readonly DeadLetter[];
  /** Sender, letter, attempts, full, ms until it is due. */
  readonly tried: readonly (readonly [string, number, number, boolean, number])[];
}

/** What is known of the dead letters of an actor that is not in memory. */
export type DeadSummary = Omit<DeadLettersView, 'actor' | 'birth'> | 'none';

interface EndedLetter {
  readonly cause: Extract<TurnCause, { kind: 'letter' }>;
  readonly method: string;
  readonly outcome: Outcome;
  readonly letterEnd?: LetterEnd;
  readonly idempotencyKey?: string;
  readonly at: number;
}

/** Of the text of a failure as it is kept, and in a list of actors. */
const keptLengthMax = 2_000;
const listedLengthMax = 200;

export class LetterBook {
  #next = 1;
  #discards = 0;
  readonly #dead = new Map<number, DeadLetter>();
  #bytes = 0;
  readonly #tried = new Map<string, Tried>();

  /** Letters have failed, whatever has become of them. */
  get isUsed(): boolean {
    return this.#next > 1 || this.#tried.size > 0;
  }

  get count(): number {
    return this.#dead.size;
  }

  /** Dead letters that were ever discarded. */
  get discards(): number {
    return this.#discards;
  }

  get(number: number): DeadLetter | undefined {
    return this.#dead.get(number);
  }

  /** The oldest first, from beyond this number. */
  *after(number: number): Iterable<DeadLetter> {
    for (const letter of this.#dead.values()) if (letter.number > number) yield letter;
  }

  /** How often a letter has failed that is tried again. */
  attempts(sender: string, letter: number): number {
    const tried = this.#tried.get(sender);
    return tried?.letter === letter ? tried.attempts : 0;
  }

  /** Room for so many letters more, with so many bytes of arguments. */
  hasRoom(letters: number, bytes: number): boolean {
    const { deadLettersMax, deadLetterBytesMax } = limits;
    return this.count + letters <= deadLettersMax && this.#bytes + bytes <= deadLetterBytesMax;
  }

  /** A letter will be tried again, and was not due yet at that time. */
  isWaiting(at: number): boolean {
    for (const { dueAt } of this.#tried.values()) if (dueAt > at) return true;
    return false;
  }

  /** For how long it is not to be tried yet; undefined when it may be. */
  heldMs(sender: string, letter: number, args: Bytes, now: number): number | undefined {
    const tried = this.#tried.get(sender);
    if (tried?.letter !== letter) return undefined;
    if (now < tried.dueAt) return tried.dueAt - now;
    return tried.full && !this.hasRoom(1, args.length) ? limits.deadRoomMs : undefined;
  }

  /** The turn of a letter is there. */
  ended(sender: string, ended: EndedLetter, now: number): void {
    const { cause, method, outcome, letterEnd, idempotencyKey, at } = ended;
    const { from, fromBirth, number: letter } = cause;
    if (letterEnd?.kind === 'again') {
      const attempts = this.attempts(sender, letter) + 1;
      const dueAt = now + letterEnd.waitMs;
      this.#tried.set(sender, { letter, attempts, full: letterEnd.full === true, dueAt });
      return;
    }
    this.#tried.delete(sender);
    if (letterEnd === undefined || outcome.ok) return;
    const { attempts, args } = letterEnd;
    const failure = shortened(outcome.failure);
    this.#keep({
      number: this.#next,
      from,
      fromBirth,
      letter,
      method,
      args,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      attempts,
      failure,
      at,
    });
    this.#next += 1;
  }

  /** LB3 */
  redelivered(number: number, outcome: Outcome): void {
    const letter = this.#dead.get(number);
    assert(letter !== undefined, 'LB3: a dead letter stays while it is delivered anew');
    if (outcome.ok) return this.#drop(number);
    const attempts = letter.attempts + 1;
    this.#dead.set(number, { ...letter, attempts, failure: shortened(outcome.failure) });
  }

  discard(discard: number, number: number): void {
    this.#discards = discard;
    this.#drop(number);
  }

  summary(): DeadSummary {
    const [oldest] = this.#dead.values();
    const newest = [...this.#dead.values()].at(-1);
    if (oldest === undefined || newest === undefined) return 'none';
    const { number, from, method, attempts, failure, at } = newest;
    const message = failure.message.slice(0, listedLengthMax);
    const last = { number, from, method, attempts, code: failure.code, message, at };
    return { count: this.count, oldestAt: oldest.at, last };
  }

  store(now: number): StoredLetterBook {
    const tried = [...this.#tried].map(([sender, { letter, attempts, full, dueAt }]) => {
      return [sender, letter, attempts, full, Math.max(0, dueAt - now)] as const;
    });
    return { next: this.#next, discards: this.#discards, dead: [...this.#dead.values()], tried };
  }

  static from(stored: StoredLetterBook | undefined, now: number): LetterBook {
    const book = new LetterBook();
    if (stored === undefined) return book;
    book.#next = stored.next;
    book.#discards = stored.discards;
    for (const letter of stored.dead) book.#keep(letter);
    for (const [sender, letter, attempts, full, restMs] of stored.tried) {
      book.#tried.set(sender, { letter, attempts, full, dueAt: now + restMs });
    }
    return book;
  }

  /** After its scope went back: of what came from inside of it, what had failed then; from elsewhere also what
   *  has failed since, as that stays taken. What was delivered anew or discarded since is dead again. Numbers
   *  go on (LB1). */
  static rewound(
    former: LetterBook,
    present: LetterBook,
    isInside: (sender: string) => boolean,
  ): LetterBook {
    const book = new LetterBook();
    book.#next = Math.max(former.#next, present.#next);
    book.#discards = Math.max(former.#discards, present.#discards);
    const isFromElsewhere = ({ from, fromBirth }: DeadLetter) => !isInside(`${from}#${fromBirth}`);
    const later = [...present.#dead.values()].filter(isFromElsewhere);
    const all = new Map([...former.#dead.values(), ...later].map((one) => [one.number, one]));
    for (const letter of all.values()) book.#keep(letter);
    for (const [sender, tried] of former.#tried)
      if (isInside(sender)) book.#tried.set(sender, tried);
    for (const [sender, tried] of present.#tried)
      if (!isInside(sender)) book.#tried.set(sender, tried);
    return book;
  }

  #keep(letter: DeadLetter): void {
    this.#dead.set(letter.number, letter);
    this.#bytes += letter.args.length;
  }

  #drop(number: number): void {
    this.#bytes -= this.#dead.get(number)?.args.length ?? 0;
    this.#dead.delete(number);
  }
}

function shortened({ code, message }: Failure): Failure {
  return { code, message: message.slice(0, keptLengthMax) };
}
