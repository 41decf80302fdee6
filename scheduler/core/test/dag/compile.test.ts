import type { Block, Edge, Expression, Tries, Workflow } from '@troupe/model';
import { expect, it } from 'vitest';
import { compile } from '../../src/dag/index.ts';
import { task } from '../scene.ts';

const tasks = [task('work')];

function work(id: string, given: Partial<Extract<Block, { kind: 'task' }>> = {}): Block {
  return { kind: 'task', task: 'work', id, after: [], input: null, ...given };
}

function loop(id: string, given: Partial<Extract<Block, { kind: 'loop' }>> = {}): Block {
  return { kind: 'loop', id, after: [], rounds: { count: 2 }, ...given };
}

function choice(id: string, when: string, port = 'yes'): Block {
  return { kind: 'choice', id, after: [], values: { n: 1 }, cases: [{ port, when }] };
}

interface Given {
  readonly edges?: readonly Edge[];
  readonly output?: Expression;
  readonly rest?: Partial<Workflow>;
}

function faultOf(blocks: readonly Block[], { edges = [], output = null, rest }: Given = {}) {
  const compiled = compile({ name: 'flow', blocks, edges, output, ...rest }, { tasks });
  if ('failure' in compiled) return compiled.failure.message;
  return undefined;
}

function ref(...path: (string | number)[]): Expression {
  return { $ref: path };
}

it('names the blocks of a cycle, at any depth', () => {
  const blocks = [loop('l'), work('a', { in: 'l', after: ['b'] }), work('b', { in: 'l' })];
  const edges = [{ from: 'a', to: 'b', port: 'done' }];
  expect(faultOf(blocks, { edges })).toMatch(/a cycle: (a -> b -> a|b -> a -> b)/);
  expect(faultOf([work('a', { input: ref('blocks', 'a') })])).toContain('a cycle: a -> a');
});

it('refuses an edge from nowhere or to nowhere', () => {
  const edge = (from: string, to: string) => ({ edges: [{ from, to, port: 'done' }] });
  expect(faultOf([work('a')], edge('a', 'z'))).toContain('leads to "z", which there is not');
  expect(faultOf([work('a')], edge('z', 'a'))).toContain('leaves "z", which there is not');
  expect(faultOf([work('a', { after: ['z'] })])).toContain('after "z", which there is not');
});

it('refuses a container without a body, in nothing, or in itself', () => {
  expect(faultOf([loop('l')])).toContain('container "l" has no body');
  expect(faultOf([work('a', { in: 'z' })])).toContain('block "a" stands in "z", not there');
  expect(faultOf([work('a'), work('b', { in: 'a' })])).toContain('which is no container');
  expect(faultOf([loop('l', { in: 'm' }), loop('m', { in: 'l' })])).toContain('lies in itself');
});

it('refuses two blocks of one id, also in different containers', () => {
  expect(faultOf([work('a'), loop('l'), work('a', { in: 'l' })])).toContain(
    'two blocks have the id "a"',
  );
});

it('refuses a condition that does not parse, and names its block and port', () => {
  const fault = faultOf([choice('c', 'n > ')]);
  expect(fault).toContain('block "c" has a condition for the port "yes" that does not parse');
  const rounds = { while: { when: '((' } };
  expect(faultOf([loop('l', { rounds }), work('a', { in: 'l' })])).toContain(
    'block "l" has a condition that does not parse',
  );
  expect(faultOf([choice('c', `n > 0 ${'|| n > 1'.repeat(1_000)}`)])).toContain('4000 are allowed');
  expect(faultOf([choice('c', 'n > 0.0')])).toBeUndefined();
});

it('refuses a condition that loops inside a loop, because it could keep everybody waiting', () => {
  expect(faultOf([choice('c', '[n].all(x, [n].exists(y, y > x))')])).toContain(
    'has a loop over a list inside another',
  );
  expect(faultOf([choice('c', '[n].map(x, x + 1.0).all(x, x > 0.0) && [n].exists(x, true)')])).toBe(
    undefined,
  );
});

it('refuses a port twice, the port of failures, and a value without a name', () => {
  const cases = [
    { port: 'x', when: 'true' },
    { port: 'x', when: 'false' },
  ];
  expect(faultOf([{ kind: 'choice', id: 'c', after: [], cases }])).toContain('two cases');
  expect(faultOf([choice('c', 'true', 'error')])).toContain('by which failures leave');
  const odd: Block = { kind: 'choice', id: 'c', after: [], values: { 'a b': 1 }, cases: [] };
  expect(faultOf([odd])).toContain('names a value "a b"');
});

it('refuses an edge or a reference across the border of a container', () => {
  const blocks = [loop('l'), work('a', { in: 'l' }), work('b')];
  const edges = [{ from: 'b', to: 'a', port: 'done' }];
  expect(faultOf(blocks, { edges })).toContain('crosses the border of a container');
  expect(
    faultOf([loop('l'), work('a', { in: 'l' }), work('b', { input: ref('blocks', 'a') })]),
  ).toContain('block "b" refers to block "a", which lies in the container "l"');
  expect(faultOf([loop('l'), work('a', { in: 'l' })], { output: ref('blocks', 'a') })).toContain(
    'the output refers to block "a", which lies in the container "l"',
  );
  expect(faultOf([loop('l'), work('a', { in: 'l', input: ref('blocks', 'l') })])).toContain(
    'refers to the container "l" that it stands in',
  );
});

it('lets a block inside refer to what stands outside, which the container then comes after', () => {
  const blocks = [work('b'), loop('l'), work('a', { in: 'l', input: ref('blocks', 'b') })];
  const compiled = compile({ name: 'flow', blocks, output: null }, { tasks });
  if ('failure' in compiled) throw new Error(compiled.failure.message);
  const { byId, root } = compiled.graph;
  expect(root.edgesIn[byId.get('l')?.local ?? -1]).toBe(1);
});

it('refuses an item, an index or a container that is not around', () => {
  expect(faultOf([work('a', { input: ref('index') })])).toContain('which only branches have');
  expect(faultOf([work('a', { input: ref('around', 'l', 'index') })])).toContain(
    'does not stand in "l"',
  );
  const inside = work('a', { in: 'l', input: [ref('index'), ref('around', 'l', 'index')] });
  expect(faultOf([loop('l'), inside])).toBeUndefined();
});

it('refuses containers in containers beyond a depth', () => {
  const nested = (depth: number) =>
    Array.from({ length: depth }, (_, i) => loop(`l${i}`, i === 0 ? {} : { in: `l${i - 1}` }));
  expect(faultOf([...nested(16), work('a', { in: 'l15' })])).toBeUndefined();
  expect(faultOf([...nested(17), work('a', { in: 'l16' })])).toContain('more than 16 containers');
});

it('refuses thousands of containers in each other as soon, since a leader compiles them', () => {
  const many = 10_000;
  const circle = Array.from({ length: many }, (_, i) => {
    const around = `l${(i + 1) % many}`;
    return loop(`l${i}`, { in: around, rounds: { count: ref('around', around, 'index') } });
  });
  expect(faultOf(circle)).toContain('lies in itself');
});

it('refuses limits and bounds that are none', () => {
  expect(faultOf([work('a', { inFlightMax: 0 })])).toContain('inFlightMax');
  expect(faultOf([loop('l', { roundsMax: 1.5 }), work('a', { in: 'l' })])).toContain('roundsMax');
  const pause: Block = { kind: 'pause', id: 'p', after: [], prompt: null, limitMs: -1 };
  expect(faultOf([pause])).toContain('block "p" has limitMs -1');
  expect(faultOf([], { rest: { limitMs: 0 } })).toContain('it has limitMs 0');
  const each = { ...choice('c', 'true'), each: [] };
  expect(faultOf([each])).toContain('block "c" is a choice, which cannot have `each`');
});

it('leaves references without edges when the workflow says so', () => {
  const blocks = [work('a'), work('b', { input: ref('blocks', 'a') })];
  const flow = { name: 'flow', blocks, output: null, referencesAreEdges: false };
  const compiled = compile(flow, { tasks });
  if ('failure' in compiled) throw new Error(compiled.failure.message);
  expect([...compiled.graph.root.edgesIn]).toEqual([0, 0]);
});

it('refuses tries that are none, with the block', () => {
  const call = (given: Tries): Block => {
    const called = { type: 'T', key: 'k', method: 'm', args: [] };
    return { kind: 'call', id: 'c', after: [], ...called, ...given };
  };
  for (const block of [(given: Tries) => work('c', given), call]) {
    expect(faultOf([block({ retries: -1 })])).toContain('block "c" has retries -1');
    expect(faultOf([block({ retries: 1.5 })])).toContain('block "c" has retries 1.5');
    expect(faultOf([block({ backoffMs: [1, -1] })])).toContain('block "c" has backoffMs [1,-1]');
    expect(faultOf([block({ backoffMs: 5 as never })])).toContain('block "c" has backoffMs 5');
    expect(faultOf([block({ limitMs: 0 })])).toContain('block "c" has limitMs 0');
    expect(faultOf([block({ priority: 'urgent' as never })])).toContain('has priority "urgent"');
    expect(faultOf([block({ retries: 0, backoffMs: [0], priority: 'low' })])).toBeUndefined();
  }
});

it('refuses a result that is not in the body, and a port by which nothing leaves', () => {
  const blocks = [work('a'), loop('l', { result: 'a' }), work('b', { in: 'l' })];
  expect(faultOf(blocks)).toContain(
    'container "l" has the result of "a", which is not in its body',
  );
  expect(faultOf([work('a'), choice('c', 'true', 'settled')])).toContain('the port "settled"');
  const otherwise: Block = { kind: 'choice', id: 'c', after: [], cases: [], otherwise: 'error' };
  expect(faultOf([otherwise])).toContain('block "c" leaves otherwise by the port "error"');
});

it('refuses a property that no value can carry, with its place, wherever it stands', () => {
  const proto = (text: string): Expression => JSON.parse(text);
  const of = (name: string) =>
    faultOf([work('a', { input: proto(`{"x":[1,{"${name}":{"y":1}}]}`) })]);
  expect(of('__proto__')).toContain(
    'block "a" has "input.x[1].__proto__", which no value can carry',
  );
  for (const name of ['constructor', 'toString', 'hasOwnProperty'])
    expect(of(name)).toBeUndefined();
  expect(faultOf([], { output: proto('{"__proto__":1}') })).toContain('the output has "__proto__"');
  const values = proto('{"__proto__":1}') as Record<string, Expression>;
  const named: Block = { ...choice('c', 'true'), values } as Block;
  expect(faultOf([named])).toContain('block "c" has "values.__proto__"');
});

it('refuses the last round of what has none', () => {
  const a = work('a', { in: 'l', input: ref('around', 'l', 'last') });
  const branches: Block = { kind: 'parallel', id: 'l', after: [], branches: { count: 1 } };
  expect(faultOf([loop('l'), a])).toContain(
    'the last round of "l", which is no loop with a result',
  );
  expect(faultOf([{ ...branches, result: 'a' }, a])).toContain('which is no loop with a result');
  expect(faultOf([loop('l', { result: 'a' }), a])).toBeUndefined();
});
