/** How what user code returned or threw becomes an outcome that can be recorded. */
import {
  type Bytes,
  boundedFailure,
  encodeValue,
  type Failure,
  type FailureDetails,
  failure,
  isErrorCode,
  limits,
  type Outcome,
  TroupeError,
  troupeError,
} from '@troupe/model';
import { revealed } from './revealed.ts';

/** Packs a user's value; `what` names it in a refusal, as in `reply.sockets[0]`. */
export function encodePayload(value: unknown, what: string): Bytes {
  return encodeWithin(value, what, limits.payloadBytesMax);
}

/** The same of an output, which may go to the object store. */
export function encodeOutput(value: unknown): Bytes {
  return encodeWithin(value, 'output', limits.objectBytesMax);
}

function encodeWithin(value: unknown, what: string, bytesMax: number): Bytes {
  const bytes = encodeValue(value, what);
  revealed.check(bytes, what);
  if (bytes.length <= bytesMax) return bytes;
  const text = `${what} has ${bytes.length} bytes, ${bytesMax} are allowed`;
  throw troupeError('TOO_LARGE', text, { bytes: bytes.length, bytesMax });
}

/** The failure that a thing thrown by user code stands for, in a size that can be recorded. */
export function failureOfUser(thrown: unknown): Failure {
  return boundedFailure(withoutSecrets(asFailure(thrown)));
}

function withoutSecrets(given: Failure): Failure {
  const message = revealed.scrub(given.message);
  if (given.details === undefined) return { code: given.code, message };
  const details = Object.entries(given.details).map(([name, value]) => {
    return [name, typeof value === 'string' ? revealed.scrub(value) : value] as const;
  });
  return { code: given.code, message, details: Object.fromEntries(details) };
}

/** A bundle has its own copy of `TroupeError`, which is known by its name and code. */
function asFailure(thrown: unknown): Failure {
  if (thrown instanceof TroupeError) return thrown.toFailure();
  if (!(thrown instanceof Error)) return failure('USER_ERROR', `threw ${textOf(thrown)}`);
  const { code, details } = thrown as { code?: unknown; details?: unknown };
  if (thrown.name === 'TroupeError' && typeof code === 'string' && isErrorCode(code)) {
    const { message } = thrown;
    return isDetails(details) ? { code, message, details } : { code, message };
  }
  const known: FailureDetails =
    typeof code === 'string' || typeof code === 'number' ? { code, name: thrown.name } : {};
  const cause = thrown.cause === undefined ? '' : ` (cause: ${textOf(thrown.cause)})`;
  return failure('USER_ERROR', `${textOf(thrown)}${cause}`, known);
}

export function failed(thrown: unknown): Outcome {
  return { ok: false, failure: failureOfUser(thrown) };
}

function textOf(thrown: unknown): string {
  if (thrown instanceof Error) return `${thrown.name}: ${thrown.message}`.toWellFormed();
  if (typeof thrown === 'string') return JSON.stringify(thrown);
  try {
    return String(thrown);
  } catch {
    return `a ${typeof thrown}`;
  }
}

function isDetails(details: unknown): details is FailureDetails {
  if (typeof details !== 'object' || details === null) return false;
  return Object.values(details).every(
    (value) => typeof value === 'string' || typeof value === 'number',
  );
}
