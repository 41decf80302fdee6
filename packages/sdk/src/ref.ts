/**
 * Refs stand for values that exist only while a run goes on: its input, the result of a block, an
 * item of an `each`. Property access on a ref builds the path; nothing is evaluated here.
 */
import { type Expression, type TroupeError, troupeError } from '@troupe/model';

declare const refType: unique symbol;
const refInside: unique symbol = Symbol('troupe.ref');
const madeInside: unique symbol = Symbol('troupe.made');

/** Stands for a value of type `T`. */
export type Ref<T> = Made<T> & RefFields<T>;

/** Stands for a value of type `T` that is put together when it is needed: its fields have no refs. */
export interface Made<T> {
  readonly [refType]: T;
}

type RefFields<T> = unknown extends T
  ? { readonly [field: string]: Ref<unknown> }
  : T extends string | number | boolean | bigint | null | undefined | Date | Uint8Array
    ? unknown
    : T extends readonly (infer E)[]
      ? { readonly [index: number]: Ref<E> }
      : { readonly [K in keyof T]-?: Ref<T[K]> };

/** A value of type `T`, or one in which any part is a ref. */
export type Refs<T> =
  | Made<T>
  | (unknown extends T
      ? unknown
      : T extends string | number | boolean | null | undefined
        ? T
        : T extends object
          ? { readonly [K in keyof T]: Refs<T[K]> }
          : never);

/** What an expression comes to when its refs are resolved. */
export type Resolved<X> = X extends { readonly [refType]: infer T }
  ? T
  : X extends object
    ? { -readonly [K in keyof X]: Resolved<X[K]> }
    : X;

/** What a ref knows of itself. */
interface RefInside {
  readonly path: readonly (string | number)[];
  /** The builder it belongs to: refs do not leave their workflow. */
  readonly owner: object;
  /** The port of its block by which an edge leads to whoever uses it; `done` unless given. */
  readonly port?: string;
}

/** Makes a ref. Its shape is the caller's word: nothing exists yet to check it against. */
export function makeRef<T>(
  owner: object,
  path: readonly (string | number)[],
  port?: string,
): Ref<T> {
  const inside: RefInside = port === undefined ? { path, owner } : { path, owner, port };
  return new Proxy(inside, {
    get: (_target, property) => {
      if (property === refInside) return inside;
      if (typeof property === 'symbol') throw refused(path, 'be read while the workflow is built');
      const part = /^\d+$/.test(property) ? Number(property) : property;
      return makeRef(owner, [...path, part], port);
    },
    set: () => {
      throw refused(path, 'be changed');
    },
    ownKeys: () => {
      throw refused(path, 'be listed or spread');
    },
  }) as unknown as Ref<T>;
}

function refused(path: readonly (string | number)[], what: string): TroupeError {
  return troupeError(
    'WORKFLOW_INVALID',
    `ref ${path.join('.')} cannot ${what}: its value exists only while a run goes on; ` +
      'give it to a task and compute there',
  );
}

/** What `value` knows of itself when it is a ref. */
export function insideRef(value: unknown): RefInside | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as { [refInside]?: RefInside })[refInside];
}

/** A text or a choice whose parts are known only while a run goes on. */
export function makeOf<T>(kind: '$text' | '$first', parts: readonly unknown[]): Made<T> {
  const made = { [madeInside]: { kind, parts } };
  return made as unknown as Made<T>;
}

interface MadeInside {
  readonly kind: '$text' | '$first';
  readonly parts: readonly unknown[];
}

function insideMade(value: unknown): MadeInside | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as { [madeInside]?: MadeInside })[madeInside];
}

/** Where an expression is written out: whose refs it may hold, and who is told of each. */
export interface ExpressionPlace {
  readonly owner: object;
  /** Names the place in an error: `workflow crew, block read, input`. */
  readonly name: string;
  readonly onRef: (path: readonly (string | number)[], port: string | undefined) => void;
}

const reserved: ReadonlySet<string> = new Set(['$ref', '$text', '$first', '__proto__']);

/** Writes a value with refs as JSON with `{ $ref }`; what JSON cannot hold is refused by path. */
export function toExpression(value: unknown, place: ExpressionPlace): Expression {
  const inside = insideRef(value);
  if (inside !== undefined) {
    if (inside.owner !== place.owner) throw invalid(place.name, 'is a ref of another workflow');
    place.onRef(inside.path, inside.port);
    return { $ref: inside.path };
  }
  const made = insideMade(value);
  if (made !== undefined) {
    const parts = made.parts.map((part) => toExpression(part, place));
    return made.kind === '$text' ? { $text: parts } : { $first: parts };
  }
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) {
    return value.map((item, index) =>
      toExpression(item, { ...place, name: `${place.name}[${index}]` }),
    );
  }
  if (isPlain(value)) {
    const fields: { [key: string]: Expression } = {};
    for (const [key, field] of Object.entries(value)) {
      const name = `${place.name}.${key}`;
      if (reserved.has(key)) throw invalid(name, 'is a reserved name');
      if (field !== undefined) fields[key] = toExpression(field, { ...place, name });
    }
    return fields;
  }
  throw invalid(place.name, `is ${describe(value)}, which a workflow cannot hold`);
}

export function invalid(name: string, what: string): TroupeError {
  return troupeError('WORKFLOW_INVALID', `${name} ${what}`, { place: name });
}

function isPlain(value: unknown): value is { readonly [key: string]: unknown } {
  if (typeof value !== 'object' || value === null) return false;
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `${typeof value} ${String(value)}`;
  return `an instance of ${value.constructor?.name ?? 'a class'}`;
}
