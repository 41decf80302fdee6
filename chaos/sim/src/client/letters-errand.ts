/** What an operator does with dead letters: finds them, delivers some anew and discards others. */
import {
  type ActorId,
  type Answer,
  decodeValue,
  discardMethod,
  encodeValue,
  lettersMethod,
  type Outcome,
  type RequestBody,
  redeliverMethod,
  tenantName,
} from '@troupe/model';
import { tenant } from '../node/program.ts';
import type { Operation } from '../plan/load.ts';
import { outcomeOf } from './gang-errand.ts';

type LettersOperation = Extract<Operation, { kind: 'letters' }>;

interface Ways {
  ask(body: RequestBody, answered: (answer: Answer) => void): void;
  call(
    asked: {
      readonly actor: ActorId;
      readonly birth: number;
      readonly method: string;
      readonly numbers: readonly number[];
    },
    answered: (outcome: Outcome) => void,
  ): void;
  end(outcome: Outcome): void;
}

type Whose = readonly { readonly actor: string; readonly birth: number }[];

const listedMax = 5;
const done: Outcome = { ok: true, value: encodeValue(null) };

export function beginLetters({ actor, manner }: LettersOperation, ways: Ways): void {
  if (actor !== undefined) {
    return ways.ask({ kind: 'get-actor', actor }, (answer) => {
      if (answer.kind === 'actor') each([answer.actor]);
      else ways.end(outcomeOf(answer) ?? done);
    });
  }
  const list = { kind: 'list-dead-letters', tenant: tenantName(tenant), limit: listedMax } as const;
  ways.ask(list, (answer) => {
    if (answer.kind === 'dead-letters') each(answer.actors);
    else ways.end(outcomeOf(answer) ?? done);
  });

  /** One actor after the other. */
  function each([first, ...others]: Whose): void {
    if (first === undefined) return ways.end(done);
    const of = { actor: first.actor as ActorId, birth: first.birth };
    ways.call({ ...of, method: lettersMethod, numbers: [] }, (outcome) => {
      if (!outcome.ok) return each(others);
      const { letters } = decodeValue(outcome.value) as { letters: { number: number }[] };
      treat(
        of,
        letters.map(({ number }) => number),
        () => each(others),
      );
    });
  }

  function treat(
    of: { readonly actor: ActorId; readonly birth: number },
    [number, ...others]: readonly number[],
    then: () => void,
  ): void {
    if (number === undefined) return then();
    const discards = manner === 'discard' || (manner === 'both' && number % 2 === 0);
    const method = discards ? discardMethod : redeliverMethod;
    ways.call({ ...of, method, numbers: [number] }, () => treat(of, others, then));
  }
}
