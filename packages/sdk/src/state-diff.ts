/** What leads from one state of an actor to another, place by place. */
import { placeOf, type StatePath } from '@troupe/model';

export interface StateDifference {
  /** As users write it: `state.items[3].name`. */
  readonly place: string;
  /** Absent where there was nothing there. */
  readonly before?: unknown;
  /** Absent where there is nothing there any more. */
  readonly after?: unknown;
}

/** In the order of the places. Arrays are compared item by item. */
export function differences(before: unknown, after: unknown): readonly StateDifference[] {
  const found: StateDifference[] = [];
  compare(before, after, [], found);
  return found;
}

function compare(before: unknown, after: unknown, path: StatePath, found: StateDifference[]): void {
  if (isSame(before, after)) return;
  const [old, fresh] = [partsOf(before), partsOf(after)];
  if (old === undefined || fresh === undefined || Array.isArray(before) !== Array.isArray(after)) {
    found.push({ place: placeOf(path), before, after });
    return;
  }
  for (const part of new Set([...old.keys(), ...fresh.keys()])) {
    const inside = [...path, part];
    if (!fresh.has(part)) found.push({ place: placeOf(inside), before: old.get(part) });
    else if (!old.has(part)) found.push({ place: placeOf(inside), after: fresh.get(part) });
    else compare(old.get(part), fresh.get(part), inside, found);
  }
}

function partsOf(value: unknown): Map<string | number, unknown> | undefined {
  if (Array.isArray(value)) return new Map(value.entries());
  if (typeof value !== 'object' || value === null || value instanceof Date) return undefined;
  return value instanceof Uint8Array ? undefined : new Map(Object.entries(value));
}

function isSame(before: unknown, after: unknown): boolean {
  if (before instanceof Date && after instanceof Date) return before.getTime() === after.getTime();
  if (before instanceof Uint8Array && after instanceof Uint8Array) {
    return before.length === after.length && before.every((byte, at) => byte === after[at]);
  }
  return Object.is(before, after);
}
