/** Runs through the door, asked for by a foreign client; the test plays the leader. */
import {
  type Answer,
  encodeHolding,
  encodeValue,
  Handle,
  incarnation,
  type Request,
  type RunView,
  type StoredObject,
  taskId,
} from '@troupe/model';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { CodedError } from './foreign-client.ts';
import { answered, openStage, type Stage } from './gateway-stage.ts';
import { type Servers, startServers } from './servers.ts';

let servers: Servers;
let stage: Stage;
let cells = 0;
const bundle = 'b'.repeat(64);

beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers.stop());
beforeEach(async () => {
  stage = await openStage(servers, `runs-${++cells}`);
});
afterEach(() => stage.close());

const view = {
  run: 'r1/ask[2]',
  tenant: 'default',
  workflow: 'crew',
  state: 'waiting',
  startedAt: 5,
  blocks: [
    { block: 'rounds', state: 'running', attempts: 0, rounds: { done: 2 } },
    { block: 'read', state: 'running', attempts: 0, branches: { done: 1, all: 3 } },
    { block: 'ask[2]', state: 'paused', attempts: 0, prompt: encodeValue({ q: 'ok?' }) },
    { block: 'counted', state: 'running', attempts: 1, node: incarnation('n1.a') },
    { block: 'deep', state: 'running', attempts: 0, child: 'r1/ask[2]/deep' },
  ],
  progress: { done: 4, running: 1, waiting: 2, rest: 7 },
  parent: { run: 'r1', block: 'ask[2]' },
  bundle,
} as unknown as RunView;

/** What the leader was asked, each answered with the view. */
function answering(answer: Answer = { kind: 'run', run: view }): Request['body'][] {
  const asked: Request['body'][] = [];
  stage.leader = (message) => {
    if (message.kind !== 'request') return;
    asked.push(message.body);
    stage.gateway.deliver({ ...answered(message), answer });
  };
  return asked;
}

const runs = (method: string) => `RunsService/${method}`;

test('a run is shown with its progress, its rounds, its parent and its version', async () => {
  answering();
  const { run } = await stage.client.call(runs('Wait'), { run: 'r1/ask[2]' });
  expect(run).toMatchObject({
    run: 'r1/ask[2]',
    progress: { done: 4, running: 1, waiting: 2, rest: 7 },
    parent: { run: 'r1', block: 'ask[2]' },
    bundle,
    blocks: [
      { block: 'rounds', rounds: { done: 2, all: 0 }, branchesAll: 0 },
      { block: 'read', rounds: null, branchesDone: 1, branchesAll: 3 },
      { block: 'ask[2]', promptJson: '{"q":"ok?"}' },
      { block: 'counted', promptJson: '', child: '' },
      { block: 'deep', child: 'r1/ask[2]/deep' },
    ],
  });
});

test('a run is started again from a block, or what had failed of it', async () => {
  const asked = answering();
  const start = { run: 'r2', workflow: 'crew' };
  await stage.client.call(runs('Start'), { ...start, from: { run: 'r1', block: 'read' } });
  await stage.client.call(runs('Start'), {
    ...start,
    json: '{"n":1}',
    from: { run: 'r1/x[0]', failedOnly: true },
  });
  expect(asked).toEqual([
    expect.objectContaining({ kind: 'start-run', from: { run: 'r1', block: 'read' } }),
    expect.objectContaining({
      from: { run: 'r1/x[0]', failedOnly: true },
      input: encodeValue({ n: 1 }),
    }),
  ]);
  // Nothing given: the leader takes the input of the earlier run.
  expect(asked[0]).toMatchObject({ input: { length: 0 } });
});

test('a run is moved to the latest version, or to the one that is named', async () => {
  const asked = answering();
  await stage.client.call(runs('Move'), { run: 'r1' });
  await stage.client.call(runs('Move'), { run: 'r1/ask[2]', bundle });
  expect(asked).toEqual([
    { kind: 'move-run', run: 'r1' },
    { kind: 'move-run', run: 'r1/ask[2]', bundle },
  ]);
});

test('what is wrong with a request for a run is refused by name, before anybody is asked', async () => {
  const asked = answering();
  const start = { run: 'r2', workflow: 'crew' };
  for (const [method, request, message] of [
    ['Start', { ...start, from: { run: 'r1' } }, 'from has neither block nor failed_only'],
    [
      'Start',
      { ...start, from: { run: 'r1', block: 'b', failedOnly: true } },
      'from has both block and failed_only',
    ],
    ['Start', { ...start, from: { run: '', block: 'b' } }, 'run "" is not'],
    ['Start', { run: 'a/b', workflow: 'crew' }, 'run "a/b" is not'],
    ['Move', { run: '' }, 'run "" is not'],
    ['Move', { run: 'r1', bundle: 'abc' }, 'bundle "abc" is not a hash'],
    ['Wait', { run: 'a\nb' }, 'is not an id'],
    ['Resume', { run: 'r1', block: '' }, 'block is empty'],
    ['Resume', { run: 'r1', block: 'b'.repeat(100_000) }, 'bbb…" is not an id'],
    ['Start', { ...start, from: { run: 'r1', block: 'b'.repeat(100_000) } }, '…" is not an id'],
    ['Start', { ...start, limitMs: '9007199254740993' }, 'limit_ms "9007199254740992" is not'],
    ['Start', { ...start, limitMs: '18446744073709551615' }, 'limit_ms "18446744073709552000"'],
  ] as const) {
    const refused = stage.client.call(runs(method), request);
    await expect(refused, message).rejects.toMatchObject({
      status: 3,
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    } satisfies Partial<CodedError>);
  }
  expect(asked).toEqual([]);
});

test('the first difference between two versions comes back with its code', async () => {
  const difference = 'block "read" is another';
  answering({
    kind: 'failed',
    failure: {
      code: 'WRONG_STATE',
      message: `run "r1" cannot go on by bundle ${bundle}: ${difference}`,
      details: { run: 'r1', difference },
    },
  });
  await expect(stage.client.call(runs('Move'), { run: 'r1', bundle })).rejects.toMatchObject({
    status: 9,
    code: 'WRONG_STATE',
    details: { difference },
  });
});

interface Shown {
  readonly run: {
    readonly value: Uint8Array;
    readonly json: string;
    readonly objects: StoredObject[];
  };
}

/** What a run or task came to that has a large value in it, and that value. */
async function large() {
  const pages = ['x'.repeat(700_000), 'y'];
  const stored = await stage.fabric.outputs.put(9, encodeValue({ pages }), 20_000);
  const handle = new Handle(stored);
  const parts = { whole: handle, part: handle.at(['pages', -1], false, 'blocks.a') };
  const { bytes: value, objects } = encodeHolding(parts, 'output');
  const came = { whole: { pages }, part: 'y' };
  return { stored, outcome: { ok: true, value, objects } as const, came };
}

test('a foreign client gets a large output whole, as msgpack and as JSON', async () => {
  const { outcome, came } = await large();
  answering({ kind: 'run', run: { ...view, state: 'done', outcome } });
  const { run } = await stage.client.call<Shown>(runs('Wait'), { run: 'r1' });
  expect(JSON.parse(String(run.json))).toEqual(came);
  expect(Buffer.compare(run.value, encodeValue(came))).toBe(0);
  expect(run.objects).toEqual([]);
  answering({ kind: 'task-ended', task: taskId('t1'), outcome });
  const submit = { task: 't1', name: 'work', json: '1' };
  const { json } = await stage.client.call('TasksService/Submit', submit);
  expect(JSON.parse(String(json))).toEqual(came);
});

test('by reference a large output is a short answer that says what to read', async () => {
  const { outcome, stored } = await large();
  answering({ kind: 'run', run: { ...view, state: 'done', outcome } });
  const { run } = await stage.client.call<Shown>(runs('Wait'), {
    run: 'r1',
    byReference: true,
  });
  expect(run.json).toBe('');
  const said = run.objects.map(({ object, hash, bytes }) => [Number(object), hash, Number(bytes)]);
  expect(said).toEqual([[stored.object, stored.hash, stored.bytes]]);
  expect(run.value.length).toBeLessThan(400);
});

test('an output that is lost is said to be, by its number, to whoever asks for it', async () => {
  const { outcome, stored } = await large();
  await stage.fabric.outputs.delete(stored.object);
  answering({ kind: 'run', run: { ...view, state: 'done', outcome } });
  const asked = stage.client.call(runs('Wait'), { run: 'r1' });
  await expect(asked).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
});
