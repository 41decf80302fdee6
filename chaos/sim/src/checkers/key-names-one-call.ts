/**
 * An idempotency key names one call, whoever asks for it, wherever, and after whatever: one turn is had under it, everybody
 * who asks for that is told what it came to, and whoever asks for something else is refused and has done nothing. Which of
 * them the key names is not said by who asked first, but by what is durable.
 */
import { errorTable, type Outcome } from '@troupe/model';
import type { ClientMessage } from '@troupe/virtual';
import { isDone } from './acknowledged-is-durable.ts';
import type { MakeChecker } from './checker.ts';
import { isKeyed, isSurelyKnown, type KeyedAsk, type KeyTruth } from './keyed-calls.ts';
import { sameOutcome } from './truth.ts';

/** Of whoever asks for the same under one key. */
interface Asking {
  open: number;
  /** Somebody was not told that nothing was done. */
  mayBeDone: boolean;
}

export const keyNamesOneCall: MakeChecker = (truth, violate) => {
  const seen = new Set<KeyedAsk>();
  const asking = new Map<string, Asking>();
  const of = ({ name }: KeyTruth, print: string): Asking => {
    const known = asking.get(`${name} ${print}`) ?? { open: 0, mayBeDone: false };
    asking.set(`${name} ${print}`, known);
    return known;
  };
  /** All that asked for it were told that nothing was done. */
  const isRefused = ({ open, mayBeDone }: Asking): boolean => open === 0 && !mayBeDone;
  return {
    sent(_from, _subject, message) {
      if (!('kind' in message) || message.kind !== 'client-call') return;
      const { client, number } = message as ClientMessage & { kind: 'client-call' };
      const ask = truth.keyed.ask(client.slice('client:'.length), number);
      if (ask === undefined || seen.has(ask)) return;
      seen.add(ask);
      of(ask.key, ask.print).open += 1;
    },
    turnFact(fact) {
      if (fact.kind !== 'turn-begun' && fact.kind !== 'turn') return;
      if (!isKeyed(fact.cause) || !truth.actors.has(fact.actor)) return;
      const { session, print } = fact.cause;
      const key = truth.keyed.key(fact.actor, session);
      const before = key.turns.at(-1);
      if (print === undefined || !key.prints.has(print)) {
        return violate(`${key.name} has a turn of "${print}", for which nobody has asked`);
      }
      if (isRefused(of(key, print))) {
        violate(`${key.name} has a turn of "${print}" after all that asked for it were refused`);
      }
      const goesOn = before?.outcome === undefined && before?.print === print;
      if (before === undefined || goesOn || !isSurelyKnown(before, truth)) return;
      violate(`${key.name} has a turn of "${print}", it had one of "${before.print}" before`);
    },
    answered({ operation, client, ask: number, outcome }) {
      if (operation.kind !== 'keyed') return;
      const ask = truth.keyed.ask(client, number);
      if (ask === undefined) return;
      const { key, print } = ask;
      const own = of(key, print);
      own.open -= 1;
      if (outcome.ok || errorTable[outcome.failure.code].outcome !== 'none') own.mayBeDone = true;
      const fault = faultOf(ask, outcome, isRefused(own));
      if (fault !== undefined)
        violate(`${client}, who asked for "${print}" under ${key.name}, ${fault}`);
    },
  };

  function faultOf(
    { key, print, before }: KeyedAsk,
    outcome: Outcome,
    refused: boolean,
  ): string | undefined {
    const turns = key.turns.filter((turn) => turn.print === print);
    if (isDone(outcome)) {
      const isHad = turns.some((turn) => turn.outcome && sameOutcome(turn.outcome, outcome));
      return isHad ? undefined : 'is told what no such turn has come to';
    }
    if (refused && turns.length > 0) return 'is refused like all others, and it was run';
    if (outcome.ok || outcome.failure.code !== 'ALREADY_EXISTS') return undefined;
    if (key.prints.size === 1) return 'is refused for another call, and there is none';
    const isOwn = before?.print === print && isSurelyKnown(before, truth);
    return isOwn ? 'is refused for another call, and that is the one it names' : undefined;
  }
};
