import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import {
  checkConfig,
  type DisconnectNotice,
  openFabric,
  sharedConfig,
  silentLogger,
} from '@troupe/fabric';
import { freePort, startNats } from '@troupe/fabric/servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { TestServers } from './cluster-servers.ts';

const servers = new TestServers();
beforeAll(() => servers.start());
afterAll(() => servers.stop());

const started = { name: 'test', logger: silentLogger, connectMsMax: 1_000 };

describe('a process that starts', () => {
  test('against no etcd is told so within a bounded time', async () => {
    const config = servers.config({ etcdUrl: `http://127.0.0.1:${await freePort()}` });
    const start = openFabric({ ...started, config });
    await expect(start).rejects.toMatchObject({ code: 'ETCD_UNREACHABLE' });
  });

  test('against no NATS is told so within a bounded time', async () => {
    const config = servers.config({ natsUrl: `nats://127.0.0.1:${await freePort()}` });
    const start = openFabric({ ...started, config });
    await expect(start).rejects.toMatchObject({ code: 'NATS_UNREACHABLE' });
  });

  test('with a wrong password is told so at once', async () => {
    const config = servers.config();
    const nats = { ...config.nats, user: 'troupe', password: 'wrong' };
    const start = openFabric({ ...started, connectMsMax: 60_000, config: { ...config, nats } });
    await expect(start).rejects.toThrow(/refuses user "troupe"/);
  });

  test('against a NATS that is too old is told which version it has', async () => {
    const old = await serverOf('2.9.10');
    const config = servers.config({ natsUrl: `nats://127.0.0.1:${old.port}` });
    const start = openFabric({ ...started, config });
    await expect(start).rejects.toMatchObject({
      code: 'NATS_UNSUITABLE',
      details: { version: '2.9.10' },
    });
    old.server.close();
  });

  test('is refused three replicas by a server that may let them differ, and told what to run', async () => {
    const old = await serverOf('2.12.2');
    const config = { ...servers.config({ natsUrl: `nats://127.0.0.1:${old.port}` }), replicas: 3 };
    const start = openFabric({
      ...started,
      config: checkConfig(config, z.strictObject(sharedConfig)),
    });
    await expect(start).rejects.toMatchObject({
      code: 'NATS_UNSUITABLE',
      message: expect.stringMatching(
        /2\.12\.2, too old for `replicas: 3`; .*2\.12\.3 for replicas/,
      ),
    });
    old.server.close();
  });

  test('is refused three replicas by a server that stands alone', async () => {
    const old = await serverOf('2.12.3');
    const config = { ...servers.config({ natsUrl: `nats://127.0.0.1:${old.port}` }), replicas: 3 };
    const start = openFabric({
      ...started,
      config: checkConfig(config, z.strictObject(sharedConfig)),
    });
    await expect(start).rejects.toThrow(/stands alone, and `replicas` is 3/);
    old.server.close();
  });

  test('learns whether the store syncs every write, from the store itself', async () => {
    const asked = await servers.open('s1', servers.config({ system: true }));
    expect(asked).toMatchObject({ sync: 'always' });
    const unasked = await servers.open('s1', servers.config());
    expect(unasked).toMatchObject({ sync: 'unverified' });
    expect(unasked.durability).toMatch(/systemUser/);
  });

  test('is warned of a store that syncs late, and refused when it requires syncing', async () => {
    const late = await startNats({
      dataDir: join(servers.folder, 'late'),
      syncInterval: 'default',
    });
    const { systemUser, systemPassword } = late;
    const config = servers.config();
    const nats = { ...config.nats, servers: [late.url], systemUser, systemPassword };
    const fabric = await servers.open('s1', { ...config, nats });
    expect(fabric.sync).toBe('delayed');
    expect(fabric.durability).toMatch(/power cut may lose acknowledged records/);
    await fabric.close();
    const start = openFabric({
      ...started,
      config: { ...config, nats: { ...nats, requireSync: true } },
    });
    await expect(start).rejects.toMatchObject({ code: 'NATS_UNSUITABLE' });
    await late.stop();
  });
});

describe('the broker', () => {
  test('tells whose connections have ended', async () => {
    const config = servers.config({ system: true });
    const watcher = await servers.open('s1', config);
    const notices: DisconnectNotice[] = [];
    const all = new Promise<void>((resolve) => {
      watcher.notices?.watch((notice) => {
        if (notice.name === 'n1.aaaaaaaa') notices.push(notice);
        if (notices.length === 4) resolve();
      });
    });
    const node = await servers.open('n1.aaaaaaaa', servers.config());
    await node.close();
    await all;
    expect(notices.map((notice) => notice.role).sort()).toEqual(['beats', 'bus', 'log', 'store']);
  });
});

/** Greets as a server of another version does; nobody gets further with it. */
async function serverOf(version: string): Promise<{ server: Server; port: number }> {
  const info = { server_id: 'one', version, proto: 1, max_payload: 1_048_576 };
  const server = createServer((socket) => {
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on('data', (chunk) => {
      if (chunk.includes('PING')) socket.write('PONG\r\n');
    });
    socket.on('error', () => {});
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { server, port };
}
