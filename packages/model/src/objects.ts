/** What handles stand for: objects that were read, and paths into them. */
import { decodeValue, encodeValue, unnamedObject } from './codec.ts';
import { troupeError } from './errors.ts';
import { Handle, type StoredObject } from './handle.ts';
import type { Bytes } from './ids.ts';
import { limits } from './limits.ts';

/** What stands at one part of a path; in an array -1 is the last place. */
export function stepInto(
  value: unknown,
  part: string | number,
): { readonly value: unknown } | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fromEnd = Array.isArray(value) && typeof part === 'number' && part < 0;
  const key = fromEnd ? value.length + part : part;
  if (!Object.hasOwn(value, key)) return undefined;
  return { value: (value as Record<string | number, unknown>)[key] };
}

/** Decodes a value in which handles stand for these objects. Throws `WORKFLOW_INVALID` for a path
 *  that leads nowhere in one. */
export function resolveValue(bytes: Bytes, objects: ReadonlyMap<number, Bytes>): unknown {
  return decodeValue(bytes, (handle) => {
    const body = objects.get(handle.stored.object);
    if (body === undefined) throw unnamedObject(handle.stored.object);
    return follow(decodeValue(body), handle);
  });
}

/** The same as bytes that hold no handle. Those of an object are passed on as they are. */
export function resolvedBytes(bytes: Bytes, objects: ReadonlyMap<number, Bytes>): Bytes {
  let whole: Bytes | undefined;
  const value = decodeValue(bytes, (handle) => {
    if (handle.path.length === 0) whole = objects.get(handle.stored.object);
    return handle;
  });
  const isWhole = value instanceof Handle && value.path.length === 0;
  return isWhole && whole !== undefined ? whole : encodeValue(resolveValue(bytes, objects));
}

/** Numbers of the objects that handles in the value refer to, each once. */
export function objectsIn(bytes: Bytes): readonly number[] {
  const found = new Set<number>();
  decodeValue(bytes, (handle) => {
    found.add(handle.stored.object);
    return handle;
  });
  return [...found];
}

/** What is wrong with objects that somebody names, if anything. */
export function objectsFault(objects: readonly StoredObject[]): string | undefined {
  for (const { object, hash, bytes } of objects) {
    if (!Number.isSafeInteger(object) || object < 0) return `object ${object} has no number`;
    if (!/^[0-9a-f]{64}$/.test(hash)) return `object ${object} has no sha-256`;
    const fits = Number.isSafeInteger(bytes) && bytes > 0 && bytes <= limits.objectBytesMax;
    if (!fits) return `object ${object} has ${bytes} bytes`;
  }
  return undefined;
}

function follow(start: unknown, { path, optional, name }: Handle): unknown {
  let value = start;
  for (const [at, part] of path.entries()) {
    const step = stepInto(value, part);
    if (step !== undefined) {
      value = step.value;
      continue;
    }
    if (optional) return null;
    const place = [name, ...path.slice(0, at + 1)].filter((one) => one !== '').join('.');
    throw troupeError('WORKFLOW_INVALID', `"${place}" is not there`, { path: place });
  }
  return value;
}
