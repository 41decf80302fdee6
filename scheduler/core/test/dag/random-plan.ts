/** Random graphs and behaviours, from a seed alone. */
import type { GraphPlan, PlannedBlock, PlannedEdge } from '../../src/dag/graph.ts';
import type { Behaviour } from './oracle.ts';

/** mulberry32: the same seed gives the same numbers everywhere. */
export function chanceOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Chance = () => number;

export function whole(chance: Chance, least: number, most: number): number {
  return least + Math.floor(chance() * (most - least + 1));
}

const depthMax = 3;
/** Nothing leaves by `settled`: such an edge only makes wait. */
const ports = ['done', 'done', 'done', 'left', 'right', 'error', 'settled'];

export interface Drawn {
  readonly plan: GraphPlan;
  readonly behaviour: Behaviour;
  /** Blocks that pause before they settle. */
  readonly pauses: ReadonlySet<string>;
}

export function drawGraph(seed: number): Drawn {
  const chance = chanceOf(seed);
  const blocks: PlannedBlock[] = [];
  const edges: PlannedEdge[] = [];
  const pauses = new Set<string>();
  drawBody(undefined, 0);
  return { plan: { blocks, edges }, behaviour: behaviourOf(seed, edges), pauses };

  function drawBody(container: string | undefined, depth: number): void {
    const count = whole(chance, 1, depth === 0 ? 9 : 4);
    const members: string[] = [];
    for (let at = 0; at < count; at++) {
      const id = `${container ?? ''}b${at}`;
      const isContainer = depth < depthMax && chance() < 0.18;
      const kind = chance() < 0.5 ? 'loop' : 'parallel';
      blocks.push({ id, in: container, container: isContainer ? kind : undefined });
      for (const earlier of members) {
        if (chance() > 1.6 / members.length) continue;
        const plain = blocks.find((block) => block.id === earlier)?.container !== undefined;
        const port = plain ? 'done' : (ports[whole(chance, 0, ports.length - 1)] ?? 'done');
        edges.push({ from: earlier, to: id, port });
      }
      members.push(id);
      if (isContainer) drawBody(id, depth + 1);
      else if (chance() < 0.15) pauses.add(id);
    }
  }
}

/** What a block does depends on its place alone, so that every order of events finds the same. */
function behaviourOf(seed: number, edges: readonly PlannedEdge[]): Behaviour {
  const at = (id: string, indices: readonly number[]): Chance => {
    let hash = seed;
    for (const letter of `${id}/${indices.join(',')}`) {
      hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
    }
    return chanceOf(hash);
  };
  return {
    portOf(id, indices) {
      const chance = at(id, indices);
      const named = edges
        .filter(({ from, port }) => from === id && port !== 'settled')
        .map(({ port = 'done' }) => port);
      if (named.length === 0 || chance() < 0.3) return chance() < 0.06 ? 'error' : 'done';
      return named[whole(chance, 0, named.length - 1)] ?? 'done';
    },
    countOf: (id, indices) => whole(at(id, indices), 0, 3),
  };
}
