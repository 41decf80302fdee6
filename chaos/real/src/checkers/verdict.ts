/** What a checker says of a history. */
import type { z } from 'zod';
import type { Final, Operation } from '../history/history.ts';

export type FindingKind = 'lost' | 'doubled' | 'out-of-order' | 'wrong';

export interface Finding {
  readonly kind: FindingKind;
  readonly promise: string;
  readonly key: string;
  /** What was seen that must not be. */
  readonly what: string;
  /** Ids of the operations that show it. */
  readonly operations: readonly string[];
}

export interface Verdict {
  readonly promise: string;
  /** How many things were looked at: operations, or reads, or keys. */
  readonly checked: number;
  /** Keys that could not be decided within the bounds of the search. */
  readonly undecided: number;
  readonly findings: readonly Finding[];
  /** Why nothing was checked: the history says too little. */
  readonly unreadable?: string;
}

/** A history without what its suite always writes proves nothing. */
export class UnreadableError extends Error {}

/** What the operation was asked with; throws when it was not written down. */
export function inputOf<T>(schema: z.ZodType<T>, operation: Operation): T {
  const input = schema.safeParse(operation.input);
  if (input.success) return input.data;
  throw new UnreadableError(`what ${told(operation)} was asked with was not written down`);
}

/** What a checker looks at: one workload's operations, and the final states of its keys. */
export interface Evidence {
  readonly operations: readonly Operation[];
  readonly finals: readonly Final[];
}

/** The final state of a key; undefined when it was not read. */
export function finalOf(finals: readonly Final[], key: string): unknown {
  return finals.find((final) => final.key === key)?.value;
}

export function byKey(operations: readonly Operation[]): Map<string, Operation[]> {
  const keys = new Map<string, Operation[]>();
  for (const operation of operations) {
    const same = keys.get(operation.key);
    if (same === undefined) keys.set(operation.key, [operation]);
    else same.push(operation);
  }
  return keys;
}

/** How an operation is told in a finding. */
export function told({ id, action, outcome, code }: Operation): string {
  return `${action} ${id} (${outcome}${code === undefined ? '' : `, ${code}`})`;
}
