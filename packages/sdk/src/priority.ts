/** Priorities of calls and letters as users say them. */
import { type PriorityName, type SaidPriority, troupeError } from '@troupe/model';

/** What travels: nothing when it is normal. */
export function saidPriority(
  what: string,
  given: PriorityName | undefined,
): SaidPriority | undefined {
  if (given === undefined || given === 'normal') return undefined;
  if (given === 'low' || given === 'high') return given;
  const text = `priority of ${what} is ${JSON.stringify(given)}; it is low, normal or high`;
  throw troupeError('INVALID_ARGUMENT', text);
}
