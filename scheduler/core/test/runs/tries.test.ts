import type { Block, Tries } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cluster, codeOf, failed, type Scene, task, workflow } from '../scene.ts';
import { flow, live, loop, output, parallel, ref, value, work } from './flow.ts';

const call = (given: Tries = {}): Block => ({
  kind: 'call',
  id: 'c',
  after: [],
  type: 'Cart',
  key: 'k',
  method: 'add',
  args: [],
  ...given,
});
const route = (given: Tries): Block => ({
  kind: 'route',
  id: 'r',
  after: [],
  task: 'work',
  input: null,
  ...given,
});
const submitted = (scene: Scene) => {
  const [fact] = scene.decided('task-submitted');
  if (fact?.kind !== 'task-submitted') throw new Error('nothing was submitted');
  const { retries, backoffMs, limitMs, priority } = fact;
  return { retries, backoffMs, limitMs, priority };
};

const own: Tries = { retries: 2, backoffMs: [7_000], limitMs: 1_234, priority: 'high' };

describe('a block', () => {
  it('tries as it says itself, not as its task declares', () => {
    for (const block of [work('a', own), call(own), route(own)]) {
      const scene = flow([block]);
      scene.starts('flow');
      expect(submitted(scene)).toEqual(own);
    }
  });

  it('tries as its task declares where it says nothing', () => {
    const scene = flow([work('a', { limitMs: 99 })]);
    scene.starts('flow');
    expect(submitted(scene)).toEqual({
      retries: 0,
      backoffMs: [1_000, 3_000, 5_000],
      limitMs: 99,
      priority: 'normal',
    });
    const calls = flow([call()]);
    calls.starts('flow');
    expect(submitted(calls)).toMatchObject({ retries: 20, limitMs: 300_000, priority: 'normal' });
  });

  it('runs where its task declares to run', () => {
    const { scene } = cluster(1);
    scene.joins('gpu.aaaaaaaa', { cpu: 4 }, { zone: 'eu' });
    const placement = { nodes: [{ label: 'zone', op: 'in', values: ['eu'] }] } as const;
    const tasks = [task('work', { placement })];
    scene.deploys({ tasks, workflows: [workflow('flow', [work('a'), work('b')])] }, 'b2');
    scene.starts('flow');
    for (const block of ['a', 'b']) {
      expect(scene.started(`run:r1:${block}`).map(({ node }) => node)).toEqual(['gpu.aaaaaaaa']);
    }
  });

  it('waits as long between its tries as it says, in each branch by itself', () => {
    const blocks = [parallel('p'), work('a', { retries: 2, backoffMs: [7_000], in: 'p' })];
    const scene = flow(blocks);
    scene.starts('flow');
    scene.finishes('run:r1:a[0]', failed('USER_ERROR'));
    scene.blockFinishes('a[1]', 1);
    scene.pass(5_000);
    expect(scene.started('run:r1:a[0]')).toHaveLength(1);
    scene.failOver();
    scene.pass(10_000);
    expect(scene.started('run:r1:a[0]').at(-1)?.attempt).toBe(2);
    scene.finishes('run:r1:a[0]', failed('USER_ERROR'));
    scene.pass(10_000);
    scene.finishes('run:r1:a[0]', failed('USER_ERROR'));
    expect(codeOf(scene.view().outcome)).toBe('RETRIES_EXHAUSTED');
  });
});

describe('a container', () => {
  const all = { output: ref('blocks', 'l') };

  it('comes to what the block that it names came to in each round', () => {
    const blocks = [
      loop('l', { result: 'b', rounds: { count: 2 } }),
      work('a', { in: 'l' }),
      value('b', { a: ref('blocks', 'a'), at: ref('index') }, { in: 'l' }),
    ];
    const scene = flow(blocks, all);
    scene.starts('flow');
    scene.blockFinishes('a[0]', 'x');
    scene.failOver();
    scene.pass(1_100);
    scene.blockFinishes('a[1]', 'y');
    expect(output(scene)).toEqual([
      { a: 'x', at: 0 },
      { a: 'y', at: 1 },
    ]);
  });

  it('lets a round use what the one before it came to, whoever leads meanwhile', () => {
    const blocks = [
      loop('outer', { result: 'l', rounds: { count: 2 } }),
      loop('l', { in: 'outer', result: 'a', rounds: { count: 3 } }),
      work('a', {
        in: 'l',
        input: [ref('around', 'l', 'last', 'n'), ref('around', 'outer', 'last')],
      }),
    ];
    const scene = flow(blocks, { output: ref('blocks', 'outer') });
    scene.starts('flow');
    const seen: unknown[] = [];
    for (const id of ['a[0][0]', 'a[0][1]', 'a[0][2]', 'a[1][0]', 'a[1][1]', 'a[1][2]']) {
      seen.push(scene.inputOf(id));
      scene.blockFinishes(id, { n: id });
      scene.failOver();
      scene.pass(1_100);
    }
    const first = ['a[0][0]', 'a[0][1]', 'a[0][2]'].map((n) => ({ n }));
    expect(seen).toEqual([
      [null, null],
      ['a[0][0]', null],
      ['a[0][1]', null],
      [null, first],
      ['a[1][0]', first],
      ['a[1][1]', first],
    ]);
  });

  it('of which the last part alone is asked for gives that', () => {
    const blocks = [
      loop('l', { result: 'a', rounds: { count: 2 } }),
      work('a', { in: 'l' }),
      work('z', { input: ref('blocks', 'l', -1, 'n') }),
    ];
    const scene = flow(blocks);
    scene.starts('flow');
    scene.blockFinishes('a[0]', { n: 1 });
    scene.blockFinishes('a[1]', { n: 2 });
    expect(scene.inputOf('z')).toBe(2);
  });
});

describe('an edge that only makes wait', () => {
  const blocks = (when: string): Block[] => [
    work('a'),
    { kind: 'choice', id: 'c', after: [], cases: [{ port: 'yes', when }] },
    work('b'),
  ];
  const edges = [
    { from: 'c', to: 'b', port: 'yes' },
    { from: 'a', to: 'b', port: 'settled' },
  ];

  it('keeps its block waiting, and does not make it run', () => {
    const scene = flow(blocks('true'), { edges });
    scene.starts('flow');
    expect(live(scene)).toEqual(['a']);
    scene.blockFinishes('a', 1);
    expect(live(scene)).toEqual(['b']);
    const other = flow(blocks('false'), { edges });
    other.starts('flow');
    other.blockFinishes('a', 1);
    expect(other.view()).toMatchObject({ state: 'done' });
    expect(other.block('b')).toMatchObject({ state: 'skipped' });
  });

  it('is never one that a task takes', () => {
    const routed = [route({ retries: 0 }), work('b')];
    const scene = flow(routed, { edges: [{ from: 'r', to: 'b', port: 'settled' }] });
    scene.starts('flow');
    scene.blockFinishes('r', { port: 'settled' });
    expect(scene.block('b')).toMatchObject({ state: 'skipped' });
  });
});

it('a task that names the port by which failures leave is done all the same, and leaves as one that names none', () => {
  const blocks = [route({ retries: 0 }), work('after'), work('handler')];
  const edges = [
    { from: 'r', to: 'after', port: 'done' },
    { from: 'r', to: 'handler', port: 'error' },
  ];
  const scene = flow(blocks, { edges });
  scene.starts('flow');
  scene.blockFinishes('r', { port: 'error' });
  expect(live(scene)).toEqual(['after']);
  expect(scene.block('r')).toMatchObject({ state: 'done' });
  expect(scene.block('handler')).toMatchObject({ state: 'skipped' });
});
