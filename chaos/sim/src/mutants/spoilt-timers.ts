/** Deliberate faults in what becomes of the timers of actors. */
import type { TimerNews } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { NodeFact } from '@troupe/worker-node-core';
import type { World } from '../world/world.ts';

/** What whoever leads next remembers of timers. */
export function rememberedTimers(world: World, fact: SchedulerFact): SchedulerFact {
  if (fact.kind !== 'timers-told') return fact;
  if (world.mutant === 'successor-hurries-timers') {
    const decisions = fact.decisions.map((one) =>
      'due' in one && one.due > fact.ledMs
        ? { ...one, due: fact.ledMs + (one.due - fact.ledMs) / 3 }
        : one,
    );
    return { ...fact, decisions };
  }
  if (world.mutant === 'successor-forgets-timers') {
    const decisions = fact.decisions.map((one) =>
      one.kind === 'set' ? { ...one, due: one.due + forgottenMs } : one,
    );
    return { ...fact, decisions };
  }
  return fact;
}

/** Beyond the end of any run. */
const forgottenMs = 10_000_000;

/** A firing is recorded twice, as if it had been said to be due to two of its kind. */
export function recordedTwice(facts: readonly NodeFact[]): readonly NodeFact[] {
  return facts.flatMap((fact) =>
    fact.kind === 'turn' && fact.cause.kind === 'timer'
      ? [fact, { ...fact, seq: fact.seq + 1 }]
      : [fact],
  );
}

/** What the leader hears of how long a timer has to wait: of one that is told again, next to nothing. */
export function hurried(news: readonly TimerNews[]): readonly TimerNews[] {
  return news.map((one) =>
    one.kind === 'set' && one.restMs !== undefined ? { ...one, restMs: one.restMs / 2 } : one,
  );
}
