/** Looks on like a checker and notes which interesting states timers of actors were in. */
import type { Coverage } from '../world/coverage.ts';
import type { Checker } from './checker.ts';
import type { Truth } from './truth.ts';

export function timerSights(truth: Truth, coverage: Coverage): Checker {
  /** By actor and number: in which term and epoch a timer was set. */
  const set = new Map<string, { readonly terms: number; readonly epoch: number }>();
  let terms = 0;
  return {
    journalFact(fact) {
      if (fact.kind === 'term-opened') terms += 1;
    },
    turnFact(fact) {
      if (fact.kind !== 'turn') return;
      const { actor, cause, epoch, timers = [] } = fact;
      const book = truth.actors.get(actor)?.memory.timers;
      if (cause.kind === 'timer') {
        const before = set.get(`${actor} ${cause.number}`);
        if (before !== undefined && before.terms < terms) {
          coverage.reach('a timer fires after a takeover');
        }
        if (before !== undefined && before.epoch < epoch) {
          coverage.reach('a timer fires where its actor moved to');
        }
        if (cause.firing > 1) coverage.reach('a timer comes again');
        if (book?.get(cause.number)?.to !== undefined) coverage.reach('a delayed letter leaves');
      }
      let number = book?.nextNumber ?? 1;
      for (const change of timers) {
        if (change.kind !== 'set') continue;
        set.set(`${actor} ${number}`, { terms, epoch });
        number += 1;
      }
    },
  };
}
