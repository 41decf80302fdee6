/**
 * The one codec. Two doors: `encode`/`decode` for our own messages and facts (the compiler knows
 * their shapes), `encodeValue`/`decodeValue` for what users give (checked before it is packed,
 * because msgpackr would silently corrupt what it cannot carry).
 *
 * K1  what `encodeValue` accepts, `decodeValue` gives back equal.
 * K2  anything else is refused with the path of the first value that cannot be carried.
 */
import { Packr } from 'msgpackr';
import { TroupeError, troupeError } from './errors.ts';
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

/** Unpacks what `encodeValue` made. */
export function decodeValue(bytes: Bytes): unknown {
  if (bytes.length === 0) return undefined;
  try {
    // Over a plain view msgpackr makes plain Uint8Arrays, not the Buffers of Node.
    return packr.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    throw troupeError('INVALID_ARGUMENT', 'a value could not be decoded as msgpack', {}, cause);
  }
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
