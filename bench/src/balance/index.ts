/**
 * `npm run bench -- balance`: how even the load becomes, against the best solutions known.
 * Times are processor time of this process, so that a busy machine does not spoil them.
 */
import { assign, rebalance } from '@troupe/scheduler-core/balance';
import { measuredHere } from '../measured.ts';
import { writeSection } from '../results.ts';
import { sharedRoom } from '../shared-data.ts';
import { table } from '../table.ts';
import type { BenchOptions } from '../words.ts';
import { type Known, readInstance, readKnown, readSmall, snapshotOf } from './instances.ts';
import { naiveMaxLoad } from './naive.ts';

const seeds = [1, 2, 3, 4, 5];
const quickSeeds = [1];
const steps = 400_000;
const smallSteps = 100_000;
/** An instance too large for anybody to know its optima is rebalanced too, to see how long it takes. */
const unknown = Object.fromEntries(
  ['10', '100', '1000'].map((limit) => [limit, { maxL: undefined, status: 'unknown' }] as const),
);

interface Spread {
  readonly best: number;
  readonly worst: number;
  readonly ms: number;
}

export async function balanceBench(options: BenchOptions): Promise<void> {
  const room = sharedRoom('lb');
  if (room.kind === 'absent') {
    process.stderr.write(`bench: ${room.why}\n`);
    return;
  }
  const tried = options.quick ? quickSeeds : seeds;
  const known = Object.entries(readKnown(room.path)).filter(([name]) =>
    name.includes(options.only),
  );
  const scratch = known.map(([name, best]) => fromScratch(room.path, name, best, tried));
  const limited = known.flatMap(([name, best]) => fewMigrations(room.path, name, best, tried));
  const small = smallOnes(room.path, tried);
  const lines = [...scratch, ...limited, small];
  const text = report({ scratch, limited, small, seedCount: tried.length });
  if (options.json) for (const line of lines) process.stdout.write(`${JSON.stringify(line)}\n`);
  else process.stdout.write(`${text}\n`);
  if (options.results !== undefined) writeSection(options.results, heading, text);
}

const heading = '## balance';

type Scratch = ReturnType<typeof fromScratch>;
type Limited = ReturnType<typeof fewMigrations>[number];
type Small = ReturnType<typeof smallOnes>;

function fromScratch(room: string, name: string, known: Known, tried: readonly number[]) {
  const instance = readInstance(room, name);
  const snapshot = snapshotOf(instance, false);
  const found = spread(tried, (seed) => assign(snapshot, { steps, seed }).maxLoad);
  return {
    bench: 'balance from scratch',
    instance: name,
    firstFit: naiveMaxLoad(instance, 'firstFit'),
    roundRobin: naiveMaxLoad(instance, 'roundRobin'),
    greedy: naiveMaxLoad(instance, 'greedy'),
    largestFirst: assign(snapshot, { steps: 0, seed: 0 }).maxLoad,
    ...found,
    bestKnown: known.bestKnown,
    lpBound: known.lpBound,
    worstToBestKnown: found.worst / known.bestKnown,
  };
}

function fewMigrations(room: string, name: string, known: Known, tried: readonly number[]) {
  const snapshot = snapshotOf(readInstance(room, name), true);
  return Object.entries(known.migrationLimited ?? unknown).map(([limit, { maxL, status }]) => {
    const migrationsMax = Number(limit);
    const run = (seed: number) => rebalance(snapshot, { steps, seed, migrationsMax }).maxLoadAfter;
    const found = spread(tried, run);
    return {
      bench: 'balance by migrations',
      instance: name,
      migrationsMax,
      before: known.initialMaxL,
      ...found,
      bestKnown: maxL,
      proven: status === 'Optimal',
      worstToBestKnown: maxL === undefined ? undefined : found.worst / maxL,
    };
  });
}

function smallOnes(room: string, tried: readonly number[]) {
  const ratios = readSmall(room).map((instance) => {
    const snapshot = snapshotOf(instance, false);
    const found = spread(tried, (seed) => assign(snapshot, { steps: smallSteps, seed }).maxLoad);
    return found.worst / (instance.optimal?.maxL ?? Number.NaN);
  });
  return {
    bench: 'balance small instances',
    instances: ratios.length,
    optimal: ratios.filter((ratio) => ratio <= 1 + 1e-6).length,
    worstToOptimum: Math.max(...ratios),
  };
}

function spread(tried: readonly number[], run: (seed: number) => number): Spread {
  const before = process.cpuUsage();
  const found = tried.map(run);
  const used = process.cpuUsage(before);
  const ms = (used.user + used.system) / 1_000 / tried.length;
  return { best: Math.min(...found), worst: Math.max(...found), ms };
}

interface Results {
  readonly scratch: readonly Scratch[];
  readonly limited: readonly Limited[];
  readonly small: Small;
  readonly seedCount: number;
}

function bestKnown({ proven, bestKnown }: Limited): string {
  return bestKnown === undefined ? '–' : `${proven ? '' : '~'}${bestKnown.toFixed(4)}`;
}

function report({ scratch, limited, small, seedCount }: Results): string {
  const load = (value: number | undefined) => value?.toFixed(4) ?? 'no room';
  const first = table(
    [
      ...['instance', 'first-fit', 'round-robin', 'greedy', 'largest first', 'searched best'],
      ...['searched worst', 'best known', 'LP bound', 'worst / best known', 'cpu ms'],
    ],
    scratch.map((one) => [
      one.instance,
      ...[one.firstFit, one.roundRobin, one.greedy, one.largestFirst].map(load),
      ...[one.best, one.worst, one.bestKnown, one.lpBound, one.worstToBestKnown].map(load),
      one.ms.toFixed(0),
    ]),
  );
  const second = table(
    ['instance', 'K', 'before', 'best', 'worst', 'best known', 'worst / best known', 'cpu ms'],
    limited.map((one) => [
      ...[one.instance, String(one.migrationsMax), load(one.before), load(one.best)],
      ...[load(one.worst), bestKnown(one), one.worstToBestKnown?.toFixed(4) ?? '–'],
      one.ms.toFixed(0),
    ]),
  );
  return `${heading}

${measuredHere()}

max L over the nodes, within every supply; ${steps.toLocaleString('en')} steps of search (${smallSteps.toLocaleString('en')} for the small
instances) from each of ${seedCount} seeds. Ties between nodes go to the earlier one. \`~\` marks a best known that is not proven optimal.

From scratch:

${first}

At most K migrations from the skewed start:

${second}

Small instances: ${small.optimal} of ${small.instances} optimal with the worst seed, the worst ${load(small.worstToOptimum)} × the optimum.`;
}
