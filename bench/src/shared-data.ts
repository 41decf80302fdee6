/** Data that is read where it lies: beside the checkout, or in the folder that TROUPE_SHARED names. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type SharedRoom =
  | { readonly kind: 'absent'; readonly why: string }
  | { readonly kind: 'open'; readonly path: string };

export function sharedRoom(...names: readonly string[]): SharedRoom {
  const shared = process.env['TROUPE_SHARED'] ?? besideCheckout();
  const path = join(shared, ...names);
  if (existsSync(path)) return { kind: 'open', path };
  const why = `no data at ${path}; name the folder of the shared data by TROUPE_SHARED`;
  return { kind: 'absent', why };
}

function besideCheckout(): string {
  return fileURLToPath(new URL('../../../shared', import.meta.url));
}
