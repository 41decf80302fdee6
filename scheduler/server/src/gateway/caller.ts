/** Under which session and number a unary call is made. */
import { createHash } from 'node:crypto';
import { type Bytes, type Caller, type KeyedCall, keyedCaller } from '@troupe/model';
import type { Gateway } from './gateway.ts';

export function callerOf(gateway: Gateway, call: KeyedCall): Caller {
  return call.idempotencyKey === ''
    ? gateway.nextOwnCall(call.actor)
    : keyedCaller(call, sha256Text);
}

function sha256Text(...parts: readonly (Bytes | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('base64url');
}
