/** Looks on like a checker and notes which interesting states letters that fail were in. */
import type { ActorId } from '@troupe/model';
import { isPostbox } from '../node/program.ts';
import type { Coverage } from '../world/coverage.ts';
import type { Checker } from './checker.ts';
import type { Truth } from './truth.ts';

export function letterSights(truth: Truth, coverage: Coverage): Checker {
  /** Under which epoch a letter was tried last, and one died. */
  const tried = new Map<string, number>();
  const died = new Map<ActorId, number>();
  return {
    turnFact(fact) {
      if (fact.kind === 'letter-discarded') coverage.reach('a dead letter is discarded');
      if (fact.kind !== 'turn') return;
      const { actor, epoch, cause, outcome, letterEnd, redelivers, idempotencyKey, delta } = fact;
      if (idempotencyKey !== undefined && outcome.ok && delta === undefined) {
        coverage.reach('a letter whose key is known runs nothing');
      }
      if (redelivers !== undefined && outcome.ok) {
        coverage.reach('a dead letter is delivered anew');
        if ((died.get(actor) ?? epoch) < epoch) {
          coverage.reach('a dead letter outlives a failover');
        }
      }
      if (redelivers !== undefined && !outcome.ok) coverage.reach('a dead letter fails again');
      if (cause.kind === 'timer' && isPostbox(actor)) {
        coverage.reach('a delayed letter of a client leaves');
      }
      if (cause.kind !== 'letter') return;
      if (isPostbox(cause.from)) coverage.reach('a letter of a client is taken');
      const letter = `${actor} ${cause.from}#${cause.fromBirth} ${cause.number}`;
      const before = tried.get(letter);
      if (before !== undefined && before < epoch) {
        coverage.reach('a letter is tried again after a failover');
      }
      if (before !== undefined && outcome.ok) coverage.reach('a letter that failed ends well');
      if (letterEnd?.kind === 'again') {
        tried.set(letter, epoch);
        const state = letterEnd.full
          ? 'a letter waits for room among the dead'
          : 'a letter is tried again';
        coverage.reach(state);
        // Those of its sender that came after it wait.
        const sent = truth.lettersOf(cause.from, cause.fromBirth, actor).length;
        if (sent > cause.number) coverage.reach('letters wait behind one that is tried again');
      }
      if (letterEnd?.kind === 'dead') died.set(actor, epoch);
    },
  };
}
