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
