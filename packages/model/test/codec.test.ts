import {
  decode,
  decodeChecked,
  decodeValue,
  encode,
  encodeValue,
  TroupeError,
  valueDepthMax,
} from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const number = fc
  .oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.maxSafeInteger())
  .filter((value) => !Object.is(value, -0));
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ maxLength: 300, size: 'max' }));
const wideBigint = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .filter((value) => value < Number.MIN_SAFE_INTEGER || value > Number.MAX_SAFE_INTEGER);
const key = text.filter((name) => name !== '__proto__');

const carriable = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(null, undefined, true, false),
    number,
    text,
    wideBigint,
    fc.uint8Array(),
    fc.date({ noInvalidDate: true }),
  ),
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(key, tie('value'), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;

const uncarriable = fc.constantFrom<[unknown, string]>(
  [() => 1, 'a function'],
  [Symbol('s'), 'a symbol'],
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
  [-0, 'negative zero'],
  ['\ud800', 'lone surrogate'],
  [2n ** 63n, 'beyond 64 bits'],
  [5n, 'come back as a number'],
  [new Date(Number.NaN), 'invalid Date'],
  [new Map(), 'Map'],
  [new Set(), 'Set'],
  [new Error('x'), 'Error'],
  [/x/, 'RegExp'],
  [new Float64Array(2), 'Float64Array'],
  [new ArrayBuffer(4), 'ArrayBuffer'],
  [new (class Socket {})(), 'Socket'],
  [Promise.resolve(1), 'Promise'],
  [JSON.parse('{"__proto__":1}'), '__proto__'],
);

/** Bytes compare as bytes, whichever class the platform gives them. */
function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') };
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, comparable(inner)]),
  );
}

describe('a value that a user gives', () => {
  test('K1: comes back equal when it is accepted', () => {
    fc.assert(
      fc.property(carriable, (value) => {
        const back = decodeValue(encodeValue(value));
        expect(comparable(back)).toStrictEqual(comparable(value));
      }),
      { numRuns: 500 },
    );
  });

  test('K1: does not change when the bytes it came from do', () => {
    const bytes = encodeValue({ blob: new Uint8Array([1, 2, 3]) });
    const value = decodeValue(bytes);
    bytes.fill(0);
    expect(comparable(value)).toEqual({ blob: { bytes: '010203' } });
  });

  test('K2: is refused with the path of what cannot be carried, wherever that is', () => {
    const path = fc.array(fc.oneof(fc.constantFrom('sockets', 'a'), fc.nat({ max: 3 })), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(path, uncarriable, ([...steps], [bad, words]) => {
        let value: unknown = bad;
        let place = '';
        for (const step of steps.reverse()) {
          if (typeof step === 'number') value = [...Array.from({ length: step }, () => 0), value];
          else value = { before: 1, [step]: value };
          place = (typeof step === 'number' ? `[${step}]` : `.${step}`) + place;
        }
        expect(() => encodeValue(value, 'state')).toThrow(
          expect.objectContaining({
            code: 'UNCARRIABLE',
            details: { path: `state${place}` },
            message: expect.stringContaining(words),
          }),
        );
      }),
    );
  });

  test('K2: is refused when it would come back as another class', () => {
    class List extends Array<number> {}
    const refused = [Buffer.from('x'), new List(1, 2), new (class extends Date {})()];
    for (const value of refused) {
      expect(() => encodeValue({ at: value })).toThrow(
        expect.objectContaining({ code: 'UNCARRIABLE', details: { path: 'value.at' } }),
      );
    }
  });

  test('K2: is refused when it contains itself, but may hold one value twice', () => {
    const shared = { deep: [1] };
    expect(decodeValue(encodeValue([shared, shared]))).toEqual([shared, shared]);
    const loop: { self?: unknown } = {};
    loop.self = { inner: loop };
    expect(() => encodeValue(loop, 'args')).toThrow(/args\.self\.inner is .* contains itself/);
  });

  test('K2: is refused when it is nested too deeply', () => {
    const nest = (depth: number) => {
      let value: unknown = 1;
      for (let i = 0; i < depth; i++) value = [value];
      return value;
    };
    expect(decodeValue(encodeValue(nest(valueDepthMax)))).toEqual(nest(valueDepthMax));
    expect(() => encodeValue(nest(valueDepthMax + 2))).toThrow(/nesting deeper/);
  });

  test('that is nothing travels as no bytes', () => {
    expect(encodeValue(undefined)).toHaveLength(0);
    expect(decodeValue(new Uint8Array(0))).toBeUndefined();
  });
});

describe('foreign bytes', () => {
  test('either decode to something that is checked, or are refused with a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
        try {
          decodeValue(bytes);
        } catch (reason) {
          expect(reason).toBeInstanceOf(TroupeError);
          expect(reason).toMatchObject({ code: 'INVALID_ARGUMENT' });
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('pollute no prototype', () => {
    // { "__proto__": { "admin": true } } as msgpack.
    const key = [...Buffer.from('__proto__')];
    const inner = [0x81, 0xa5, ...Buffer.from('admin'), 0xc3];
    decodeValue(new Uint8Array([0x81, 0xa0 | key.length, ...key, ...inner]));
    expect(Object.prototype).not.toHaveProperty('admin');
  });

  test('of the wrong shape are refused with the name of what they should be', () => {
    const parse = (value: unknown): number => {
      if (typeof value !== 'number') throw new Error('no number');
      return value;
    };
    expect(decodeChecked(encodeValue(7), 'the age', parse)).toBe(7);
    expect(() => decodeChecked(encodeValue('x'), 'the age', parse)).toThrow(/the age/);
  });
});

describe('a message of ours', () => {
  test('comes back equal, numbers of every safe size among it', () => {
    const message = fc.record({
      kind: fc.constantFrom('call', 'turn'),
      number: fc.maxSafeInteger(),
      list: fc.array(fc.record({ id: text, body: fc.uint8Array() })),
      clock: fc.dictionary(key, fc.nat()),
    });
    fc.assert(
      fc.property(message, (value) => {
        expect(comparable(decode(encode(value)))).toEqual(comparable(value));
      }),
    );
  });
});
