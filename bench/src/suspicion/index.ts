/** `npm run bench -- suspicion`: how soon a death is found, and how often somebody is wronged. */

import { measuredHere } from '../measured.ts';
import { random } from '../placement/protocol.ts';
import { writeSection } from '../results.ts';
import { table } from '../table.ts';
import type { BenchOptions } from '../words.ts';
import { conditions } from './conditions.ts';
import { candidates } from './detectors.ts';
import { watchOver } from './watch.ts';

const seed = 4;
const nodeCount = 40;
const hours = 25;
const quickHours = 2;

export async function suspicionBench(options: BenchOptions): Promise<void> {
  const lines = [];
  for (const condition of conditions) {
    for (const candidate of candidates) {
      if (!`${condition.name} ${candidate.name}`.includes(options.only)) continue;
      const watch = { nodeCount, hours: options.quick ? quickHours : hours, random: random(seed) };
      const found = watchOver(candidate, condition, watch);
      const sorted = [...found.detectionMs].sort((left, right) => left - right);
      const line = {
        bench: 'suspicion',
        condition: condition.name,
        detector: candidate.name,
        nodeHours: found.nodeHours,
        deaths: sorted.length,
        missed: found.missed,
        meanMs: Math.round(sorted.reduce((sum, ms) => sum + ms, 0) / Math.max(1, sorted.length)),
        p99Ms: Math.round(sorted[Math.ceil(0.99 * sorted.length) - 1] ?? 0),
        falseAlarms: found.falseAlarms,
        falseAlarmsPer1000NodeHours: (1_000 * found.falseAlarms) / found.nodeHours,
      };
      lines.push(line);
      if (options.json) process.stdout.write(`${JSON.stringify(line)}\n`);
    }
  }
  const heads = ['condition', 'detector', 'deaths', 'missed', 'mean', 'p99', 'false / 1,000 h'];
  const rows = lines.map((line) => [
    ...[line.condition, line.detector, `${line.deaths}`, `${line.missed}`],
    ...[`${(line.meanMs / 1_000).toFixed(2)} s`, `${(line.p99Ms / 1_000).toFixed(2)} s`],
    line.falseAlarmsPer1000NodeHours.toFixed(1),
  ]);
  const text = `${heading}\n\n${measuredHere()}\n\n${explanation}\n\n${table(heads, rows)}`;
  if (!options.json) process.stdout.write(`${text}\n`);
  if (options.results !== undefined) writeSection(options.results, heading, text);
}

const heading = '## suspicion';
const explanation = `${nodeCount} nodes that beat each second and die twice an hour, half of them with their machine, for ${hours} h of
virtual time (seed ${seed}); the conditions and the detectors, models of ours where they bear a foreign name, are
described in \`bench/src/suspicion\`. False alarms are per 1,000 node-hours. "ours" is the
scheduler machine: it asks the witness of a silent node, a thread of its process that answers while its loop stands
still, and hears from the broker when a process has died (not when its machine has). "ours, silence" has nothing but
beats to go by. Silence alone cannot meet 5 s under (c): a pause of 5 s is silent for up to 6 s.`;
