/** Where the runner's process starts, for whoever spawns it. */
import { fileURLToPath } from 'node:url';

/** Path of the script: `node <script> <bundle file> <bundle hash>`, a pipe as descriptor 3. */
export const runnerScript: string = fileURLToPath(new URL('../dist/main.js', import.meta.url));
