/** `npm run bench -- actors`: what it costs to move actors. */
import { fileURLToPath } from 'node:url';
import { makeBed } from '../bed.ts';
import { machine } from '../machine.ts';
import { writeSection } from '../results.ts';
import { table } from '../table.ts';
import type { BenchOptions } from '../words.ts';
import { type DrainLine, drain } from './drain.ts';
import { migrationPause, type PauseLine, sizes } from './migration.ts';

const ballast = fileURLToPath(new URL('../../src/actors/ballast.ts', import.meta.url));

export async function actorsBench(options: BenchOptions): Promise<void> {
  const report = (line: PauseLine | DrainLine) => {
    if (options.json) process.stdout.write(`${JSON.stringify(line)}\n`);
  };
  const pauses = await measurePauses(options, report);
  const drains = await measureDrains(options, report);
  const text = [heading, ...(await head()), ...pauseText(pauses), ...drainText(drains)].join(
    '\n\n',
  );
  if (!options.json) process.stdout.write(`${text}\n`);
  if (options.results !== undefined) writeSection(options.results, heading, text);
}

async function measurePauses(
  { only, quick }: BenchOptions,
  report: (line: PauseLine) => void,
): Promise<readonly PauseLine[]> {
  const wanted = (Object.keys(sizes) as (keyof typeof sizes)[]).filter((size) =>
    `migration pause ${size}`.includes(only),
  );
  if (wanted.length === 0) return [];
  const bed = await makeBed({ nodes: 3 }, ballast);
  try {
    const lines: PauseLine[] = [];
    for (const size of wanted) {
      process.stderr.write(`  migration pause ${size}\n`);
      const line = await migrationPause(bed, size, quick ? 5 : size === '50 MB' ? 10 : 50);
      lines.push(line);
      report(line);
    }
    return lines;
  } finally {
    await bed.stop();
  }
}

async function measureDrains(
  { only, quick }: BenchOptions,
  report: (line: DrainLine) => void,
): Promise<readonly DrainLine[]> {
  if (!'drain'.includes(only)) return [];
  const counts = quick ? [500] : [1_000, 10_000];
  const lines: DrainLine[] = [];
  for (const count of counts) {
    process.stderr.write(`  drain of ${count} actors\n`);
    const bed = await makeBed({ nodes: 2, nodeConfig: { drainMs: drainMsMax } }, ballast);
    try {
      const line = await drain(bed, count);
      lines.push(line);
      report(line);
    } finally {
      await bed.stop();
    }
  }
  return lines;
}

const drainMsMax = 300_000;
const heading = '## actors';

async function head(): Promise<readonly string[]> {
  const { cpu, cores, memoryGiB, system, node, nats, date } = await machine();
  const where = `${cpu}, ${cores} cores, ${memoryGiB} GiB; ${system}; Node ${node}; ${nats}`;
  return [`${where}; measured ${date}. All processes share these cores; every append is synced.`];
}

function pauseText(lines: readonly PauseLine[]): readonly string[] {
  if (lines.length === 0) return [];
  const heads = [
    'state',
    'pause p50',
    'p99',
    'max',
    'usual longest p50',
    'whole move p50',
    'moves',
  ];
  const rows = lines.map(({ state, pauseMs, usualMs, moveMs }) => [
    state,
    ...[pauseMs.p50, pauseMs.p99, pauseMs.max, usualMs.p50, moveMs.p50].map(ms),
    `${pauseMs.n}`,
  ]);
  return [pauseExplained, table(heads, rows)];
}

function drainText(lines: readonly DrainLine[]): readonly string[] {
  if (lines.length === 0) return [];
  const rows = lines.map((line) => [line.actors.toLocaleString('en'), `${line.ms} ms`]);
  return [drainExplained, table(['actors', 'until it has left'], rows)];
}

const pauseExplained = `One caller asks one actor all the time, each answer by an append, while the actor is moved from node to node.
The pause is the longest that it waited for an answer during a move; beside it the longest in 300 ms without one.`;
const drainExplained = `A node of two is told to stop: every actor on it has changed since its last checkpoint, is checkpointed,
released and placed on the other.`;

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
