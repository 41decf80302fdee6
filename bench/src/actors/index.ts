/** `npm run bench -- actors`: what actors cost in memory and out of it, and what it costs to move them. */
import { machine } from '../machine.ts';
import { writeSection } from '../results.ts';
import type { BenchOptions } from '../words.ts';
import { density } from './density.ts';
import { drain } from './drain.ts';
import { known } from './known.ts';
import { migrationPause } from './migration.ts';
import type { Part } from './part.ts';
import { checkpointPolicies } from './policies.ts';
import { recovery } from './recovery.ts';
import { timers } from './timers.ts';

export async function actorsBench(options: BenchOptions): Promise<void> {
  const texts = [
    await lines(density, options),
    await lines(known, options),
    await lines(timers, options),
    await lines(migrationPause, options),
    await lines(drain, options),
    await lines(recovery, options),
    await lines(checkpointPolicies, options),
  ].flat();
  if (texts.length === 0) throw new Error(`no bench of actors has "${options.only}" in its name`);
  const text = [heading, await head(), ...texts].join('\n\n');
  if (!options.json) process.stdout.write(`${text}\n`);
  if (options.results !== undefined) writeSection(options.results, heading, text);
}

/** What it comes to as text; each size is a line of JSON as soon as it is measured. */
async function lines<L>(part: Part<L>, options: BenchOptions): Promise<readonly string[]> {
  const { quick, only, json } = options;
  const sizes = options.sizes ?? (quick ? part.quickSizes : part.sizes);
  const wanted = sizes.filter((size) => part.name(size).includes(only));
  const measured: L[] = [];
  for (const size of wanted) {
    process.stderr.write(`  ${part.name(size)}\n`);
    const line = await part.measure(size, quick);
    measured.push(line);
    if (json) process.stdout.write(`${JSON.stringify(line)}\n`);
  }
  return measured.length === 0 ? [] : part.text(measured);
}

const heading = '## actors';

async function head(): Promise<string> {
  const { cpu, cores, memoryGiB, system, node, nats, date } = await machine();
  const where = `${cpu}, ${cores} cores, ${memoryGiB} GiB; ${system}; Node ${node}; ${nats}`;
  return `${where}; measured ${date}. All processes share these cores; every append is synced.`;
}
