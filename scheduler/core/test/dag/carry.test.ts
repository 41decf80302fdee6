/** Random runs that go on by another version of their workflow, and that are started again. */
import type { Block, Workflow } from '@troupe/model';
import { expect, it } from 'vitest';
import { begunIn, firstDifference, keptFrom, moveTo, startFrom } from '../../src/dag/carry.ts';
import { checkState } from '../../src/dag/check.ts';
import { type CompiledWorkflow, compile } from '../../src/dag/compile.ts';
import type { PlannedBlock, PlannedEdge } from '../../src/dag/graph.ts';
import { RunState } from '../../src/dag/run-state.ts';
import { task } from '../scene.ts';
import { NaiveRun } from './oracle.ts';
import { type Chance, chanceOf, type Drawn, drawGraph, portsOf, whole } from './random-plan.ts';
import { looked, seenOf, step, tellNaive } from './random-run.ts';

const graphs = Number(process.env['TROUPE_GRAPHS'] ?? 10_000) / 10;

function compiledOf({ plan, policy, answers }: Drawn): CompiledWorkflow {
  const blocks = plan.blocks.map(({ id, in: around, container }): Block => {
    const place = { id, after: [], ...(around === undefined ? {} : { in: around }) };
    if (container === 'loop') return { ...place, kind: 'loop', rounds: { count: 1 } };
    if (container === 'parallel') return { ...place, kind: 'parallel', branches: { count: 1 } };
    if (answers.has(id)) return { ...place, kind: 'answer', value: null };
    return { ...place, kind: 'route', task: 'work', input: null };
  });
  const edges = plan.edges.map(({ from, to, port = 'done' }) => ({ from, to, port }));
  const workflow: Workflow = { name: 'flow', blocks, edges, onFailure: policy, output: null };
  const compiled = compile(workflow, { tasks: [task('work')] });
  if ('failure' in compiled) throw new Error(compiled.failure.message);
  return compiled;
}

/** Its blocks in another order, and one more before one of those that have not begun. */
function newerOf(drawn: Drawn, hasBegun: (id: string) => boolean, chance: Chance): Drawn {
  const { blocks, edges } = drawn.plan;
  const root = blocks.filter((block) => block.in === undefined);
  const others = blocks.filter((block) => block.in !== undefined);
  const shuffled: PlannedBlock[] = [];
  for (const block of root) shuffled.splice(whole(chance, 0, shuffled.length), 0, block);
  const target = whole(chance, 0, root.length);
  const sources = root.slice(0, target).filter(() => chance() < 0.4);
  const more: PlannedEdge[] = sources.map(({ id }) => ({ from: id, to: 'fresh', port: 'done' }));
  const to = root[target];
  if (to !== undefined && !hasBegun(to.id)) more.push({ from: 'fresh', to: to.id, port: 'done' });
  const all = [...edges, ...more];
  return {
    ...drawn,
    plan: { blocks: [...shuffled, { id: 'fresh' }, ...others], edges: all },
    ports: portsOf(all),
  };
}

/** A run in which so much has happened. */
function begun(seed: number, steps: number) {
  const drawn = drawGraph(seed);
  const chance = chanceOf(seed ^ 0xca441);
  const compiled = compiledOf(drawn);
  const state = new RunState(compiled.graph, drawn.policy);
  const naive = new NaiveRun(drawn.plan, drawn.policy);
  for (let i = 0; i < steps && step(state, drawn, chance, tellNaive(naive)); i++);
  return { drawn, chance, compiled, state, naive };
}

it(`a run goes on by another version as if it had always been that, on ${graphs} random graphs`, () => {
  let moved = 0;
  for (let seed = 1; seed <= graphs; seed++) {
    const { drawn, chance, compiled, state, naive } = begun(seed, seed % 40);
    if (state.stopped) continue;
    moved++;
    const earlier = { compiled, state };
    const begins = begunIn(earlier);
    const hasBegun = (id: string) => {
      const vertex = compiled.graph.byId.get(id);
      return vertex !== undefined && begins(vertex);
    };
    const newer = newerOf(drawn, hasBegun, chance);
    const to = compiledOf(newer);
    expect(firstDifference(compiled, to, begins), `seed ${seed}`).toBeUndefined();
    const { state: run } = moveTo(earlier, to);
    naive.goOnBy(newer.plan);
    const compare = () => {
      const expected = looked(naive);
      expect(seenOf(run, expected), `seed ${seed}`).toEqual(expected);
      checkState(run);
    };
    compare();
    while (step(run, newer, chance, tellNaive(naive))) if (chance() < 0.1) compare();
    compare();
    expect(run.over, `seed ${seed}`).toBe(true);
  }
  expect(moved).toBeGreaterThan(graphs / 2);
});

it('a run goes on by no version in which other edges lead to what has begun', () => {
  let refused = 0;
  for (let seed = 1; seed <= graphs; seed++) {
    const { drawn, chance, compiled, state } = begun(seed, seed % 40);
    const begins = begunIn({ compiled, state });
    const into = drawn.plan.edges.filter(({ to }) => {
      const vertex = compiled.graph.byId.get(to);
      return vertex?.body === compiled.graph.root && begins(vertex);
    });
    const changed = into[whole(chance, 0, into.length - 1)];
    if (changed === undefined) continue;
    refused++;
    const others = drawn.plan.edges.filter((edge) => edge !== changed);
    // Another way of the same block, or none of it.
    const other = chance() < 0.5 ? [] : [{ ...changed, port: 'elsewhere' }];
    const edges = [...others, ...other];
    const to = compiledOf({ ...drawn, plan: { ...drawn.plan, edges } });
    expect(firstDifference(compiled, to, begins), `seed ${seed}`).toBe(
      `other edges lead to block "${changed.to}"`,
    );
  }
  expect(refused).toBeGreaterThan(graphs / 4);
});

it(`a run that is started again has behind it what is done and does not come after, on ${graphs} random graphs`, () => {
  for (let seed = 1; seed <= graphs; seed++) {
    const { drawn, chance, compiled, state, naive } = begun(seed, Number.POSITIVE_INFINITY);
    const ended = looked(naive);
    const root = drawn.plan.blocks.filter((block) => block.in === undefined);
    const ran = root.filter(({ id }) => ended.states.get(id) !== 'skipped');
    const from = chance() < 0.3 ? undefined : ran[whole(chance, 0, ran.length - 1)]?.id;
    const kept = keptNaively(drawn, ended.states, from);
    const newer = newerOf(drawn, (id) => kept.has(id), chance);
    const to = compiledOf(newer);
    const keeps = keptFrom({ compiled, state }, { block: from });
    expect(
      root.filter(({ id }) => keepsBlock(compiled, keeps, id)).map(({ id }) => id),
      `seed ${seed}`,
    ).toEqual([...kept]);
    expect(firstDifference(compiled, to, keeps), `seed ${seed}`).toBeUndefined();
    const run = startFrom({ compiled, state }, to, keeps);
    const again = new NaiveRun(newer.plan, newer.policy);
    for (const id of kept) {
      const told = naive.told.get(id);
      const settled = ended.states.get(id);
      if (told === undefined || (settled !== 'done' && settled !== 'failed')) continue;
      const port = settled === 'failed' ? 'error' : (told.port ?? 'done');
      again.told.set(id, { state: settled, port, rounds: 0, isEnough: false, isLast: false });
    }
    const compare = () => {
      const expected = looked(again);
      expect(seenOf(run, expected), `seed ${seed}`).toEqual(expected);
      checkState(run);
    };
    compare();
    while (step(run, newer, chance, tellNaive(again))) if (chance() < 0.1) compare();
    compare();
    expect(run.over, `seed ${seed}`).toBe(true);
  }
});

/** Blocks of the root that are done or were skipped, and come after nothing that runs anew. */
function keptNaively(
  { plan: { blocks, edges }, answers }: Drawn,
  states: ReadonlyMap<string, string>,
  from: string | undefined,
): ReadonlySet<string> {
  const catches = (id: string) => edges.some((edge) => edge.from === id && edge.port === 'error');
  const isAnew = (id: string): boolean => {
    const state = states.get(id) ?? '';
    const isOver = state === 'done' || state === 'skipped' || (state === 'failed' && catches(id));
    const before = edges.filter((edge) => edge.to === id);
    return id === from || !isOver || answers.has(id) || before.some((edge) => isAnew(edge.from));
  };
  const root = blocks.filter((block) => block.in === undefined);
  return new Set(root.filter(({ id }) => !isAnew(id)).map(({ id }) => id));
}

function keepsBlock(
  { graph }: CompiledWorkflow,
  keeps: ReturnType<typeof keptFrom>,
  id: string,
): boolean {
  const vertex = graph.byId.get(id);
  return vertex !== undefined && keeps(vertex);
}
