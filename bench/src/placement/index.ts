/** `npm run bench -- placement`: how well and how fast tasks find their nodes. */
import { cpus } from 'node:os';
import { writeSection } from '../results.ts';
import type { BenchOptions } from '../words.ts';
import { contenders, type Measured, measure } from './experiment.ts';
import { lists, typicalOf } from './protocol.ts';
import { tables } from './report.ts';
import { measureSpeed, type Speed } from './speed.ts';
import { openTrace } from './trace.ts';

const seeds = Array.from({ length: 10 }, (_, number) => 42 + number);

const speedRuns = [
  ['gpu-fragmentation-aware', 1_000],
  ['gpu-fragmentation-aware', 5_000],
  ['gpu-fragmentation-aware', 100_000],
  ['first-fit', 5_000],
  ['worst-fit', 5_000],
  ['energy-aware', 5_000],
] as const;

export async function placementBench(options: BenchOptions): Promise<void> {
  const trace = openTrace();
  if (trace.kind === 'absent') {
    process.stderr.write(`bench: skipped: ${trace.why}\n`);
    return;
  }
  const wanted = (name: string) => name.includes(options.only);
  const used = options.quick ? seeds.slice(0, 2) : seeds;
  const print = (result: object) => {
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  };
  const measured: Measured[] = [];
  for (const policy of contenders.filter(wanted)) {
    for (const list of lists) {
      process.stderr.write(`  ${policy}, ${list}\n`);
      const result = measure(trace, policy, list, used);
      measured.push(result);
      print({ bench: 'placement', ...result });
    }
  }
  const pods = trace.pods('default');
  const from = { nodes: trace.nodes, pods, mix: typicalOf(pods) };
  const speeds: (Speed & { readonly strategy: string })[] = [];
  for (const [strategy, nodeCount] of speedRuns) {
    if (!wanted(`speed ${strategy} ${nodeCount}`)) continue;
    process.stderr.write(`  speed of ${strategy}, ${nodeCount} nodes\n`);
    const decisions = options.quick ? 5_000 : 50_000;
    const speed = { strategy, ...measureSpeed(from, strategy, { nodeCount, decisions }) };
    speeds.push(speed);
    print({ bench: 'placement speed', ...speed });
  }
  const report = tables({ measured, speeds, seeds: used.length });
  if (!options.json) process.stdout.write(`${report}\n`);
  if (options.results !== undefined) {
    writeSection(options.results, heading, `${heading}\n\n${machineText()}\n\n${report}\n`);
  }
}

const heading = '## Placement';

function machineText(): string {
  const date = new Date().toISOString().slice(0, 10);
  return `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, one used; Node ${process.version}; measured ${date}.
Data: the openb trace of the FGD paper, Apache-2.0. \`npm run bench -- placement --results bench/RESULTS.md\``;
}
