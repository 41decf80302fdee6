/** Nothing leaves before it is durable: what a client was told, what an actor says to another, what a
 *  receiver acknowledges. */
import {
  type Call,
  type CallResult,
  errorTable,
  keySessionPrefix,
  type Letter,
  type LetterAck,
  type Outcome,
  takenIn,
} from '@troupe/model';
import type { MakeChecker } from './checker.ts';
import { sameOutcome, type Truth } from './truth.ts';

export const acknowledgedIsDurable: MakeChecker = (truth, violate) => ({
  sent(from, _subject, message) {
    const fault = faultOf(truth, message);
    if (fault !== undefined) violate(`${from} says ${fault}`);
  },
  answered({ operation, session, number, outcome }) {
    const { kind } = operation;
    if (kind !== 'call' && kind !== 'topic' && kind !== 'send' && kind !== 'stream') return;
    const fault = undurable(truth, { actor: operation.actor, session, number, outcome });
    if (fault !== undefined) violate(`${session} was told ${fault}`);
  },
});

function faultOf(truth: Truth, message: object): string | undefined {
  switch ('kind' in message ? message.kind : undefined) {
    case 'call-result': {
      const result = message as CallResult;
      if (result.taking !== true || !result.outcome.ok) return undurable(truth, result);
      // The values are another promise.
      const { end } = takenIn(result.outcome.value);
      return end === undefined ? undefined : undurable(truth, { ...result, outcome: end });
    }
    case 'letter':
      return unsentLetter(truth, message as Letter);
    case 'letter-ack':
      return untaken(truth, message as LetterAck);
    case 'call':
      return unbegun(truth, message as Call);
    default:
      return undefined;
  }
}

/** A result is that of a durable turn, unless it refuses, or is that of a read. */
function undurable(
  truth: Truth,
  result: { actor: string; session: string; number: number; outcome: Outcome },
): string | undefined {
  const { actor, session, number, outcome } = result;
  const known = truth.actors.get(actor as CallResult['actor'])?.turns.get(`${session}:${number}`);
  // A key that was forgotten in a night has had two turns; that is looked at by `key-names-one-call`.
  if (truth.nights > 0 && session.startsWith(keySessionPrefix)) return undefined;
  if (known !== undefined) {
    if (sameOutcome(known.outcome, outcome) || !isDone(outcome)) return undefined;
    return `another result of ${session}:${number} at ${actor} than the recorded one`;
  }
  if (!isDone(outcome) || session.endsWith('/reads')) return undefined;
  return `the result of ${session}:${number} at ${actor}, which is not durable`;
}

/** It says what a turn has come to. */
export function isDone(outcome: Outcome): boolean {
  if (outcome.ok) return true;
  const { code } = outcome.failure;
  // A cycle is refused by the actor that finds it, and recorded by the one that called; what lost a
  // race is cancelled before it runs, and nobody asks for it again.
  return errorTable[code].outcome === 'done' && code !== 'DEADLOCK' && code !== 'CANCELLED';
}

function unsentLetter(truth: Truth, letter: Letter): string | undefined {
  const sent = truth.lettersOf(letter.from, letter.fromBirth, letter.to)[letter.number - 1];
  if (sent !== undefined) return undefined;
  return `letter ${letter.number} of ${letter.from} to ${letter.to}, whose turn is not durable`;
}

function untaken(truth: Truth, ack: LetterAck): string | undefined {
  const taken = truth.actors.get(ack.to)?.memory.recv.get(`${ack.from}#${ack.fromBirth}`) ?? 0;
  if (ack.upTo <= taken) return undefined;
  return `that ${ack.to} has taken letter ${ack.upTo} of ${ack.from}, it has ${taken}`;
}

function unbegun(truth: Truth, { caller, path }: Call): string | undefined {
  if (!caller.session.startsWith('actor:')) return undefined;
  const id = path.at(-1);
  const actor = id === undefined ? undefined : truth.actors.get(id);
  const seq = Math.floor(caller.number / 65_536);
  if (actor === undefined || actor.memory.seq >= seq) return undefined;
  if (actor.memory.begun?.seq === seq) return undefined;
  return `a call in turn ${seq} of ${id}, which has not begun durably`;
}
