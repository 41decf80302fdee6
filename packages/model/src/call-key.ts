/** Calls under an idempotency key: the key names one call, with one method and its arguments. */
import { type Failure, failure } from './errors.ts';
import { type ActorId, type Bytes, sessionId } from './ids.ts';
import type { Caller } from './messages.ts';

/** Beside the method 72 bits tell the arguments of two calls apart. */
const argsHashLength = 12;

/** What the session of a call under a key begins with. */
export const keySessionPrefix = 'key:';

export interface KeyedCall {
  readonly actor: ActorId;
  readonly idempotencyKey: string;
  readonly method: string;
  readonly args: Bytes;
}

/** Of all parts, one after the other: SHA-256 in base64url. */
export type HashText = (...parts: readonly (Bytes | string)[]) => string;

/** Under which session and number it is made: every repetition is the same call, whichever gateway it comes to. */
export function keyedCaller(
  { actor, idempotencyKey, method, args }: KeyedCall,
  hash: HashText,
): Caller {
  const [tenant] = actor.split('/', 1);
  const session = sessionId(`${keySessionPrefix}${tenant}:${hash(actor, '\n', idempotencyKey)}`);
  const print = keyedPrint(method, hash(args).slice(0, argsHashLength));
  return { session, number: 1, low: 1, print };
}

/** What was asked for under the key: the method, and a short hash of its arguments. */
export function keyedPrint(method: string, argsHash: string): string {
  return `${method} ${argsHash}`;
}

export type AnsweredCall = Pick<Caller, 'session' | 'number' | 'print'>;

/** What tells open calls of one number apart, whoever made them: under one key several may be asked for, and the actor
 *  alone knows which of them it names. */
export function nameOfCaller({ session, print }: Pick<Caller, 'session' | 'print'>): string {
  return print === undefined ? session : `${session} ${print}`;
}

/** What an answer says of the call that it answers. */
export function answeredAs({ session, number, print }: AnsweredCall): AnsweredCall {
  return print === undefined ? { session, number } : { session, number, print };
}

/** Why a call under a key is not had: what was first asked for under it is another one. */
export function keyOfAnother(actor: ActorId, first: string, asked: string): Failure {
  const [known, given] = [methodOf(first), methodOf(asked)];
  const differs = known === given ? 'arguments' : 'method';
  const whose = `its idempotency key is that of another call of ${actor}`;
  const text =
    known === given
      ? `${whose}, of "${known}" with other arguments`
      : `${whose}, of "${known}": this one is of "${given}"`;
  return failure('ALREADY_EXISTS', text, { actor, argument: 'idempotency_key', differs });
}

/** The same, to whoever knows the key. */
export function withKey(reason: Failure, key: string): Failure {
  const { code, message, details } = reason;
  if (code !== 'ALREADY_EXISTS' || details?.['argument'] !== 'idempotency_key') return reason;
  return { code, message: `call "${key}" was not run: ${message}`, details: { ...details, key } };
}

function methodOf(print: string): string {
  return print.slice(0, print.lastIndexOf(' '));
}
