import type { Block, Expression, Manifest } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { compile } from '../src/dag/compile.ts';
import { evaluate, type Sources } from '../src/dag/references.ts';
import { task, workflow } from './scene.ts';

const manifest: Pick<Manifest, 'tasks'> = { tasks: [task('work')] };

function block(id: string, after: readonly string[] = [], input: Expression = null): Block {
  return { kind: 'task', task: 'work', id, after, input };
}

function faultOf(blocks: readonly Block[], output: Expression = null): string | undefined {
  const compiled = compile(workflow('flow', blocks, output), manifest);
  return 'failure' in compiled ? compiled.failure.message : undefined;
}

describe('compiling', () => {
  it('takes references for edges', () => {
    const reads = block('b', [], { $ref: ['blocks', 'a', 'x'] });
    const compiled = compile(workflow('flow', [block('a'), reads]), manifest);
    if ('failure' in compiled) throw new Error(compiled.failure.message);
    const { edgesIn, to } = compiled.graph.root;
    expect([...edgesIn]).toEqual([0, 1]);
    expect([...to]).toEqual([1]);
  });

  it('names what is wrong', () => {
    expect(faultOf([block('a'), block('a')])).toContain('two blocks have the id "a"');
    expect(faultOf([block('a', ['z'])])).toContain('"z", which there is not');
    expect(faultOf([block('a', [], { $ref: ['blocks', 'z'] })])).toContain(
      '"z", which there is not',
    );
    expect(faultOf([], { $ref: ['blocks', 'z'] })).toContain('the output refers to block "z"');
    expect(faultOf([block('a', [], [{ $ref: ['item'] }])])).toContain('which only branches have');
    expect(faultOf([block('a', [], { $ref: ['other'] })])).toContain('unknown reference');
    expect(faultOf([{ ...block('a'), inFlightMax: 0 }])).toContain('inFlightMax');
    expect(faultOf([block('a[1]')])).toContain('is not a name');
    const unknown: Block = { kind: 'task', task: 'nothing', id: 'a', after: [], input: null };
    expect(faultOf([unknown])).toContain('"nothing", which the bundle does not export');
  });

  it('names the blocks of a cycle', () => {
    const blocks = [block('a'), block('b', ['a', 'd']), block('c', ['b']), block('d', ['c'])];
    expect(faultOf(blocks)).toMatch(
      /a cycle: (b -> c -> d -> b|c -> d -> b -> c|d -> b -> c -> d)/,
    );
    expect(faultOf([block('a', ['a'])])).toContain('a cycle: a -> a');
  });
});

describe('references', () => {
  const sources = {
    input: () => ({ folder: 'x', list: [1, { deep: true }] }),
    block: (id: string): ReturnType<Sources['block']> =>
      id === 'skipped' || id === 'open' ? id : { value: { from: id } },
    around: (id?: string) =>
      id === 'none' ? undefined : { index: 3, item: () => ({ value: { name: id ?? 'i' } }) },
  };

  it('are followed into input, blocks, item and index', () => {
    const expression = {
      a: { $ref: ['input', 'list', 1, 'deep'] },
      b: [{ $ref: ['blocks', 'plan', 'from'] }],
      c: { $ref: ['item', 'name'] },
      d: { $ref: ['index'] },
      e: 'text',
    };
    expect(evaluate(expression, sources)).toEqual({
      a: true,
      b: ['plan'],
      c: 'i',
      d: 3,
      e: 'text',
    });
  });

  it('name the rounds and branches around by the id of their container', () => {
    expect(evaluate({ $ref: ['around', 'rows', 'item', 'name'] }, sources)).toBe('rows');
    expect(evaluate({ $ref: ['around', 'rows', 'index'] }, sources)).toBe(3);
    expect(() => evaluate({ $ref: ['around', 'none', 'index'] }, sources)).toThrow('is not there');
    expect(() => evaluate({ $ref: ['around', 'rows', 'other'] }, sources)).toThrow('is not there');
  });

  it('into a block that was skipped are null, and optional ones too when they lead nowhere', () => {
    expect(evaluate({ $ref: ['blocks', 'skipped', 'a', 'b'] }, sources)).toBeNull();
    expect(evaluate({ $ref: ['input', 'none'], optional: true }, sources)).toBeNull();
    expect(evaluate({ $ref: ['blocks', 'open'], optional: true }, sources)).toBeNull();
    expect(() => evaluate({ $ref: ['blocks', 'open'] }, sources)).toThrow('"blocks.open"');
  });

  it('make texts: a number and an object as JSON, what is null as nothing', () => {
    const text = {
      $text: [
        'n=',
        5,
        ', ',
        { a: [true] },
        { $ref: ['blocks', 'skipped'] },
        '; ',
        { $ref: ['index'] },
      ],
    };
    expect(evaluate(text, sources)).toBe('n=5, {"a":[true]}; 3');
  });

  it('that lead nowhere are an error that names the path', () => {
    expect(() => evaluate({ $ref: ['input', 'list', 7, 'x'] }, sources)).toThrow(
      '"input.list.7" is not there',
    );
    expect(() => evaluate({ $ref: ['input', 'constructor'] }, sources)).toThrow('is not there');
  });
});
