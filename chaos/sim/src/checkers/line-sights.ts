/** Which interesting states a line leads to. */
import type { AskTurns, Line, TurnsFound } from '@troupe/model';
import type { Coverage } from '../world/coverage.ts';
import type { Checker } from './checker.ts';
import type { Truth } from './truth.ts';

export function lineSights(_truth: Truth, coverage: Coverage): Checker {
  /** By round of questions. */
  const lines = new Map<number, Line>();
  return {
    journalFact(fact) {
      if (fact.kind === 'savepoint-made') coverage.reach('a savepoint is made');
    },
    sent(_from, _subject, message) {
      const kind = 'kind' in message ? message.kind : undefined;
      if (kind === 'ask-turns') {
        const { ask, line } = message as AskTurns;
        if (line !== undefined) lines.set(ask, line);
      }
      if (kind !== 'turns-found') return;
      const { ask, found } = message as TurnsFound;
      const line = lines.get(ask);
      if (line === undefined) return;
      if (found.some(({ actor, turn }) => typeof turn === 'number' && turn < (line[actor] ?? 0))) {
        coverage.reach('a line goes back behind a turn that was asked for');
      }
    },
  };
}
