/** How long a node that is told to stop takes to hand all its actors over. */
import { makeBed } from '../bed.ts';
import { table } from '../table.ts';
import { Ballast } from './ballast.ts';
import { ballast } from './bundle.ts';
import { forEach, type Part, whole } from './part.ts';

interface DrainLine {
  readonly bench: 'drain';
  readonly actors: number;
  /** From SIGTERM to the end of the process. */
  readonly ms: number;
  readonly code: number | null;
}

const drainMs = 300_000;

/** All of them have changed since their last checkpoint: each has to be written. */
async function measure(actors: number): Promise<DrainLine> {
  const bed = await makeBed({ nodes: 2, nodeConfig: { drainMs } }, ballast);
  try {
    const { troupe, cluster } = bed;
    // Two nodes share them.
    await forEach(actors * 2, (n) => troupe.actor(Ballast, `d${n}`).add());
    const { nodes } = await troupe.status();
    const [node] = cluster.nodes;
    if (node === undefined) throw new Error('there is no node to drain');
    const hosted = nodes.find(({ incarnation }) => incarnation === node.incarnation)?.actors ?? 0;
    const before = performance.now();
    node.kill('SIGTERM');
    const { code } = await node.exited;
    return { bench: 'drain', actors: hosted, ms: Math.round(performance.now() - before), code };
  } finally {
    await bed.stop();
  }
}

const explained = `A node of two is told to stop: every actor on it has changed since its last checkpoint, is checkpointed,
released and placed on the other.`;

export const drain: Part<DrainLine> = {
  name: (actors) => `drain of ${actors} actors`,
  sizes: [1_000, 10_000],
  quickSizes: [500],
  measure,
  text: (lines) => [
    explained,
    table(
      ['actors', 'until it has left'],
      lines.map((line) => [whole(line.actors), `${whole(line.ms)} ms`]),
    ),
  ],
};
