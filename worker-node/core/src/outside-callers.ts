/** Callers from outside: what the idempotency key of one names (S4), and how many an actor remembers (S5). */
import { type Call, type Failure, failure, keyOfAnother, lettersMethod } from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Core } from './core.ts';
import { typeOf } from './hosting.ts';

/** Why the call is not had: another one is known under its key, which has ended or is under way here. */
export function ofAnother(activation: Activation, { caller }: Call): Failure | undefined {
  const { session, number, print } = caller;
  if (print === undefined) return undefined;
  const known = activation.memory?.sessions.window(session);
  const open = activation.open.get(session)?.get(number);
  const first = open?.cause.kind === 'call' ? open.cause.print : known?.print;
  if (first === undefined || first === print) return undefined;
  return keyOfAnother(activation.id, first, print);
}

/** Why the call is not taken: its answer could not be remembered. What changes nothing needs none that is. */
export function crowdedOut(core: Core, activation: Activation, call: Call): Failure | undefined {
  const { bundle, id, memory } = activation;
  const heldMs = memory?.sessions.heldMs(call.caller.session, core.now);
  if (heldMs === undefined || call.method === lettersMethod) return undefined;
  if (core.runners.methodKind(bundle, typeOf(activation), call.method) === 'read') return undefined;
  const text = `${id} remembers ${memory?.sessions.count} callers, and keeps what it answered them`;
  return failure('RESOURCE_EXHAUSTED', text, { actor: id, retryAfterMs: heldMs });
}
