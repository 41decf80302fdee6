import {
  actorId,
  answeredAs,
  type Call,
  decodeValue,
  encodeValue,
  failure,
  incarnation,
  keyOfAnother,
  limits,
  sameBytes,
  sessionId,
  tenantName,
} from '@troupe/model';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CodedError, ForeignClient } from './foreign-client.ts';
import {
  answered,
  born,
  deployed,
  done,
  joined,
  moved,
  openStage,
  type Stage,
} from './gateway-stage.ts';
import { type Servers, startServers } from './servers.ts';

const tenant = tenantName('default');
const actor = actorId(tenant, 'Counter', 'a');
const first = incarnation('n1.aaaaaaaa');
const second = incarnation('n2.bbbbbbbb');
const args = encodeValue([1]);

let servers: Servers;
let stage: Stage;
let cells = 0;

beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers.stop());
beforeEach(async () => {
  stage = await openStage(servers, `cell-${++cells}`);
  stage.journal(...deployed(tenant), ...joined(first), ...joined(second));
});
afterEach(() => stage.close());

function callMessage(number: number, over: object = {}): object {
  const call = { number, low: 1, type: 'Counter', key: 'a', method: 'add', args, ...over };
  return { call };
}

describe('a session', () => {
  test('carries calls to the node of their actor and their answers back', async () => {
    stage.journal(...born(actor, first));
    await stage.node(first, (call) => done(call, call.caller.number * 10));
    const session = stage.client.session();
    session.hello('one');
    expect((await session.next()).welcome).toMatchObject({ gateway: 's1-test' });
    session.send(callMessage(1), callMessage(2), callMessage(3));
    const values: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const { result } = await session.next();
      values.push([result?.number, decodeValue(result?.value ?? new Uint8Array())]);
    }
    expect(values).toEqual([
      ['1', 10],
      ['2', 20],
      ['3', 30],
    ]);
    // What was answered in one go came in one go.
    expect(session.batches).toEqual([1, 3]);
    session.end();
    expect(await session.status).toMatchObject({ status: 0 });
  });

  test('keeps its calls over the death of a node, under the same numbers', async () => {
    const heard: [string, number, number][] = [];
    const hear = (node: string) => (call: Call) => {
      heard.push([node, call.caller.number, call.epoch]);
      return node === 'second' ? done(call, 'there') : undefined;
    };
    stage.journal(...born(actor, first));
    await stage.node(first, hear('first'));
    await stage.node(second, hear('second'));
    const session = stage.client.session();
    session.hello('one');
    await session.next();
    session.send(callMessage(1));
    await expect.poll(() => heard.length).toBe(1);
    stage.leader = (message) => {
      if (message.kind !== 'resolve') return;
      const epoch = stage.journal(moved(actor, second));
      const location = { node: second, birth: epoch - 5, epoch };
      stage.gateway.deliver({ kind: 'located', actor, location });
    };
    stage.journal({ kind: 'node-dying', incarnation: first, reason: 'silent', at: 0 });
    const { result } = await session.next();
    expect(decodeValue(result?.value ?? new Uint8Array())).toBe('there');
    expect(heard.map(([node, number]) => [node, number])).toEqual([
      ['first', 1],
      ['second', 1],
    ]);
  });

  test('gets its answers on the stream that it opened last', async () => {
    const waiting: Call[] = [];
    stage.journal(...born(actor, first));
    await stage.node(first, (call) => {
      waiting.push(call);
      return waiting.length === 2 ? done(call, 'late') : undefined;
    });
    const old = stage.client.session();
    old.hello('one');
    await old.next();
    old.send(callMessage(1));
    await expect.poll(() => waiting.length).toBe(1);
    const fresh = stage.client.session();
    fresh.hello('one');
    fresh.send(callMessage(1));
    expect((await fresh.next()).welcome).toBeTruthy();
    const { result } = await fresh.next();
    expect(decodeValue(result?.value ?? new Uint8Array())).toBe('late');
    expect(await old.status).toMatchObject({ status: 0 });
  });

  test('is told of each call that goes nowhere, before anything is created', async () => {
    const session = stage.client.session();
    session.hello('one');
    await session.next();
    const bad: [object, string][] = [
      [{ type: 'Nothing' }, 'UNKNOWN_TYPE'],
      [{ method: 'subtract' }, 'UNKNOWN_METHOD'],
      [{ key: '' }, 'INVALID_ARGUMENT'],
      [{ key: 'new\nline' }, 'INVALID_ARGUMENT'],
      [{ type: 'no/slash' }, 'INVALID_ARGUMENT'],
      [{ args: new Uint8Array(limits.payloadBytesMax + 1) }, 'TOO_LARGE'],
      [{ deadlineMs: limits.deadlineMsMax + 1 }, 'INVALID_ARGUMENT'],
      [{ number: '9007199254740993' }, 'INVALID_ARGUMENT'],
    ];
    for (const [index, [over, code]] of bad.entries()) {
      session.send(callMessage(index + 1, over));
      expect((await session.next()).result?.error?.code, JSON.stringify(over)).toBe(code);
    }
    expect(stage.asked).toEqual([]);
    const stranger = stage.client.session();
    stranger.hello('two', { tenant: 'nobody' });
    await stranger.next();
    stranger.send(callMessage(1));
    expect((await stranger.next()).result?.error?.code).toBe('UNKNOWN_TENANT');
  });

  test('is refused when the client is of another version', async () => {
    const session = stage.client.session();
    session.hello('one', { version: '9.9.9' });
    expect((await session.next()).refused).toMatchObject({ code: 'VERSION_MISMATCH' });
    expect(await session.status).toMatchObject({ status: 9, code: 'VERSION_MISMATCH' });
  });

  test.each([
    ['an empty hello', { hello: {} }],
    ['no hello', callMessage(1)],
    ['a session id of a gateway', { hello: { session: 'key:x', version: '0.1.0' } }],
    ['a message of no kind', {}],
  ])('that begins with %s is refused as an invalid argument', async (_, message) => {
    const session = stage.client.session();
    session.send(message);
    expect((await session.next()).refused?.code).toBe('INVALID_ARGUMENT');
    expect(await session.status).toMatchObject({ status: 3, code: 'INVALID_ARGUMENT' });
  });

  test('that sends garbage is refused as an invalid argument', async () => {
    const session = stage.client.session();
    session.hello('one');
    await session.next();
    session.garbage(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect((await session.next()).refused?.code).toBe('INVALID_ARGUMENT');
    expect(await session.status).toMatchObject({ status: 3 });
  });

  test('that does not read its answers is dropped, and the others go on', async () => {
    stage.journal(...born(actor, first));
    const large = new Uint8Array(limits.payloadBytesMax - 1_000);
    await stage.node(first, (call) => done(call, call.method === 'add' ? large : 'small'));
    const slow = stage.client.session();
    slow.hello('slow');
    await slow.next();
    slow.pause();
    for (let number = 1; number <= 400; number++) slow.send(callMessage(number));
    await expect.poll(() => stage.gateway.streams, { timeout: 30_000 }).toBe(0);
    slow.resume();
    expect(await slow.status).toMatchObject({ status: 8, code: 'RESOURCE_EXHAUSTED' });
    const other = stage.client.session();
    other.hello('other');
    await other.next();
    other.send(callMessage(1, { method: 'get' }));
    expect((await other.next()).result?.error).toBeNull();
  });
});

describe('a foreign client', () => {
  test('calls an actor with JSON and gets JSON back', async () => {
    stage.journal(...born(actor, first));
    await stage.node(first, (call) => {
      return done(call, { got: decodeValue(call.args), at: new Date(0), big: 2n ** 60n });
    });
    const request = { type: 'Counter', key: 'a', method: 'add', json: '[{"x":1}]' };
    const answer = await stage.client.call('ActorsService/Call', request);
    expect(JSON.parse(String(answer['json']))).toEqual({
      got: [{ x: 1 }],
      at: '1970-01-01T00:00:00.000Z',
      big: '1152921504606846976',
    });
  });

  test('repeats a call under its idempotency key as the very same call', async () => {
    const callers: string[] = [];
    stage.journal(...born(actor, first));
    await stage.node(first, (call) => {
      callers.push(`${call.caller.session}#${call.caller.number}`);
      return done(call, 1);
    });
    const request = { type: 'Counter', key: 'a', method: 'add', idempotencyKey: 'k' };
    await stage.client.call('ActorsService/Call', request);
    await stage.client.call('ActorsService/Call', request);
    await stage.client.call('ActorsService/Call', { ...request, idempotencyKey: 'other' });
    await stage.client.call('ActorsService/Call', { ...request, idempotencyKey: '' });
    await stage.client.call('ActorsService/Call', { ...request, idempotencyKey: '' });
    expect(callers[0]).toMatch(/^key:default:/);
    expect(callers[1]).toBe(callers[0]);
    expect(new Set(callers).size).toBe(4);
  });

  test('is told under its key what its own call has come to, whatever else is asked for under it here', async () => {
    const calls = new Map<string | undefined, Call>();
    stage.journal(...born(actor, first));
    await stage.node(first, (call) => void calls.set(call.caller.print, call));
    const request = { type: 'Counter', key: 'a', method: 'add', json: '[1]', idempotencyKey: 'k' };
    const ask = (over: object = {}) =>
      stage.client.call('ActorsService/Call', { ...request, ...over });
    const meant = [ask({ json: '[2]' }), ask({ json: '[ 2 ]' })];
    const others = [ask(), ask({ method: 'get' })];
    await expect.poll(() => calls.size).toBe(3);
    const sent = [...calls.values()];
    const named = sent.find(({ args }) => sameBytes(args, encodeValue([2])));
    const kept = named?.caller.print ?? '';
    // Its actor names the one that was not asked for first, and says so twice.
    for (const call of named === undefined ? [] : [named, named]) {
      stage.gateway.deliver(done(call, 7));
    }
    for (const each of meant) expect((await each)['json']).toBe('7');
    for (const { caller } of sent) {
      if (caller.print === kept) continue;
      const reason = keyOfAnother(actor, kept, caller.print ?? '');
      const outcome = { ok: false, failure: reason } as const;
      stage.gateway.deliver({ kind: 'call-result', actor, ...answeredAs(caller), outcome });
    }
    for (const each of others) {
      await expect(each).rejects.toMatchObject({
        code: 'ALREADY_EXISTS',
        message: expect.stringContaining('call "k" was not run'),
      });
    }
  });

  test('is answered under its key by an older node, which does not say what it answers', async () => {
    stage.journal(...born(actor, first));
    await stage.node(first, (call) => {
      const { print: _, ...bare } = done(call, 5);
      return bare;
    });
    const request = { type: 'Counter', key: 'a', method: 'add', json: '[1]', idempotencyKey: 'k' };
    expect((await stage.client.call('ActorsService/Call', request))['json']).toBe('5');
  });

  test('is told the key and what differs when the actor knows another call under it', async () => {
    stage.journal(...born(actor, first));
    let print: string | undefined;
    await stage.node(first, (call) => {
      const { print: asked = '' } = call.caller;
      print ??= asked;
      if (asked === print) return done(call, 1);
      const reason = keyOfAnother(actor, print, asked);
      const outcome = { ok: false, failure: reason } as const;
      return { kind: 'call-result', actor, ...answeredAs(call.caller), outcome };
    });
    const request = { type: 'Counter', key: 'a', method: 'add', json: '[1]', idempotencyKey: 'k' };
    await stage.client.call('ActorsService/Call', request);
    await expect(
      stage.client.call('ActorsService/Call', { ...request, json: '[2]' }),
    ).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      message: expect.stringContaining('call "k" was not run'),
      details: { key: 'k', differs: 'arguments' },
    });
  });

  test('is told in code, status and details what was wrong', async () => {
    const request = { type: 'Counter', key: 'a', method: 'add' };
    const wrong = async (over: object, path = 'ActorsService/Call'): Promise<CodedError> => {
      return await stage.client.call(path, { ...request, ...over }).then(
        () => expect.unreachable(),
        (error: CodedError) => error,
      );
    };
    expect(await wrong({ type: 'Nobody' })).toMatchObject({
      status: 5,
      code: 'UNKNOWN_TYPE',
      details: { tenant: 'default', type: 'Nobody' },
    });
    expect(await wrong({ method: 'none' })).toMatchObject({ status: 12, code: 'UNKNOWN_METHOD' });
    expect(await wrong({ json: '{' })).toMatchObject({ status: 3, code: 'INVALID_ARGUMENT' });
    expect(await wrong({ json: '{}' })).toMatchObject({ status: 3, code: 'INVALID_ARGUMENT' });
    expect(await wrong({ tenant: 'Ä' })).toMatchObject({ status: 3, code: 'INVALID_ARGUMENT' });
    const weightless = { tenant: 'a', weight: 0 };
    const refused = await wrong(weightless, 'ClusterService/PutTenant');
    expect(refused).toMatchObject({ status: 3, code: 'INVALID_ARGUMENT' });
    const garbled = stage.client.raw('ActorsService/Call', Buffer.from([0xff, 0xff, 0xff]));
    await expect(garbled).rejects.toMatchObject({ status: 3, code: 'INVALID_ARGUMENT' });
  });

  test('learns that no leader answered before its deadline', async () => {
    const asking = stage.client.call('ClusterService/Status', {}, 1_500);
    await expect(asking).rejects.toMatchObject({ status: 14, code: 'NO_LEADER' });
  });

  test('gets the answer of the leader however often it had to be asked', async () => {
    stage.leader = (message) => {
      if (message.kind !== 'request' || stage.asked.length < 2) return;
      const settings = { tenant, weight: 2, priority: 'normal', quota: {}, queues: [] } as const;
      const answer = { kind: 'tenant', settings } as const;
      stage.gateway.deliver({ ...answered(message), answer });
    };
    await stage.client.call('ClusterService/PutTenant', { tenant, weight: 2 });
    const numbers = stage.asked.map((message) => message.kind === 'request' && message.number);
    expect(numbers).toEqual([1, 1]);
  });

  test('puts a tenant with its limits, and hears how it is then', async () => {
    const limited = { tenant: 'a', priority: 'high', cpuMax: 8, lifted: ['queued_max'] };
    const put = { ...limited, strategy: 'best-fit' };
    const queues = [{ queue: 'reports', weight: 3 }];
    stage.leader = (message) => {
      if (message.kind !== 'request') return;
      const quota = { cpuMax: 8, inFlightMax: 2 };
      const strategy = 'best-fit';
      const settings = { tenant, weight: 2, priority: 'high', quota, queues, strategy } as const;
      const answer = { kind: 'tenant', settings } as const;
      stage.gateway.deliver({ ...answered(message), answer });
    };
    const path = 'ClusterService/PutTenant';
    const heard = await stage.client.call(path, { ...put, queues, closed: ['mails'] });
    expect(stage.asked.map((asked) => asked.kind === 'request' && asked.body)).toEqual([
      {
        kind: 'put-tenant',
        tenant: 'a',
        priority: 'high',
        strategy: 'best-fit',
        quota: { cpuMax: 8, queuedMax: null },
        queues: [
          { queue: 'reports', weight: 3 },
          { queue: 'mails', weight: null },
        ],
      },
    ]);
    expect(heard).toMatchObject({ weight: 2, priority: 'high', cpuMax: 8, inFlightMax: 2, queues });
    expect(heard).toMatchObject({ strategy: 'best-fit' });
    expect(heard).not.toHaveProperty('queuedMax');
  });

  test.each([
    { cpuMax: 0 },
    { inFlightMax: -1 },
    { memoryMax: Number.NaN },
    { priority: '3' },
    { lifted: ['cpu'] },
    { lifted: ['cpu_max'], cpuMax: 3 },
    { strategy: 'fastest' },
    { strategy: 'best-fit', lifted: ['strategy'] },
    { queues: [{ queue: 'a', weight: 1 }], closed: ['a'] },
  ])('is refused a tenant with %j, and the leader is not asked', async (over) => {
    const put = stage.client.call('ClusterService/PutTenant', { tenant: 'a', ...over });
    await expect(put).rejects.toMatchObject({ status: 3, code: 'INVALID_ARGUMENT' });
    expect(stage.asked).toEqual([]);
  });

  test.each([
    ['PutTenant', { tenant: 'a', lifted: ['x'.repeat(100_000)] }],
    ['PutTenant', { tenant: 'a', closed: ['x'.repeat(100_000)] }],
    ['PutTenant', { tenant: 'a', queues: [{ queue: 'x'.repeat(100_000), weight: 1 }] }],
    ['CordonNode', { node: 'x'.repeat(100_000), cordoned: true }],
    ['DrainNode', { node: 'x'.repeat(100_000) }],
  ])('is told at once, in few words, that a name in %s is too long', async (method, request) => {
    const refused = stage.client.call(`ClusterService/${method}`, request);
    await expect(refused).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^.{80,300}$/),
    });
    expect(stage.asked).toEqual([]);
  });

  test('moves an actor, and hears where it is', async () => {
    const where = { node: 'n2.aaaaaaaa' as never, epoch: 9, state: 'under-way' } as const;
    stage.leader = (message) => {
      if (message.kind !== 'request' || message.body.kind !== 'migrate-actor') return;
      const answer = { kind: 'migrated', actor: message.body.actor, ...where } as const;
      stage.gateway.deliver({ ...answered(message), answer });
    };
    const asked = { type: 'Counter', key: 'a/b', to: 'n2', waitMs: 500 };
    const heard = await stage.client.call('ActorsService/Migrate', asked);
    expect({ ...heard, epoch: Number(heard['epoch']) }).toEqual(where);
    expect(stage.asked.map((one) => one.kind === 'request' && one.body)).toEqual([
      { kind: 'migrate-actor', actor: 'default/Counter/a/b', to: 'n2', waitMs: 500 },
    ]);
    for (const wrong of [{ to: 'No Node' }, { key: '' }, { type: '1' }]) {
      const refused = stage.client.call('ActorsService/Migrate', { ...asked, ...wrong });
      await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    expect(stage.asked).toHaveLength(1);
  });

  test('reserves room for a tenant, and hears how much of it is held', async () => {
    const nodes = [{ label: 'zone', op: 'in', values: ['eu'] }] as const;
    const gpus = { count: 2, milli: 500 };
    const shape = {
      resources: { cpu: 2 },
      placement: { nodes, gpuModels: ['A100', 'H100'], gpus, isolation: 'vm' },
    };
    const why = '1 of 3 held: 2 nodes lack gpu';
    stage.leader = (message) => {
      if (message.kind !== 'request') return;
      const view = { tenant, reservation: 'gold', shape, count: 3, held: 1, used: 0, why };
      const answer = { kind: 'reservation', reservation: view } as const;
      stage.gateway.deliver({ ...answered(message), answer });
    };
    const asked = {
      resources: { cpu: 2 },
      gpus,
      gpuModels: ['H100', 'A100', 'H100'],
      labels: { zone: 'eu' },
      isolation: 'vm',
    };
    const names = { tenant: 'a', reservation: 'gold' };
    const path = 'ClusterService/PutReservation';
    const heard = await stage.client.call(path, { ...names, count: 3, shape: asked });
    await stage.client.call(path, { ...names, count: 5, existing: true });
    expect(stage.asked.map((request) => request.kind === 'request' && request.body)).toEqual([
      { kind: 'put-reservation', ...names, count: 3, shape },
      { kind: 'put-reservation', ...names, count: 5, existing: true },
    ]);
    expect(heard).toMatchObject({ held: 1, used: 0, count: 3, why });
    expect(heard).toMatchObject({ shape: { ...asked, gpuModels: ['A100', 'H100'] } });
  });

  test.each([
    ['PutReservation', { count: 0 }],
    ['PutReservation', { count: 1.5 }],
    ['PutReservation', { count: -1 }],
    ['PutReservation', { reservation: 'x'.repeat(100_000) }],
    ['PutReservation', { tenant: '' }],
    ['PutReservation', { shape: { resources: { ['x'.repeat(100_000)]: 1 } } }],
    ['PutReservation', { shape: { labels: { zone: 'x'.repeat(100_000) } } }],
    ['PutReservation', { shape: { gpuModels: [''] } }],
    ['DropReservation', { reservation: 'A b' }],
  ])('is refused in %s what is wrong by itself, in few words', async (method, over) => {
    const request = { tenant: 'a', reservation: 'gold', ...over };
    const refused = stage.client.call(`ClusterService/${method}`, request);
    await expect(refused).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^.{20,300}$/),
    });
    expect(stage.asked).toEqual([]);
  });

  test('is told when a full queue has room again', async () => {
    stage.leader = (message) => {
      if (message.kind !== 'request') return;
      const why = failure('RESOURCE_EXHAUSTED', 'full', { tenant, retryAfterMs: 400 });
      const answer = { kind: 'failed', failure: why } as const;
      stage.gateway.deliver({ ...answered(message), answer });
    };
    const place = { queue: 'reports', dueInMs: 5_000 };
    const submit = stage.client.call('TasksService/Submit', { name: 'work', json: '1', ...place });
    await expect(submit).rejects.toMatchObject({
      status: 8,
      code: 'RESOURCE_EXHAUSTED',
      details: { tenant: 'default', retryAfterMs: 400 },
    });
    expect(stage.asked).toMatchObject([{ body: { kind: 'submit-task', ...place } }]);
  });

  test('deploys a bundle once a node has loaded it', async () => {
    const questions: unknown[] = [];
    const manifest = { sdk: '0.1.0', actors: [], tasks: [], workflows: [] };
    const { bus, names } = stage.fabric;
    bus.answer(`${names.node(first)}.inspect`, async (question) => {
      questions.push(question);
      return { manifest };
    });
    await bus.flush();
    stage.leader = (message) => {
      if (message.kind !== 'request' || message.body.kind !== 'deploy') return;
      const { bundle } = message.body;
      const answer = { kind: 'deployed', bundle, manifest } as const;
      stage.gateway.deliver({ ...answered(message), answer });
    };
    const chunks = [{ chunk: Buffer.from('export ') }, { chunk: Buffer.from('{}') }];
    const { bundle } = await stage.client.deploy(chunks);
    expect(questions).toEqual([{ kind: 'inspect-bundle', bundle }]);
    const stored = await stage.fabric.objects.get(String(bundle));
    expect(Buffer.from(stored).toString()).toBe('export {}');
  });

  test('is told by the node why its bundle does not load', async () => {
    const { bus, names } = stage.fabric;
    const reason = failure('BUNDLE_LOAD_FAILED', 'SyntaxError: Unexpected token');
    bus.answer(`${names.node(first)}.inspect`, async () => ({ failure: reason }));
    await bus.flush();
    const deploying = stage.client.deploy([{ chunk: Buffer.from('}') }]);
    await expect(deploying).rejects.toMatchObject({ status: 9, code: 'BUNDLE_LOAD_FAILED' });
    await expect(stage.client.deploy([])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('is told that no node could load its bundle', async () => {
    const deploying = stage.client.deploy([{ chunk: Buffer.from('}') }]);
    await expect(deploying).rejects.toMatchObject({ status: 14, code: 'NO_NODES' });
  });
});

test('every call of a session is refused as surely not done when nothing can place it', async () => {
  const session = stage.client.session();
  session.hello('one');
  await session.next();
  session.send(callMessage(1, { deadlineMs: 300 }));
  expect((await session.next()).result?.error?.code).toBe('NO_LEADER');
  stage.leader = (message) => {
    if (message.kind !== 'resolve') return;
    const location = failure('NO_NODES', 'no node is alive');
    stage.gateway.deliver({ kind: 'located', actor: message.actor, location });
  };
  session.send(callMessage(2, { deadlineMs: 300 }));
  expect((await session.next()).result?.error?.code).toBe('NO_NODES');
  expect(stage.gateway.calls.has(sessionId('one'))).toBe(false);
});

test('a gateway that stops lets open calls end and then ends their streams', async () => {
  let answer: (() => void) | undefined;
  stage.journal(...born(actor, first));
  await stage.node(first, (call) => {
    const { bus, names } = stage.fabric;
    answer ??= () => bus.send(names.inbox(call.replyTo), done(call, 'last'));
    return undefined;
  });
  const client = new ForeignClient(stage.door.address);
  const session = client.session();
  session.hello('one');
  await session.next();
  session.send(callMessage(1));
  await expect.poll(() => answer).toBeDefined();
  const closing = stage.door.close(5_000);
  answer?.();
  const { result } = await session.next();
  expect(decodeValue(result?.value ?? new Uint8Array())).toBe('last');
  expect(await session.status).toMatchObject({ status: 0 });
  await closing;
  client.close();
});

describe('a gateway that stood still for more than a minute', () => {
  test('closes its streams instead of reading what waited in them', async () => {
    stage.journal(...born(actor, first));
    const calls: Call[] = [];
    await stage.node(first, (call) => {
      calls.push(call);
      return done(call, 1);
    });
    const session = stage.client.session();
    session.hello('one');
    await session.next();
    session.send(callMessage(1));
    await session.next();
    stage.standStill(61_000);
    session.send(callMessage(2));
    expect(await session.status).toMatchObject({ status: 0 });
    const call = { type: 'Counter', key: 'a', method: 'add', json: '[1]' };
    const refused = stage.client.call('ActorsService/Call', call);
    await expect(refused).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    stage.standStill(1_000);
    const again = stage.client.session();
    again.hello('one');
    await again.next();
    again.send(callMessage(2));
    expect((await again.next()).result).toMatchObject({ number: '2' });
    expect(calls.map(({ caller, standstills }) => [caller.number, standstills])).toEqual([
      [1, 0],
      [2, 1],
    ]);
  });

  test('does not go on with what it had been asked before', async () => {
    stage.journal(...born(actor, first));
    await stage.node(first, () => undefined);
    const call = { type: 'Counter', key: 'a', method: 'add', json: '[1]' };
    const sent = stage.client.call('ActorsService/Call', call, 120_000);
    const task = { name: 'words', json: '1' };
    const asked = stage.client.call('TasksService/Submit', task, 120_000);
    const outcomes = Promise.allSettled([sent, asked]);
    await expect
      .poll(() => [stage.gateway.calls.size, stage.gateway.requests.size])
      .toEqual([1, 1]);
    stage.standStill(61_000);
    expect(await outcomes).toMatchObject([
      { reason: { code: 'OUTCOME_UNKNOWN' } },
      { reason: { code: 'OUTCOME_UNKNOWN' } },
    ]);
  });

  test('hears of it from a node when its own clock stood still as well', async () => {
    stage.journal(...born(actor, first));
    await stage.node(first, (call) => {
      const { outcome: _, ...result } = done(call, 1);
      const late = failure('SESSION_FORGOTTEN', 'too late');
      if (call.standstills > 0) return done(call, 2);
      return { ...result, outcome: { ok: false, failure: late }, lateMs: 900_000 };
    });
    const session = stage.client.session();
    session.hello('one');
    await session.next();
    session.send(callMessage(1));
    expect(await session.status).toMatchObject({ status: 0 });
    stage.standStill(1_000);
    const again = stage.client.session();
    again.hello('one');
    await again.next();
    again.send(callMessage(1));
    const { result } = await again.next();
    expect(decodeValue(result?.value ?? new Uint8Array())).toBe(2);
  });
});
