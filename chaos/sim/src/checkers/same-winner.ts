/** Who won a race stands: a turn that ran again came to the same, and what lost is not done once that
 *  is recorded. */
import { decodeValue } from '@troupe/model';
import type { MakeChecker } from './checker.ts';
import { causeKey } from './truth.ts';

export const sameWinner: MakeChecker = (truth, violate) => {
  /** Winners of the races of each begun turn, by ordinal. */
  const won = new Map<string, Map<number, number>>();
  const lost = new Set<string>();
  return {
    turnFact(fact) {
      if (fact.kind === 'turn-recorded') {
        const actor = truth.actors.get(fact.actor);
        const { recorded } = fact;
        if (actor?.memory.begun === undefined || !('lost' in recorded)) return;
        const cause = causeKey(actor.memory.begun.cause);
        for (const ordinal of recorded.lost) {
          lost.add(`${actor.id}#${actor.birth}/${cause}/${ordinal}`);
        }
        if (recorded.kind !== 'race' || !recorded.outcome.ok) return;
        const winners = won.get(fact.actor) ?? new Map<number, number>();
        const winner = Number(decodeValue(recorded.outcome.value));
        const known = winners.get(recorded.ordinal);
        if (known !== undefined) {
          violate(
            `race ${recorded.ordinal} of ${fact.actor} is decided twice: ${known}, ${winner}`,
          );
        }
        won.set(fact.actor, winners.set(recorded.ordinal, winner));
      } else if (fact.kind === 'actor-ended') {
        won.delete(fact.actor);
      } else if (fact.kind === 'turn') {
        const winners = won.get(fact.actor);
        won.delete(fact.actor);
        if (winners === undefined || !fact.outcome.ok) return;
        const inOrder = [...winners].sort(([left], [right]) => left - right);
        const recorded = inOrder.map(([, winner]) => winner).join(' ');
        const told = winnersIn(decodeValue(fact.outcome.value)).join(' ');
        if (told === recorded) return;
        violate(
          `turn ${fact.seq} of ${fact.actor} went on with winners ${told}, recorded are ${recorded}`,
        );
      }
    },
    effect({ effect, actor, node }) {
      if (actor === undefined || truth.actors.get(actor)?.node !== node) return;
      if (lost.has(effect)) violate(`${effect} is done, which has lost its race`);
    },
  };
};

/** A program replies with its id and its results. */
function winnersIn(reply: unknown): readonly number[] {
  const [, results] = reply as [string, readonly unknown[]];
  return results.flatMap((one) =>
    typeof one === 'object' && one !== null && 'won' in one ? [Number(one.won)] : [],
  );
}
