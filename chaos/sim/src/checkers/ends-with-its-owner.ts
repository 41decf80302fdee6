/**
 * An actor that is owned ends with its owner, and not before: not while that lives and nobody wished it, and none
 * is made for an owner that has ended.
 */
import type { MakeChecker } from './checker.ts';
import type { Owned } from './owners.ts';

export const endsWithItsOwner: MakeChecker = ({ owners }, violate) => ({
  journalFact(fact) {
    if (fact.kind === 'actor-created') {
      const { actor, owner } = fact;
      // A session is taken for alive by whoever has not heard of it.
      if (owner === undefined || owner.kind === 'session' || !owners.isOver(owner)) return;
      return violate(`${actor} is made for ${JSON.stringify(owner)}, which has ended`);
    }
    if (fact.kind !== 'actor-wished' || fact.wish !== 'ending') return;
    const owned = owners.get(fact.actor);
    if (owned === undefined || owners.isAsked(fact.actor) || owners.isOver(owned.owner)) return;
    violate(`${textOf(owned)} is ended, and its owner is not`);
  },
  atRest() {
    for (const owned of owners.orphans()) violate(`${textOf(owned)} outlives its owner`);
  },
});

function textOf({ actor, birth, owner }: Owned): string {
  return `${actor} #${birth}, owned by ${JSON.stringify(owner)},`;
}
