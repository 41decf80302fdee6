/** Idempotency keys of letters as users say them. */
import { limits, troupeError } from '@troupe/model';

/** Undefined when none is said; throws at what is none. */
export function idempotencyKeyOf(what: string, given: unknown): string | undefined {
  if (given === undefined) return undefined;
  const most = limits.idempotencyKeyLengthMax;
  if (typeof given === 'string' && given !== '' && given.length <= most && !unfit.test(given)) {
    return given;
  }
  const text =
    `the idempotencyKey of ${what} must be a string of 1 to ${most} characters ` +
    'without control characters and halves of characters';
  throw troupeError('INVALID_ARGUMENT', text, { argument: 'idempotencyKey', lengthMax: most });
}

/** What is half of a pair has no form in UTF-8: two keys would become one. */
const unfit = /[\p{Cc}\p{Surrogate}]/u;
