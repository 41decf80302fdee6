import type { Block, Edge, Expression, Failure, Workflow } from '@troupe/model';
import { decodeValue, encodeValue, failure } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { imageOf, restoreRun } from '../../src/dag/image.ts';
import { type Behaviour, compile, play } from '../../src/dag/index.ts';
import { outputOf } from '../../src/dag/next.ts';
import { RunValues } from '../../src/dag/values.ts';
import { task } from '../scene.ts';

const tasks = [task('work')];

function ref(...path: (string | number)[]): Expression {
  return { $ref: path };
}

function work(id: string, input: Expression = null, given: object = {}): Block {
  return { kind: 'task', task: 'work', id, after: [], input, ...given };
}

/** Says its input. */
const echo: Behaviour = ({ input }) => ({ value: input });

interface Given {
  readonly edges?: readonly Edge[];
  readonly output?: Expression;
  readonly rest?: Partial<Workflow>;
  readonly input?: unknown;
  readonly behave?: Behaviour;
}

function played(blocks: readonly Block[], given: Given = {}) {
  const { edges = [], output = null, rest = {}, input = null, behave = echo } = given;
  const flow = { name: 'flow', blocks, edges, output, ...rest };
  const compiled = compile(flow, { tasks });
  if ('failure' in compiled) throw new Error(compiled.failure.message);
  const { outcome, ended, state } = play(compiled, input, behave);
  const restored = restoreRun(compiled.graph, imageOf(state));
  const values = new RunValues(compiled, restored, encodeValue(input));
  if (outcome.ok && state.answer === undefined) expect(outputOf(compiled, values)).toEqual(outcome);
  const value = outcome.ok ? decodeValue(outcome.value) : outcome.failure.code;
  return { value, ids: ended.map(({ id }) => id), state };
}

describe('a loop', () => {
  const body = (given: object = {}) =>
    work('a', [ref('index'), ref('item')], { in: 'l', ...given });
  const loop = (rounds: Extract<Block, { kind: 'loop' }>['rounds'], given: object = {}): Block => {
    return { kind: 'loop', id: 'l', after: [], rounds, ...given };
  };

  it('gives each round its item and index, and comes to the results of all', () => {
    const { value, ids } = played([loop({ items: ref('input') }), body()], {
      input: ['x', 'y'],
      output: ref('blocks', 'l'),
    });
    expect(ids).toEqual(['a[0]', 'a[1]']);
    expect(value).toEqual({ results: [[[0, 'x']], [[1, 'y']]] });
  });

  it('takes an object for pairs', () => {
    const { value } = played([loop({ items: ref('input') }), body()], {
      input: { k: 1 },
      output: ref('blocks', 'l', 'results'),
    });
    expect(value).toEqual([[[0, ['k', 1]]]]);
  });

  it('runs while its condition holds, which sees what the last round came to', () => {
    const condition = { when: 'last == null || last < 3.0', values: { last: ref('blocks', 'a') } };
    const next = work('a', ref('index'), { in: 'l' });
    const { ids } = played([loop({ while: condition }), next]);
    expect(ids).toEqual(['a[0]', 'a[1]', 'a[2]', 'a[3]']);
  });

  it('runs once at least where it is asked after each round', () => {
    const next = work('a', ref('index'), { in: 'l' });
    expect(played([loop({ until: { when: 'true' } }), next]).ids).toEqual(['a[0]']);
    expect(played([loop({ while: { when: 'false' } }), next]).ids).toEqual([]);
    const until = { when: 'i >= 2.0', values: { i: ref('index') } };
    expect(played([loop({ until }), next]).ids).toHaveLength(3);
  });

  it('asks before a round with the index of that round', () => {
    const next = work('a', ref('index'), { in: 'l' });
    const condition = { when: 'i < 3.0', values: { i: ref('index') } };
    expect(played([loop({ while: condition }), next]).ids).toEqual(['a[0]', 'a[1]', 'a[2]']);
  });

  it('asks with the index of its own round, and those of the turns around it', () => {
    const values = { i: ref('index'), o: ref('around', 'out', 'index') };
    const blocks: Block[] = [
      { kind: 'loop', id: 'out', after: [], rounds: { count: 3 } },
      {
        kind: 'loop',
        id: 'l',
        in: 'out',
        after: [],
        rounds: { until: { when: 'i >= o', values } },
      },
      work('a', null, { in: 'l' }),
    ];
    const expected = ['a[0][0]', 'a[1][0]', 'a[1][1]', 'a[2][0]', 'a[2][1]', 'a[2][2]'];
    expect(played(blocks).ids).toEqual(expected);
  });

  it('that fails in the middle has nothing more to come', () => {
    const behave: Behaviour = ({ id }) =>
      id === 'a[1]' ? { failure: failure('USER_ERROR', 'no') } : { value: id };
    const next = work('a', null, { in: 'l' });
    const { state, ids } = played([loop({ count: 5 }), next, work('mend')], {
      edges: [{ from: 'l', to: 'mend', port: 'error' }],
      behave,
    });
    expect(ids).toEqual(['a[0]', 'a[1]', 'mend']);
    expect([state.known - state.settled, state.planned]).toEqual([0, 0]);
  });

  it('without rounds is done', () => {
    const { value } = played([loop({ count: 0 }), body()], { output: ref('blocks', 'l') });
    expect(value).toEqual({ results: [] });
  });

  it('fails beyond its bound, however it is asked', () => {
    const next = work('a', null, { in: 'l' });
    const bound = { roundsMax: 3 };
    for (const rounds of [
      { count: 4 },
      { while: { when: 'true' } },
      { until: { when: 'false' } },
    ]) {
      const { value, ids } = played([loop(rounds, bound), next]);
      expect(value).toBe('RESOURCE_EXHAUSTED');
      expect(ids.filter((id) => id.startsWith('a')).length).toBeLessThanOrEqual(3);
    }
    expect(played([loop({ count: 3 }, bound), next]).value).toBeNull();
  });

  it('fails where its condition has no answer or its count is no number', () => {
    const next = work('a', null, { in: 'l' });
    expect(played([loop({ while: { when: '1' } }), next]).value).toBe('WORKFLOW_INVALID');
    expect(played([loop({ until: { when: 'nothing.there' } }), next]).value).toBe(
      'WORKFLOW_INVALID',
    );
    expect(played([loop({ count: 'many' }), next]).value).toBe('WORKFLOW_INVALID');
    expect(played([loop({ items: 5 }), next]).value).toBe('WORKFLOW_INVALID');
  });

  it('in a parallel in a loop: every place has an id and sees the turns around it', () => {
    const blocks: Block[] = [
      { kind: 'loop', id: 'out', after: [], rounds: { items: ['x', 'y'] } },
      { kind: 'parallel', id: 'side', in: 'out', after: [], branches: { count: 2 } },
      { kind: 'loop', id: 'l', in: 'side', after: [], rounds: { count: 2 } },
      work('a', [ref('around', 'out', 'item'), ref('around', 'side', 'index'), ref('index')], {
        in: 'l',
      }),
      work('b', ref('blocks', 'l', 'results'), { in: 'side' }),
    ];
    const { value, ids } = played(blocks, { output: ref('blocks', 'out', 'results', 1, 0) });
    expect(ids).toHaveLength(12);
    expect(ids).toContain('a[1][0][1]');
    expect(ids).toContain('b[0][1]');
    const side = (branch: number) => [
      { results: [[['y', branch, 0]], [['y', branch, 1]]] },
      [[['y', branch, 0]], [['y', branch, 1]]],
    ];
    expect(value).toEqual({ results: [side(0), side(1)] });
  });
});

describe('ports', () => {
  const choice = (id: string, otherwise?: string): Block => ({
    kind: 'choice',
    id,
    after: [],
    values: { n: ref('input') },
    cases: [
      { port: 'big', when: 'n > 10.0' },
      { port: 'mid', when: 'n > 5.0' },
    ],
    ...(otherwise === undefined ? {} : { otherwise }),
  });
  const edges = [
    { from: 'c', to: 'a', port: 'big' },
    { from: 'c', to: 'b', port: 'mid' },
    { from: 'c', to: 'd', port: 'small' },
  ];
  const blocks = (otherwise?: string) => [choice('c', otherwise), work('a'), work('b'), work('d')];

  it('of a choice: the first case that holds, else the otherwise, else none', () => {
    const ends = (input: number, otherwise?: string) =>
      played(blocks(otherwise), { edges, input, output: ref('blocks', 'c', 'port') });
    expect(ends(11)).toMatchObject({ ids: ['c', 'a'], value: 'big' });
    expect(ends(6)).toMatchObject({ ids: ['c', 'b'], value: 'mid' });
    expect(ends(1, 'small')).toMatchObject({ ids: ['c', 'd'], value: 'small' });
    expect(ends(1)).toMatchObject({ ids: ['c'], value: null });
  });

  it('of a route: what its task says', () => {
    const route: Block = { kind: 'route', task: 'work', id: 'c', after: [], input: ref('input') };
    const ends = (input: unknown) =>
      played([route, work('a'), work('b'), work('d')], { edges, input }).ids;
    expect(ends({ port: 'mid' })).toEqual(['c', 'b']);
    expect(ends({ port: 'unheard' })).toEqual(['c']);
    expect(ends('nothing')).toEqual(['c']);
  });

  it('of failures: the block after the error edge sees the failure, others are skipped', () => {
    const behave: Behaviour = ({ id, input }) =>
      id === 'a' ? { failure: failure('USER_ERROR', 'no') } : { value: input };
    const after = [work('a'), work('b', ref('blocks', 'a', 'error', 'code')), work('d')];
    const { value, ids } = played(after, {
      edges: [
        { from: 'a', to: 'b', port: 'error' },
        { from: 'a', to: 'd', port: 'done' },
      ],
      behave,
      output: [ref('blocks', 'b'), ref('blocks', 'd', 'x')],
    });
    expect(ids).toEqual(['a', 'b']);
    expect(value).toEqual(['USER_ERROR', null]);
  });

  it('of a container whose inside fails: all of it is let go', () => {
    const behave: Behaviour = ({ id, input }) =>
      id === 'a[1]' ? { failure: failure('USER_ERROR', 'no') } : { value: input };
    const inside: Block = { kind: 'parallel', id: 'p', after: [], branches: { count: 3 } };
    const { value, ids, state } = played(
      [
        inside,
        work('a', ref('index'), { in: 'p' }),
        work('b', ref('blocks', 'p', 'error', 'code')),
      ],
      { edges: [{ from: 'p', to: 'b', port: 'error' }], behave, output: ref('blocks', 'b') },
    );
    expect(ids).toEqual(['a[0]', 'a[1]', 'b']);
    expect(value).toBe('USER_ERROR');
    expect([...state.abandoned]).toEqual(['a[2]']);
    expect([state.known - state.settled, state.planned]).toEqual([0, 0]);
  });
});

describe('ends', () => {
  it('at a final answer nothing new starts', () => {
    const blocks: Block[] = [
      { kind: 'answer', id: 'a', after: [], value: { said: ref('input') } },
      work('b'),
    ];
    expect(played(blocks, { input: 5 })).toMatchObject({ value: { said: 5 }, ids: ['a'] });
  });

  const failing: Behaviour = ({ id, input }) =>
    id === 'a' ? { failure: failure('USER_ERROR', 'no') } : { value: input };

  it('with the first failure, or with all else that can run when told to go on', () => {
    const blocks = [work('a'), work('b'), work('c', null, { after: ['b'] })];
    // What runs may end; nothing follows it.
    expect(played(blocks, { behave: failing }).ids).toEqual(['a', 'b']);
    const goesOn = played(blocks, { behave: failing, rest: { onFailure: 'go-on' } });
    expect(goesOn).toMatchObject({ value: 'USER_ERROR', ids: ['a', 'b', 'c'] });
  });

  it('are counted: what is done and what is still to come', () => {
    const inside: Block = { kind: 'loop', id: 'l', after: [], rounds: { count: 5 } };
    const counts: number[] = [];
    const flow = { name: 'f', blocks: [inside, work('a', null, { in: 'l' })], output: null };
    const compiled = compile(flow, { tasks });
    if ('failure' in compiled) throw new Error(compiled.failure.message);
    const { state } = play(compiled, null, () => ({ value: counts.push(0) }));
    expect([state.known, state.settled, state.planned]).toEqual([6, 6, 0]);
  });

  it('are counted also where a container fails once the answer is there', () => {
    const behave: Behaviour = ({ id, input }) =>
      id === 'a[2]' ? { failure: failure('USER_ERROR', 'no') } : { value: input };
    const blocks: Block[] = [
      { kind: 'parallel', id: 'p', after: [], branches: { count: 3 } },
      work('a', null, { in: 'p' }),
      work('go'),
      { kind: 'answer', id: 'say', after: ['go'], value: 'said' },
      work('mend'),
    ];
    const edges = [{ from: 'p', to: 'mend', port: 'error' }];
    const { value, ids, state } = played(blocks, { edges, behave });
    expect([value, ids]).toEqual(['said', ['go', 'say', 'a[0]', 'a[1]', 'a[2]']]);
    // Only `mend` will never settle.
    expect([state.known, state.settled, state.planned]).toEqual([7, 6, 0]);
  });
});

it('names that every object has are names like others, in values, outputs and conditions', () => {
  const value = { constructor: 1, toString: { valueOf: 2 }, hasOwnProperty: 'h' };
  const output = { ...value, at: ref('blocks', 'a', 'toString', 'valueOf') };
  expect(played([work('a', value)], { output }).value).toEqual({ ...value, at: 2 });
  expect(played([work('a', 1)], { output: ref('blocks', 'a', 'constructor') }).value).toBe(
    'WORKFLOW_INVALID',
  );
  const asks = (when: string, values = {}): Block => {
    return { kind: 'choice', id: 'c', after: [], values, cases: [{ port: 'yes', when }] };
  };
  const port = { output: ref('blocks', 'c', 'port') };
  expect(played([asks('constructor == 1.0', { constructor: 1 })], port).value).toBe('yes');
  for (const name of ['__proto__', 'constructor', 'toString']) {
    expect(played([asks(`${name} != null`)], port).value, name).toBe('WORKFLOW_INVALID');
  }
});

it('an expression whose value could fill the memory is refused before it is made', () => {
  const text = 'x'.repeat(100_000);
  const blocks = [
    work(
      'a',
      Array.from({ length: 10_000 }, () => ref('input')),
    ),
  ];
  expect(played(blocks, { input: text }).value).toBe('TOO_LARGE');
  const parts = Array.from({ length: 100 }, () => ref('input'));
  expect(played([work('a', { $text: parts })], { input: text }).value).toBe('TOO_LARGE');
});

describe('a block that failed', () => {
  const error: Edge = { from: 'bad', to: 'mend', port: 'error' };
  const boom: Failure = { code: 'USER_ERROR', message: 'boom', details: {} };
  const bad = (given: object = {}) => [work('bad', 'well', given), work('mend', 'mended', given)];
  const fails =
    (...ids: readonly string[]): Behaviour =>
    ({ id, input }) =>
      ids.includes(id) ? { failure: boom } : { value: input };

  it('comes to null as a whole and in all its fields, and its `error` is the failure', () => {
    const output = {
      whole: ref('blocks', 'bad'),
      field: ref('blocks', 'bad', 'title'),
      error: ref('blocks', 'bad', 'error'),
      code: ref('blocks', 'bad', 'error', 'code'),
    };
    const { value } = played(bad(), { edges: [error], output, behave: fails('bad') });
    const told = { code: 'USER_ERROR', message: 'boom' };
    expect(value).toEqual({ whole: null, field: null, error: told, code: 'USER_ERROR' });
  });

  it('comes as a whole to what the reference says of that', () => {
    const failed = { why: ref('blocks', 'bad', 'error', 'message') };
    const output = { $ref: ['blocks', 'bad'], failed };
    const given = { edges: [error], output };
    expect(played(bad(), { ...given, behave: fails('bad') }).value).toEqual({ why: 'boom' });
    expect(played(bad(), given).value).toBe('well');
  });

  it('is null in what its container comes to and in the round after, `{ error }` in the list of all', () => {
    const rounds = (given: object): Block => {
      return { kind: 'loop', id: 'l', after: [], rounds: { count: 2 }, ...given };
    };
    const given = { edges: [error], output: ref('blocks', 'l'), behave: fails('bad[0]') };
    expect(played([rounds({ result: 'bad' }), ...bad({ in: 'l' })], given).value).toEqual([
      null,
      'well',
    ]);
    expect(played([rounds({}), ...bad({ in: 'l' })], given).value).toEqual({
      results: [[{ error: 'boom' }, 'mended'], ['well']],
    });
    const last = work('last', { was: ref('around', 'l', 'last') }, { in: 'l' });
    const seen = played([rounds({ result: 'bad' }), ...bad({ in: 'l' }), last], {
      ...given,
      behave: (asked) => {
        if (asked.id === 'last[1]') expect(asked.input).toEqual({ was: null });
        return fails('bad[0]')(asked);
      },
    });
    expect(seen.ids).toContain('last[1]');
  });

  it('is so as well for a loop that asks after the round in which it failed', () => {
    const until = { when: 'bad != null', values: { bad: ref('blocks', 'bad') } };
    const loop: Block = { kind: 'loop', id: 'l', after: [], rounds: { until } };
    const behave = fails('bad[0]', 'bad[1]');
    const { ids } = played([loop, ...bad({ in: 'l' })], { edges: [error], behave });
    expect(ids).toEqual(['bad[0]', 'mend[0]', 'bad[1]', 'mend[1]', 'bad[2]']);
  });
});

it('the first part that is not null is taken, also where a block was skipped', () => {
  const cases = [{ port: 'left', when: "word.trim().lowerAscii() == 'left'" }];
  const gate: Block = {
    kind: 'choice',
    id: 'gate',
    after: [],
    values: { word: ref('input') },
    cases,
    otherwise: 'right',
  };
  const edges = ['left', 'right'].map((port) => ({ from: 'gate', to: port, port }));
  const first = { $first: [ref('blocks', 'left'), ref('blocks', 'right'), 'neither'] };
  const blocks = [gate, work('left', 'L'), work('right', 'R')];
  const given = { edges, output: first, rest: { referencesAreEdges: false } };
  expect(played(blocks, { ...given, input: ' LEFT ' }).value).toBe('L');
  expect(played(blocks, { ...given, input: 'no' }).value).toBe('R');
  expect(played([work('a')], { output: { $first: [null, ref('input')] } }).value).toBeNull();
});
