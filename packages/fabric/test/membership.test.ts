import {
  type ClaimStart,
  claimMember,
  type Fabric,
  journalGeneration,
  listMembers,
  releaseMember,
  silentLogger,
} from '@troupe/fabric';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { awaitLine, TestServers } from './cluster-servers.ts';
import { TcpProxy } from './tcp-proxy.ts';

const servers = new TestServers();
beforeAll(() => servers.start());
afterAll(() => servers.stop());

const ttlMs = 2_000;

function claim(fabric: Fabric, value: string, logger: ClaimStart['logger'] = silentLogger) {
  const { coordination, names } = fabric;
  return claimMember({ coordination, names, name: 'n1', value, ttlMs, logger });
}

describe('a member', () => {
  test('holds its name until it gives it back, and then another one has it at once', async () => {
    const fabric = await servers.open();
    const first = await claim(fabric, 'n1.a');
    expect(await listMembers(fabric.coordination, fabric.names)).toEqual(new Map([['n1', 'n1.a']]));
    await first.release();
    const second = await claim(fabric, 'n1.b');
    expect(await listMembers(fabric.coordination, fabric.names)).toEqual(new Map([['n1', 'n1.b']]));
    await second.release();
  });

  test('is refused a name that another one keeps', async () => {
    const fabric = await servers.open();
    const first = await claim(fabric, 'n1.a');
    await expect(claim(fabric, 'n1.b')).rejects.toMatchObject({
      code: 'NODE_NAME_TAKEN',
      details: { name: 'n1', holder: 'n1.a' },
    });
    await first.release();
  });

  test('gets the name of a dead one when its lease runs out, or earlier when it is freed', async () => {
    const config = servers.config();
    const wire = await TcpProxy.start(servers.etcd.port);
    const etcdUrl = `http://127.0.0.1:${wire.port}`;
    const dead = await servers.open('n1.a', servers.config({ cell: config.cell, etcdUrl }));
    const fabric = await servers.open('n1.b', config);
    await claim(dead, 'n1.a');
    wire.mute('requests', 'replies');
    const second = await claim(fabric, 'n1.b');
    const { coordination, names } = fabric;
    expect(await releaseMember(coordination, names, 'n1', 'n1.a')).toBe(false);
    const waiting = claim(fabric, 'n1.c');
    expect(await releaseMember(coordination, names, 'n1', 'n1.b')).toBe(true);
    const third = await waiting;
    expect(await listMembers(coordination, names)).toEqual(new Map([['n1', 'n1.c']]));
    await second.release();
    expect(await listMembers(coordination, names)).toEqual(new Map([['n1', 'n1.c']]));
    await third.release();
    await wire.stop();
  });

  test('that lost its lease claims its name again, and is told when another one has it', async () => {
    const config = servers.config();
    const wire = await TcpProxy.start(servers.etcd.port);
    const etcdUrl = `http://127.0.0.1:${wire.port}`;
    const apart = await servers.open('n1.a', servers.config({ cell: config.cell, etcdUrl }));
    const fabric = await servers.open('n1.b', config);
    const { coordination, names } = fabric;
    const first = await claim(apart, 'n1.a');
    wire.refuse();
    wire.cut();
    await until(async () => (await listMembers(coordination, names)).size === 0);
    wire.heal();
    await until(async () => (await listMembers(coordination, names)).get('n1') === 'n1.a');
    wire.refuse();
    wire.cut();
    const second = await claim(fabric, 'n1.b');
    wire.heal();
    expect(await first.taken).toBe('n1.b');
    await second.release();
    await wire.stop();
  });

  test('keeps its name over a restart of etcd', async () => {
    const fabric = await servers.open();
    const notRenewed = awaitLine('lease not renewed');
    const first = await claim(fabric, 'n1.a', notRenewed.logger);
    servers.etcd.kill('SIGKILL');
    await servers.etcd.exited;
    await notRenewed.seen;
    await servers.etcd.restart();
    const second = claim(fabric, 'n1.b');
    await expect(second).rejects.toMatchObject({ code: 'NODE_NAME_TAKEN' });
    await first.release();
  });
});

describe('the generation of a journal', () => {
  test('is one, made by whoever asks first', async () => {
    const { coordination, names } = await servers.open();
    const asked = [1, 2, 3].map(() => journalGeneration(coordination, names));
    expect(await Promise.all(asked)).toEqual([1, 1, 1]);
  });
});

/** Asks etcd again and again until it is so: there is no event to wait for. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()));
}
