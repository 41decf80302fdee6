/**
 * Which configuration turns see: a turn that runs again sees what it was begun with, it is recorded with
 * what it saw, and what the turns of an actor see never goes back.
 */
import type { ActorId } from '@troupe/model';
import type { MakeChecker } from './checker.ts';
import { causeKey } from './truth.ts';

export const configuredAsBegun: MakeChecker = (truth, violate) => {
  /** Versions that runs of a turn saw before it was recorded that it had begun, by call id. */
  const seen = new Map<string, Set<number>>();
  const begunWith = new Map<string, number>();
  /** The latest that an ended turn saw. */
  const latest = new Map<ActorId, number>();
  /** Keys of letters that an actor has taken: another one under such a key is recorded and does not run. */
  const keys = new Set<string>();
  return {
    configured({ actor, callId, version, node }) {
      // One that was given up and does not know it yet may run what it had: none of it is ever recorded.
      if (truth.actors.get(actor)?.node !== node) return;
      const begun = begunWith.get(callId);
      if (begun === undefined) {
        seen.set(callId, (seen.get(callId) ?? new Set()).add(version));
      } else if (version !== begun) {
        violate(`${callId} was begun with configuration ${begun}, and runs again with ${version}`);
      }
    },
    turnFact(fact) {
      if (fact.kind === 'actor-ended') latest.delete(fact.actor);
      if (fact.kind !== 'turn' && fact.kind !== 'turn-begun') return;
      const { actor, cause, config = 0 } = fact;
      const birth = truth.actors.get(actor)?.birth;
      const callId = `${actor}#${birth}/${causeKey(cause)}`;
      const { idempotencyKey = '' } = fact;
      const key = idempotencyKey === '' ? undefined : `${actor}#${birth}/${idempotencyKey}`;
      const isKnown = key !== undefined && fact.kind === 'turn' && keys.has(key);
      if (key !== undefined && fact.kind === 'turn' && fact.outcome.ok) keys.add(key);
      const where = `turn ${fact.seq} of ${actor}`;
      const versions = seen.get(callId);
      // Of a turn that fails for a crash, or is a letter that waited, no run is known; one under a key that was taken
      // since it ran is recorded without a run.
      const isRun =
        versions !== undefined && !isKnown && (fact.kind === 'turn-begun' || fact.outcome.ok);
      if (isRun && !versions.has(config)) {
        const saw = [...versions].join(', ');
        violate(`${where} is recorded with configuration ${config}, its runs saw ${saw}`);
      }
      if (fact.kind === 'turn-begun') begunWith.set(callId, config);
      else {
        if (isRun) {
          const before = latest.get(actor) ?? 0;
          if (config < before) {
            violate(`${where} sees configuration ${config}, one before it saw ${before}`);
          }
          latest.set(actor, Math.max(before, config));
        }
        seen.delete(callId);
        begunWith.delete(callId);
      }
    },
  };
};
