/** Graphs of a size, and how a run of each is played: every block settles as soon as it can. */
import type { compile, GraphPlan, RunState } from '@troupe/scheduler-core/dag';

type Workflow = Parameters<typeof compile>[0];

export interface Shape {
  readonly name: string;
  plan(size: number): GraphPlan;
  rounds?(size: number): number;
  /** Answers how many blocks settled. */
  play(state: RunState, size: number): number;
}

/** Branches of a parallel in flight, and rounds of the loops that are only compiled. */
const turns = 100;

export const chain: Shape = {
  name: 'chain',
  plan(size) {
    const blocks = Array.from({ length: size }, (_, i) => ({ id: `b${i}` }));
    const edges = Array.from({ length: size - 1 }, (_, i) => ({ from: `b${i}`, to: `b${i + 1}` }));
    return { blocks, edges };
  },
  play: (state) => settleAll(state, 0),
};

export const fanOut: Shape = {
  name: 'fan-out and join',
  plan(size) {
    const middle = Array.from({ length: size - 2 }, (_, i) => `b${i}`);
    const blocks = ['first', ...middle, 'last'].map((id) => ({ id }));
    const edges = middle.flatMap((id) => [
      { from: 'first', to: id },
      { from: id, to: 'last' },
    ]);
    return { blocks, edges };
  },
  play: (state) => settleAll(state, 0),
};

/** One loop of one block. */
export const loops: Shape = {
  name: 'loop of one block',
  plan: () => ({
    blocks: [
      { id: 'l', container: 'loop' },
      { id: 'b', in: 'l' },
    ],
    edges: [],
  }),
  rounds: (size) => size,
  play: (state, size) => settleAll(state, size),
};

/** Branches of ten blocks one after the other. */
export const parallels: Shape = {
  name: 'parallel of tens',
  plan() {
    const blocks = Array.from({ length: 10 }, (_, i) => ({ id: `b${i}`, in: 'p' }));
    const edges = Array.from({ length: 9 }, (_, i) => ({ from: `b${i}`, to: `b${i + 1}` }));
    return { blocks: [{ id: 'p', container: 'parallel' }, ...blocks], edges };
  },
  play: (state, size) => settleAll(state, size / 10),
};

export function loopsOfBlocks(loopCount: number, blockCount: number): Workflow {
  const blocks: Workflow['blocks'][number][] = [];
  for (let l = 0; l < loopCount; l++) {
    blocks.push({ kind: 'loop', id: `l${l}`, after: [], rounds: { count: turns } });
    for (let b = 0; b < blockCount - 1; b++) {
      const id = `l${l}b${b}`;
      const value = b === 0 ? null : { $ref: ['blocks', `l${l}b${b - 1}`] };
      blocks.push({ kind: 'value', id, in: `l${l}`, after: [], value });
    }
  }
  return { name: 'loops', blocks, output: null };
}

/** A container has so many rounds or branches. */
function settleAll(state: RunState, count: number): number {
  let settled = 0;
  while (!state.over) {
    for (const context of state.ready) {
      const { inner } = context.instance.vertexAt(context.slot);
      if (inner === undefined) {
        state.start(context);
        state.settle(context, undefined);
        settled++;
      } else if (inner.kind === 'loop') {
        state.open(context, { kind: 'rounds', count });
      } else {
        state.open(context, { kind: 'branches', count, inFlightMax: turns });
      }
    }
  }
  return settled;
}
