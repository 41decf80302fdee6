/**
 * What user code does in the simulation: small programs that travel as arguments. A turn runs its
 * parts in order; unless it fails, its id joins the list that is the actor's state.
 */
import { decodeValue, encodeValue, type TimerWhen } from '@troupe/model';

export type Part =
  /** A recorded side effect. */
  | readonly ['step', name: string]
  /** A letter to another actor, with the program it shall run. */
  | readonly ['send', key: string, program: Program]
  /** An awaited call. */
  | readonly ['call', key: string, program: Program]
  | readonly ['sleep', ms: number]
  /** The runner dies under it, so many times. */
  | readonly ['crash', times: number]
  | readonly ['fail']
  /** A timer of this name, and the program that it shall run. */
  | readonly ['timer', name: string, when: TimerWhen, program: Program]
  | readonly ['cancel', name: string]
  /** A letter that waits so long before it leaves. */
  | readonly ['later', key: string, ms: number, program: Program];

export interface Program {
  /** Unique over the whole run. */
  readonly id: string;
  readonly parts: readonly Part[];
  /** Of a timer that comes again: it is cancelled when it has come so often. */
  readonly repeats?: { readonly name: string; readonly times: number };
}

export const actorType = 'Agent';
export const tenant = 'default';

export function encodeArgs(program: Program): Uint8Array {
  const { id, parts, repeats } = program;
  return encodeValue(repeats === undefined ? [id, parts] : [id, parts, repeats]);
}

export function decodeArgs(args: Uint8Array): Program {
  const [id, parts, repeats] = decodeValue(args) as [string, readonly Part[], Program['repeats']];
  return repeats === undefined ? { id, parts } : { id, parts, repeats };
}
