/** `npm run bench`: bootstrap, then the benchmarks with the arguments given. */
import { bootstrapOrExit } from './bootstrap.mjs';
import { handNode } from './run.mjs';

await bootstrapOrExit();
process.exitCode = await handNode('bench/dist/main.js', process.argv.slice(2));
