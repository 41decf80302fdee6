/** Calls that foreign clients make under an idempotency key, which names one call (S4). */
import { type Call, type Failure, keyOfAnother } from '@troupe/model';
import type { Activation } from './activation.ts';

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
