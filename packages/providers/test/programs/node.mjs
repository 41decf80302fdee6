// Stands where a node's main module stands: says that it is ready, and ends as its configuration says.
import { readFileSync } from 'node:fs';

const { node } = JSON.parse(readFileSync(process.argv[3], 'utf8'));
if (node.refuse !== undefined) {
  process.stderr.write(`${node.refuse}\n`);
  process.exit(1);
}
const incarnation = `${node.name}.p${process.pid}`;
// A node that has just begun hears nothing yet.
if (node.young !== true) {
  process.on('SIGTERM', () => {
    process.stderr.write('drained\n');
    process.exit(0);
  });
}
// As a node does whose servers are out of reach.
process.on('SIGUSR2', () => process.exit(3));
process.stderr.write(`hello from ${incarnation}, ${process.env.GREETING ?? 'no greeting'}\n`);
process.stdout.write(`${JSON.stringify({ ready: { incarnation, pid: process.pid } })}\n`);
setInterval(() => undefined, 60_000);
