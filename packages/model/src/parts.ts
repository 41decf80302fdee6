/**
 * Long lists that are packed item by item, in parts of bounded length. A state with a million records would else
 * stand in memory a second time as a whole, and a third time as bytes; and whoever unpacks it would do nothing else
 * meanwhile.
 *
 * K4  what the parts of a list hold, one after another, is the list.
 */
import { encode } from './codec.ts';
import type { Bytes } from './ids.ts';

/**
 * Each part is what `encode` makes of a map with some of the items under `name`, or of such a map under the name
 * before. An item of more than `partBytes` is a part by itself; a list without items has no part.
 */
export function* encodeParts(
  [name, ...below]: readonly [string, string?],
  items: Iterable<unknown>,
  partBytes: number,
): Generator<Bytes> {
  const heads = [name, ...below].flatMap((of) => [Uint8Array.of(0x81), encode(of)]);
  let packed: Bytes[] = [];
  let bytes = 0;
  for (const item of items) {
    const piece = encode(item);
    if (packed.length > 0 && bytes + piece.length > partBytes) {
      yield joined([...heads, arrayHead(packed.length), ...packed]);
      packed = [];
      bytes = 0;
    }
    packed.push(piece);
    bytes += piece.length;
  }
  if (packed.length > 0) yield joined([...heads, arrayHead(packed.length), ...packed]);
}

/** How MessagePack begins an array of so many: in one byte, or with the number in two or four. */
function arrayHead(count: number): Bytes {
  if (count < 16) return Uint8Array.of(0x90 | count);
  const bytes = new DataView(new ArrayBuffer(count < 65_536 ? 3 : 5));
  bytes.setUint8(0, count < 65_536 ? 0xdc : 0xdd);
  if (count < 65_536) bytes.setUint16(1, count);
  else bytes.setUint32(1, count);
  return new Uint8Array(bytes.buffer);
}

function joined(pieces: readonly Bytes[]): Bytes {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const piece of pieces) {
    bytes.set(piece, end);
    end += piece.length;
  }
  return bytes;
}
