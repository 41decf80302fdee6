/** A read shows durable turns only, in their order, and everything that was acknowledged to anybody
 *  before it was asked. */
import { decodeValue } from '@troupe/model';
import type { MakeChecker } from './checker.ts';

export const readsAreFresh: MakeChecker = (truth, violate) => ({
  answered({ operation, session, number, outcome, acknowledgedBefore, bornBefore }) {
    if (operation.kind === 'call' || operation.kind === 'keyed') {
      const actor = truth.actors.get(operation.actor);
      const turn = actor?.turns.get(`${session}:${number}`);
      if (actor === undefined || turn === undefined || turn.epoch < actor.birth) return;
      actor.acknowledged = Math.max(actor.acknowledged, turn.length);
      return;
    }
    if (operation.kind !== 'read' || !outcome.ok || operation.atTurn !== undefined) return;
    const seen = decodeValue(outcome.value) as readonly string[];
    const { ids = [], birth } = truth.actors.get(operation.actor) ?? {};
    // Another one has its name since it was asked: it may show the one or the other, and nothing older.
    if (birth !== bornBefore) {
      const shown = [...truth.statesSince(operation.actor, bornBefore ?? 0)];
      if (shown.some((state) => seen.every((id, index) => state[index] === id))) return;
      return violate(`${session}:${number} shows what no ${operation.actor} since it was asked is`);
    }
    if (seen.length < acknowledgedBefore) {
      violate(
        `${session}:${number} of ${operation.actor} shows ${seen.length} turns, ${acknowledgedBefore} were acknowledged before it was asked`,
      );
    }
    for (const [index, id] of seen.entries()) {
      if (ids[index] === id) continue;
      return violate(
        `${session}:${number} shows ${id}, which is not durable in ${operation.actor}`,
      );
    }
    const actor = truth.actors.get(operation.actor);
    if (actor !== undefined) actor.acknowledged = Math.max(actor.acknowledged, seen.length);
  },
});
