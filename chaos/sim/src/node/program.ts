/**
 * What user code does in the simulation: small programs that travel as arguments. A turn runs its
 * parts in order; unless it fails, its id joins the list that is the actor's state.
 */
import { decodeValue, encodeValue, limits, type TimerWhen } from '@troupe/model';

export type Part =
  | Leg
  /** The first of several; what loses is not heard of. */
  | readonly ['race', legs: readonly Leg[]]
  /** A letter to another actor, with the program it shall run. */
  | readonly ['send', key: string, program: Program]
  | readonly ['sleep', ms: number]
  /** The runner dies under it, so many times. */
  | readonly ['crash', times: number]
  | readonly ['fail']
  /** A value for whoever takes what the turn yields; it is another one in each run. */
  | readonly ['yield', name: string]
  /** A timer of this name, and the program that it shall run. */
  | readonly ['timer', name: string, when: TimerWhen, program: Program]
  | readonly ['cancel', name: string]
  /** A letter that waits so long before it leaves. */
  | readonly ['later', key: string, ms: number, program: Program];

/** What leaves the turn, and may race. */
export type Leg =
  /** A recorded side effect, which is undone when the turn fails. */
  | readonly ['step', name: string, undo?: 'undo']
  /** An awaited call. */
  | readonly ['call', key: string, program: Program]
  /** A signal that is waited for. */
  | readonly ['wait', name: string, limitMs: number];

export interface Program {
  /** Unique over the whole run. */
  readonly id: string;
  readonly parts: readonly Part[];
  /** Of a timer that comes again: it is cancelled when it has come so often. */
  readonly repeats?: { readonly name: string; readonly times: number };
}

export const actorType = 'Agent';
export const tenant = 'default';

/** Ordinals that each compensation takes, as in a real runner. */
export const undoOrdinals: number = limits.undoCallsMax + 1;

/** The step that undoes the one of this name. */
export function undoOf(name: string): string {
  return `undo ${name}`;
}

/** How many ordinals a part takes. */
export function ordinalsOf(part: Part): number {
  if (part[0] === 'race') return part[1].length + 1;
  return part[0] === 'step' || part[0] === 'call' || part[0] === 'wait' ? 1 : 0;
}

export function encodeArgs(program: Program): Uint8Array {
  const { id, parts, repeats } = program;
  return encodeValue(repeats === undefined ? [id, parts] : [id, parts, repeats]);
}

export function decodeArgs(args: Uint8Array): Program {
  const [id, parts, repeats] = decodeValue(args) as [string, readonly Part[], Program['repeats']];
  return repeats === undefined ? { id, parts } : { id, parts, repeats };
}
