import { describe, expect, it } from 'vitest';
import { checkState } from '../../src/dag/check.ts';
import { buildGraph } from '../../src/dag/graph.ts';
import { imageOf, restoreRun } from '../../src/dag/image.ts';
import type { Context } from '../../src/dag/instance.ts';
import { RunState } from '../../src/dag/run-state.ts';
import { NaiveRun } from './oracle.ts';
import { chanceOf, type Drawn, drawGraph } from './random-plan.ts';
import { looked, seenOf, step, tellLate, tellNaive } from './random-run.ts';

const graphs = Number(process.env['TROUPE_GRAPHS'] ?? 10_000);
/** Of so many graphs one is looked at after everything that happens, the others now and then. */
const closely = 10;

function graphOf({ plan }: Drawn) {
  const built = buildGraph(plan);
  if ('fault' in built) throw new Error(built.fault);
  return built.graph;
}

/** Plays a run to its end, which is what the oracle says all along. */
function play(seed: number): void {
  const drawn = drawGraph(seed);
  const chance = chanceOf(seed ^ 0x5eed);
  const run = new RunState(graphOf(drawn), drawn.policy);
  const naive = new NaiveRun(drawn.plan, drawn.policy);
  const letGo: Context[] = [];
  const compare = () => {
    const expected = looked(naive);
    expect(seenOf(run, expected), `seed ${seed}`).toEqual(expected);
    checkState(run);
  };
  for (;;) {
    const active = new Set(run.active);
    if (!step(run, drawn, chance, tellNaive(naive))) break;
    for (const context of active) {
      if (run.stateOf(context) === 'abandoned') letGo.push(context);
    }
    if (letGo.length > 0 && chance() < 0.3) tellLate(run, letGo, chance);
    if (seed % closely === 0 || chance() < 0.05) compare();
  }
  compare();
  expect(run.over, `seed ${seed}: nothing is left to do and the run is not over`).toBe(true);
}

describe('a run of any graph, in any order of completion', () => {
  it(`does exactly what dead-path elimination says, on ${graphs} random graphs`, () => {
    for (let seed = 1; seed <= graphs; seed++) play(seed);
  });

  it('goes on from any prefix of its history as if nothing had happened', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const drawn = drawGraph(seed);
      const graph = graphOf(drawn);
      const live = new RunState(graph, drawn.policy);
      let restored = restoreRun(graph, imageOf(live));
      const chances = [chanceOf(seed), chanceOf(seed)] as const;
      for (;;) {
        const went = step(live, drawn, chances[0], () => undefined);
        step(restored, drawn, chances[1], () => undefined);
        expect(imageOf(restored), `seed ${seed}`).toEqual(imageOf(live));
        if (!went) break;
        restored = restoreRun(graph, imageOf(restored));
      }
    }
  });
});

describe('a container that fails inside', () => {
  it('is let go by what began in it, without a look at what else is at work in the run', () => {
    const looks = [10, 1_000].map((branches) => {
      const run = parallelOfPairs(branches);
      const [first] = run.active;
      if (first === undefined) throw new Error('nothing is at work');
      const looked = lookedAt(run, () => run.fail(first, undefined));
      expect([...run.abandoned]).toEqual(['a[0][1]']);
      checkState(run);
      return looked;
    });
    expect(looks[1]).toBe(looks[0]);
  });
});

/** Branches in each of which two blocks run side by side in a container that catches their failure. */
function parallelOfPairs(branches: number): RunState {
  const blocks = [
    { id: 'p', container: 'parallel' },
    { id: 'q', in: 'p', container: 'parallel' },
    { id: 'a', in: 'q' },
    { id: 'b', in: 'p' },
  ] as const;
  const built = buildGraph({ blocks, edges: [{ from: 'q', to: 'b', port: 'error' }] });
  if ('fault' in built) throw new Error(built.fault);
  const run = new RunState(built.graph);
  for (const context of run.ready) {
    const { name } = context.instance.vertexAt(context.slot);
    const count = name === 'p' ? branches : 2;
    if (name === 'a') run.start(context);
    else run.open(context, { kind: 'branches', count, inFlightMax: count });
  }
  return run;
}

/** How many contexts were gone through meanwhile. */
function lookedAt(run: RunState, act: () => void): number {
  let looked = 0;
  for (const set of [run.ready, run.active, run.paused, run.asking]) {
    const all = set.values.bind(set);
    set[Symbol.iterator] = () => {
      looked += set.size;
      return all();
    };
  }
  act();
  return looked;
}
