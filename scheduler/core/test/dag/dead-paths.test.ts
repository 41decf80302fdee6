import { describe, expect, it } from 'vitest';
import { buildGraph } from '../../src/dag/graph.ts';
import { imageOf, restoreRun } from '../../src/dag/image.ts';
import { type Context, contextId, indicesOf } from '../../src/dag/instance.ts';
import { RunState } from '../../src/dag/run-state.ts';
import { tellNaively } from './oracle.ts';
import { type Chance, chanceOf, type Drawn, drawGraph, whole } from './random-plan.ts';

const graphs = Number(process.env['TROUPE_GRAPHS'] ?? 10_000);

function graphOf({ plan }: Drawn) {
  const built = buildGraph(plan);
  if ('fault' in built) throw new Error(built.fault);
  return built.graph;
}

/** What befalls a context next: everything that can be told of a run, one thing at a time. */
function step(
  run: RunState,
  { behaviour, pauses }: Drawn,
  chance: Chance,
  told: (context: Context, end: string) => void = () => undefined,
): Context | undefined {
  const choices = [...run.ready, ...run.active, ...run.paused, ...run.asking];
  const context = choices[whole(chance, 0, choices.length - 1)];
  if (context === undefined) return undefined;
  const { id, inner } = context.instance.vertexAt(context.slot);
  const indices = indicesOf(context);
  if (run.asking.has(context)) {
    const round = context.instance.inner.get(context.slot)?.round ?? 0;
    run.goOn(context, round < behaviour.countOf(id, indices));
  } else if (inner !== undefined) {
    const count = behaviour.countOf(id, indices);
    told(context, 'done');
    const asks = inner.kind === 'loop' && count > 0 && chance() < 0.5;
    if (asks) run.open(context, { kind: 'asks' });
    else if (inner.kind === 'loop') run.open(context, { kind: 'rounds', count });
    else run.open(context, { kind: 'branches', count, inFlightMax: whole(chance, 1, 3) });
  } else if (run.ready.has(context)) {
    if (pauses.has(id)) run.pause(context);
    else run.start(context);
  } else {
    const port = behaviour.portOf(id, indices);
    told(context, port === 'error' ? 'failed' : 'done');
    if (port === 'error') run.fail(context, undefined);
    else run.settle(context, undefined, port);
  }
  return context;
}

/** Plays a run to its end; answers the contexts that ran, and how each ended. */
function play(seed: number): { readonly drawn: Drawn; readonly ends: Map<string, string> } {
  const drawn = drawGraph(seed);
  const chance = chanceOf(seed ^ 0x5eed);
  const run = new RunState(graphOf(drawn), 'go-on');
  const ends = new Map<string, string>();
  const told = (context: Context, end: string) => {
    const id = contextId(context);
    if (ends.has(id)) throw new Error(`seed ${seed}: ${id} ran twice`);
    ends.set(id, end);
  };
  while (step(run, drawn, chance, told) !== undefined);
  if (!run.over) throw new Error(`seed ${seed}: nothing is left to do and the run is not over`);
  return { drawn, ends };
}

describe('a run of any graph, in any order of completion', () => {
  it(`runs exactly the blocks that dead-path elimination says, on ${graphs} random graphs`, () => {
    for (let seed = 1; seed <= graphs; seed++) {
      const { drawn, ends } = play(seed);
      const told = tellNaively(drawn.plan, drawn.behaviour);
      const sorted = (map: ReadonlyMap<string, string>) =>
        [...map].sort(([left], [right]) => (left < right ? -1 : 1));
      expect(sorted(ends), `seed ${seed}`).toEqual(sorted(told));
    }
  });

  it('goes on from any prefix of its history as if nothing had happened', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const drawn = drawGraph(seed);
      const graph = graphOf(drawn);
      const live = new RunState(graph, 'go-on');
      let restored = restoreRun(graph, imageOf(live));
      const chances = [chanceOf(seed), chanceOf(seed)] as const;
      for (;;) {
        const context = step(live, drawn, chances[0]);
        step(restored, drawn, chances[1]);
        expect(imageOf(restored), `seed ${seed}`).toEqual(imageOf(live));
        if (context === undefined) break;
        restored = restoreRun(graph, imageOf(restored));
      }
    }
  });
});
