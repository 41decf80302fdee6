/** When the faults are over, everything that was asked comes to its end. */
import type { MakeChecker } from './checker.ts';

const shownMax = 5;

export const progress: MakeChecker = (_truth, violate) => ({
  atRest({ unfinished }) {
    if (unfinished.length === 0) return;
    const shown = unfinished.slice(0, shownMax).join('; ');
    const more = unfinished.length - Math.min(shownMax, unfinished.length);
    violate(`not finished long after the last fault: ${shown}${more > 0 ? `; ${more} more` : ''}`);
  },
});
