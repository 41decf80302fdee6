/**
 * `ObjectsService`, and what other answers hold of the object store: a client that takes values by
 * reference reads large ones in chunks; to any other the value itself is given.
 *
 * V1  what is read at once is bounded: further readers wait.
 */
import {
  type Bytes,
  limits,
  type Outcome,
  objectsFault,
  resolvedBytes,
  type StoredObject,
  troupeError,
} from '@troupe/model';
import { serverStream } from './coded.ts';
import type { Gateway } from './gateway.ts';

interface ReadRequest {
  readonly object: StoredObject | null;
}

const chunkBytes = 256 * 1024;

export function objectsService(gateway: Gateway) {
  return {
    Read: serverStream(gateway, (request: ReadRequest) => read(gateway, request)),
  };
}

async function* read(gateway: Gateway, { object }: ReadRequest) {
  const fault = object === null ? 'there is none' : objectsFault([object]);
  if (object === null || fault !== undefined) {
    throw troupeError('INVALID_ARGUMENT', `object cannot be read: ${fault}`, {
      argument: 'object',
    });
  }
  const { object: number, hash, bytes } = object;
  const body = await gateway.readObject({ object: number, hash, bytes });
  for (let at = 0; at < body.length; at += chunkBytes) {
    yield { chunk: body.subarray(at, at + chunkBytes) };
  }
}

/** The value itself, with all that it refers to. */
export async function wholeValue(
  gateway: Gateway,
  { value, objects = [] }: Extract<Outcome, { ok: true }>,
): Promise<Bytes> {
  if (objects.length === 0) return value;
  const bodies = new Map<number, Bytes>();
  let size = 0;
  for (const stored of objects) {
    size += stored.bytes;
    if (size > limits.resolvedBytesMax) {
      const what = `the value has more than ${limits.resolvedBytesMax} bytes`;
      throw troupeError('TOO_LARGE', what, { bytesMax: limits.resolvedBytesMax });
    }
    bodies.set(stored.object, await gateway.readObject(stored));
  }
  return resolvedBytes(value, bodies);
}
