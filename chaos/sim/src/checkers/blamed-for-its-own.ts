/**
 * No turn and no read is failed for a crash of its runner unless it was under as many crashes as it takes:
 * its own, or such as were nobody's. What another turn did at the same runner does not count.
 */
import { limits } from '@troupe/model';
import { callIdOf } from '@troupe/worker-node-core';
import type { MakeChecker } from './checker.ts';
import { failedBefore } from './truth.ts';

export const blamedForItsOwn: MakeChecker = (truth, violate) => {
  const crashes = new Map<string, number>();
  const told = (callId: string): number => crashes.get(callId) ?? 0;
  return {
    crashed(callIds) {
      for (const callId of callIds) crashes.set(callId, told(callId) + 1);
    },
    turnFact(fact) {
      if (fact.kind !== 'turn' || fact.outcome.ok || fact.cause.kind === 'upgrade') return;
      const { code, message } = fact.outcome.failure;
      // Else it is told what became of a call of its own.
      const isOwn = message.includes(`the runner of ${fact.actor} crashed`);
      if (code !== 'RUNNER_CRASHED' || !isOwn) return;
      const count = told(callIdOf(fact.actor, fact.birth, fact.cause, failedBefore(truth, fact)));
      if (count >= limits.turnCrashesMax) return;
      violate(
        `turn ${fact.seq} of ${fact.actor} fails for crashes, ${count} of which were its own`,
      );
    },
  };
};
