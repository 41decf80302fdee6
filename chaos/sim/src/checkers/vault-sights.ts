/** Which interesting states going back in time leads to. */
import { isVault, vaultScope } from '../plan/vaults.ts';
import type { Coverage } from '../world/coverage.ts';
import type { Checker } from './checker.ts';
import type { Truth } from './truth.ts';

const moves = 'a scope goes back while an actor of it moves';

export function vaultSights({ vaults, wished }: Truth, coverage: Coverage): Checker {
  return {
    journalFact(fact) {
      switch (fact.kind) {
        case 'actor-migrating':
          if (isVault(fact.actor) && vaults.isUnderWay) coverage.reach(moves);
          return;
        case 'term-opened':
          if (vaults.isUnderWay) coverage.reach('a scope goes back across a takeover');
          return;
        case 'node-dying':
          if (vaults.isUnderWay) coverage.reach('a node dies while a scope goes back');
          return;
        case 'rewind-begun':
          if (fact.scope !== vaultScope) return;
          if ([...vaults.all.values()].some(({ begun }) => begun !== undefined)) {
            coverage.reach('an actor is held while a turn of it has begun');
          }
          if ([...wished.keys()].some(isVault)) coverage.reach(moves);
          return;
        case 'scope-rewound':
          if (Object.keys(fact.owed).length > 0) {
            coverage.reach('letters in transit are sent again after a scope went back');
          }
          return;
        default:
      }
    },
  };
}
