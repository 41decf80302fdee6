/** Calls under an idempotency key: the key names one call, with one method and its arguments. */
import { type Failure, failure } from './errors.ts';
import type { ActorId } from './ids.ts';

/** What was asked for under the key: the method, and a short hash of its arguments. */
export function keyedPrint(method: string, argsHash: string): string {
  return `${method} ${argsHash}`;
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
