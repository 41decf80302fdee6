/** A plan as text: what was asked and what failed, whatever seeds may come to mean later. */
import type { Plan } from './plan.ts';

export function planText(plan: Plan): string {
  return `${JSON.stringify(plan, store, 1)}\n`;
}

/** Trusts the text: it was written by `planText`. */
export function planFrom(text: string): Plan {
  return JSON.parse(text, restore) as Plan;
}

interface Tagged {
  readonly $map?: readonly (readonly [string, unknown])[];
  readonly $set?: readonly unknown[];
  readonly $bytes?: string;
}

function store(this: unknown, key: string, given: unknown): unknown {
  // Some bytes have a text form of their own, which comes before this one.
  const value = (this as { readonly [name: string]: unknown })[key] ?? given;
  if (value instanceof Map) return { $map: [...value] };
  if (value instanceof Set) return { $set: [...value] };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  return value;
}

function restore(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const { $map: map, $set: set, $bytes: bytes } = value as Tagged;
  if (map !== undefined) return new Map(map);
  if (set !== undefined) return new Set(set);
  return bytes === undefined ? value : Buffer.from(bytes, 'base64');
}
