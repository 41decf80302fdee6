/** How long a node that is told to stop takes to hand all its actors over. */
import type { Troupe } from '@troupe/sdk';
import type { Bed } from '../bed.ts';
import { Ballast } from './ballast.ts';

export interface DrainLine {
  readonly bench: 'drain';
  readonly actors: number;
  /** From SIGTERM to the end of the process. */
  readonly ms: number;
  readonly code: number | null;
}

const lanes = 256;

/** All of them have changed since their last checkpoint: each has to be written. */
export async function drain(bed: Bed, actors: number): Promise<DrainLine> {
  const { troupe, cluster } = bed;
  await addToAll(troupe, actors * 2);
  const { nodes } = await troupe.status();
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error('there is no node to drain');
  const hosted = nodes.find(({ incarnation }) => incarnation === node.incarnation)?.actors ?? 0;
  const before = performance.now();
  node.kill('SIGTERM');
  const { code } = await node.exited;
  return { bench: 'drain', actors: hosted, ms: Math.round(performance.now() - before), code };
}

/** Two nodes share them. */
async function addToAll(troupe: Troupe, count: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let n = next++; n < count; n = next++) await troupe.actor(Ballast, `d${n}`).add();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
