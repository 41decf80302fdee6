/** What an actor costs in memory and out of it, and how fast it comes and goes. */
import type { Troupe } from '@troupe/sdk';
import { makeBed } from '../bed.ts';
import { type Spread, spread } from '../figures.ts';
import { table } from '../table.ts';
import { Ballast } from './ballast.ts';
import { ballast } from './bundle.ts';
import { Footprint, type Held } from './footprint.ts';
import { forEach, ms, type Part, pause, until, whole } from './part.ts';

/** Bytes for each actor. */
type Each = { readonly [K in keyof Held]: number };

interface DensityLine {
  readonly bench: 'density';
  readonly actors: number;
  readonly inMemory: Each;
  readonly idle: Each;
  /** First calls of actors that never were, of actors in memory, and of actors that have left it. */
  readonly newPerSecond: number;
  readonly warmPerSecond: number;
  readonly coldPerSecond: number;
  /** How many left memory a second, each with a checkpoint of its own. */
  readonly leftPerSecond: number;
  /** One call at a time. */
  readonly coldMs: Spread;
  readonly warmMs: Spread;
}

const coldMax = 10_000;
const singlesMax = 1_000;
/** Names of the actors are in the figures of those that know them. */
const keyOf = (n: number) => `actor-${n}`;

async function measure(actors: number): Promise<DensityLine> {
  const footprint = new Footprint();
  // All have come, and were called again, before the first one leaves.
  const idleMs = 10_000 + actors * 3;
  const nodeConfig = { idleMs, checkpointMs: 3_600_000 };
  const bed = await makeBed({ ...footprint.options(1), nodeConfig }, ballast);
  const { troupe, cluster } = bed;
  const call = (n: number) => troupe.actor(Ballast, keyOf(n), { deadlineMs: 120_000 }).add();
  try {
    // The runners are there, and so is what is loaded with the first call.
    for (let n = 0; n < 100; n++) await troupe.actor(Ballast, `first-${n}`).add();
    const before = await footprint.of(cluster);
    const newPerSecond = await forEach(actors, call);
    const inMemory = each(before, await footprint.of(cluster), actors);
    const warmMs = await singles(actors, call);
    const leaving = performance.now() + idleMs;
    const warmPerSecond = await forEach(actors, call);
    if (performance.now() >= leaving) throw new Error('the first left before the last was called');
    await pause(leaving - performance.now());
    for (const n of [0, actors >> 1, actors - 1]) await hasLeft(troupe, keyOf(n));
    const leftPerSecond = (actors * 1_000) / (performance.now() - leaving);
    const idle = each(before, await footprint.of(cluster), actors);
    const coldMs = await singles(actors, call);
    const left = Math.min(coldMax, actors - coldMs.n);
    const coldPerSecond = await forEach(left, (n) => call(coldMs.n + n));
    const rates = { newPerSecond, warmPerSecond, coldPerSecond, leftPerSecond };
    return { bench: 'density', actors, inMemory, idle, ...rates, coldMs, warmMs };
  } finally {
    await bed.stop();
    footprint.end();
  }
}

async function singles(actors: number, call: (n: number) => Promise<number>): Promise<Spread> {
  const took: number[] = [];
  for (let n = 0; n < Math.min(singlesMax, actors / 2); n++) {
    const before = performance.now();
    await call(n);
    took.push(performance.now() - before);
  }
  return spread(took);
}

async function hasLeft(troupe: Troupe, key: string): Promise<void> {
  await until(`${key} leaves memory`, async () => {
    const view = await troupe.actors.show(Ballast, key);
    return view?.activity?.inMemory === false;
  });
}

function each(before: Held, after: Held, actors: number): Each {
  const share = (of: keyof Held) => Math.round((after[of] - before[of]) / actors);
  return {
    nodes: share('nodes'),
    schedulers: share('schedulers'),
    runners: share('runners'),
    stored: share('stored'),
  };
}

function text(lines: readonly DensityLine[]): readonly string[] {
  const bytes = lines.flatMap(({ actors, inMemory, idle }) =>
    [['in memory', inMemory] as const, ['idle', idle] as const].map(([where, of]) => [
      whole(actors),
      where,
      ...[of.nodes, of.runners, of.schedulers, of.stored].map(whole),
    ]),
  );
  const rates = lines.map((line) => [
    whole(line.actors),
    ...[line.newPerSecond, line.warmPerSecond, line.coldPerSecond, line.leftPerSecond].map(whole),
    ...[line.coldMs.p50, line.coldMs.p99, line.warmMs.p50, line.warmMs.p99].map(ms),
  ]);
  return [
    explained,
    table(['actors', '', 'node', 'runners', 'scheduler', 'stored'], bytes),
    ratesExplained,
    table(
      [
        'actors',
        'new/s',
        'in memory/s',
        'from storage/s',
        'left/s',
        'from storage p50',
        'p99',
        'in memory p50',
        'p99',
      ],
      rates,
    ),
  ];
}

const explained = `Bytes for each actor on one node, with a small state: what was held after all were called, less what was
held before. Node and scheduler: their heaps after garbage collection; runners: resident memory, garbage included.
Stored: files of NATS, the logs of what was done among them.`;
const ratesExplained = `Calls that are the first of a new actor, that find their actor in memory, and that have it read back from
storage: 256 at once, and one at a time. Left: idle actors that were checkpointed and left memory.`;

export const density: Part<DensityLine> = {
  name: (actors) => `density of ${actors} actors, passivation, cold and warm`,
  sizes: [10_000, 100_000],
  quickSizes: [500],
  measure,
  text,
};
