/** What names bytes by what they are. */
import { createHash } from 'node:crypto';
import type { Bytes } from '@troupe/model';

export function sha256(bytes: Bytes | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
