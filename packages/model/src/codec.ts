/**
 * The one codec. Two doors: `encode`/`decode` for our own messages and facts (the compiler knows
 * their shapes), `encodeValue`/`decodeValue` for what users give (checked before it is packed,
 * because msgpackr would silently corrupt what it cannot carry).
 *
 * K1  what `encodeValue` accepts, `decodeValue` gives back equal.
 * K2  anything else is refused with the path of the first value that cannot be carried.
 * K3  a handle (`handle.ts`) is made by the cluster only: `encodeValue` refuses one, and
 *     `decodeValue` too unless it is told what handles stand for.
 */
import { addExtension, Packr } from 'msgpackr';
import { TroupeError, troupeError } from './errors.ts';
import { Handle, type StoredObject, type ValuePath } from './handle.ts';
import type { Bytes } from './ids.ts';

const packr = new Packr({
  useRecords: false,
  structuredClone: false,
  copyBuffers: true,
  // The type of msgpackr 2.1.3 does not know 'auto': a number when safe, else a bigint.
  int64AsType: 'auto' as 'number',
  mapsAsObjects: true,
  variableMapSize: true,
  bundleStrings: false,
  // A value may have a field of that name, and it is no function then.
  useToJSON: false,
});

type PackedHandle = readonly [
  object: number,
  hash: string,
  bytes: number,
  path: ValuePath,
  optional: boolean,
  name: string,
];

/** What handles stand for in the value that is being decoded. */
let resolving: ((handle: Handle) => unknown) | undefined;
/** What handles refer to in the value that is being checked; undefined where there may be none. */
let holding: { readonly objects: Map<number, StoredObject>; bytes: number } | undefined;

const handleType = 0x4f;

addExtension({
  Class: Handle,
  type: handleType,
  write({ stored, path, optional, name }: Handle): PackedHandle {
    return [stored.object, stored.hash, stored.bytes, path, optional, name];
  },
  read(packed: PackedHandle): unknown {
    const [object, hash, bytes, path, optional, name] = packed;
    if (resolving === undefined) throw unnamedObject(object);
    if (!isPacked(packed))
      throw troupeError('INVALID_ARGUMENT', 'a value holds a handle that is none');
    return resolving(new Handle({ object, hash, bytes }, path, optional, name));
  },
});

/** Deepest nesting of a user's value. */
export const valueDepthMax = 200;

/** Packs a message or fact of ours. Fields that are `undefined` are dropped by the caller. */
export function encode(message: unknown): Bytes {
  return packr.pack(message);
}

/** Unpacks what `encode` made. Throws on foreign bytes. */
export function decode<T>(bytes: Bytes): T {
  return packr.unpack(bytes) as T;
}

/** Packs a user's value. `name` starts the path in the error, e.g. `args` in `args[0].socket`. */
export function encodeValue(value: unknown, name = 'value'): Bytes {
  if (value === undefined) return undefinedBytes;
  checkCarriable(value, name);
  return packr.pack(value);
}

/** A value that may hold handles, packed. */
export interface Packed {
  readonly bytes: Bytes;
  /** What its handles refer to, each once. */
  readonly objects: readonly StoredObject[];
  /** What all its handles come to, one by one. */
  readonly objectBytes: number;
}

/** Packs a value in which handles may stand. */
export function encodeHolding(value: unknown, name: string): Packed {
  if (value === undefined) return { bytes: undefinedBytes, objects: [], objectBytes: 0 };
  const found = { objects: new Map<number, StoredObject>(), bytes: 0 };
  holding = found;
  try {
    checkCarriable(value, name);
  } finally {
    holding = undefined;
  }
  const objects = [...found.objects.values()];
  return { bytes: packr.pack(value), objects, objectBytes: found.bytes };
}

function isPacked([object, hash, bytes, path, optional, name]: PackedHandle): boolean {
  const numbers = [object, bytes].every((one) => Number.isSafeInteger(one) && one >= 0);
  const texts = typeof hash === 'string' && typeof name === 'string';
  const isPath =
    Array.isArray(path) && path.every((part) => ['string', 'number'].includes(typeof part));
  return numbers && texts && isPath && typeof optional === 'boolean';
}

/** Whether a handle stands in the value. Only what looks like one is decoded. */
export function holdsHandle(bytes: Bytes): boolean {
  for (let at = bytes.indexOf(handleType, 1); at !== -1; at = bytes.indexOf(handleType, at + 1)) {
    const fixed = bytes[at - 1] ?? 0;
    const isHeader =
      (fixed >= 0xd4 && fixed <= 0xd8) ||
      bytes[at - 2] === 0xc7 ||
      bytes[at - 3] === 0xc8 ||
      bytes[at - 5] === 0xc9;
    if (isHeader) return decodesToHandle(bytes);
  }
  return false;
}

function decodesToHandle(bytes: Bytes): boolean {
  let found = false;
  try {
    decodeValue(bytes, () => {
      found = true;
      return null;
    });
  } catch {
    // It may hold one that is malformed.
    return true;
  }
  return found;
}

/** The bytes of a value that is one handle. */
export function encodeHandle(stored: StoredObject): Bytes {
  return packr.pack(new Handle(stored));
}

/** Unpacks what `encodeValue` made; with `resolve` also what `encodeHolding` made, in which a handle
 *  becomes what that answers. */
export function decodeValue(bytes: Bytes, resolve?: (handle: Handle) => unknown): unknown {
  if (bytes.length === 0) return undefined;
  const around = resolving;
  resolving = resolve;
  try {
    // Over a plain view msgpackr makes plain Uint8Arrays, not the Buffers of Node.
    return packr.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    if (cause instanceof TroupeError) throw cause;
    throw troupeError('INVALID_ARGUMENT', 'a value could not be decoded as msgpack', {}, cause);
  } finally {
    resolving = around;
  }
}

/** The same of bytes that anybody may have made: it throws for what is nested deeper than
 *  `encodeValue` lets be, by which whoever goes down into the value could end. */
export function decodeForeign(bytes: Bytes, resolve?: (handle: Handle) => unknown): unknown {
  const value = decodeValue(bytes, resolve);
  // Each level takes a byte.
  if (bytes.length > valueDepthMax && isDeeper(value, valueDepthMax)) {
    throw troupeError('UNCARRIABLE', `a value is nested deeper than ${valueDepthMax}`);
  }
  return value;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  if (levels < 0) return true;
  const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return parts.some((part) => isDeeper(part, levels - 1));
}

/** A handle where there may be none, or to what nobody gave. */
export function unnamedObject(object: number): TroupeError {
  const what = `a value refers to object ${object}, which it was not given`;
  return troupeError('INVALID_ARGUMENT', what, { object });
}

/** `undefined` at the top (a method that returns nothing) travels as no bytes at all. */
export const undefinedBytes: Bytes = new Uint8Array(0);

/**
 * Throws `UNCARRIABLE` unless every value in the tree is null, undefined, boolean, finite number,
 * string, 64-bit bigint, Uint8Array, valid Date, array or plain object.
 */
export function checkCarriable(value: unknown, name: string): void {
  visit(value, () => name, [], 0);
}

type Path = () => string;

function visit(value: unknown, path: Path, parents: object[], depth: number): void {
  switch (typeof value) {
    case 'boolean':
    case 'undefined':
      return;
    case 'string':
      if (!value.isWellFormed()) refuse(path(), 'a string with a lone surrogate');
      return;
    case 'number':
      if (!Number.isFinite(value)) refuse(path(), String(value));
      if (Object.is(value, -0)) refuse(path(), 'negative zero');
      return;
    case 'bigint':
      if (value < -(2n ** 63n) || value >= 2n ** 63n) refuse(path(), 'a bigint beyond 64 bits');
      if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) {
        refuse(path(), 'a bigint that a number can hold (it would come back as a number)');
      }
      return;
    case 'object':
      if (value === null) return;
      if (depth > valueDepthMax) refuse(path(), `nesting deeper than ${valueDepthMax}`);
      visitObject(value, path, parents, depth);
      return;
    default:
      refuse(path(), `a ${typeof value}`);
  }
}

function visitObject(value: object, path: Path, parents: object[], depth: number): void {
  if (parents.includes(value)) refuse(path(), 'a value that contains itself');
  const proto: object | null = Object.getPrototypeOf(value);
  if (Array.isArray(value)) {
    if (proto !== Array.prototype) refuse(path(), `an instance of ${className(proto)}`);
    parents.push(value);
    for (let i = 0; i < value.length; i++) {
      visit(value[i], () => `${path()}[${i}]`, parents, depth + 1);
    }
    parents.pop();
    return;
  }
  if (value instanceof Uint8Array) {
    if (proto === Uint8Array.prototype) return;
    refuse(path(), `a ${className(proto)}, which would come back as a Uint8Array`);
  }
  if (value instanceof Date) {
    if (Object.getPrototypeOf(proto) !== Object.prototype) {
      refuse(path(), `an instance of ${className(proto)}`);
    }
    if (Number.isNaN(value.getTime())) refuse(path(), 'an invalid Date');
    return;
  }
  if (value instanceof Handle && holding !== undefined) {
    holding.objects.set(value.stored.object, value.stored);
    holding.bytes += value.stored.bytes;
    return;
  }
  if (proto !== Object.prototype && proto !== null) {
    refuse(path(), `an instance of ${className(proto)}`);
  }
  parents.push(value);
  for (const key of Object.keys(value)) {
    const inner = (value as Record<string, unknown>)[key];
    if (key === '__proto__') refuse(path(), 'a property named __proto__');
    visit(inner, () => `${path()}.${key}`, parents, depth + 1);
  }
  parents.pop();
}

function className(proto: object | null): string {
  return proto?.constructor?.name ?? 'a class';
}

function refuse(path: string, what: string): never {
  throw troupeError('UNCARRIABLE', `${path} is ${what}, which cannot be carried`, { path });
}

/** Decodes and checks with `parse`; whatever it throws becomes `INVALID_ARGUMENT` naming `what`. */
export function decodeChecked<T>(bytes: Bytes, what: string, parse: (value: unknown) => T): T {
  const value = decodeValue(bytes);
  try {
    return parse(value);
  } catch (cause) {
    if (cause instanceof TroupeError) throw cause;
    throw troupeError('INVALID_ARGUMENT', `${what} does not have the expected shape`, {}, cause);
  }
}
