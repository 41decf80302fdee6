/**
 * What user code does in the simulation: small programs that travel as arguments. A turn runs its
 * parts in order; unless it fails, its id joins the list that is the actor's state.
 */
import { decodeValue, encodeValue } from '@troupe/model';

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
  | readonly ['fail'];

export interface Program {
  /** Unique over the whole run. */
  readonly id: string;
  readonly parts: readonly Part[];
}

export const actorType = 'Agent';
export const tenant = 'default';

export function encodeArgs(program: Program): Uint8Array {
  return encodeValue([program.id, program.parts]);
}

export function decodeArgs(args: Uint8Array): Program {
  const [id, parts] = decodeValue(args) as [string, readonly Part[]];
  return { id, parts };
}
