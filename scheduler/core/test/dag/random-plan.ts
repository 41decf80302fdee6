/** Random graphs, from a seed alone. */
import type { GraphPlan, PlannedBlock, PlannedEdge } from '../../src/dag/graph.ts';

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
const portsOfContainers = ['done', 'done', 'error', 'error', 'settled'];

export interface Drawn {
  readonly plan: GraphPlan;
  readonly policy: 'stop' | 'go-on';
  /** Blocks whose output is that of the run. */
  readonly answers: ReadonlySet<string>;
  /** By block, the ports that edges leave it by, without those that nothing leaves by. */
  readonly ports: ReadonlyMap<string, readonly string[]>;
  /** How often a block fails where no edge takes that. */
  readonly failing: number;
}

export function drawGraph(seed: number): Drawn {
  const chance = chanceOf(seed);
  const blocks: PlannedBlock[] = [];
  const edges: PlannedEdge[] = [];
  const answers = new Set<string>();
  const policy = chance() < 0.4 ? 'stop' : 'go-on';
  const hasAnswers = chance() < 0.5;
  const failing = [0.02, 0.1, 0.3][whole(chance, 0, 2)] ?? 0;
  drawBody(undefined, 0);
  return { plan: { blocks, edges }, policy, answers, ports: portsOf(edges), failing };

  function drawBody(container: string | undefined, depth: number): void {
    const count = whole(chance, 1, depth === 0 ? 9 : 4);
    const members: PlannedBlock[] = [];
    for (let at = 0; at < count; at++) {
      const id = `${container ?? ''}b${at}`;
      const isContainer = depth < depthMax && chance() < 0.22;
      const kind = chance() < 0.5 ? 'loop' : 'parallel';
      const block = { id, in: container, container: isContainer ? kind : undefined } as const;
      blocks.push(block);
      for (const earlier of members) {
        if (chance() > 1.6 / members.length) continue;
        const named = earlier.container === undefined ? ports : portsOfContainers;
        const port = named[whole(chance, 0, named.length - 1)] ?? 'done';
        edges.push({ from: earlier.id, to: id, port });
      }
      members.push(block);
      if (isContainer) drawBody(id, depth + 1);
      else if (hasAnswers && chance() < 0.1) answers.add(id);
    }
  }
}

export function portsOf(edges: readonly PlannedEdge[]): ReadonlyMap<string, readonly string[]> {
  const named = new Map<string, string[]>();
  for (const { from, port = 'done' } of edges) {
    if (port === 'settled') continue;
    named.set(from, [...(named.get(from) ?? []), port]);
  }
  return named;
}
