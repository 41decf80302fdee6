/** When the faults are over, everything that was asked comes to its end, and whoever asks then is
 *  served: an error does not do. */
import type { MakeChecker } from './checker.ts';

const shownMax = 5;

export const progress: MakeChecker = (_truth, violate) => ({
  answered({ client, operation, outcome }) {
    if (operation.last !== true || outcome.ok) return;
    const { code, message } = outcome.failure;
    const where = 'actor' in operation ? ` at ${operation.actor}` : '';
    violate(
      `${client} asks when nothing is wrong any more: ${operation.kind}${where}: ${code}: ${message}`,
    );
  },
  atRest({ unfinished }) {
    if (unfinished.length === 0) return;
    const shown = unfinished.slice(0, shownMax).join('; ');
    const more = unfinished.length - Math.min(shownMax, unfinished.length);
    violate(`not finished long after the last fault: ${shown}${more > 0 ? `; ${more} more` : ''}`);
  },
});
