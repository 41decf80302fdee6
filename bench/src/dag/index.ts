/**
 * `npm run bench -- dag`: the graph engine by itself, without a journal, tasks or values. Times are
 * processor time of this process, so that a busy machine does not spoil them.
 */
import { cpus } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { buildGraph, compile, type Graph, RunState } from '@troupe/scheduler-core/dag';
import { writeSection } from '../results.ts';
import { table } from '../table.ts';
import type { BenchOptions } from '../words.ts';
import { chain, fanOut, loops, loopsOfBlocks, parallels, type Shape } from './shapes.ts';

const sizes = [1_000, 10_000, 100_000];
const quickSizes = [1_000, 10_000];
/** Small graphs are played so often in one take, that a tick of the clock does not show. */
const blocksPerTake = 200_000;
const heading = '## dag';

interface Line {
  readonly bench: string;
  readonly size: number;
  readonly blocksPerSecond: number;
  /** Of a shape with loops. */
  readonly roundsPerSecond: number | undefined;
  readonly buildMs: number;
  readonly bytesPerBlock: number;
}

export async function dagBench(options: BenchOptions): Promise<void> {
  const runs = options.quick ? 3 : 9;
  const shapes = [chain, fanOut, loops, parallels].filter(({ name }) =>
    name.includes(options.only),
  );
  const lines: Line[] = [];
  for (const shape of shapes) {
    for (const size of options.quick ? quickSizes : sizes) lines.push(measure(shape, size, runs));
  }
  const compiled = 'compile'.includes(options.only) ? compileTimes(runs) : undefined;
  const text = report(lines, compiled, measuredOn());
  if (options.json) {
    for (const line of [...lines, ...(compiled === undefined ? [] : [compiled])]) {
      process.stdout.write(`${JSON.stringify(line)}\n`);
    }
  } else {
    process.stdout.write(`${text}\n`);
  }
  if (options.results !== undefined) writeSection(options.results, heading, text);
}

function measure(shape: Shape, size: number, runs: number): Line {
  const plan = shape.plan(size);
  const graph = built(plan);
  const build = median(runs, () => processorMs(() => built(plan)));
  let blocks = shape.play(new RunState(graph), size);
  const times = Math.max(Math.round(blocksPerTake / blocks), 1);
  const take = () =>
    processorMs(() => {
      for (let i = 0; i < times; i++) blocks = shape.play(new RunState(graph), size);
    }) / times;
  take();
  const play = median(runs, take);
  const rounds = shape.rounds?.(size);
  return {
    bench: `dag ${shape.name}`,
    size,
    blocksPerSecond: (blocks / play) * 1_000,
    roundsPerSecond: rounds === undefined ? undefined : (rounds / play) * 1_000,
    buildMs: build,
    bytesPerBlock: bytesOf(() => {
      const state = new RunState(graph);
      shape.play(state, size);
      return state;
    }, blocks),
  };
}

function built(plan: Parameters<typeof buildGraph>[0]): Graph {
  const made = buildGraph(plan);
  if ('fault' in made) throw new Error(made.fault);
  return made.graph;
}

interface Compiled {
  readonly bench: string;
  readonly blocks: number;
  readonly loops: number;
  readonly medianMs: number;
}

/** 10,000 blocks in 100 loops, from the workflow as data. */
function compileTimes(runs: number): Compiled {
  const workflow = loopsOfBlocks(100, 100);
  const ms = median(runs, () =>
    processorMs(() => {
      const made = compile(workflow, { tasks: [] });
      if ('failure' in made) throw new Error(made.failure.message);
    }),
  );
  return { bench: 'dag compile', blocks: 10_000, loops: 100, medianMs: ms };
}

/** What stays in memory of a finished run, for each of its blocks. */
function bytesOf(make: () => unknown, blocks: number): number {
  const kept: unknown[] = [];
  const count = Math.max(Math.round(blocksPerTake / blocks), 1);
  const before = memory();
  for (let i = 0; i < count; i++) kept.push(make());
  const after = memory();
  return (after - before) / (kept.length * blocks);
}

function memory(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function measuredOn(): string {
  const [first] = cpus();
  const date = new Date().toISOString().slice(0, 10);
  return `${first?.model ?? 'unknown'}, ${cpus().length} cores, node ${process.version}; ${date}.`;
}

function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  const began = performance.now();
  work();
  const { user, system } = process.cpuUsage(before);
  // Other threads of the engine may work along; the wall is the better bound then.
  return Math.min((user + system) / 1_000, performance.now() - began);
}

function median(runs: number, take: () => number): number {
  const taken = Array.from({ length: runs }, take).sort((left, right) => left - right);
  return taken[Math.floor(runs / 2)] ?? 0;
}

function report(lines: readonly Line[], compiled: Compiled | undefined, machine: string): string {
  const whole = (value: number) => Math.round(value).toLocaleString('en');
  const rows = lines.map((line) => [
    line.bench,
    whole(line.size),
    whole(line.blocksPerSecond),
    line.roundsPerSecond === undefined ? '' : whole(line.roundsPerSecond),
    line.buildMs.toFixed(1),
    whole(line.bytesPerBlock),
  ]);
  const heads = [
    'shape',
    'blocks',
    'blocks/s',
    'rounds/s',
    'built in ms',
    'bytes a finished block',
  ];
  const parts = [
    heading,
    'The graph engine by itself: no journal, no tasks, no values. Medians of processor time.',
    machine,
  ];
  if (rows.length > 0) parts.push(table(heads, rows));
  if (compiled !== undefined) {
    const { blocks, loops: count, medianMs } = compiled;
    const what = `A workflow of ${whole(blocks)} blocks in ${count} loops`;
    parts.push(`${what} compiles in ${medianMs.toFixed(1)} ms.`);
  }
  return parts.join('\n\n');
}
