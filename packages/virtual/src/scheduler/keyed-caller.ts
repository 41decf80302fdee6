/** Under which session and number a call under an idempotency key is made, as a gateway of a real cluster says it. */
import { createHash } from 'node:crypto';
import { type Bytes, type Caller, type KeyedCall, keyedCaller } from '@troupe/model';

export function callerUnderKey(call: KeyedCall): Caller {
  return keyedCaller(call, sha256Text);
}

function sha256Text(...parts: readonly (Bytes | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('base64url');
}
