/**
 * Of letters to one actor with one idempotency key one takes effect, the first whose turn ends well; the others
 * run nothing, and none does so before one has taken effect. Read from the facts alone.
 */
import { type ActorId, limits } from '@troupe/model';
import { idIn } from '../node/form.ts';
import type { MakeChecker } from './checker.ts';

interface Heard {
  /** Of what has taken effect. */
  readonly id: string | undefined;
  readonly at: number;
  readonly nights: number;
}

/** By whatever clock, a key is not forgotten sooner. */
const surelyKnownMs = limits.sessionMsMax / 2;

export const oneForEachKey: MakeChecker = (truth, violate) => {
  const known = new Map<ActorId, Map<string, Heard>>();
  return {
    turnFact(fact) {
      if (fact.kind === 'barrier' || !truth.actors.has(fact.actor)) return;
      if (fact.kind === 'actor-ended') known.delete(fact.actor);
      if (fact.kind !== 'turn') return;
      const { actor, cause, outcome, delta, idempotencyKey: key } = fact;
      if (cause.kind === 'letter') {
        const sent = truth.lettersOf(cause.from, cause.fromBirth, actor)[cause.number - 1];
        const meant = sent?.idempotencyKey;
        const what = `letter ${cause.number} of ${cause.from} to ${actor}`;
        if (sent !== undefined && meant !== key) violate(`${what} has key ${key}, not ${meant}`);
      }
      if (key === undefined || !outcome.ok) return;
      const keys = known.get(actor) ?? new Map<string, Heard>();
      known.set(actor, keys);
      const before = keys.get(key);
      const id = delta === undefined ? undefined : idIn(delta);
      if (id === undefined && before === undefined) {
        violate(`${actor} runs nothing for key ${key}, under which nothing has taken effect`);
      }
      const { at = 0, nights = -1 } = before ?? {};
      const isKnown = nights === truth.nights && truth.now() - at <= surelyKnownMs;
      if (id !== undefined && isKnown) {
        violate(
          `${actor} takes ${id} under key ${key}, under which ${before?.id} has taken effect`,
        );
      }
      keys.set(key, { id: id ?? before?.id, at: truth.now(), nights: truth.nights });
    },
  };
};
