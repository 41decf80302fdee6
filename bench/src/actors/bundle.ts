/** The module of actors that these benches deploy. */
import { fileURLToPath } from 'node:url';

export const ballast = fileURLToPath(new URL('../../src/actors/ballast.ts', import.meta.url));
