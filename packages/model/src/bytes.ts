/** Bytes compared: with each other, and by what is kept of them. */
import type { Bytes } from './ids.ts';

export function sameBytes(left: Bytes, right: Bytes): boolean {
  if (left.length !== right.length) return false;
  // Images of megabytes are compared, too: no call for each byte.
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}

/** Two FNV-1a hashes of what is asked, as a short text. It never changes: sessions of tasks are named by it. */
export function fingerprint(name: string, args: Bytes): string {
  let left = 0x811c9dc5;
  let right = 0x9747b28c;
  const mix = (unit: number) => {
    left = Math.imul(left ^ unit, 0x01000193);
    right = Math.imul(right ^ unit, 0x85ebca6b) ^ (right >>> 13);
  };
  for (let at = 0; at < name.length; at++) mix(name.charCodeAt(at));
  mix(0x10000);
  for (const byte of args) mix(byte);
  return ((left >>> 0) * 0x200000 + (right >>> 11)).toString(36);
}
