/** Under which session and number a unary call is made. */
import { createHash } from 'node:crypto';
import type { ActorId, SessionId } from '@troupe/model';
import type { Gateway } from './gateway.ts';

/** Under a key every repetition is the same call, whichever gateway it comes to. */
export function callerOf(gateway: Gateway, actor: ActorId, key: string) {
  if (key === '') return gateway.nextOwnCall(actor);
  const hash = createHash('sha256').update(actor).update('\n').update(key).digest('base64url');
  const [tenant] = actor.split('/', 1);
  return { session: `key:${tenant}:${hash}` as SessionId, number: 1, low: 1 };
}
