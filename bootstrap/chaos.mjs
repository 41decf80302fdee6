/** `npm run chaos`: bootstrap, then the chaos suite on real processes with the arguments given. */
import { bootstrapOrExit } from './bootstrap.mjs';
import { handNode } from './run.mjs';

await bootstrapOrExit();
process.exitCode = await handNode('chaos/real/dist/main.js', process.argv.slice(2));
