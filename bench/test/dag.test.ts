/** What is measured is what is said: each shape settles as many blocks as its size. */
import { buildGraph, compile, RunState } from '@troupe/scheduler-core/dag';
import { expect, test } from 'vitest';
import { chain, fanOut, loops, loopsOfBlocks, parallels } from '../src/dag/shapes.ts';

test('a chain, a fan-out, a loop and a parallel settle every block of theirs', () => {
  for (const shape of [chain, fanOut, loops, parallels]) {
    const built = buildGraph(shape.plan(500));
    if ('fault' in built) throw new Error(built.fault);
    const state = new RunState(built.graph);
    expect(shape.play(state, 500), shape.name).toBe(500);
    expect(state.over).toBe(true);
  }
});

test('the workflow whose compiling is timed has as many blocks as it says', () => {
  const compiled = compile(loopsOfBlocks(100, 100), { tasks: [] });
  if ('failure' in compiled) throw new Error(compiled.failure.message);
  expect(compiled.graph.vertices).toHaveLength(10_000);
  expect(compiled.graph.bodies).toHaveLength(101);
});
