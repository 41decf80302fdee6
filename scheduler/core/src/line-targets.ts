/** To where a scope is asked to go back, or shown to. */
import {
  type ActorId,
  type Failure,
  failure,
  type Line,
  type LineTarget,
  type TenantName,
} from '@troupe/model';
import type { State } from './state.ts';

/** The bound of a survey, or why there is none. */
export function boundOf(
  { savepoints, actors }: State,
  { tenant, scope, to }: { tenant: TenantName; scope: string; to: LineTarget },
): ((actor: ActorId) => number | undefined) | Failure {
  if ('savepoint' in to) {
    const named = savepoints.get(tenant, scope, to.savepoint);
    if (named !== undefined) return (actor) => named.line[actor] ?? 0;
    const what = `scope "${scope}" has no savepoint "${to.savepoint}"`;
    return failure('UNKNOWN_SAVEPOINT', what, { scope });
  }
  if (actors.get(to.actor)?.scope === scope) {
    return (actor) => (actor === to.actor ? to.turn : undefined);
  }
  const what = `actor "${to.actor}" is not in scope "${scope}"`;
  return failure('INVALID_ARGUMENT', what, { actor: to.actor });
}

/** The line that was found leaves out what it was to reach. */
export function missed(to: LineTarget, line: Line): Failure | undefined {
  if (!('actor' in to)) return undefined;
  const reached = line[to.actor] ?? 0;
  if (reached === to.turn) return undefined;
  const what = `no line has turn ${to.turn} of ${to.actor} before it, the last one has turn ${reached}`;
  return failure('WRONG_STATE', `${what}: there is no such turn, or who awaits it has not ended`);
}
