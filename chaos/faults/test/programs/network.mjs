/** Makes a network with a process on it, says its names, and waits to be ended. */
import { spawn } from 'node:child_process';
import { makeNetwork } from '@troupe/chaos-faults';

const network = makeNetwork(['a', 'b']);
const [first] = network.machines;
const [program, ...words] = [...first.prefix, 'sleep', '1000'];
const { pid } = spawn(program, words, { detached: true, stdio: 'ignore' });
process.on('SIGINT', () => process.exit(130));
process.stdout.write(`${JSON.stringify({ namespace: first.prefix.at(-1), pid })}\n`);
setInterval(() => undefined, 1_000);
