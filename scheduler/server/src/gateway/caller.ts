/** Under which session and number a unary call is made. */
import { createHash } from 'node:crypto';
import { type ActorId, type Bytes, type Caller, keyedPrint, type SessionId } from '@troupe/model';
import type { Gateway } from './gateway.ts';

/** Beside it 72 bits tell the arguments of two calls apart. */
const argsHashLength = 12;

export interface KeyedCall {
  readonly actor: ActorId;
  readonly idempotencyKey: string;
  readonly method: string;
  readonly args: Bytes;
}

/** Under a key every repetition is the same call, whichever gateway it comes to. */
export function callerOf(gateway: Gateway, call: KeyedCall): Caller {
  const { actor, idempotencyKey: key, method, args } = call;
  if (key === '') return gateway.nextOwnCall(actor);
  const hash = createHash('sha256').update(actor).update('\n').update(key).digest('base64url');
  const [tenant] = actor.split('/', 1);
  const session = `key:${tenant}:${hash}` as SessionId;
  const argsHash = createHash('sha256').update(args).digest('base64url').slice(0, argsHashLength);
  return { session, number: 1, low: 1, print: keyedPrint(method, argsHash) };
}
