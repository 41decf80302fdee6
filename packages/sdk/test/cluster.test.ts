import { encodeValue } from '@troupe/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type Troupe } from '../src/index.ts';
import { broken, StandIn, silence } from './stand-in.ts';

let gateway: StandIn;
let troupe: Troupe;
beforeAll(async () => {
  gateway = await StandIn.start();
  troupe = await connect({ address: gateway.address, deadlineMs: 5_000 });
});
afterAll(async () => {
  await troupe.close();
  gateway.stop();
});

const running = { run: 'r1', tenant: 'default', workflow: 'crew', state: 'running', startedAt: 5 };

describe('a run', () => {
  test('is started under an id and followed to its result', async () => {
    let waits = 0;
    gateway.unary = {
      Start: ({ run, workflow }: { run: string; workflow: string }) => ({
        run: { ...running, run, workflow },
      }),
      Wait: ({ run }: { run: string }) =>
        ++waits < 3
          ? { run: { ...running, run } }
          : { run: { ...running, run, state: 'done', endedAt: 9, value: encodeValue([1]) } },
    };
    const run = await troupe.start('crew', { folder: 'x' }, { run: 'r1' });
    expect(run.id).toBe('r1');
    expect(await run.result()).toEqual([1]);
    expect(waits).toBe(3);
  });

  test('that failed throws its failure', async () => {
    const error = { code: 'RETRIES_EXHAUSTED', message: 'block read failed', detailsJson: '' };
    gateway.unary = { Wait: () => ({ run: { ...running, state: 'failed', error } }) };
    await expect(troupe.run('r1').result()).rejects.toMatchObject({ code: 'RETRIES_EXHAUSTED' });
  });

  test('shows its blocks, and takes the answer to a pause', async () => {
    const prompt = encodeValue('publish?');
    const blocks = [
      { block: 'read', state: 'done', attempts: 3, branchesDone: 3, branchesAll: 3, node: 'n1.a' },
      { block: 'ok', state: 'paused', attempts: 1, prompt },
    ];
    gateway.unary = {
      Wait: () => ({ run: { ...running, state: 'waiting', blocks } }),
      Resume: ({ block }: { block: string }) => ({
        run: { ...running, blocks: [{ block, state: 'done', attempts: 1 }] },
      }),
    };
    const view = await troupe.run('r1').view();
    expect(view.blocks).toEqual([
      { block: 'read', state: 'done', attempts: 3, node: 'n1.a', branches: { done: 3, all: 3 } },
      { block: 'ok', state: 'paused', attempts: 1, prompt: Buffer.from(prompt) },
    ]);
    const resumed = await troupe.run('r1').resume('ok', { yes: true });
    expect(resumed.blocks).toEqual([{ block: 'ok', state: 'done', attempts: 1 }]);
  });
});

describe('a run that goes on otherwise', () => {
  const bundle = 'c'.repeat(64);

  test('says how far it has come, of whom it is a block and by which version it goes', async () => {
    const progress = { done: 4, running: 1, waiting: 0, rest: 7 };
    const parent = { run: 'r0', block: 'child' };
    const blocks = [
      { block: 'rounds', state: 'running', rounds: { done: 0, all: 3 } },
      { block: 'open', state: 'running', rounds: { done: 2, all: 0 } },
      { block: 'deep', state: 'running', child: 'r1/deep' },
    ];
    const shown = { ...running, progress, parent, bundle, blocks };
    gateway.unary = { Wait: () => ({ run: shown }) };
    const view = await troupe.run('r1').view();
    expect(view).toMatchObject({ progress, parent, bundle });
    expect(view.blocks.map(({ rounds }) => rounds)).toEqual([
      { done: 0, all: 3 },
      { done: 2 },
      undefined,
    ]);
    expect(view.blocks.map(({ child }) => child)).toEqual([undefined, undefined, 'r1/deep']);
  });

  test('is started again from a block or where it failed, with its input or another', async () => {
    const asked: { value: Uint8Array }[] = [];
    gateway.unary = {
      Wait: () => ({ run: { ...running, state: 'failed' } }),
      Start: (request: { run: string; value: Uint8Array }) => {
        asked.push(request);
        return { run: { ...running, run: request.run } };
      },
    };
    const run = troupe.run('r1');
    expect((await run.again({ block: 'read', run: 'r2' })).id).toBe('r2');
    const other = await run.again({ failedOnly: true, input: 5 });
    expect(other.id).not.toBe('r1');
    expect(asked).toMatchObject([
      { run: 'r2', workflow: 'crew', from: { run: 'r1', block: 'read', failedOnly: false } },
      { run: other.id, workflow: 'crew', from: { run: 'r1', block: '', failedOnly: true } },
    ]);
    expect(asked.map(({ value }) => [...value])).toEqual([[], [5]]);
  });

  test('is moved to the latest version, or to the one that is named', async () => {
    const asked: object[] = [];
    gateway.unary = {
      Move: (request: object) => {
        asked.push(request);
        return { run: { ...running, bundle } };
      },
    };
    expect(await troupe.run('r1').move()).toMatchObject({ bundle });
    await troupe.run('r1').move(bundle);
    expect(asked).toEqual([
      { run: 'r1', bundle: '' },
      { run: 'r1', bundle },
    ]);
  });
});

describe('what begins by being asked for', () => {
  const exported = new Uint8Array([1]);
  const order = 'Order';
  const gang = (by: Troupe) => by.gang([{ task: 'train', input: 0 }]);
  const start = (by: Troupe) => by.start('crew', {});
  const again = (by: Troupe) => by.run('r1').again({ failedOnly: true });
  const prompt = [
    ['a gang', gang],
    ['a run', start],
    ['a run that starts again', again],
  ] as const;
  /** The others are waited for a minute and more. */
  const kinds = [
    ...prompt,
    ['a fork', (by: Troupe) => by.checkpoints.fork('Order', '17', 4711, { key: '18' })],
    ['an import', (by: Troupe) => by.checkpoints.import(order, exported, { key: '18' })],
    ['a restore', (by: Troupe) => by.checkpoints.restore('Order', '17', 4711)],
    ['a rewind', (by: Troupe) => by.scope('bank').rewind({ savepoint: 'monday' })],
  ] as const;
  const beginning = (answer: () => object) => ({
    Wait: () => ({ run: { ...running, state: 'failed' } }),
    Start: answer,
    SubmitGang: answer,
    PlantActor: answer,
    RestoreVersion: answer,
    Rewind: answer,
  });

  test.each(prompt)(
    'is not said to be surely undone when nobody answers: %s',
    async (_kind, ask) => {
      const hasty = await connect({ address: gateway.address, deadlineMs: 400 });
      try {
        gateway.unary = beginning(() => silence);
        await expect(ask(hasty)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
      } finally {
        await hasty.close();
      }
    },
  );

  test.each(kinds)('is as unknown as the cluster says: %s', async (_kind, ask) => {
    gateway.unary = beginning(() => ({ code: 'OUTCOME_UNKNOWN' }));
    await expect(ask(troupe)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });

  test.each(kinds)(
    'is not said to be surely undone when it is refused only as it is asked again: %s',
    async (_kind, ask) => {
      const answers = [broken, { code: 'RESOURCE_EXHAUSTED' }, { code: 'UNKNOWN_WORKFLOW' }];
      gateway.unary = beginning(() => answers.shift() ?? silence);
      await expect(ask(troupe)).rejects.toMatchObject({
        code: 'OUTCOME_UNKNOWN',
        cause: { code: 'UNKNOWN_WORKFLOW' },
      });
    },
  );

  test.each(kinds)('is surely undone when the cluster refuses it: %s', async (_kind, ask) => {
    gateway.unary = beginning(() => ({ code: 'INVALID_ARGUMENT' }));
    await expect(ask(troupe)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', outcome: 'none' });
  });
});

describe('the cluster', () => {
  test('is asked again while it elects a leader', async () => {
    let asked = 0;
    gateway.unary = {
      Status: () => (++asked < 3 ? { code: 'NO_LEADER' } : { json: '{"cell":"default"}' }),
    };
    expect(await troupe.status()).toEqual({ cell: 'default' });
    expect(asked).toBe(3);
  });

  test('is not asked again what it refused', async () => {
    let asked = 0;
    gateway.unary = {
      PutTenant: () => {
        asked += 1;
        return { code: 'INVALID_ARGUMENT' };
      },
    };
    await expect(troupe.putTenant('acme', -1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(asked).toBe(1);
  });

  test('is told of a tenant only what is to change, and says how the tenant is then', async () => {
    const heard: unknown[] = [];
    gateway.unary = {
      PutTenant: (request: object) => {
        heard.push(request);
        return { tenant: 'acme', weight: 2, priority: 'high', cpuMax: 8, queues: [] };
      },
    };
    const quota = { cpuMax: 8, queuedMax: null };
    const put = await troupe.putTenant('acme', { priority: 'high', quota, queues: { old: null } });
    const settings = {
      tenant: 'acme',
      weight: 2,
      priority: 'high',
      quota: { cpuMax: 8 },
      queues: [],
    };
    expect(put).toEqual(settings);
    expect(heard).toMatchObject([
      { tenant: 'acme', priority: 'high', cpuMax: 8, lifted: ['queued_max'], closed: ['old'] },
    ]);
    expect(heard[0]).not.toHaveProperty('weight');
    expect(await troupe.putTenant('acme', 2)).toEqual(settings);
    expect(heard[1]).toMatchObject({ weight: 2, lifted: [], queues: [], strategy: '' });
    await troupe.putTenant('acme', { strategy: 'best-fit' });
    await troupe.putTenant('acme', { strategy: null });
    expect(heard.slice(2)).toMatchObject([
      { strategy: 'best-fit', lifted: [] },
      { strategy: '', lifted: ['strategy'] },
    ]);
  });

  test('is never told of a limit that does not exist', async () => {
    const put = troupe.putTenant('acme', { quota: { inflight: 3 } as never });
    await expect(put).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('is told what to reserve, and says how much of it is held', async () => {
    const heard: unknown[] = [];
    const shape = { resources: { cpu: 2 }, gpuModels: ['A100'], labels: { zone: 'eu' } };
    gateway.unary = {
      PutReservation: (request: object) => {
        heard.push(request);
        const counts = { count: 3, held: 2, used: 1, why: '2 of 3 held: 3 nodes lack gpu' };
        return { tenant: 'acme', reservation: 'gold', ...counts, shape };
      },
      DropReservation: (request: object) => {
        heard.push(request);
        return {};
      },
    };
    const view = await troupe.putReservation('acme', 'gold', { count: 3, place: shape });
    expect(view).toEqual({
      tenant: 'acme',
      reservation: 'gold',
      shape: {
        resources: { cpu: 2 },
        placement: {
          gpuModels: ['A100'],
          nodes: [{ label: 'zone', op: 'in', values: ['eu'] }],
        },
      },
      count: 3,
      held: 2,
      used: 1,
      why: '2 of 3 held: 3 nodes lack gpu',
    });
    await troupe.putReservation('acme', 'gold', { count: 4, existing: true });
    await troupe.dropReservation('acme', 'gold');
    const names = { tenant: 'acme', reservation: 'gold' };
    expect(heard).toMatchObject([
      { ...names, count: 3, shape, existing: false },
      { ...names, count: 4, shape: null, existing: true },
      names,
    ]);
  });

  test('says what tasks declare and use', async () => {
    const cpu = { resource: 'cpu', declared: 4, samples: 30, p50: 1, p95: 1.5, proposed: 1.7 };
    const gpu = { resource: 'gpu', declared: 1, samples: 0, p50: 0, p95: 0 };
    const times = { attempts: 30, expectedMs: 80, judged: 29, errorShare: 0.5, biasShare: -0.25 };
    const demand = { bundle: 'b', task: 'work', ...times };
    const fault = 'over-declared';
    gateway.unary = {
      ListDemands: ({ tenant, limit }: { tenant: string; limit: number }) => {
        expect([tenant, limit]).toEqual(['acme', 5]);
        return { demands: [{ ...demand, resources: [{ ...cpu, fault }, gpu] }], total: 7 };
      },
    };
    expect(await troupe.demands({ tenant: 'acme', limit: 5 })).toEqual({
      demands: [{ ...demand, resources: [{ ...cpu, fault }, gpu] }],
      total: 7,
    });
  });

  test('takes a bundle in pieces', async () => {
    const bytes = Buffer.alloc(1_000_000, 'abc');
    expect(await troupe.deploy(bytes)).toEqual({
      bundle: 'abc',
      actors: ['Counter'],
      tasks: [],
      workflows: [],
    });
    expect(gateway.deployed.equals(bytes)).toBe(true);
  });

  test('lists its actors', async () => {
    const actor = { actor: 'default/A/k', node: 'n1.a', birth: 3, epoch: 4, scope: 's', chain: 0 };
    gateway.unary = { List: () => ({ actors: [actor], total: 7 }) };
    const view = { ...actor, state: 'placed' };
    expect(await troupe.actors({ type: 'A' })).toEqual({ actors: [view], total: 7 });
  });

  test('lists timers that wait, page by page', async () => {
    const base = { actor: 'default/A/k', firing: 2, dueInMs: 12.5 };
    const timers = [
      { ...base, number: 1, kind: 'after' },
      { ...base, number: 2, name: 'often', kind: 'every', everyMs: 500 },
      { ...base, number: 3, name: 'daily', kind: 'cron', cron: '0 9 * * *', zone: 'UTC' },
    ];
    gateway.unary = {
      ListTimers: (asked: { type: string; key: string; after: string; limit: number }) => {
        expect(asked).toMatchObject({ type: 'A', key: 'k', limit: 3 });
        return { timers, total: 7, next: asked.after === '' ? '3:default/A/k' : '' };
      },
    };
    const asked = { type: 'A', key: 'k', limit: 3 };
    const first = await troupe.timers(asked);
    expect(first).toEqual({ timers, total: 7, next: '3:default/A/k' });
    const last = await troupe.timers({ ...asked, after: first.next ?? '' });
    expect(last).toEqual({ timers, total: 7 });
  });
});
