import type { Block } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { codeOf, failed, workflow } from '../scene.ts';
import {
  child,
  flow,
  live,
  loop,
  output,
  parallel,
  pause,
  ref,
  refusal,
  resume,
  value,
  work,
} from './flow.ts';

describe('rounds and branches', () => {
  it('nested in each other run as tasks of their own, which see the turns around them', () => {
    const scene = flow(
      [
        parallel('side', { branches: { items: ['x', 'y'] } }),
        loop('again', { in: 'side', rounds: { count: 2 } }),
        work('a', { in: 'again', input: [ref('around', 'side', 'item'), ref('index')] }),
      ],
      { output: ref('blocks', 'side', 'results') },
    );
    scene.starts('flow');
    expect(live(scene)).toEqual(['a[0][0]', 'a[1][0]']);
    expect(scene.inputOf('a[1][0]')).toEqual(['y', 0]);
    scene.blockFinishes('a[1][0]', 1);
    expect(live(scene)).toEqual(['a[0][0]', 'a[1][1]']);
    scene.failOver();
    scene.pass(1_100);
    expect(scene.inputOf('a[1][1]')).toEqual(['y', 1]);
    for (const id of ['a[1][1]', 'a[0][0]', 'a[0][1]']) scene.blockFinishes(id, id);
    expect(output(scene)).toEqual([
      [{ results: [['a[0][0]'], ['a[0][1]']] }],
      [{ results: [[1], ['a[1][1]']] }],
    ]);
  });

  it('of a parallel are as many at once as allowed', () => {
    const scene = flow([
      parallel('side', { branches: { count: 5 }, inFlightMax: 2 }),
      work('a', { in: 'side' }),
    ]);
    scene.starts('flow');
    expect(live(scene)).toEqual(['a[0]', 'a[1]']);
    scene.blockFinishes('a[1]', 1);
    expect(live(scene)).toEqual(['a[0]', 'a[2]']);
  });

  it('of a parallel that says nothing of it are ten at once', () => {
    const scene = flow([parallel('side', { branches: { count: 12 } }), work('a', { in: 'side' })]);
    scene.starts('flow');
    expect(live(scene)).toHaveLength(10);
    scene.blockFinishes('a[9]', 1);
    expect(live(scene).at(-1)).toBe('a[10]');
  });

  it('of a loop that asks go on while its condition holds, also under another leader', () => {
    const last = { n: ref('blocks', 'a') };
    const scene = flow(
      [
        loop('again', { rounds: { until: { when: 'n >= 3.0', values: last } } }),
        work('a', { in: 'again' }),
      ],
      { output: ref('blocks', 'again', 'results') },
    );
    scene.starts('flow');
    for (const n of [1, 2, 3]) {
      scene.failOver();
      scene.pass(1_100);
      scene.blockFinishes(`a[${n - 1}]`, n);
    }
    expect(output(scene)).toEqual([[1], [2], [3]]);
  });

  it('beyond the bound of a loop fail it, and name it', () => {
    const scene = flow([
      loop('again', { rounds: { count: ref('input') } }),
      work('a', { in: 'again' }),
    ]);
    const { outcome } = scene.starts('flow', 100_001);
    expect(codeOf(outcome)).toBe('RESOURCE_EXHAUSTED');
    expect(outcome).toMatchObject({
      failure: { message: expect.stringContaining('loop "again" has more than 100000 rounds') },
    });
  });

  it('beyond the bound of a parallel fail it, and name it', () => {
    const items = Array.from({ length: 20_001 }, () => 0);
    const side = parallel('side', { branches: { items: ref('input') } });
    const scene = flow([side, work('a', { in: 'side' })]);
    const { outcome } = scene.starts('flow', items);
    expect(outcome).toMatchObject({
      failure: { code: 'RESOURCE_EXHAUSTED', message: expect.stringContaining('"side"') },
    });
  });

  it('without end, of blocks that need nobody, keep nobody else waiting', () => {
    const scene = flow(
      [loop('again', { rounds: { count: 20_000 } }), value('v', ref('index'), { in: 'again' })],
      { output: ref('blocks', 'again', 'results', 19_999) },
    );
    scene.machine.checkInvariants = () => undefined;
    expect(scene.starts('flow').state).toBe('running');
    const { progress } = scene.view();
    expect(progress?.done).toBeGreaterThan(1_000);
    expect(progress?.done).toBeLessThan(10_000);
    scene.failOver();
    scene.machine.checkInvariants = () => undefined;
    scene.pass(100);
    expect(output(scene)).toEqual([19_999]);
  });

  it('whose conditions look at much, keep nobody else waiting', () => {
    const seen = { l: ref('input'), i: ref('index') };
    const scene = flow([
      loop('again', { rounds: { while: { when: 'i < 300.0 && !(-1.0 in l)', values: seen } } }),
      value('v', 1, { in: 'again' }),
    ]);
    scene.machine.checkInvariants = () => undefined;
    const many = Array.from({ length: 200_000 }, (_, at) => at % 100);
    expect(scene.starts('flow', many).progress?.done).toBeLessThan(150);
    scene.pass(100);
    expect(scene.view().state).toBe('done');
  });

  it('are shown where they need a look, and counted where not', () => {
    const scene = flow([
      parallel('side', { branches: { count: 3 } }),
      loop('again', { in: 'side', rounds: { count: 4 } }),
      work('a', { in: 'again' }),
      work('b', { after: ['side'] }),
    ]);
    scene.starts('flow');
    for (const id of ['a[0][0]', 'a[0][1]', 'a[1][0]']) scene.blockFinishes(id, 1);
    const { blocks, progress } = scene.view();
    expect(blocks.map(({ block, state }) => `${block} ${state}`)).toEqual([
      'side running',
      'again[0] running',
      'a[0][2] running',
      'again[1] running',
      'a[1][1] running',
      'again[2] running',
      'a[2][0] running',
      'b waiting',
    ]);
    expect(blocks[0]?.branches).toEqual({ done: 0, all: 3 });
    expect(blocks[1]?.rounds).toEqual({ done: 2, all: 4 });
    // Of 2 + 3 + 12 contexts three are done and three run; the containers are still to end.
    expect(progress).toEqual({ done: 3, running: 3, waiting: 0, rest: 11 });
  });
});

describe('a failure inside', () => {
  it('goes out by the error edge of its container, whose other tasks are cancelled', () => {
    const scene = flow(
      [
        parallel('side', { branches: { count: 3 } }),
        work('a', { in: 'side' }),
        work('mend', { input: ref('blocks', 'side', 'error', 'code') }),
        work('never', { after: ['side'] }),
      ],
      {
        edges: [{ from: 'side', to: 'mend', port: 'error' }],
        output: [ref('blocks', 'mend'), ref('blocks', 'never')],
      },
    );
    scene.starts('flow');
    scene.finishes('run:r1:a[1]', failed('USER_ERROR'));
    expect(live(scene)).toEqual(['mend']);
    expect(scene.inputOf('mend')).toBe('USER_ERROR');
    expect(scene.block('side')?.state).toBe('failed');
    scene.blockFinishes('mend', 'mended');
    expect(output(scene)).toEqual(['mended', null]);
  });

  it('lets all else run first when told to, and then fails the run with the first', () => {
    const scene = flow(
      [loop('again', { rounds: { count: 2 } }), work('a', { in: 'again' }), work('b')],
      { onFailure: 'go-on' },
    );
    scene.starts('flow');
    scene.finishes('run:r1:a[0]', failed('USER_ERROR'));
    expect(scene.view().state).toBe('running');
    scene.finishes('run:r1:b', failed('INVALID_ARGUMENT'));
    scene.blockFinishes('a[1]', 1);
    const view = scene.view();
    expect(view.state).toBe('failed');
    expect(view.outcome).toMatchObject({ failure: { details: { block: 'a[0]' } } });
  });

  it('is told of no more than once: a task that was let go of changes nothing', () => {
    const scene = flow(
      [
        loop('again', { rounds: { count: 3 } }),
        parallel('side', { in: 'again' }),
        work('a', { in: 'side' }),
        value('v', 'mended', { in: 'again' }),
      ],
      {
        edges: [{ from: 'side', to: 'v', port: 'error' }],
        output: ref('blocks', 'again', 'results'),
      },
    );
    scene.starts('flow');
    for (const round of [0, 1, 2]) {
      const [other] = scene.started(`run:r1:a[${round}][1]`);
      scene.finishes(`run:r1:a[${round}][0]`, failed('USER_ERROR'));
      const before = scene.facts.length;
      if (other === undefined) throw new Error('not started');
      const { node, task, attempt } = other;
      scene.reports(node, { task, attempt, outcome: failed('USER_ERROR'), durationMs: 1 });
      expect(scene.facts).toHaveLength(before);
      // Nobody goes on waiting for it.
      expect(scene.machine.durable().runs[0]?.state.abandoned).toEqual([]);
    }
    expect(output(scene)).toMatchObject([
      [{ error: {} }, 'mended'],
      [{}, 'mended'],
      [{}, 'mended'],
    ]);
  });
});

describe('a final answer', () => {
  it('ends the run with its output once what runs has ended; nothing new starts', () => {
    const scene = flow([
      { kind: 'answer', id: 'say', after: ['a'], value: { said: ref('blocks', 'a') } },
      work('a'),
      work('b'),
      work('c', { after: ['b'] }),
      pause('p'),
    ]);
    scene.starts('flow');
    scene.blockFinishes('a', 5);
    expect(scene.view().state).toBe('running');
    scene.failOver();
    scene.pass(1_100);
    scene.blockFinishes('b', 1);
    expect(scene.started('run:r1:c')).toHaveLength(0);
    expect(output(scene)).toEqual({ said: 5 });
    expect(scene.view().blocks.map(({ state }) => state)).toEqual([
      'done',
      'done',
      'done',
      'skipped',
      'skipped',
    ]);
  });
});

it('a final answer waits for no run within that only waits, as it waits for no pause', () => {
  const blocks: Block[] = [
    work('a'),
    child('c'),
    pause('ask'),
    { kind: 'answer', id: 'end', after: ['a'], value: 'enough' },
    work('later', { after: ['ask'] }),
  ];
  const inner = workflow('inner', [work('b'), pause('p', { after: ['b'] })]);
  const scene = flow(blocks, {}, [inner]);
  scene.starts('flow');
  scene.blockFinishes('a', 1);
  expect(scene.view()).toMatchObject({ state: 'running', progress: { running: 1, rest: 0 } });
  scene.finishes('run:r1/c:b');
  expect(output(scene)).toBe('enough');
  expect(scene.view('r1/c').state).toBe('cancelled');
});

describe('a choice and a route', () => {
  it('leave by a port; what no port leads to is skipped', () => {
    const scene = flow(
      [
        {
          kind: 'choice',
          id: 'c',
          after: [],
          values: { n: ref('input') },
          cases: [{ port: 'big', when: 'n > 5.0' }],
          otherwise: 'small',
        },
        { kind: 'route', task: 'work', id: 'd', after: [], input: null },
        work('x'),
        work('y'),
        work('z'),
      ],
      {
        edges: [
          { from: 'c', to: 'd', port: 'big' },
          { from: 'c', to: 'x', port: 'small' },
          { from: 'd', to: 'y', port: 'left' },
          { from: 'd', to: 'z', port: 'right' },
        ],
      },
    );
    scene.starts('flow', 7);
    expect(live(scene)).toEqual(['d']);
    scene.failOver();
    scene.pass(1_100);
    scene.blockFinishes('d', { port: 'right' });
    expect(live(scene)).toEqual(['z']);
    scene.blockFinishes('z', 1);
    expect(scene.view().blocks.map(({ state }) => state)).toEqual([
      'done',
      'done',
      'skipped',
      'skipped',
      'done',
    ]);
  });

  it('store what they came to once', () => {
    const scene = flow([value('v', 'x'.repeat(1_000)), value('w', ref('blocks', 'v', 'none'))]);
    scene.starts('flow');
    const kinds = scene.kinds().slice(scene.kinds().indexOf('run-started'));
    expect(kinds).toEqual(['run-started', 'block-ended', 'block-ended', 'run-ended']);
  });
});

describe('pauses in rounds and branches', () => {
  it('are open side by side and answered in any order, each by its own id, also after a failover', () => {
    const scene = flow(
      [
        parallel('side', { branches: { count: 2 } }),
        loop('again', { in: 'side', rounds: { count: 2 } }),
        pause('ask', { in: 'again', prompt: [ref('around', 'side', 'index'), ref('index')] }),
      ],
      { output: ref('blocks', 'side', 'results') },
    );
    scene.starts('flow');
    expect(scene.view()).toMatchObject({ state: 'waiting', progress: { waiting: 2 } });
    resume(scene, 'ask[1][0]', 'b');
    scene.failOver();
    resume(scene, 'ask[1][1]', 'd');
    resume(scene, 'ask[0][0]', 'a');
    resume(scene, 'ask[0][1]', 'c');
    expect(output(scene)).toEqual([[{ results: [['a'], ['c']] }], [{ results: [['b'], ['d']] }]]);
  });

  it('are shown with as many prompts as an answer holds', () => {
    const prompt = 'x'.repeat(200_000);
    const scene = flow([
      parallel('side', { branches: { count: 4 } }),
      pause('ask', { in: 'side', prompt }),
    ]);
    scene.starts('flow');
    const shown = () => scene.view().blocks.filter(({ state }) => state === 'paused');
    expect(shown().map((block) => block.prompt !== undefined)).toEqual([true, true, false, false]);
    resume(scene, 'ask[0]', 1);
    resume(scene, 'ask[1]', 1);
    expect(shown().map((block) => block.prompt !== undefined)).toEqual([true, true]);
  });

  it('of a round that is over are refused, and those that are open are named', () => {
    const scene = flow([
      loop('again', { rounds: { count: 9 } }),
      pause('ask', { in: 'again' }),
      pause('other'),
    ]);
    scene.starts('flow');
    for (let round = 0; round < 5; round++) resume(scene, `ask[${round}]`, 1);
    const before = scene.facts.length;
    const stale = resume(scene, 'ask[4]', 2);
    expect(scene.code(stale)).toBe('WRONG_STATE');
    expect(refusal(stale)).toContain('what waits for an answer: other, ask[5]');
    expect(scene.code(resume(scene, 'ask[6]', 2))).toBe('WRONG_STATE');
    expect(scene.code(resume(scene, 'ask', 2))).toBe('UNKNOWN_BLOCK');
    expect(refusal(resume(scene, 'nobody[1]', 2))).toContain('ask[5]');
    for (const odd of ['ask[', 'ask[]', 'ask[x]', 'ask[-1]', 'ask[1.5]', '[5]', 'ask[5][0]']) {
      expect(scene.code(resume(scene, odd, 1)), odd).toMatch(/WRONG_STATE|UNKNOWN_BLOCK/);
    }
    expect(scene.facts).toHaveLength(before);
    expect(scene.code(resume(scene, 'ask[5]', 2))).toBe('run');
  });

  it('are answered to who says the same again to another leader, though their round is over', () => {
    const scene = flow([
      loop('outer', { rounds: { count: 2 } }),
      parallel('side', { in: 'outer', branches: { count: 2 } }),
      loop('inner', { in: 'side', rounds: { count: 2 } }),
      pause('ask', { in: 'inner' }),
      pause('last'),
    ]);
    scene.starts('flow');
    const said: [string, number][] = [];
    for (const round of [0, 1]) {
      for (const branch of [0, 1]) {
        for (const turn of [0, 1]) said.push([`ask[${round}][${branch}][${turn}]`, said.length]);
      }
    }
    const again = () => {
      for (const [block, answer] of said) {
        expect(scene.code(resume(scene, block, answer)), block).toBe('run');
        expect(refusal(resume(scene, block, 'no')), block).toContain(
          'answered before, and otherwise',
        );
      }
    };
    for (const [block, answer] of said) resume(scene, block, answer);
    scene.failOver();
    const before = scene.facts.length;
    again();
    expect(scene.code(resume(scene, 'ask[1][1][2]', 1))).toBe('WRONG_STATE');
    expect(scene.code(resume(scene, 'ask[1][2][0]', 1))).toBe('WRONG_STATE');
    expect(scene.facts).toHaveLength(before);
    resume(scene, 'last', 1);
    expect(scene.view().state).toBe('done');
    again();
  });

  it('take no answer under an id that is not written as theirs is', () => {
    const scene = flow([
      parallel('side', { branches: { count: 3 } }),
      pause('ask', { in: 'side' }),
      pause('each', { each: [1, 2, 3] }),
    ]);
    scene.starts('flow');
    const before = scene.facts.length;
    const odds = '[ [] [1 [1x [01] [1.0] [0.5] [0x1] [1e0] [-0] [3] [1]x [1][ 1] [1][0]'.split(' ');
    for (const odd of odds) {
      for (const name of ['ask', 'each']) {
        const answer = resume(scene, `${name}${odd}`, 'for another');
        expect(scene.code(answer), odd).toMatch(/WRONG_STATE|UNKNOWN_BLOCK/);
        expect(refusal(answer), odd).toContain('what waits for an answer: ask[0], ask[1], ask[2]');
      }
    }
    expect(scene.facts).toHaveLength(before);
  });

  it('are answered one by one: an answer to all branches of `each` is refused, also after their end', () => {
    const scene = flow([pause('ask', { each: ref('input') }), pause('other')]);
    scene.starts('flow', [1, 2]);
    expect(scene.code(resume(scene, 'ask', 'all'))).toBe('WRONG_STATE');
    for (const branch of ['ask[1]', 'ask[0]']) resume(scene, branch, branch);
    expect(scene.code(resume(scene, 'ask[1]', 'ask[1]'))).toBe('run');
    expect(scene.code(resume(scene, 'ask[1]', 'another'))).toBe('WRONG_STATE');
    expect(scene.code(resume(scene, 'ask', 'all'))).toBe('WRONG_STATE');
  });
});

describe('what a run holds is bounded', () => {
  it('in blocks of all rounds and branches: the container that is too much fails', () => {
    const body = Array.from({ length: 60 }, (_, i) => work(`a${i}`, { in: 'side' }));
    const scene = flow([parallel('side', { branches: { count: 20_000 } }), ...body]);
    const { outcome } = scene.starts('flow');
    expect(codeOf(outcome)).toBe('RESOURCE_EXHAUSTED');
    expect(outcome).toMatchObject({ failure: { message: expect.stringContaining('"side"') } });
  });

  it('in bytes: a run that goes on making values fails, and few of them at a time', () => {
    const scene = flow([
      loop('again', { rounds: { count: 1_000 } }),
      value('v', ref('input'), { in: 'again' }),
    ]);
    scene.machine.checkInvariants = () => undefined;
    scene.starts('flow', 'x'.repeat(500_000));
    expect(scene.decided('block-ended').length).toBeLessThan(20);
    scene.pass(50);
    expect(codeOf(scene.view().outcome)).toBe('RESOURCE_EXHAUSTED');
    expect(scene.decided('block-ended').length).toBeLessThan(150);
  });
});
