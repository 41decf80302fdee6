/**
 * Long lists that are packed item by item. A state with a million records would else stand in memory
 * a second time as a whole until it is bytes, and what lives for so long is collected late.
 *
 * K4  what `encodeListed` packs is, byte for byte, what `encode` makes of the same with arrays.
 */
import { encode } from './codec.ts';
import { assert } from './errors.ts';
import type { Bytes } from './ids.ts';

/** A list of which each item is made when it is looked at. */
export class Listed<T> {
  readonly size: number;
  readonly #items: () => Iterable<T>;

  constructor(size: number, items: () => Iterable<T>) {
    this.size = size;
    this.#items = items;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items()[Symbol.iterator]();
  }
}

interface Fields {
  readonly [name: string]: unknown;
}

/** What may have a `Listed` for each array in its fields, and in the fields of those. */
export type Unopened<T, Depth extends 1 | 2 = 1> = {
  readonly [K in keyof T]: T[K] extends readonly (infer Item)[] | undefined
    ? T[K] | Listed<Item>
    : Depth extends 1
      ? T[K] extends object
        ? Unopened<T[K], 2>
        : T[K]
      : T[K];
};

/** Fields of fields may be `Listed` too; those below are packed as they are. */
const depthMax = 2;

export function encodeListed(fields: Fields): Bytes {
  const blocks = new Blocks();
  packFields(fields, blocks, 1);
  return blocks.joined();
}

/** The same with arrays. */
export function opened<T>(fields: Unopened<T>, depth = 1): T {
  const open = (value: unknown): unknown => {
    if (value instanceof Listed) return [...value];
    return depth < depthMax && isFields(value) ? opened(value, depth + 1) : value;
  };
  const entries = Object.entries(fields).map(([name, value]) => [name, open(value)]);
  return Object.fromEntries(entries) as T;
}

function packFields(fields: Fields, blocks: Blocks, depth: number): void {
  const entries = Object.entries(fields);
  blocks.add(head(entries.length, 0x80, 0xde));
  for (const [name, value] of entries) {
    blocks.add(encode(name));
    if (value instanceof Listed) packItems(value, blocks);
    else if (depth < depthMax && isFields(value)) packFields(value, blocks, depth + 1);
    else blocks.add(encode(value));
  }
}

function packItems(list: Listed<unknown>, blocks: Blocks): void {
  blocks.add(head(list.size, 0x90, 0xdc));
  let count = 0;
  for (const item of list) {
    blocks.add(encode(item));
    count += 1;
  }
  assert(count === list.size, 'K4: a list has as many items as it says');
}

function isFields(value: unknown): value is Fields {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}

/** How MessagePack begins an array or a map of so many: in one byte, or with the number in two or four. */
function head(count: number, short: number, long: number): Bytes {
  if (count < 16) return Uint8Array.of(short | count);
  const bytes = new DataView(new ArrayBuffer(count < 65_536 ? 3 : 5));
  bytes.setUint8(0, count < 65_536 ? long : long + 1);
  if (count < 65_536) bytes.setUint16(1, count);
  else bytes.setUint32(1, count);
  return new Uint8Array(bytes.buffer);
}

const blockBytes = 65_536;

/** Takes bytes in, so that the many small pieces they come in need not be kept. */
class Blocks {
  readonly #full: Bytes[] = [];
  #last = new Uint8Array(blockBytes);
  #end = 0;

  add(piece: Bytes): void {
    if (piece.length > this.#last.length - this.#end) {
      this.#full.push(this.#last.subarray(0, this.#end));
      this.#last = new Uint8Array(Math.max(blockBytes, piece.length));
      this.#end = 0;
    }
    this.#last.set(piece, this.#end);
    this.#end += piece.length;
  }

  joined(): Bytes {
    const blocks = [...this.#full, this.#last.subarray(0, this.#end)];
    const bytes = new Uint8Array(blocks.reduce((sum, { length }) => sum + length, 0));
    let end = 0;
    for (const block of blocks) {
      bytes.set(block, end);
      end += block.length;
    }
    return bytes;
  }
}
