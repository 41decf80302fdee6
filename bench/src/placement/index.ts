/** `npm run bench -- placement`: how well and how fast tasks find their nodes. */
import type { BenchOptions } from '../words.ts';
import { openTrace } from './trace.ts';

export async function placementBench(options: BenchOptions): Promise<void> {
  const trace = openTrace();
  if (trace.kind === 'absent') {
    process.stderr.write(`bench: ${trace.why}\n`);
    return;
  }
  const facts = { bench: 'placement', nodes: trace.nodes.length };
  process.stdout.write(options.json ? `${JSON.stringify(facts)}\n` : `${facts.nodes} nodes\n`);
}
