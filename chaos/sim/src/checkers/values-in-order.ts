/**
 * What a method yields is recorded once for each position, without a gap, whichever run of its turn
 * yields it; whoever takes is given what is recorded, in order, and the end after the last value. Read
 * from the facts, from what nodes say and from what clients have in the end.
 */
import { type ActorId, type CallResult, decodeValue, sameBytes, takenIn } from '@troupe/model';
import type { MakeChecker } from './checker.ts';
import { causeKey } from './truth.ts';

type Values = readonly Uint8Array[];

export const valuesInOrder: MakeChecker = (truth, violate) => {
  /** By actor and cause, of each birth: a call that one never ran may run at the next. */
  const streams = new Map<string, Map<number, Uint8Array[]>>();
  const recordedOf = (actor: ActorId, cause: string): readonly Values[] => {
    const recorded = streams.get(`${actor} ${cause}`);
    return recorded === undefined ? [[]] : [...recorded.values()];
  };
  return {
    turnFact(fact) {
      if (fact.kind !== 'turn-yielded') return;
      const actor = truth.actors.get(fact.actor);
      const begun = actor?.memory.begun;
      if (actor === undefined) return;
      if (begun?.seq !== fact.seq) {
        return violate(`${fact.actor} yields in turn ${fact.seq}, which has not begun`);
      }
      const stream = `${actor.id} ${causeKey(begun.cause)}`;
      const births = streams.get(stream) ?? new Map<number, Uint8Array[]>();
      const values = births.get(actor.birth) ?? [];
      if (fact.position !== values.length) {
        return violate(`position ${fact.position} of ${stream} follows ${values.length} values`);
      }
      // A program yields each name once.
      const name = nameIn(fact.value);
      if (values.some((value) => nameIn(value) === name)) violate(`${stream} yields ${name} twice`);
      values.push(fact.value);
      births.set(actor.birth, values);
      streams.set(stream, births);
    },
    sent(from, _subject, message) {
      if (!('kind' in message) || message.kind !== 'call-result') return;
      const { actor, session, number, outcome, taking } = message as CallResult;
      if (!outcome.ok) {
        // Nothing here yields so much that it could not be kept.
        if (outcome.failure.code === 'STREAM_BEHIND')
          violate(`${from}: ${outcome.failure.message}`);
        return;
      }
      if (taking !== true) return;
      const cause = `${session}:${number}`;
      const { position, values, end } = takenIn(outcome.value);
      const isRight = recordedOf(actor, cause).some((recorded) =>
        end === undefined ? isPart(recorded, position, values) : position === recorded.length,
      );
      if (isRight) return;
      const what = end === undefined ? `${values.length} values at` : 'the end at';
      violate(`${from} gives ${what} position ${position} of ${actor} ${cause}, not the recorded`);
    },
    tookAll({ actor, cause, values }) {
      const isAll = recordedOf(actor, cause).some(
        (recorded) => recorded.length === values.length && isPart(recorded, 0, values),
      );
      if (!isAll) violate(`${cause} has taken ${values.length} values of ${actor}, not all`);
    },
  };
};

function nameIn(value: Uint8Array): string {
  const [name] = decodeValue(value) as [string];
  return name;
}

function isPart(recorded: Values, position: number, values: Values): boolean {
  return values.every((value, at) => {
    const known = recorded[position + at];
    return known !== undefined && sameBytes(known, value);
  });
}
