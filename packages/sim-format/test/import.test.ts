import { decodeValue } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { importSim } from '../src/index.ts';
import { withEnvironment } from '../src/tasks/index.ts';
import { block, blockOf, edges, imported, played } from './scenes.ts';

const start = block('start', 'start_trigger');

describe('a file that is no workflow of Sim is refused with the place', () => {
  it.each([
    [{ connections: [] }, 'blocks: '],
    [{ blocks: [{ id: 'a' }], connections: [] }, 'blocks.0.config'],
    [{ blocks: [start, start], connections: [] }, 'two blocks have the id "start"'],
    [{ blocks: [start], connections: edges('start -> lost') }, 'names "lost", which is not there'],
    [{ state: { blocks: {}, edges: [] } }, 'it is an export of the editor'],
    [{ blocks: [], connections: [], loops: { l: { loopType: 'often' } } }, 'loops.l.loopType'],
    ['text', 'the document: '],
    [
      JSON.parse(
        '{"blocks":[{"id":"a","config":{"params":{"b":{"__proto__":1}}}}],"connections":[]}',
      ),
      'blocks[0].config.params.b.__proto__: no value can carry',
    ],
  ])('%j', (document, says) => {
    expect(() => importSim(document, { name: 'flow' })).toThrow(says);
  });
});

describe('what is written into a field and is not of its form is refused with its block', () => {
  const whyNot = (type: string, params: object, rest: object = {}) => {
    const blocks = [start, block('it', type, { params }), block('in')];
    const connections = edges('start -> it');
    return imported({ blocks, connections, ...rest }).refusals;
  };

  it.each([
    ['condition', 'conditions', '[{"id": "a", "title": "if", "value"'],
    ['condition', 'conditions', 'no JSON at all'],
    ['router_v2', 'routes', '[{"id": "a"'],
  ])('a %s whose %s are no JSON: %s', (type, name, text) => {
    expect(whyNot(type, { [name]: text })).toEqual([
      { place: 'it', what: expect.stringContaining(`\`${name}\` is no JSON: \`${text}\``) },
    ]);
  });

  it('a condition without any, which leaves by no way, is not', () => {
    for (const conditions of [undefined, '', '[]']) {
      expect(whyNot('condition', { conditions })).toEqual([]);
    }
    expect(whyNot('condition', { conditions: '{"id": "a"}' })).toEqual([
      { place: 'it', what: expect.stringContaining('no list of entries with an id') },
    ]);
  });

  it.each(['[{"variableName": "a"', '{"a": 1}', { a: 1 }, ['a'], 3])(
    'assignments of variables that are no list of them: %j',
    (variables) => {
      const place = { place: 'it', what: expect.stringContaining('parameter `variables`') };
      expect(whyNot('variables', { variables })).toEqual([place]);
    },
  );

  it('assignments of no variables are not', () => {
    for (const variables of [undefined, null, '', '[]', [], [{ variableName: '' }]]) {
      expect(whyNot('variables', { variables })).toEqual([]);
    }
  });

  it.each(['many', '3 or 4', -1, '-1'])('a loop with %j rounds', (iterations) => {
    for (const loopType of ['for', 'doWhile']) {
      const loops = { it: { nodes: ['in'], loopType, iterations } };
      const connections = edges('start -> it', 'it -loop-start-source-> in');
      expect(whyNot('loop', {}, { loops, connections })).toEqual([
        {
          place: 'it',
          what: `its \`iterations\` is ${JSON.stringify(iterations)}, which is no count; give a number from 0 on`,
        },
      ]);
    }
  });

  it.each(['many', -2])('a parallel with %j branches', (count) => {
    const parallels = { it: { nodes: ['in'], parallelType: 'count', count } };
    const connections = edges('start -> it', 'it -parallel-start-source-> in');
    expect(whyNot('parallel', {}, { parallels, connections })).toEqual([
      { place: 'it', what: expect.stringContaining('its `count` is') },
    ]);
  });

  it('counts that stand as text, or not at all, are read as Sim reads them', () => {
    const roundsOf = (iterations: unknown) => {
      const loops = { it: { nodes: ['in'], iterations } };
      const blocks = [start, block('it', 'loop'), block('in')];
      const connections = edges('start -> it', 'it -loop-start-source-> in');
      return blockOf(imported({ blocks, connections, loops }), 'it');
    };
    expect(roundsOf('7')).toMatchObject({ rounds: { count: 7 } });
    for (const none of [undefined, null, 0, '', '0']) {
      expect(roundsOf(none)).toMatchObject({ rounds: { count: 1_000 } });
    }
  });
});

describe('the part of it that runs', () => {
  const two = {
    blocks: [
      start,
      block('a'),
      block('hook', 'gmail', { params: { triggerMode: true } }),
      block('b'),
    ],
    connections: edges('start -> a', 'hook -> b'),
  };

  it('is what the chosen trigger leads to, by name or id', () => {
    const ids = (trigger?: string) =>
      imported(two, trigger === undefined ? {} : { trigger }).workflow?.blocks.map(({ id }) => id);
    expect(ids()).toEqual(['start', 'a']);
    expect(ids('hook')).toEqual(['hook', 'b']);
    expect(ids('hook__trigger')).toEqual(['hook', 'b']);
    expect(() => ids('nobody')).toThrow('"nobody" is not there or disabled: it has start, hook');
  });

  it('starts with another trigger when the chosen one is disabled, and says so', () => {
    const off = block('hook', 'gmail', { params: { triggerMode: true }, enabled: false });
    const made = imported(
      { ...two, blocks: [start, block('a'), off, block('b')] },
      { trigger: 'hook' },
    );
    expect(made.workflow?.blocks.map(({ id }) => id)).toEqual(['start', 'a']);
    expect(made.notes[0]?.what).toContain('the run starts with "start"');
  });

  it('can end with a block', () => {
    const made = imported(
      { blocks: [start, block('a'), block('b')], connections: edges('start -> a', 'a -> b') },
      { until: 'a' },
    );
    expect(made.workflow?.blocks.map(({ id }) => id)).toEqual(['start', 'a']);
  });

  it('leaves out an edge that crosses the border of a container, with what only it leads to', () => {
    const made = imported({
      blocks: [start, block('rounds', 'loop'), block('in'), block('out'), block('far')],
      connections: edges(
        'start -> rounds',
        'rounds -loop-start-source-> in',
        'in -> out',
        'out -> far',
      ),
      loops: { rounds: { nodes: ['in'], iterations: 2 } },
    });
    expect(made.workflow?.blocks.map(({ id }) => id)).toEqual(['start', 'rounds', 'in']);
    expect(made.notes).toEqual([
      { place: 'in -> out', what: expect.stringContaining('crosses the border of a container') },
    ]);
  });
});

describe('types of blocks', () => {
  const crm = (params: object = {}) => ({
    blocks: [start, block('add', 'crm', { params })],
    connections: edges('start -> add'),
  });

  it('that are not known are refused by name, or become tasks to be written', () => {
    expect(imported(crm()).refusals).toEqual([
      {
        place: 'add',
        what: expect.stringContaining('"crm", which is not known; known are agent,'),
      },
    ]);
    const made = imported(crm(), { otherTypes: 'tasks' });
    expect(made.tasks).toEqual([
      { name: 'crm', of: 'crm', isBuiltIn: false, retries: 0, backoffMs: 0 },
    ]);
  });

  it('can be added, and put in the place of those that come along', () => {
    const call = { kind: 'call', type: 'Crm', key: 'team', method: 'add', args: ['who'] } as const;
    const made = imported(crm({ team: 'a-<start.team>', who: '<start.who>' }), {
      types: { crm: call },
    });
    const got = blockOf(made, 'add');
    expect(got).toMatchObject({ kind: 'call', type: 'Crm', method: 'add' });
    const { inputs } = played(made, { team: 7, who: { name: 'Ada' } });
    expect(inputs['add']).toMatchObject({ key: 'a-7', args: [{ name: 'Ada' }] });
    const types = { start_trigger: { kind: 'task', task: 'greet' } } as const;
    expect(blockOf(imported({ blocks: [start] }, { types }), 'start')).toMatchObject({
      task: 'greet',
    });
  });

  it('retries of a block are a task of its own', () => {
    const retry = { enabled: true, maxTries: 3, waitBetweenTriesMs: 200 };
    const document = {
      blocks: [start, block('flaky', 'api', { retry })],
      connections: edges('start -> flaky'),
    };
    const made = imported(document);
    expect(blockOf(made, 'flaky')).toMatchObject({ task: 'api.flaky' });
    expect(made.tasks).toEqual([
      { name: 'api.flaky', of: 'api', isBuiltIn: true, retries: 2, backoffMs: 200 },
    ]);
  });

  it('a wait waits, a response answers, a workflow runs, a person is asked', () => {
    const data = '{"who": <start.who>, "text": "hello <start.who>"}';
    const made = imported({
      blocks: [
        start,
        block('rest', 'wait', { params: { timeValue: '5', timeUnit: 'minutes' } }),
        block('ask', 'human_in_the_loop', { params: { message: 'May <start.who>?' } }),
        block('child', 'workflow', {
          params: { workflowId: 'other flow', inputMapping: '{"n": "<start.n>"}' },
        }),
        block('end', 'response', { params: { dataMode: 'json', data, status: '201' } }),
      ],
      connections: edges('start -> rest', 'rest -> ask', 'ask -> child', 'child -> end'),
    });
    expect(blockOf(made, 'child')).toMatchObject({ kind: 'run', workflow: 'other-flow' });
    const { inputs, outcome } = played(made, { who: 'Ada', n: 3 });
    expect(inputs).toMatchObject({ rest: 300_000, ask: { message: 'May Ada?' }, child: { n: 3 } });
    const answer = outcome.ok ? decodeValue(outcome.value) : outcome;
    expect(answer).toEqual({ data: { who: 'Ada', text: 'hello Ada' }, status: 201, headers: {} });
  });

  it('a block that is no task is not tried again, which is told', () => {
    const retry = { enabled: true, maxTries: 3, waitBetweenTriesMs: 200 };
    const made = imported({
      blocks: [start, block('ask', 'human_in_the_loop', { retry }), block('do', 'api', { retry })],
      connections: edges('start -> ask', 'ask -> do'),
    });
    expect(made.notes).toEqual([
      { place: 'ask', what: expect.stringContaining('not tried again') },
    ]);
  });

  it('the status of a response may be a reference, and is never another than it says', () => {
    const ends = (status: unknown) => {
      const end = block('end', 'response', { params: { dataMode: 'json', data: '1', status } });
      return imported({ blocks: [start, end], connections: edges('start -> end') });
    };
    const { outcome } = played(ends('<start.code>'), { code: 404 });
    expect(outcome.ok && decodeValue(outcome.value)).toMatchObject({ status: 404 });
    expect(ends('fine').refusals).toEqual([
      { place: 'end', what: 'its `status` is "fine", which is no number' },
    ]);
  });

  it.each(['done', 'error', 'settled'])('an option may be called %s as any other', (id) => {
    const conditions = [
      { id, title: 'if', value: '<start.n> > 1' },
      { id: 'else', title: 'else', value: '' },
    ];
    const made = imported({
      blocks: [
        start,
        block('gate', 'condition', { params: { conditions } }),
        block('a'),
        block('b'),
      ],
      connections: edges('start -> gate', `gate -condition-${id}-> a`, 'gate -condition-else-> b'),
    });
    expect(played(made, { n: 2 }).ids).toEqual(['start', 'gate', 'a']);
    expect(played(made, { n: 0 }).ids).toEqual(['start', 'gate', 'b']);
  });

  it('what a task does not use is told', () => {
    const params = {
      tools: [{ type: 'slack' }],
      messages: '[{"role": "user", "content": "<start.q>"}]',
    };
    const made = imported({
      blocks: [start, block('a', 'agent', { params })],
      connections: edges('start -> a'),
    });
    expect(made.notes).toEqual([{ place: 'a', what: expect.stringContaining('`tools`') }]);
    const { inputs } = played(made, { q: 'say "hi"' });
    expect(inputs['a']).toMatchObject({ messages: [{ role: 'user', content: 'say "hi"' }] });
  });
});

describe('references', () => {
  const using = (value: unknown, given: object = {}) => ({
    blocks: [start, block('a'), block('use', 'api', { params: { value } })],
    connections: edges('start -> a', 'a -> use'),
    ...given,
  });
  const value = (made: ReturnType<typeof imported>, input: unknown = {}) =>
    (played(made, input).inputs['use'] as { value: unknown }).value;

  it('what Sim takes for none stays text', () => {
    const text = 'a < b, <b>bold</b>, <nobody.x>, <loop.index>, 1 <a.result> 2';
    expect(value(imported(using(text)))).toBe(text.replace('<a.result>', '1'));
  });

  it('{{NAME}} is for the task to read on its node, unless a value is given', () => {
    const made = imported(using('key {{KEY}} {{OTHER}} <a.result>'), { environment: { KEY: 'k' } });
    expect(value(made)).toEqual({ '{{}}': ['key k ', ['OTHER'], ' 1'] });
  });

  it('a text that a block came to is never taken for a variable of the environment', () => {
    process.env['SIM_TEST_SECRET'] = 'secret';
    const made = imported(using('<start.said> {{SIM_TEST_SECRET}}'));
    const given = value(made, { said: '{{SIM_TEST_SECRET}}' });
    expect(withEnvironment(given)).toBe('{{SIM_TEST_SECRET}} secret');
    expect(
      withEnvironment(value(imported(using('<start.said>')), { said: '{{SIM_TEST_SECRET}}' })),
    ).toBe('{{SIM_TEST_SECRET}}');
    delete process.env['SIM_TEST_SECRET'];
    expect(withEnvironment(given)).toBe('{{SIM_TEST_SECRET}} {{SIM_TEST_SECRET}}');
  });

  it('into a container, of whose blocks there are many, are refused', () => {
    const made = imported({
      blocks: [
        start,
        block('rounds', 'loop'),
        block('in'),
        block('use', 'api', { params: { v: '<in.result>' } }),
      ],
      connections: edges(
        'start -> rounds',
        'rounds -loop-start-source-> in',
        'rounds -loop-end-source-> use',
      ),
      loops: { rounds: { nodes: ['in'], iterations: 2 } },
    });
    expect(made.refusals).toEqual([
      { place: 'use', what: expect.stringContaining('take `<rounds.results>`') },
    ]);
  });

  it('in code become values that are given with it, never text in it', () => {
    const code = 'const x = <start.x>;\nreturn "<start.s>" + x + {{KEY}};';
    const document = {
      blocks: [start, block('f', 'function', { params: { code } })],
      connections: edges('start -> f'),
    };
    const { inputs } = played(imported(document), { x: 1, s: '"; evil()' });
    expect(inputs['f']).toEqual({
      code: {
        text: 'const x = $start_x;\nreturn $start_s + x + environment["KEY"];',
        values: { $start_x: 1, $start_s: '"; evil()' },
      },
    });
    const python = block('f', 'function', { params: { code, language: 'python' } });
    expect(imported({ ...document, blocks: [start, python] }).refusals[0]?.what).toContain(
      'python',
    );
  });

  it('to loops and parallels mean the innermost of that kind, or the one named', () => {
    const at = '<loop.index>/<parallel.index>/<parallel.currentItem>/<Side.items[0]>';
    const { inputs } = played(
      imported({
        blocks: [
          start,
          block('rounds', 'loop'),
          block('p', 'parallel', { name: 'Side' }),
          block('use', 'api', { params: { at } }),
        ],
        connections: edges(
          'start -> rounds',
          'rounds -loop-start-source-> p',
          'p -parallel-start-source-> use',
        ),
        loops: { rounds: { nodes: ['p'], iterations: 2 } },
        parallels: {
          p: { nodes: ['use'], parallelType: 'collection', distribution: "['x', 'y']" },
        },
      }),
      {},
    );
    expect(Object.values(inputs).map((one) => (one as { at: string }).at)).toEqual([
      '0/0/x/x',
      '0/1/y/x',
      '1/0/x/x',
      '1/1/y/x',
    ]);
  });
});

describe('loops that ask', () => {
  const rounds = (loop: object) =>
    played(
      imported({
        blocks: [start, block('rounds', 'loop'), block('step')],
        connections: edges('start -> rounds', 'rounds -loop-start-source-> step'),
        loops: { rounds: { nodes: ['step'], iterations: 5, ...loop } },
      }),
      { most: 3 },
    ).ids.filter((id) => id.startsWith('step')).length;

  it('go on by the index of the round to come, before it or after the last', () => {
    expect(rounds({ loopType: 'while', whileCondition: '<loop.index> < <start.most>' })).toBe(3);
    expect(rounds({ loopType: 'doWhile', doWhileCondition: '<loop.index> < 3' })).toBe(3);
    expect(rounds({ loopType: 'doWhile', doWhileCondition: '<loop.index> < 0' })).toBe(1);
    expect(rounds({ loopType: 'while', whileCondition: '<step.result> !== 1' })).toBe(1);
  });

  it('without a condition never run, or run so often', () => {
    expect(rounds({ loopType: 'while' })).toBe(0);
    expect(rounds({ loopType: 'doWhile' })).toBe(5);
  });
});

describe('variables', () => {
  const assign = (id: string, value: unknown) =>
    block(id, 'variables', {
      params: { variables: [{ variableName: 'n', type: 'number', value }] },
    });
  const use = block('use', 'api', { params: { value: '<variable.n>' } });
  const variables = [{ name: 'n', type: 'number', value: '1' }];
  const value = (document: object, input: unknown = {}) =>
    (played(imported({ variables, ...document }), input).inputs['use'] as { value: unknown }).value;

  it('are what was assigned last on the way, else what they began with', () => {
    expect(value({ blocks: [start, use], connections: edges('start -> use') })).toBe('1');
    const document = {
      blocks: [start, assign('one', '2'), assign('two', '<start.n>'), use],
      connections: edges('start -> one', 'one -> two', 'two -> use'),
    };
    expect(value(document, { n: 3 })).toBe('3');
  });

  it('keep their value where the assignment was skipped', () => {
    const conditions = [{ id: 'yes', title: 'if', value: '<start.n> > 1' }];
    const document = {
      blocks: [
        start,
        block('gate', 'condition', { params: { conditions } }),
        assign('set', '9'),
        use,
      ],
      connections: edges(
        'start -> gate',
        'gate -condition-yes-> set',
        'set -> use',
        'start -> use',
      ),
    };
    expect(value(document, { n: 2 })).toBe('9');
    expect(value(document, { n: 0 })).toBe('1');
  });

  it('whose value cannot be known from the edges are refused, with both places', () => {
    const document = {
      variables,
      blocks: [start, assign('set', '2'), use],
      connections: edges('start -> set', 'start -> use'),
    };
    expect(imported(document).refusals).toEqual([
      { place: 'use', what: expect.stringContaining('"n" is assigned by "set"') },
    ]);
  });
});

it('blocks and units may have names that every object has', () => {
  const made = imported({
    blocks: [start, block('constructor'), block('valueOf', 'loop')],
    connections: edges('start -> constructor', 'constructor -> valueOf'),
  });
  expect(made.refusals).toEqual([
    { place: 'valueOf', what: expect.stringContaining('it has no entry in `loops`') },
  ]);
  const params = { timeValue: 1, timeUnit: 'constructor' };
  const waits = imported({
    blocks: [start, block('w', 'wait', { params })],
    connections: edges('start -> w'),
  });
  expect(waits.refusals).toEqual([
    { place: 'w', what: expect.stringContaining('`1 constructor`, which is no time') },
  ]);
});

describe('edges', () => {
  it('without a handle fire whether the block failed or not, from `source` only when not', () => {
    const made = imported({
      blocks: [start, block('bad'), block('any'), block('good'), block('rescue')],
      connections: edges('start -> bad', 'bad -> any', 'bad -source-> good', 'bad -error-> rescue'),
    });
    const ids = (fails: boolean) =>
      played(made, {}, ({ block: { id } }) =>
        fails && id === 'bad'
          ? { failure: { code: 'USER_ERROR', message: 'boom' } }
          : { value: { result: 1 } },
      ).ids;
    expect(ids(true)).toEqual(['start', 'bad', 'any', 'rescue']);
    expect(ids(false)).toEqual(['start', 'bad', 'any', 'good']);
  });

  it('of a failure: the block is `{ error }` as a whole, its error the message, and has no other field', () => {
    const params = {
      all: '<bad>',
      error: '<bad.error>',
      field: '<bad.result>',
      code: 'return <bad>',
    };
    const made = imported({
      blocks: [start, block('bad'), block('use', 'function', { params })],
      connections: edges('start -> bad', 'bad -error-> use', 'bad -> use'),
    });
    const inputOf = (fails: boolean) =>
      played(made, {}, ({ block: { id } }) =>
        fails && id === 'bad'
          ? { failure: { code: 'USER_ERROR', message: 'boom' } }
          : { value: { result: 1 } },
      ).inputs.use;
    expect(inputOf(true)).toMatchObject({
      all: '{"error":"boom"}',
      error: 'boom',
      field: '',
      code: { values: { $bad: { error: 'boom' } } },
    });
    expect(inputOf(false)).toMatchObject({
      all: '{"result":1}',
      error: '',
      field: '1',
      code: { values: { $bad: { result: 1 } } },
    });
  });

  it('of a condition without handles take its options in their order', () => {
    const conditions = '[{"id":"c1","title":"if","value":"false"},{"id":"error","title":"else"}]';
    const made = imported({
      blocks: [
        start,
        block('gate', 'condition', { params: { conditions } }),
        block('a'),
        block('b'),
      ],
      connections: edges('start -> gate', 'gate -> a', 'gate -> b'),
    });
    expect(played(made, {}).ids).toEqual(['start', 'gate', 'b']);
  });
});
