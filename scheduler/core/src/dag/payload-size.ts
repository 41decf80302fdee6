/** A look at a value before it is encoded, so that no expression makes the leader encode without end. */
import { limits, troupeError } from '@troupe/model';

/** Throws `TOO_LARGE` for what is surely more than a payload may be; stops looking there. */
export function assertFits(value: unknown, what: string): void {
  if (sizeOf(value, limits.payloadBytesMax) <= limits.payloadBytesMax) return;
  throw troupeError('TOO_LARGE', `${what} has more than ${limits.payloadBytesMax} bytes`, {
    bytesMax: limits.payloadBytesMax,
  });
}

/** At most the size that it has encoded; anything beyond `max` when it is more than that. */
function sizeOf(value: unknown, max: number): number {
  if (typeof value === 'string') return value.length + 1;
  if (typeof value !== 'object' || value === null) return 1;
  if (value instanceof Uint8Array) return value.length + 1;
  let size = 1;
  for (const part of Object.values(value)) {
    size += sizeOf(part, max - size);
    if (size > max) break;
  }
  return size;
}
