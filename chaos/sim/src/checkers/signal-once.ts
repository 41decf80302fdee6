/**
 * A signal that was taken is given to one wait of its name, the oldest first, and is kept until then,
 * also when the wait that it was given to has lost a race; a wait does not end without a signal while
 * there is one, nor before its limit. Read from the facts alone.
 */
import { type Recorded, sameBytes } from '@troupe/model';
import type { NodeFact } from '@troupe/worker-node-core';
import type { MakeChecker } from './checker.ts';
import { Decided, isEarly } from './decided.ts';

type Wait = Extract<Recorded, { kind: 'wait' }>;
type RecordedFact = Extract<NodeFact, { kind: 'turn-recorded' }>;

interface Signal {
  readonly number: number;
  readonly name: string;
  readonly value: Uint8Array;
}

interface Waited {
  readonly since: number;
  readonly nights: number;
}

interface Ledger {
  count: number;
  kept: Signal[];
  /** What waits of the present turn were given, by ordinal. */
  readonly given: Map<number, Signal>;
  readonly waits: Map<number, Waited>;
}

export const signalOnce: MakeChecker = (truth, violate) => {
  const ledgers = new Map<string, Ledger>();
  const decided = new Decided(truth.now);

  return {
    turnFact(fact, _log, { id }) {
      decided.note(id);
      if (fact.kind === 'barrier' || !truth.actors.has(fact.actor)) return;
      const ledger = ledgers.get(fact.actor) ?? fresh();
      ledgers.set(fact.actor, ledger);
      if (fact.kind === 'signalled') {
        const { number, name, value } = fact;
        if (number !== ledger.count + 1) {
          violate(`signal ${number} of ${fact.actor} follows signal ${ledger.count}`);
        }
        ledger.count = number;
        ledger.kept.push({ number, name, value });
      } else if (fact.kind === 'turn-recorded') {
        if (fact.recorded.kind === 'wait') waited(ledger, fact, fact.recorded, id);
        if ('lost' in fact.recorded) giveBack(ledger, fact.recorded.lost);
      } else if (fact.kind === 'actor-ended') {
        // The next one of its name has no signals of it.
        ledgers.delete(fact.actor);
      } else if (fact.kind === 'turn') {
        ledger.given.clear();
        ledger.waits.clear();
      }
    },
  };

  function waited(ledger: Ledger, fact: RecordedFact, wait: Wait, record: string): void {
    const { ordinal, name, outcome, signal } = wait;
    if (outcome === undefined) {
      ledger.waits.set(ordinal, { since: decided.at(record), nights: truth.nightsBefore });
      return;
    }
    const oldest = ledger.kept.find((one) => one.name === name);
    if (signal !== undefined) {
      const fits =
        oldest?.number === signal && outcome.ok && sameBytes(outcome.value, oldest.value);
      if (!fits || oldest === undefined) {
        return violate(
          `a wait of ${fact.actor} for ${name} is given signal ${signal}, the oldest is ${oldest?.number}`,
        );
      }
      ledger.kept = ledger.kept.filter((one) => one !== oldest);
      ledger.given.set(ordinal, oldest);
      return;
    }
    if (outcome.ok) violate(`a wait of ${fact.actor} for ${name} has a value without a signal`);
    if (outcome.ok || outcome.failure.code !== 'NO_SIGNAL') return;
    if (oldest !== undefined) {
      violate(`a wait of ${fact.actor} for ${name} ends without signal ${oldest.number}`);
    }
    const { since = 0, nights = 0 } = ledger.waits.get(ordinal) ?? {};
    const took = truth.now() - since;
    if (nights !== truth.nights || !isEarly(took, wait.limitMs ?? 0)) return;
    violate(`a wait of ${fact.actor} for ${name} ends after ${took} of ${wait.limitMs} ms`);
  }
};

function giveBack(ledger: Ledger, lost: readonly number[]): void {
  for (const ordinal of lost) {
    const signal = ledger.given.get(ordinal);
    if (signal !== undefined) ledger.kept.push(signal);
    ledger.given.delete(ordinal);
  }
  ledger.kept.sort((left, right) => left.number - right.number);
}

function fresh(): Ledger {
  return { count: 0, kept: [], given: new Map(), waits: new Map() };
}
