/**
 * What tells that stored bytes are not those that were given: a sum that stands beside them, over them and
 * over what they are. What an older version has stored has none, and is taken as it is.
 */
import { crc32 } from 'node:zlib';
import type { Bytes } from '@troupe/model';
import type { MsgHdrs } from 'nats';

const sumHeader = 'Troupe-Sum';

/** `of` says what the bytes are: what was stored as something else is not taken for it. */
export function putSum(header: MsgHdrs, of: string, body: Bytes): void {
  header.set(sumHeader, sumOf(of, body));
}

export function isSound(header: MsgHdrs | undefined, of: string, body: Bytes): boolean {
  const sum = header?.get(sumHeader) ?? '';
  return sum === '' || sum === sumOf(of, body);
}

function sumOf(of: string, body: Bytes): string {
  return crc32(body, crc32(of)).toString(16).padStart(8, '0');
}
