/** Values that the leader would have to read, and does not: they lie in the object store. */
import { Handle, type TroupeError, troupeError } from '@troupe/model';

/** The value, unless it is a handle: then `OUT_OF_REACH`. */
export function reached(value: unknown): unknown {
  if (value instanceof Handle) throw outOfReach(value);
  return value;
}

/** Throws `OUT_OF_REACH` when a handle stands anywhere in the value. */
export function assertReached(value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if (value instanceof Handle) throw outOfReach(value);
  for (const part of Object.values(value)) assertReached(part);
}

/** The value is the output of what `name` refers to, or a part of it. */
function outOfReach({ name, path, stored }: Handle): TroupeError {
  const place = [name, ...path].join('.');
  const what = `"${place}" lies in a value of ${stored.bytes} bytes, which the scheduler does not read`;
  return troupeError('OUT_OF_REACH', what, { path: place, bytes: stored.bytes });
}
