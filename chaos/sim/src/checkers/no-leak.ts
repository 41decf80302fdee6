/** When everything has come to rest, nothing is left in memory that only work put there, and what is
 *  referred to is there. */
import type { MakeChecker } from './checker.ts';

export const noLeak: MakeChecker = (_truth, violate) => ({
  atRest({ nodes, gateways, leaders, lost }) {
    for (const object of lost) violate(object);
    for (const { name, leaks } of [...nodes, ...leaders]) {
      if (leaks.length > 0) violate(`${name} at rest still has ${leaks.join(', ')}`);
    }
    for (const { name, open } of gateways) {
      if (open > 0) violate(`gateway ${name} at rest still waits for ${open} answers`);
    }
  },
});
