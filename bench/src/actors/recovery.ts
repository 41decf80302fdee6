/** How long it takes until all actors of a node that was killed answer again. */
import { makeBed } from '../bed.ts';
import { table } from '../table.ts';
import { Ballast } from './ballast.ts';
import { ballast } from './bundle.ts';
import { forEach, type Part, whole } from './part.ts';

interface RecoveryLine {
  readonly bench: 'recovery';
  readonly actors: number;
  /** From kill -9 to the first answer of one of them, and to the answers of all. */
  readonly firstMs: number;
  readonly allMs: number;
}

/** All are in memory of the node that dies, and have changed since their last checkpoint. */
async function measure(actors: number): Promise<RecoveryLine> {
  const bed = await makeBed({ nodes: 1 }, ballast);
  try {
    const { troupe, cluster } = bed;
    const call = (n: number) => troupe.actor(Ballast, `r${n}`, { deadlineMs: 300_000 }).add();
    await forEach(actors, call);
    const [node] = cluster.nodes;
    await cluster.startNode();
    await forEach(actors, call);
    let firstMs = Number.POSITIVE_INFINITY;
    const before = performance.now();
    node?.kill('SIGKILL');
    await node?.exited;
    await forEach(actors, async (n) => {
      const count = await call(n);
      if (count !== 3) throw new Error(`actor r${n} counts ${count} and not 3`);
      firstMs = Math.min(firstMs, performance.now() - before);
    });
    const allMs = Math.round(performance.now() - before);
    return { bench: 'recovery', actors, firstMs: Math.round(firstMs), allMs };
  } finally {
    await bed.stop();
  }
}

const explained = `A node with so many actors in memory is killed with SIGKILL; another one is there. None of them has a
checkpoint: all they did is read from the log of the dead node. 256 callers ask each once; every count is checked.`;

export const recovery: Part<RecoveryLine> = {
  name: (actors) => `recovery of ${actors} actors`,
  sizes: [1_000, 10_000],
  quickSizes: [500],
  measure,
  text: (lines) => [
    explained,
    table(
      ['actors', 'first answer', 'all have answered'],
      lines.map(({ actors, firstMs, allMs }) => [
        whole(actors),
        `${whole(firstMs)} ms`,
        `${whole(allMs)} ms`,
      ]),
    ),
  ],
};
