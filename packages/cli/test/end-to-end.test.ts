import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isRunning } from '../src/local/identity.ts';
import { readRecord } from '../src/local/state-file.ts';
import { begin, type Ran, troupe } from './run-command.ts';

const fixture = fileURLToPath(new URL('fixtures/counter.ts', import.meta.url));
const upArgs = ['up', '--detach', '--nodes', '2', '--port', '0'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'troupe-end-to-end-'));
});
afterAll(async () => {
  await troupe(['down', '--data', folder]);
  rmSync(folder, { recursive: true });
});

/** Runs the command against the cluster of this test; it is found by its data folder. */
function run(...args: string[]): Promise<Ran> {
  return troupe([...args, '--data', folder], { env: { COLUMNS: '100' } });
}

async function json(...args: string[]): Promise<unknown> {
  const ran = await run(...args, '--json');
  expect(ran).toMatchObject({ code: 0 });
  return JSON.parse(ran.stdout);
}

describe('a local cluster by the command', () => {
  it('comes up in the background and is found by its folder', async () => {
    const record = await json(...upArgs);
    expect(record).toMatchObject({ cell: 'default', state: 'ready' });
    const names = readRecord(folder)?.processes.map((one) => one.name);
    expect(names).toEqual(['etcd', 'nats', 's1', 'n1', 'n2']);
  });

  it('R1: refuses to come up twice', async () => {
    const ran = await run(...upArgs);
    expect(ran.stderr).toContain('ALREADY_EXISTS: cell default is up already');
    expect(ran.code).toBe(1);
  });

  it('takes a deployment', async () => {
    expect(await json('deploy', fixture)).toMatchObject({
      bundle: expect.stringMatching(/^[0-9a-f]{64}$/),
      actors: ['Counter'],
      tasks: ['double'],
      workflows: ['publish'],
    });
  });

  it('calls actors, with negative numbers, text and slashes in keys', async () => {
    expect(await json('call', 'Counter/team/7/visits', 'add', '5')).toBe(5);
    expect(await json('call', 'Counter/team/7/visits', 'add', '-2')).toBe(3);
    expect((await run('call', 'Counter/team/7/visits', 'get')).stdout).toBe('3\n');
    expect((await run('call', 'Counter/words', 'text', 'so', 'be', 'it', '--text')).stdout).toBe(
      'so be it\n',
    );
  });

  it('signals an actor, before it waits or while it does', async () => {
    expect(await json('signal', 'Counter/signed', 'approval', '{"by": "Ada"}')).toEqual({
      signalled: 'Counter/signed',
      name: 'approval',
    });
    expect(await json('call', 'Counter/signed', 'approved')).toBe('Ada');
    const waiting = run('call', 'Counter/signed', 'approved', '--waits', '60000');
    const told = await run('signal', 'Counter/signed', 'approval', '{"by": "Bob"}');
    expect(told).toMatchObject({ code: 0, stdout: 'Counter/signed has the signal approval\n' });
    expect((await waiting).stdout).toBe('Bob\n');
    const unnamed = await run('signal', 'Counter/signed', 'no good name');
    expect(unnamed.stderr).toMatch(/^INVALID_ARGUMENT: "no good name" is no name of a signal/);
  });

  it('prints the code of a failed call and exits with 1', async () => {
    const ran = await run('call', 'Counter/visits', 'fail');
    expect(ran.stderr).toMatch(/^USER_ERROR: .*as asked/);
    expect(ran.code).toBe(1);
    expect((await run('call', 'Nobody/x', 'add')).stderr).toMatch(/^UNKNOWN_TYPE: /);
  });

  it('runs tasks', async () => {
    expect(await json('task', 'double', '{"value": 21}')).toBe(42);
  });

  it('says why a task waits while its nodes are cordoned, and runs it when one is not', async () => {
    for (const name of ['n1', 'n2']) expect((await run('node', 'cordon', name)).code).toBe(0);
    expect((await run('nodes')).stdout).toMatch(/n1 +alive, cordoned/);
    const task = run('task', 'double', '{"value": 4}', '--id', 'held', '--json');
    await expect
      .poll(() => json('tasks'), { timeout: 20_000 })
      .toMatchObject({
        total: 1,
        tasks: [{ task: 'held', state: 'waiting', why: '2 nodes are cordoned' }],
      });
    expect((await run('tasks')).stdout).toMatch(/held +double +waiting +0 +2 nodes are cordoned/);
    for (const name of ['n1', 'n2']) expect((await run('node', 'uncordon', name)).code).toBe(0);
    expect(JSON.parse((await task).stdout)).toBe(8);
    const unknown = await run('node', 'cordon', 'n77');
    expect(unknown.stderr).toContain('UNKNOWN_NODE: ');
  });

  it('starts a run, lets a person approve it, and shows what it came to', async () => {
    const started = z
      .object({ run: z.string() })
      .parse(await json('run', 'publish', '{"value": 4}', '--run', 'first'));
    expect(started.run).toBe('first');
    await expect
      .poll(() => json('runs', 'show', 'first'), { timeout: 20_000 })
      .toMatchObject({ state: 'waiting' });
    const shown = await run('runs', 'show', 'first');
    expect(shown.stdout).toContain('"question":"publish?"');
    expect(shown.stdout).toContain('troupe runs approve first');
    const waiting = run('run', 'publish', '{"value": 4}', '--run', 'first', '--wait', '--json');
    expect((await run('runs', 'approve', 'first')).code).toBe(0);
    expect(JSON.parse((await waiting).stdout)).toMatchObject({
      state: 'done',
      output: { doubled: 8, answer: true },
    });
    expect((await run('runs')).stdout).toMatch(/first +publish +done/);
    // A list says nothing of what runs came to, not even `null`.
    expect(await json('runs')).toMatchObject([expect.not.objectContaining({ output: null })]);
    const again = await run('runs', 'approve', 'first');
    expect(again.stderr).toContain('WRONG_STATE');
    expect(again.code).toBe(1);
  });

  it('ends with 130 when interrupted; the run goes on until it is cancelled', async () => {
    const waiting = begin([
      ...['run', 'publish', '{"value": 1}', '--run', 'second'],
      ...['--wait', '--data', folder],
    ]);
    await expect
      .poll(async () => (await run('runs', 'show', 'second', '--json')).stdout, { timeout: 20_000 })
      .toContain('"state":"waiting"');
    waiting.kill('SIGINT');
    expect((await waiting.ended).code).toBe(130);
    expect(await json('runs', 'cancel', 'second')).toMatchObject({ state: 'cancelled' });
    const ended = await run('run', 'publish', '{"value": 1}', '--run', 'second', '--wait');
    expect(ended.stderr).toContain('CANCELLED: ');
    expect(ended.code).toBe(1);
  });

  it('makes, finds, pauses, resumes and destroys an actor', async () => {
    const id = 'default/Counter/made';
    expect(await json('actor', 'create', 'Counter/made', '--label', 'team=red')).toMatchObject({
      actor: id,
      state: 'placed',
    });
    expect(await json('actors', '--label', 'team=red')).toMatchObject({ actors: [{ actor: id }] });
    expect((await run('actor', 'pause', 'Counter/made')).stdout).toBe('Counter/made is paused\n');
    const refused = await run('call', 'Counter/made', 'add', '1', '--deadline', '500');
    expect(refused.stderr).toContain('PAUSED: ');
    expect((await run('actor', 'show', 'Counter/made')).stdout).toContain(`${id} is paused on n`);
    expect((await run('actor', 'resume', 'Counter/made')).code).toBe(0);
    expect(await json('call', 'Counter/made', 'add', '2')).toBe(2);
    expect((await run('actor', 'stop', 'Counter/made')).code).toBe(0);
    expect((await run('actor', 'destroy', 'Counter/made')).stderr).toContain('give --yes');
    expect((await run('actor', 'destroy', 'Counter/made', '--yes')).code).toBe(0);
    const gone = await run('actor', 'show', 'Counter/made');
    expect(gone.code).toBe(1);
    expect(gone.stderr).toMatch(/^UNKNOWN_ACTOR: there is no actor Counter\/made; list the actors/);
    expect(await json('actors', '--label', 'team=red')).toMatchObject({ actors: [] });
  });

  it('shows nodes, actors, tenants and bundles in tables that fit', async () => {
    expect((await run('tenants', 'add', 'acme', '--weight', '2.5')).code).toBe(0);
    expect(await json('tenants')).toContainEqual(
      expect.objectContaining({ tenant: 'acme', weight: 2.5, waiting: 0, inFlight: 0 }),
    );
    expect(await json('actors', '--type', 'Counter', '--prefix', 'team')).toMatchObject({
      total: 1,
      actors: [{ actor: 'default/Counter/team/7/visits' }],
    });
    expect(await json('timers')).toEqual({ timers: [], total: 0 });
    for (const command of ['status', 'nodes', 'actors', 'timers', 'tenants']) {
      const { stdout, code } = await run(command);
      expect(code).toBe(0);
      for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    }
    expect((await run('nodes')).stdout).toMatch(/n1 +alive/);
  });

  it('sets and lifts the limits of a tenant, and opens and closes its queues', async () => {
    const limits = ['--in-flight', '10', '--cpu', '8', '--memory', '16384'];
    const rates = ['--starts-per-second', '100', '--queued', '1000'];
    const added = await json('tenants', 'add', 'limited', '--weight', '3', ...limits, ...rates);
    expect(added).toMatchObject({
      weight: 3,
      priority: 'normal',
      quota: {
        inFlightMax: 10,
        cpuMax: 8,
        memoryMax: 16_384,
        startsPerSecondMax: 100,
        queuedMax: 1_000,
      },
    });
    const set = ['--priority', 'high', '--in-flight', 'none', '--queue', 'reports=3'];
    expect(await json('tenants', 'set', 'limited', ...set, '--queue', 'mails=1')).toEqual({
      tenant: 'limited',
      weight: 3,
      priority: 'high',
      quota: { cpuMax: 8, memoryMax: 16_384, startsPerSecondMax: 100, queuedMax: 1_000 },
      queues: [
        { queue: 'reports', weight: 3 },
        { queue: 'mails', weight: 1 },
      ],
    });
    const closed = await run('tenants', 'set', 'limited', '--queue', 'mails=none');
    expect(closed.stdout).toContain('queues reports=3');
    const typo = await run('tenants', 'set', 'limted', '--weight', '2');
    expect(typo).toMatchObject({ code: 1, stderr: expect.stringContaining('UNKNOWN_TENANT: ') });
    const half = await run('tenants', 'set', 'limited', '--in-flight', '1.5');
    expect(half.stderr).toContain('INVALID_ARGUMENT: inFlightMax is 1.5; give a whole number');
    const lost = await run('task', 'double', '{"value": 1}', '--queue', 'mails');
    expect(lost.stderr).toContain('UNKNOWN_QUEUE: tenant "default" has no queue "mails"');
  });

  it('sets what the tenant is configured with, shows secrets by reference, and what an actor does', async () => {
    await json('config', 'set', 'model', '"small"');
    const set = await json('config', 'set', 'apiKey', 'secret:env:NOT_SHOWN');
    expect(set).toEqual({ version: 2, values: { apiKey: 'secret:env:NOT_SHOWN', model: 'small' } });
    expect((await run('config')).stdout).toMatch(/^apiKey +"secret:env:NOT_SHOWN"/m);
    const late = await run('config', 'unset', 'model', '--if-version', '1');
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('WRONG_STATE')]);
    await json('config', 'unset', 'model', '--if-version', '2');
    expect((await run('config', 'set', 'x', 'secret:nowhere')).stderr).toContain(
      'INVALID_ARGUMENT',
    );
    expect(await json('call', 'Counter/shown', 'add', '5')).toBe(5);
    const { stdout } = await run('actor', 'show', 'Counter/shown');
    expect(stdout).toContain('is idle, in memory');
    expect(stdout).toMatch(/here 1 turns and 0 reads: cpu /);
  });

  it('holds room for a tenant: its tasks run at once, and those of others wait', async () => {
    expect((await run('tenants', 'add', 'acme')).code).toBe(0);
    expect((await run('deploy', fixture, '--tenant', 'acme')).code).toBe(0);
    const all = ['--count', '1000', '--cpu', '1'];
    const held = await run('tenants', 'reserve', 'acme', 'all', ...all);
    expect(held.stdout).toMatch(
      /^reservation all of acme: \d+ of 1000 held: 2 nodes have too little free cpu, 0 used/,
    );
    const other = run('task', 'double', '{"value": 5}', '--id', 'other', '--json');
    await expect
      .poll(() => json('tasks'), { timeout: 20_000 })
      .toMatchObject({
        tasks: [{ task: 'other', state: 'waiting', why: '2 nodes have too little free cpu' }],
      });
    expect(await json('task', 'double', '{"value": 6}', '--tenant', 'acme')).toBe(12);
    expect(await json('tasks')).toMatchObject({ total: 1 });
    const twice = await run('tenants', 'reserve', 'acme', 'all', '--count', '2', '--cpu', '1');
    expect(twice).toMatchObject({ code: 1, stderr: expect.stringContaining('ALREADY_EXISTS: ') });
    const typo = await run('tenants', 'unreserve', 'acme', 'al');
    expect(typo.stderr).toContain('UNKNOWN_RESERVATION: tenant "acme" has no reservation "al"');
    expect(await json('tenants', 'reserve', 'acme', 'all', '--change', '--count', '1')).toEqual({
      tenant: 'acme',
      reservation: 'all',
      shape: { resources: { cpu: 1 } },
      count: 1,
      held: 1,
      used: 0,
    });
    expect(JSON.parse((await other).stdout)).toBe(10);
    expect((await run('status')).stdout).toMatch(/reserved +acme all: 1 of 1 held, 0 used/);
    expect((await run('tenants', 'reservations')).stdout).toMatch(/acme +all +1\/1 +0 +cpu 1/);
  });

  it('shows what tasks declare beside what they use', async () => {
    const { total, demands } = await json('demand');
    expect(demands).toHaveLength(total);
    const double = demands.find((one: { task: string }) => one.task === 'double');
    expect(double).toMatchObject({ attempts: expect.any(Number), expectedMs: expect.any(Number) });
    expect(double.resources).toContainEqual(
      expect.objectContaining({ resource: 'cpu', declared: 1, samples: expect.any(Number) }),
    );
    // Only Linux tells the peak of memory.
    const measured = double.resources.find(
      (one: { resource: string }) => one.resource === 'memory',
    );
    if (process.platform === 'linux') expect(measured?.samples).toBeGreaterThan(0);
    const table = await run('demand');
    expect(table.stdout).toMatch(/^TASK +RESOURCE/);
    expect(table.stdout).toMatch(/double +cpu +1 /);
    const nobody = await run('demand', '--tenant', 'nobody');
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('UNKNOWN_TENANT: ') });
  });

  it('takes a node started by hand, moves an actor there, drains it, and lets it go by Ctrl-C', async () => {
    const node = begin(['node', 'start', '--name', 'n9', '--label', 'zone=eu', '--data', folder]);
    expect(JSON.parse(await node.firstLine)).toMatchObject({
      ready: { incarnation: expect.stringMatching(/^n9\./) },
    });
    expect(await json('nodes')).toContainEqual(
      expect.objectContaining({ name: 'n9', state: 'alive', labels: { zone: 'eu' } }),
    );
    expect(await json('migrate', 'Counter/team/7/visits', '--to', 'n9')).toMatchObject({
      actor: 'Counter/team/7/visits',
      node: expect.stringMatching(/^n9\./),
      state: 'moved',
    });
    expect((await run('migrate', 'Counter/team/7/visits', '--to', 'n9')).stdout).toMatch(/stays/);
    expect(await json('call', 'Counter/team/7/visits', 'get')).toBe(3);
    const nowhere = await run('migrate', 'Counter/team/7/visits', '--to', 'n77');
    expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringContaining('UNKNOWN_NODE: ') });
    expect((await run('node', 'drain', 'n9')).code).toBe(0);
    expect((await run('nodes')).stdout).toMatch(/n9 +(draining|gone)/);
    node.kill('SIGINT');
    expect((await node.ended).code).toBe(0);
  });

  it('goes on with the state of an actor whose node was killed', async () => {
    const before = z
      .object({ actors: z.array(z.object({ node: z.string() })) })
      .parse(await json('actors', '--type', 'Counter', '--prefix', 'team'));
    const node = before.actors[0]?.node.replace(/\.[^.]*$/, '') ?? '';
    expect((await run('kill-node', node)).code).toBe(0);
    expect(await json('call', 'Counter/team/7/visits', 'add', '1')).toBe(4);
    const again = await run('kill-node', node);
    expect(again.stderr).toContain('UNKNOWN_NODE');
  });

  it('goes down with all its processes, and its data is there when it comes up again', async () => {
    const processes = readRecord(folder)?.processes ?? [];
    expect(await json('down')).toMatchObject({ stopped: true });
    expect(processes.filter(isRunning)).toEqual([]);
    expect(await json('down')).toMatchObject({ stopped: false });
    await json(...upArgs);
    expect(await json('call', 'Counter/team/7/visits', 'get')).toBe(4);
    await expect
      .poll(() => json('tenants', 'reservations', 'acme'), { timeout: 20_000 })
      .toMatchObject([{ reservation: 'all', count: 1, held: 1 }]);
  });
});
