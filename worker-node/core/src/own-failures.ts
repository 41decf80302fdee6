/**
 * Failures that an actor has by itself. A turn that fails with what another one came to, which it awaited, has
 * the code of that one too, but neither crashed nor could not be undone.
 *
 * O1  who is named by a failure has it by itself; one that names nobody is of a version that did not say.
 */
import type { Failure } from '@troupe/model';

interface Failing {
  readonly id: string;
}

/** Its turn has ended its runner, or had to be ended with it. */
export function costsRunners({ code, details }: Failure, { id }: Failing): boolean {
  if (code === 'RUNNER_CRASHED') return (details?.['actor'] ?? id) === id;
  return code === 'TIME_LIMIT' && details?.['actor'] === id;
}

/** What its turn did stands, in part. */
export function isHalfUndone({ code, details }: Failure, { id }: Failing): boolean {
  return code === 'COMPENSATION_FAILED' && (details?.['actor'] ?? id) === id;
}
