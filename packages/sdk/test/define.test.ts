import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { descriptorModule } from '../codegen/descriptor.mjs';
import { actor, type Ref, task, workflow } from '../src/define.ts';
import { definitionBrand } from '../src/definition.ts';
import { definitionsOf } from '../src/manifest.ts';
import { descriptor } from '../src/wire/descriptor.ts';

const counter = actor('Counter', {
  state: () => ({ count: 0 }),
  methods: {
    inc(c, by: number) {
      c.state.count += by;
      return c.state.count;
    },
  },
  reads: { current: (c) => c.state.count },
});
const plan = task('plan', (_c, input: { folder: string }) => ({ files: [input.folder], cost: 1 }));
const read = task('read', (_c, input: { file: string; index: number }) => input.file);

describe('a workflow', () => {
  test('is written as blocks whose refs say what they come after', () => {
    const crew = workflow('crew', (w, input: Ref<{ folder: string; team: string }>) => {
      const planned = w.task('plan', plan, { folder: input.folder });
      const pages = w.each('read', planned.files, read, (file, index) => ({ file, index }), {
        inFlightMax: 8,
      });
      const total = w.call('count', counter, input.team, 'inc', [planned.cost], {
        after: [pages],
      });
      const ok = w.pause('approve', { question: 'publish?', total }, { after: ['read'] });
      return { pages, first: pages[0], ok, fixed: [1, 'x', null] };
    });
    expect(crew.workflow).toEqual({
      name: 'crew',
      blocks: [
        {
          id: 'plan',
          kind: 'task',
          task: 'plan',
          after: [],
          input: { folder: { $ref: ['input', 'folder'] } },
        },
        {
          id: 'read',
          kind: 'task',
          task: 'read',
          after: ['plan'],
          each: { $ref: ['blocks', 'plan', 'files'] },
          input: { file: { $ref: ['item'] }, index: { $ref: ['index'] } },
          inFlightMax: 8,
        },
        {
          id: 'count',
          kind: 'call',
          type: 'Counter',
          key: { $ref: ['input', 'team'] },
          method: 'inc',
          args: [{ $ref: ['blocks', 'plan', 'cost'] }],
          after: ['read', 'plan'],
        },
        {
          id: 'approve',
          kind: 'pause',
          prompt: { question: 'publish?', total: { $ref: ['blocks', 'count'] } },
          after: ['read', 'count'],
        },
      ],
      output: {
        pages: { $ref: ['blocks', 'read'] },
        first: { $ref: ['blocks', 'read', 0] },
        ok: { $ref: ['blocks', 'approve'] },
        fixed: [1, 'x', null],
      },
    });
  });

  test('names the place of what is wrong in it', () => {
    const build = (body: Parameters<typeof workflow<{ a: string }, unknown>>[1]) => () =>
      workflow('bad', body);
    const folder = { folder: 'x' };
    for (const [body, message] of [
      [
        build((w) => {
          w.task('p', plan, folder);
          return w.task('p', plan, folder);
        }),
        'workflow bad, block p stands there twice',
      ],
      [build((w) => w.task('no id!', plan, folder)), 'block no id! has no fit id'],
      [
        build((w) => w.task('p', plan, folder, { after: ['q'] })),
        'block p comes after q, which is no block before it',
      ],
      [
        build((w, input) => w.task('p', plan, { folder: `${String(input.a)}` })),
        'ref input.a cannot be read while the workflow is built',
      ],
      [
        build((w) => w.pause('p', { deep: [new Date()] })),
        'workflow bad, block p, prompt.deep[0] is an instance of Date',
      ],
      [
        build((w) => w.call('c', counter, 'k', 'dec' as 'inc', [1])),
        'block c calls Counter.dec, which does not exist',
      ],
      [build(() => 1), 'workflow bad has no block'],
      [
        build((w) => {
          let kept: unknown;
          w.each('e', ['a'], plan, (item) => {
            kept = item;
            return { folder: item };
          });
          return w.pause('p', kept);
        }),
        'block p, prompt uses the item of another block',
      ],
      [
        build((w) => {
          let foreign: unknown;
          workflow('other', (v) => {
            foreign = v.pause('x', 1);
            return foreign;
          });
          return w.pause('p', foreign);
        }),
        'block p, prompt is a ref of another workflow',
      ],
    ] as const) {
      expect(body).toThrow(message);
      expect(body).toThrow(expect.objectContaining({ code: 'WORKFLOW_INVALID' }));
    }
  });

  test('is not built by an async function', () => {
    expect(() => workflow('late', async (w) => w.pause('p', 1))).toThrow('async function');
  });
});

describe('a definition', () => {
  test('is refused with a name that the cluster would refuse', () => {
    const options = { state: () => 1, methods: {} };
    expect(() => actor('no type', options)).toThrow('actor type "no type" is no name');
    expect(() => task('', () => 1)).toThrow('task "" is no name');
    const thenable = Object.fromEntries([['then', () => 1]]);
    expect(() => actor('A', { ...options, methods: thenable })).toThrow('A.then');
    const both = { state: () => 1, methods: { m: () => 1 }, reads: { m: () => 1 } };
    expect(() => actor('A', both)).toThrow('A.m is both a method and a read');
    expect(() => task('t', () => 1, { retries: -1 })).toThrow('retries of task t is -1');
  });

  test('is found among the exports of a module, whichever copy of the SDK made it', () => {
    const foreign = { ...counter, [Symbol.for('troupe.definition')]: 'actor' };
    const { manifest, actors } = definitionsOf({ foreign, plan, again: plan, other: 5 });
    expect(actors.get('Counter')).toBe(foreign);
    expect(manifest).toEqual({
      sdk: '0.1.0',
      actors: [{ type: 'Counter', methods: ['inc'], reads: ['current'] }],
      tasks: [
        {
          name: 'plan',
          resources: { cpu: 1 },
          retries: 3,
          backoffMs: [1_000, 3_000, 5_000],
          limitMs: 300_000,
        },
      ],
      workflows: [],
    });
    expect(counter[definitionBrand]).toBe('actor');
  });

  test('may not share its name with another, nor be missing from a bundle', () => {
    const twin = actor('Counter', { state: () => 1, methods: {} });
    expect(() => definitionsOf({ counter, twin })).toThrow('are named Counter');
    expect(() => definitionsOf({ x: 1 })).toThrow('none of the exports');
    const older = { ...plan, sdk: '0.0.9' };
    expect(() => definitionsOf({ counter, older })).toThrow('version 0.0.9');
  });
});

describe('what becomes of actors that fail', () => {
  const restarting = (restart: object) => {
    return actor('A', { state: () => 0, methods: { m: () => 0 }, restart });
  };

  test('is declared with its type and carried in the manifest, with what is not said', () => {
    const declared = (restart: object) => {
      return definitionsOf({ A: restarting(restart) }).manifest.actors[0]?.restart;
    };
    expect(declared({ failuresMax: 3 })).toEqual({
      backoffMs: 1_000,
      backoffMsMax: 60_000,
      failuresMax: 3,
    });
    expect(declared({ backoffMs: 90_000 })).toEqual({ backoffMs: 90_000, backoffMsMax: 90_000 });
  });

  test.each([
    [{ failuresMax: 0 }, 'restart.failuresMax of actor A is 0'],
    [{ backoffMs: 0.5 }, 'restart.backoffMs of actor A is 0.5'],
    [{ backoffMs: 10, backoffMsMax: 5 }, 'restart.backoffMsMax of actor A is 5'],
  ])('is refused where it stands when it cannot be: %j', (restart, why) => {
    expect(() => restarting(restart)).toThrow(why);
  });
});

describe('the package', () => {
  test('infers what users write and refuses what they may not', async () => {
    const project = fileURLToPath(new URL('types', import.meta.url));
    const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
    const tsc = fileURLToPath(new URL('bin/tsc', `file://${typescript}`));
    const run = promisify(execFile)(process.execPath, [tsc, '-p', project]);
    await expect(run).resolves.toMatchObject({ stdout: '' });
  });

  test('carries a descriptor that is in step with the proto', () => {
    const fresh = /'(\{.*\})'/s.exec(descriptorModule())?.[1];
    expect(JSON.parse(descriptor)).toEqual(JSON.parse(fresh ?? ''));
  });
});
