/** `npm start`: bootstrap, then the main example with the arguments given. */
import { bootstrapOrExit } from './bootstrap.mjs';
import { handNode } from './run.mjs';

await bootstrapOrExit();
// npm changes into the repository; a folder given is meant from where the user stood.
const cwd = process.env.INIT_CWD ?? process.cwd();
process.exitCode = await handNode('examples/crew/dist/main.js', process.argv.slice(2), cwd);
