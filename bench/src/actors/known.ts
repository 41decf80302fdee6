/** A cluster that knows many actors, almost all of them idle: what it holds, and what a call costs. */
import { makeBed } from '../bed.ts';
import { type Spread, spread } from '../figures.ts';
import { table } from '../table.ts';
import { Ballast } from './ballast.ts';
import { ballast } from './bundle.ts';
import { Footprint, type Held } from './footprint.ts';
import { forEach, ms, type Part, until, whole } from './part.ts';

interface KnownLine {
  readonly bench: 'known actors';
  readonly actors: number;
  readonly nodes: number;
  readonly newPerSecond: number;
  /** In all. */
  readonly held: Held;
  /** Calls of idle actors, each once, one at a time. */
  readonly coldMs: Spread;
}

const nodes = 3;
const idleMs = 3_000;
const singles = 1_000;

async function measure(actors: number): Promise<KnownLine> {
  const footprint = new Footprint();
  const bed = await makeBed({ ...footprint.options(nodes), nodeConfig: { idleMs } }, ballast);
  const { troupe, cluster } = bed;
  try {
    const call = (n: number) => troupe.actor(Ballast, `k${n}`, { deadlineMs: 300_000 }).add();
    const newPerSecond = await forEach(actors, call);
    const { total } = await troupe.actors({ limit: 1 });
    if (total !== actors) throw new Error(`the cluster knows ${total} actors and not ${actors}`);
    // They leave in the order of their last turns, so that these are the last of their nodes.
    for (let n = actors - nodes * 10; n < actors; n++) {
      await until(`k${n} leaves memory`, async () => {
        return (await troupe.actors.show(Ballast, `k${n}`))?.activity?.inMemory === false;
      });
    }
    const held = await footprint.of(cluster);
    const took: number[] = [];
    const calls = Math.min(singles, actors);
    for (let n = 0; n < calls; n++) {
      const before = performance.now();
      const count = await call(Math.floor((n * actors) / calls));
      took.push(performance.now() - before);
      if (count !== 2) throw new Error(`an actor counts ${count} and not 2`);
    }
    return { bench: 'known actors', actors, nodes, newPerSecond, held, coldMs: spread(took) };
  } finally {
    await bed.stop();
    footprint.end();
  }
}

const explained = `Each was called once and has left memory. Nodes and scheduler: their heaps after garbage collection, all nodes
together; runners: resident memory; stored: files of NATS. Then up to 1,000 of them are called, one at a time.`;

export const known: Part<KnownLine> = {
  name: (actors) => `${actors} known actors`,
  sizes: [100_000, 1_000_000],
  quickSizes: [1_000],
  measure,
  text: (lines) => [
    explained,
    table(
      ['actors', 'new/s', 'nodes', 'runners', 'scheduler', 'stored', 'call p50', 'p99'],
      lines.map(({ actors, newPerSecond, held, coldMs }) => [
        whole(actors),
        whole(newPerSecond),
        ...[held.nodes, held.runners, held.schedulers, held.stored].map(mebibytes),
        ms(coldMs.p50),
        ms(coldMs.p99),
      ]),
    ),
  ],
};

function mebibytes(bytes: number): string {
  return `${whole(bytes / 2 ** 20)} MiB`;
}
