/** Priorities go by name. What the names weigh is decided here and nowhere else. */
import { type Failure, failure } from '@troupe/model';

export type Priority = 'low' | 'normal' | 'high';

export const priorities: readonly Priority[] = ['high', 'normal', 'low'];

export function priorityWeight(priority: Priority): number {
  if (priority === 'high') return 3;
  return priority === 'normal' ? 2 : 1;
}

/** What is wrong with what somebody gave as a priority, if anything. */
export function priorityFault(given: unknown): Failure | undefined {
  if (priorities.some((name) => name === given)) return undefined;
  const what = `priority ${JSON.stringify(given)} is not a name; say "high", "normal" or "low"`;
  return failure('INVALID_ARGUMENT', what);
}
