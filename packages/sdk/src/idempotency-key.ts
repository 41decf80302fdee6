/** Idempotency keys of calls and letters as users say them. */
import { idempotencyKeyFault, isIdempotencyKey, limits, troupeError } from '@troupe/model';

/** Undefined when none is said; throws at what is none. */
export function idempotencyKeyOf(what: string, given: unknown): string | undefined {
  if (given === undefined || isIdempotencyKey(given)) return given;
  const { idempotencyKeyLengthMax: lengthMax } = limits;
  throw troupeError('INVALID_ARGUMENT', idempotencyKeyFault(what), {
    argument: 'idempotencyKey',
    lengthMax,
  });
}
