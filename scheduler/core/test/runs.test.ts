import {
  type Block,
  decodeValue,
  type Expression,
  encodeValue,
  failure,
  type RunId,
  runId,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cluster, codeOf, failed, type Scene, tenant, workflow } from './scene.ts';

const run = runId('r1');

function ref(...path: (string | number)[]): Expression {
  return { $ref: path };
}

function work(
  id: string,
  given: { after?: string[]; input?: Expression; each?: Expression; inFlightMax?: number } = {},
): Block {
  return { kind: 'task', task: 'work', id, after: [], input: null, ...given };
}

function pause(id: string, after: string[] = [], prompt: Expression = null): Block {
  return { kind: 'pause', id, after, prompt };
}

/** A cluster with one workflow `flow`. */
function flow(blocks: readonly Block[], output: Expression = null): Scene {
  const { scene } = cluster(2);
  scene.deploys({ workflows: [workflow('flow', blocks, output)] }, 'b2');
  return scene;
}

function output(scene: Scene): unknown {
  const { outcome } = scene.view();
  if (outcome?.ok !== true) throw new Error(`no output: ${JSON.stringify(scene.view())}`);
  return decodeValue(outcome.value);
}

function resume(scene: Scene, block: string, answer: unknown) {
  return scene.asks({ kind: 'resume-run', run, block, answer: encodeValue(answer) });
}

describe('a run', () => {
  it('runs its blocks in order, hands on their outputs and comes to its own', () => {
    const scene = flow(
      [work('a', { input: ref('input', 'x') }), work('b', { input: [ref('blocks', 'a', 'n')] })],
      { sum: ref('blocks', 'b') },
    );
    expect(scene.starts('flow', { x: 5 }).state).toBe('running');
    expect(scene.inputOf('a')).toBe(5);
    expect(scene.started('run:r1:b')).toHaveLength(0);
    scene.blockFinishes('a', { n: 1 });
    expect(scene.inputOf('b')).toEqual([1]);
    scene.blockFinishes('b', 7);
    expect(scene.view().state).toBe('done');
    expect(output(scene)).toEqual({ sum: 7 });
  });

  it('starts once however often it is asked to', () => {
    const scene = flow([work('a')]);
    scene.starts('flow');
    expect(scene.starts('flow').run).toBe(run);
    expect(scene.decided('run-started')).toHaveLength(1);
    const body = { run, tenant, workflow: 'other', input: encodeValue(1) };
    expect(scene.code(scene.asks({ kind: 'start-run', ...body }))).toBe('ALREADY_EXISTS');
  });

  it('refuses its id with another input, also when it has ended', () => {
    const scene = flow([work('a')]);
    scene.starts('flow', 1);
    const body = { kind: 'start-run', run, tenant, workflow: 'flow' } as const;
    const another = () => scene.code(scene.asks({ ...body, input: encodeValue(2) }));
    expect(another()).toBe('ALREADY_EXISTS');
    scene.blockFinishes('a', 1);
    expect(another()).toBe('ALREADY_EXISTS');
    expect(scene.starts('flow', 1).state).toBe('done');
    expect(scene.decided('run-started')).toHaveLength(1);
  });

  it('refuses unknown tenants and workflows and values that are none, and changes nothing', () => {
    const scene = flow([work('a')]);
    const before = scene.facts.length;
    const ask = (given: { tenant?: string; workflow?: string; input?: Uint8Array }) =>
      scene.code(
        scene.asks({
          kind: 'start-run',
          run,
          tenant: (given.tenant ?? tenant) as never,
          workflow: given.workflow ?? 'flow',
          input: given.input ?? encodeValue(1),
        }),
      );
    expect(ask({ tenant: 'nobody' })).toBe('UNKNOWN_TENANT');
    expect(ask({ workflow: 'none' })).toBe('UNKNOWN_WORKFLOW');
    expect(ask({ input: new Uint8Array([0x92, 1]) })).toBe('INVALID_ARGUMENT');
    expect(ask({ input: new Uint8Array(600_000) })).toBe('TOO_LARGE');
    expect(scene.facts).toHaveLength(before);
  });

  it('runs what does not depend on each other side by side', () => {
    const scene = flow([work('a'), work('b'), work('c', { after: ['a', 'b'] })]);
    scene.starts('flow');
    expect(scene.started('run:r1:b')).toHaveLength(1);
    scene.blockFinishes('b', 1);
    expect(scene.started('run:r1:c')).toHaveLength(0);
    scene.blockFinishes('a', 1);
    expect(scene.started('run:r1:c')).toHaveLength(1);
  });

  it('gives actors that its tasks create the scope of the run', () => {
    const scene = flow([work('a')]);
    scene.starts('flow');
    expect(scene.started('run:r1:a')[0]?.scope).toBe('run:r1');
  });

  it('calls an actor by the built-in task', () => {
    const call: Block = {
      kind: 'call',
      id: 'c',
      after: [],
      type: 'Cart',
      key: ref('input', 'k'),
      method: 'add',
      args: [ref('input', 'n')],
    };
    const scene = flow([call], ref('blocks', 'c'));
    scene.starts('flow', { k: 'x', n: 2 });
    expect(scene.started('run:r1:c')[0]?.name).toBe('$call');
    expect(scene.inputOf('c')).toEqual({ type: 'Cart', key: 'x', method: 'add', args: [2] });
    scene.blockFinishes('c', 'added');
    expect(output(scene)).toBe('added');
  });

  it('does not repeat a call whose turn failed, because the turn took effect', () => {
    const call: Block = {
      kind: 'call',
      id: 'c',
      after: [],
      type: 'Cart',
      key: 'k',
      method: 'add',
      args: [],
    };
    const scene = flow([call]);
    scene.starts('flow');
    scene.finishes('run:r1:c', failed('USER_ERROR'));
    expect(scene.view().state).toBe('failed');
  });

  it.each([
    ['SESSION_FORGOTTEN', { answeredBy: 'destroyed' }, 'failed'],
    ['REWOUND', undefined, 'failed'],
    ['SESSION_FORGOTTEN', undefined, 'running'],
    ['OUTCOME_UNKNOWN', undefined, 'running'],
  ] as const)('that calls an actor and hears %s %o is %s then', (code, details, state) => {
    const call: Block = {
      kind: 'call',
      id: 'c',
      after: [],
      type: 'Cart',
      key: 'k',
      method: 'add',
      args: [],
    };
    const scene = flow([call]);
    scene.starts('flow');
    scene.finishes('run:r1:c', { ok: false, failure: failure(code, 'it was so', details) });
    expect(scene.view().state).toBe(state);
  });

  it('fails with its first failed block and cancels the rest', () => {
    const scene = flow([work('a'), work('b'), work('c', { after: ['a'] })]);
    scene.starts('flow');
    scene.finishes('run:r1:a', failed('INVALID_ARGUMENT'));
    const view = scene.view();
    expect(view.state).toBe('failed');
    expect(codeOf(view.outcome)).toBe('INVALID_ARGUMENT');
    expect(view.outcome).toMatchObject({ failure: { details: { block: 'a', run: 'r1' } } });
    expect(view.blocks.map(({ state }) => state)).toEqual(['failed', 'skipped', 'skipped']);
    expect(
      scene.sends.filter((send) => send.kind === 'to-node' && send.message.kind === 'cancel-task'),
    ).toHaveLength(1);
    expect(scene.machine.durable().tasks.live).toHaveLength(0);
  });

  it('fails a block that refers to what is not there, and names the path', () => {
    const scene = flow([work('a', { input: ref('input', 'missing', 'x') })]);
    const view = scene.starts('flow', {});
    expect(codeOf(view.outcome)).toBe('WORKFLOW_INVALID');
    expect(view.outcome).toMatchObject({
      failure: { message: expect.stringContaining('"input.missing"') },
    });
  });

  it('fails rather than hold an output that no record can', () => {
    const scene = flow([work('a', { each: [1, 2, 3] })], ref('blocks', 'a'));
    scene.starts('flow');
    for (let i = 0; i < 3; i++) scene.blockFinishes(`a[${i}]`, 'x'.repeat(400_000));
    expect(codeOf(scene.view().outcome)).toBe('TOO_LARGE');
  });

  it('without blocks is done at once', () => {
    const scene = flow([], 'nothing to do');
    expect(scene.starts('flow').state).toBe('done');
    expect(output(scene)).toBe('nothing to do');
  });

  it('keeps to the bundle it started with', () => {
    const scene = flow([work('a'), work('b', { after: ['a'] })]);
    scene.starts('flow');
    scene.deploys({ workflows: [] }, 'b3');
    scene.blockFinishes('a', 1);
    expect(scene.started('run:r1:b')[0]?.bundle).toBe('b2');
  });
});

describe('branches', () => {
  it('run for each item, so many at once as allowed, and join in order', () => {
    const block = work('a', {
      each: ref('input'),
      input: [ref('item'), ref('index')],
      inFlightMax: 2,
    });
    const scene = flow([block, work('b', { input: ref('blocks', 'a') })]);
    scene.starts('flow', ['x', 'y', 'z']);
    expect(scene.inputOf('a[1]')).toEqual(['y', 1]);
    expect(scene.started('run:r1:a[2]')).toHaveLength(0);
    scene.blockFinishes('a[1]', 'Y');
    expect(scene.started('run:r1:a[2]')).toHaveLength(1);
    expect(scene.block('a')?.branches).toEqual({ done: 1, all: 3 });
    scene.blockFinishes('a[2]', 'Z');
    scene.blockFinishes('a[0]', 'X');
    expect(scene.inputOf('b')).toEqual(['X', 'Y', 'Z']);
  });

  it('of an empty array are done at once', () => {
    const scene = flow([work('a', { each: [] })], ref('blocks', 'a'));
    scene.starts('flow');
    expect(output(scene)).toEqual([]);
  });

  it('need an array', () => {
    const scene = flow([work('a', { each: ref('input') })]);
    expect(codeOf(scene.starts('flow', 'text').outcome)).toBe('WORKFLOW_INVALID');
  });

  it('may pause, each by its own context id', () => {
    const ask: Block = {
      kind: 'pause',
      id: 'ok',
      after: [],
      each: ['p', 'q'],
      prompt: ref('item'),
    };
    const scene = flow([ask], ref('blocks', 'ok'));
    scene.starts('flow');
    expect(scene.view().state).toBe('waiting');
    const prompts = scene.view().blocks.map(({ prompt }) => prompt && decodeValue(prompt));
    expect(prompts).toEqual([undefined, 'p', 'q']);
    resume(scene, 'ok[1]', 'no');
    resume(scene, 'ok[0]', 'yes');
    expect(output(scene)).toEqual(['yes', 'no']);
  });
});

it('a block stands in a loop or a parallel, not in a block that runs for each item', () => {
  const blocks: Block[] = [work('read', { each: ['x'] }), { ...work('mark'), in: 'read' }];
  const answer = cluster().scene.deploys({ workflows: [workflow('w', blocks)] });
  expect(answer).toMatchObject({
    failure: {
      code: 'WORKFLOW_INVALID',
      message: expect.stringContaining('block "mark" stands in "read", which is no container'),
    },
  });
});

it('a condition that only some leaders could read is not deployed, and the block is named', () => {
  const when = `${'('.repeat(600)}true${')'.repeat(600)}`;
  const choice: Block = { kind: 'choice', id: 'which', after: [], cases: [{ port: 'a', when }] };
  const rounds = { while: { when } };
  const loops: Block[] = [{ kind: 'loop', id: 'again', after: [], rounds }, work('a')];
  for (const blocks of [[choice], [...loops, { ...work('in'), in: 'again' }]]) {
    const answer = cluster().scene.deploys({ workflows: [workflow('w', blocks)] });
    const message = expect.stringContaining(`block "${blocks[0]?.id}" has a condition`);
    expect(answer).toMatchObject({ failure: { code: 'WORKFLOW_INVALID', message } });
  }
});

describe('pauses', () => {
  it('wait for a person, whose answer is the output, while siblings go on', () => {
    const scene = flow([pause('p', [], { ask: 'publish?' }), work('a')], ref('blocks', 'p'));
    expect(scene.starts('flow').state).toBe('running');
    scene.blockFinishes('a', 1);
    const view = scene.view();
    expect(view.state).toBe('waiting');
    const prompt = view.blocks[0]?.prompt;
    expect(prompt && decodeValue(prompt)).toEqual({ ask: 'publish?' });
    resume(scene, 'p', true);
    expect(output(scene)).toBe(true);
  });

  it('survive the leader', () => {
    const scene = flow([pause('p'), work('a', { after: ['p'] })]);
    scene.starts('flow');
    scene.failOver();
    expect(scene.view().state).toBe('waiting');
    resume(scene, 'p', 1);
    expect(scene.started('run:r1:a')).toHaveLength(1);
  });

  it('take the same answer twice, and refuse another one and an answer to what does not wait', () => {
    const scene = flow([pause('p'), work('a', { after: ['p'] })]);
    scene.starts('flow');
    expect(scene.code(resume(scene, 'a', 1))).toBe('WRONG_STATE');
    expect(scene.code(resume(scene, 'z', 1))).toBe('UNKNOWN_BLOCK');
    expect(scene.code(resume(scene, 'p', 1))).toBe('run');
    const before = scene.facts.length;
    expect(scene.code(resume(scene, 'p', 1))).toBe('run');
    expect(scene.code(resume(scene, 'p', 2))).toBe('WRONG_STATE');
    expect(scene.facts).toHaveLength(before);
  });
});

describe('ending and waiting', () => {
  it('cancels a run with all that is active', () => {
    const scene = flow([work('a'), pause('p')]);
    scene.starts('flow');
    expect(scene.asks({ kind: 'cancel-run', run })).toMatchObject({ run: { state: 'cancelled' } });
    expect(scene.machine.durable().tasks.live).toHaveLength(0);
    expect(scene.code(resume(scene, 'p', 1))).toBe('WRONG_STATE');
    expect(scene.code(scene.asks({ kind: 'cancel-run', run: 'r9' as RunId }))).toBe('UNKNOWN_RUN');
  });

  it('answers those who wait at its end', () => {
    const scene = flow([work('a')]);
    scene.starts('flow');
    const number = scene.ask({ kind: 'wait-run', run, waitMs: 60_000 });
    expect(scene.answer(number)).toBeUndefined();
    scene.blockFinishes('a', 1);
    expect(scene.answer(number)).toMatchObject({ run: { state: 'done' } });
  });

  it('answers with the state it is in when they have waited long enough', () => {
    const scene = flow([work('a')]);
    scene.starts('flow');
    const number = scene.ask({ kind: 'wait-run', run, waitMs: 2_000 });
    scene.pass(1_999);
    expect(scene.answer(number)).toBeUndefined();
    scene.pass(1);
    expect(scene.answer(number)).toMatchObject({ run: { state: 'running' } });
  });

  it('answers one who asks again and again no later than one who asked once', () => {
    const scene = flow([work('a')]);
    scene.starts('flow');
    const body = { kind: 'wait-run', run, waitMs: 2_000 } as const;
    const number = scene.ask(body);
    scene.pass(1_500);
    scene.again(number, body);
    scene.pass(500);
    expect(scene.answer(number)).toMatchObject({ run: { state: 'running' } });
  });

  it('lists runs, the latest first', () => {
    const scene = flow([work('a')]);
    for (const id of ['r1', 'r2', 'r3']) scene.starts('flow', {}, id);
    const answer = scene.asks({ kind: 'list-runs', limit: 2 });
    expect(answer?.kind === 'runs' && answer.runs.map((view) => view.run)).toEqual(['r3', 'r2']);
  });
});

describe('failover', () => {
  it('of the leader resumes a run at the block it had reached', () => {
    const scene = flow([work('a'), work('b', { input: ref('blocks', 'a') })]);
    scene.starts('flow');
    scene.blockFinishes('a', 5);
    scene.failOver();
    expect(scene.started('run:r1:a')).toHaveLength(0);
    expect(scene.inputOf('b')).toBe(5);
    scene.blockFinishes('b', 1);
    expect(scene.view().state).toBe('done');
  });

  it('of a node repeats the block elsewhere', () => {
    const scene = flow([work('a')]);
    scene.starts('flow');
    const [first] = scene.started('run:r1:a');
    if (first === undefined) throw new Error('not started');
    scene.dies(first.node);
    expect(scene.block('a')).toMatchObject({ attempts: 2, state: 'running' });
    scene.blockFinishes('a', 1);
    expect(scene.view().state).toBe('done');
  });
});

describe('size', () => {
  it('a fan-out of a thousand and a chain of a hundred take no scans', () => {
    const wide = work('wide', { each: ref('input'), inFlightMax: 1_000 });
    const scene = flow([wide]);
    scene.machine.checkInvariants = () => undefined;
    scene.joins('n9.aaaaaaaa', { cpu: 1_000 });
    scene.starts(
      'flow',
      Array.from({ length: 1_000 }, (_, i) => i),
    );
    const started = scene.decided('task-started');
    expect(started).toHaveLength(1_000);
    for (const { task, node, attempt } of started) {
      scene.reports(node, {
        task,
        attempt,
        outcome: { ok: true, value: encodeValue(1) },
        durationMs: 1,
      });
    }
    expect(scene.view().state).toBe('done');
    const chain = Array.from({ length: 100 }, (_, i) =>
      work(`b${i}`, { after: i === 0 ? [] : [`b${i - 1}`] }),
    );
    const long = flow(chain);
    long.starts('flow');
    for (let i = 0; i < 100; i++) long.blockFinishes(`b${i}`, i);
    expect(long.view().state).toBe('done');
  });
});
