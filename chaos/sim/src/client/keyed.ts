/** Calls under an idempotency key: what is asked for, and as which call. */
import { type Caller, encodeValue } from '@troupe/model';
import { callerUnderKey } from '@troupe/virtual';
import { encodeArgs } from '../node/program.ts';
import type { Operation } from '../plan/load.ts';

type KeyedOperation = Extract<Operation, { kind: 'keyed' }>;

export function askedUnderKey({ method, program }: KeyedOperation): {
  readonly method: string;
  readonly args: Uint8Array;
} {
  return { method, args: method === 'run' ? encodeArgs(program) : encodeValue([program.id]) };
}

export function keyedCallerOf(operation: KeyedOperation): Caller {
  const { actor, key: idempotencyKey } = operation;
  return callerUnderKey({ actor, idempotencyKey, ...askedUnderKey(operation) });
}
