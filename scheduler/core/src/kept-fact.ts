/** A fact as a follower keeps it: ids that stay in memory as long as what they name stand by themselves. */
import { ownText } from '@troupe/model';
import type { SchedulerFact } from './facts.ts';

export function keptFact(fact: SchedulerFact): SchedulerFact {
  if (fact.kind !== 'actor-created') return fact;
  const actor = ownText(fact.actor);
  return { ...fact, actor, scope: fact.scope === actor ? actor : ownText(fact.scope) };
}
