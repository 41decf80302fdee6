/** A plan as text: what was asked and what failed, whatever seeds may come to mean later. */
import type { Plan } from './plan.ts';

export function planText(plan: Plan): string {
  return `${JSON.stringify(plan, store, 1)}\n`;
}

/** Throws when a part is missing; trusts each part: it was written by `planText`. */
export function planFrom(text: string): Plan {
  const plan: unknown = JSON.parse(text, restore);
  for (const [part, is] of Object.entries(parts)) {
    const found = (plan as { readonly [name: string]: unknown } | null)?.[part];
    if (!is(found)) throw new Error(`it has no "${part}" that can be read`);
  }
  return plan as Plan;
}

const isNumber = (value: unknown): boolean => typeof value === 'number';
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
const isMap = (value: unknown): boolean => value instanceof Map;

const parts: { readonly [P in keyof Plan]-?: (value: unknown) => boolean } = {
  seed: isNumber,
  places: isObject,
  weather: isObject,
  timings: isObject,
  limits: isObject,
  clocks: isMap,
  newer: (value) => value instanceof Set,
  tenants: isMap,
  faults: Array.isArray,
  // Plans from before there were any have none.
  nests: (value) => value === undefined || Array.isArray(value),
  scene: (value) => value === undefined || isObject(value),
  scope: (value) => value === undefined || typeof value === 'string',
  operations: isMap,
  healAt: isNumber,
};

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
