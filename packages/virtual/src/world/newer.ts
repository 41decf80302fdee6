/**
 * What a later version would write: everything of today, and fields of which today's code knows
 * nothing. It must carry or ignore them, wherever they stand.
 */
import { type Bytes, decode, encode, version } from '@troupe/model';

const added = { since: 'the next version' } as const;

/** The next patch: versions that differ in it may talk. */
const newerVersion = version.replace(/\d+$/, (patch) => String(Number(patch) + 1));

export function newerMessage(message: object): object {
  const versioned = 'kind' in message && message.kind === 'join' ? { version: newerVersion } : {};
  return { ...message, ...versioned, added };
}

/** A record of a log with its facts. */
export function newerBatch(body: Bytes): Bytes {
  const batch = decode<{ readonly facts: readonly object[] }>(body);
  return encode({ ...batch, facts: batch.facts.map((fact) => ({ ...fact, added })), added });
}

/** A checkpoint. */
export function newerBody(body: Bytes): Bytes {
  return encode({ ...decode<object>(body), added });
}

/** An image, in each of its parts. */
export function newerImage(body: Bytes): Bytes {
  const image = decode<{ readonly parts: readonly Bytes[] }>(body);
  return encode({ ...image, parts: image.parts.map(newerBody), added });
}
