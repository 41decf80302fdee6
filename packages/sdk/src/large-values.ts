/** Large values: the cluster answers with references to them, and they are read here. */
import {
  type Bytes,
  decodeValue,
  resolvedBytes,
  resolveValue,
  type StoredObject,
} from '@troupe/model';

/** Reads the bytes of one object. */
export type ReadObject = (stored: StoredObject) => Promise<Bytes>;

export async function largeValue(
  bytes: Bytes,
  objects: readonly StoredObject[],
  read: ReadObject,
): Promise<unknown> {
  if (objects.length === 0) return decodeValue(bytes);
  return resolveValue(bytes, await bodiesOf(objects, read));
}

/** The same, still encoded. */
export async function largeBytes(
  bytes: Bytes,
  objects: readonly StoredObject[],
  read: ReadObject,
): Promise<Bytes> {
  if (objects.length === 0) return bytes;
  return resolvedBytes(bytes, await bodiesOf(objects, read));
}

async function bodiesOf(
  objects: readonly StoredObject[],
  read: ReadObject,
): Promise<Map<number, Bytes>> {
  const bodies = new Map<number, Bytes>();
  for (const stored of objects) bodies.set(stored.object, await read(stored));
  return bodies;
}
