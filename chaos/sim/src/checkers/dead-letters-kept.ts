/**
 * A letter whose turn fails is tried as often as its sender asked, none too early, and is then dead; what
 * is dead stays so until a turn that delivers it anew has ended well, or it is discarded, and is shown to
 * whoever asks for it meanwhile. None is pushed out. Read from the facts alone.
 */
import {
  type ActorId,
  decodeValue,
  type Failure,
  lettersMethod,
  limits,
  sameBytes,
} from '@troupe/model';
import type { NodeFact } from '@troupe/worker-node-core';
import { idIn } from '../node/form.ts';
import { decodeArgs } from '../node/program.ts';
import type { Answered, MakeChecker } from './checker.ts';
import { Decided, isEarly } from './decided.ts';

type TurnFact = Extract<NodeFact, { kind: 'turn' }>;
type LetterFact = TurnFact & { readonly cause: { readonly kind: 'letter' } };

interface Tried {
  readonly letter: number;
  readonly attempts: number;
  /** The failed turn came no sooner than this. */
  readonly since: number;
  readonly nights: number;
  readonly waitMs: number;
}

interface Ledger {
  readonly dead: Map<number, { readonly args: Uint8Array }>;
  readonly tried: Map<string, Tried>;
  next: number;
  discards: number;
}

export const deadLettersKept: MakeChecker = (truth, violate) => {
  const ledgers = new Map<ActorId, Ledger>();
  const decided = new Decided(truth.now);

  return {
    turnFact(fact, _log, { id }) {
      decided.note(id);
      if (fact.kind === 'barrier' || !truth.actors.has(fact.actor)) return;
      // The next one of its name has none of its letters.
      if (fact.kind === 'actor-ended') ledgers.delete(fact.actor);
      if (fact.kind === 'letter-discarded') discarded(fact);
      if (fact.kind !== 'turn') return;
      if (fact.redelivers !== undefined) redelivered(fact, fact.redelivers);
      if (isOfLetter(fact)) letterEnded(fact, id);
    },
    answered(answer) {
      const { operation, outcome } = answer;
      if (operation.kind !== 'letter-call' || operation.method !== lettersMethod) return;
      if (outcome.ok) shown(operation.actor, answer, decodeValue(outcome.value) as Shown);
    },
  };

  function ledgerOf(actor: ActorId): Ledger {
    const known = ledgers.get(actor);
    if (known !== undefined) return known;
    const ledger: Ledger = { dead: new Map(), tried: new Map(), next: 1, discards: 0 };
    ledgers.set(actor, ledger);
    return ledger;
  }

  function letterEnded(fact: LetterFact, record: string): void {
    const { actor, cause, outcome, letterEnd } = fact;
    const ledger = ledgerOf(actor);
    const sender = `${cause.from}#${cause.fromBirth}`;
    const before = ledger.tried.get(sender);
    const what = `letter ${cause.number} of ${cause.from} to ${actor}`;
    if (before !== undefined && before.letter !== cause.number) {
      violate(`${what} ends while letter ${before.letter} is to be tried again`);
    }
    if (before !== undefined && truth.nights === before.nights) {
      const waited = truth.now() - before.since;
      if (isEarly(waited, before.waitMs)) {
        violate(`${what} is tried again after ${waited} of ${before.waitMs} ms`);
      }
    }
    ledger.tried.delete(sender);
    if (outcome.ok) return;
    if (letterEnd === undefined)
      return violate(`${what} fails, and is neither dead nor tried again`);
    const attempts = (before?.attempts ?? 0) + 1;
    const sent = truth.lettersOf(cause.from, cause.fromBirth, actor)[cause.number - 1];
    const { retries = 0, backoffMs = [] } = sent?.tries ?? {};
    const isFinal = isOwn(outcome.failure, actor);
    const isOver = isFinal || attempts > retries;
    const isFull = ledger.dead.size >= limits.deadLettersMax;
    if (letterEnd.kind === 'dead') {
      if (!isOver) violate(`${what} is dead after ${attempts} of ${retries + 1} tries`);
      if (isFull) violate(`${what} is dead where ${ledger.dead.size} are`);
      if (letterEnd.attempts !== attempts) {
        violate(`${what} is dead after ${letterEnd.attempts} attempts, it had ${attempts}`);
      }
      if (sent !== undefined && !sameBytes(sent.args, letterEnd.args))
        violate(`${what} has changed`);
      ledger.dead.set(ledger.next, { args: letterEnd.args });
      ledger.next += 1;
      return;
    }
    if (isOver && !isFull)
      violate(`${what} is tried again after ${attempts} of ${retries + 1} tries`);
    const waitMs = isOver ? limits.deadRoomMs : (backoffMs[attempts - 1] ?? backoffMs.at(-1) ?? 0);
    ledger.tried.set(sender, {
      letter: cause.number,
      attempts,
      since: decided.at(record),
      nights: truth.nightsBefore,
      waitMs,
    });
  }

  function redelivered({ actor, outcome, delta }: TurnFact, number: number): void {
    const { dead } = ledgerOf(actor);
    const letter = dead.get(number);
    if (letter === undefined) {
      return violate(`${actor} delivers letter ${number} anew, which is not dead`);
    }
    const meant = decodeArgs(letter.args).id;
    if (delta !== undefined && idIn(delta) !== meant) {
      violate(`${actor} takes ${idIn(delta)} as dead letter ${number}, ${meant}`);
    }
    if (outcome.ok) dead.delete(number);
  }

  function discarded(fact: Extract<NodeFact, { kind: 'letter-discarded' }>): void {
    const ledger = ledgerOf(fact.actor);
    if (fact.number !== ledger.discards + 1) {
      violate(`discard ${fact.number} of ${fact.actor} follows discard ${ledger.discards}`);
    }
    ledger.discards = fact.number;
    if (ledger.dead.delete(fact.letter)) return;
    violate(`${fact.actor} discards letter ${fact.letter}, which is not dead`);
  }

  /** What was dead before it was asked and is so when it is answered is on the list. */
  function shown(actor: ActorId, { deadBefore = [], bornBefore }: Answered, page: Shown): void {
    const known = truth.actors.get(actor);
    // Of one that has ended since nothing is kept here.
    if (known?.birth !== bornBefore || known?.endedAt !== undefined) return;
    const ledger = ledgerOf(actor);
    const numbers = page.letters.map(({ number }) => number);
    for (const number of numbers) {
      if (number >= ledger.next) violate(`${actor} shows dead letter ${number}, which never was`);
    }
    if (page.next !== undefined) return;
    for (const number of deadBefore) {
      if (!ledger.dead.has(number) || numbers.includes(number)) continue;
      violate(`${actor} does not show its dead letter ${number}`);
    }
  }
};

interface Shown {
  readonly letters: readonly { readonly number: number }[];
  readonly next?: number;
}

function isOfLetter(fact: TurnFact): fact is LetterFact {
  return fact.cause.kind === 'letter';
}

/** Not tried again by itself, unless it is only what another actor came to. */
function isOwn({ code, details }: Failure, actor: string): boolean {
  if (code === 'TIME_LIMIT') return details?.['actor'] === actor;
  const isFinal = code === 'RUNNER_CRASHED' || code === 'COMPENSATION_FAILED';
  return isFinal && (details?.['actor'] ?? actor) === actor;
}
