import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startEtcd, startNats } from '@troupe/fabric/servers';
import { Etcd3 } from 'etcd3';
import { connect } from 'nats';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'troupe-servers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('what NATS acknowledged is there after kill -9 and a restart on the same port', async () => {
  await using nats = disposable(await startNats({ dataDir: join(folder, 'nats') }));
  const before = await connect({ servers: nats.url });
  const manager = await before.jetstreamManager();
  await manager.streams.add({ name: 'kept', subjects: ['kept'] });
  const ack = await before.jetstream().publish('kept', 'a turn');
  expect(ack.seq).toBe(1);
  await before.close();

  const { pid, port } = nats;
  expect(nats.kill('SIGKILL')).toBe(true);
  expect(await nats.exited).toEqual({ code: null, signal: 'SIGKILL' });
  await nats.restart();

  expect(nats.port).toBe(port);
  expect(nats.pid).not.toBe(pid);
  const after = await connect({ servers: nats.url });
  const kept = await (await after.jetstreamManager()).streams.getMessage('kept', { seq: 1 });
  expect(kept.string()).toBe('a turn');
  await after.close();
});

test('the system user hears when a client of the cluster goes', async () => {
  await using nats = disposable(await startNats({ dataDir: join(folder, 'nats-sys') }));
  const system = await connect({
    servers: nats.url,
    user: nats.systemUser,
    pass: nats.systemPassword,
  });
  const notices = system.subscribe('$SYS.ACCOUNT.TROUPE.DISCONNECT', { max: 1 });
  await system.flush();
  const client = await connect({ servers: nats.url, name: 'node n1' });
  await client.close();
  for await (const notice of notices) {
    expect(notice.string()).toContain('node n1');
  }
  await system.close();
});

test('a wrong password does not open the system account', async () => {
  await using nats = disposable(await startNats({ dataDir: join(folder, 'nats-auth') }));
  const attempt = connect({ servers: nats.url, user: nats.systemUser, pass: 'guess' });
  await expect(attempt).rejects.toMatchObject({ code: 'AUTHORIZATION_VIOLATION' });
});

test('what etcd acknowledged is there after kill -9 and a restart on the same port', async () => {
  await using etcd = disposable(await startEtcd({ dataDir: join(folder, 'etcd') }));
  const before = new Etcd3({ hosts: etcd.url });
  await before.put('leader').value('s1');
  before.close();
  etcd.kill('SIGKILL');
  await etcd.exited;
  await etcd.restart();
  const after = new Etcd3({ hosts: etcd.url });
  expect(await after.get('leader').string()).toBe('s1');
  after.close();
});

test('a data folder is continued by a later start on other ports', async () => {
  const dataDir = join(folder, 'etcd-later');
  const first = await startEtcd({ dataDir });
  const before = new Etcd3({ hosts: first.url });
  await before.put('weight').value('3');
  before.close();
  expect(await first.stop()).toMatchObject({ signal: 'SIGTERM' });
  expect(first.running).toBe(false);

  await using second = disposable(await startEtcd({ dataDir }));
  const after = new Etcd3({ hosts: second.url });
  expect(await after.get('weight').string()).toBe('3');
  after.close();
});

test.each([
  ['etcd', startEtcd],
  ['nats-server', startNats],
] as const)('%s says which port is taken', async (name, start) => {
  const port = await freePort();
  const other = createServer().listen(port, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const attempt = start({ dataDir: join(folder, `taken-${name}`), port });
  await expect(attempt).rejects.toMatchObject({ code: 'PORT_IN_USE', details: { port } });
  await expect(attempt).rejects.toThrow(`${name} cannot listen on 127.0.0.1:${port}`);
  await new Promise((resolve) => other.close(resolve));
});

test.each([
  ['etcd', startEtcd],
  ['nats-server', startNats],
] as const)('%s says that an address is not of this machine', async (name, start) => {
  // Kept for documentation: no machine has it.
  const host = '203.0.113.1';
  const attempt = start({ dataDir: join(folder, `foreign-${name}`), host });
  await expect(attempt).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  await expect(attempt).rejects.toThrow('which is no address of this machine');
});

test('a server that ends at start says why', async () => {
  const attempt = startNats({ dataDir: join(folder, 'huge'), maxPayloadBytes: 2 ** 40 });
  await expect(attempt).rejects.toMatchObject({ code: 'SERVER_FAILED' });
  await expect(attempt).rejects.toThrow(/max_payload/);
});

test('a paused server is stopped all the same, within the bound', async () => {
  const nats = await startNats({ dataDir: join(folder, 'paused') });
  nats.kill('SIGSTOP');
  expect(await nats.stop(100)).toEqual({ code: null, signal: 'SIGKILL' });
  expect(nats.kill('SIGTERM')).toBe(false);
});

/** Without `setpriv` nothing tells a server that its parent was killed. */
const ways = existsSync('/usr/bin/setpriv') ? ['exit', 'SIGKILL'] : ['exit'];

test.each(ways)('no server outlives the process that started it (%s)', async (way) => {
  const module = new URL('../dist/servers/index.js', import.meta.url).href;
  const code = `
    const { startNats } = await import(${JSON.stringify(module)});
    const nats = await startNats({ dataDir: ${JSON.stringify(join(folder, `orphan-${way}`))} });
    console.log(nats.port);
    process.stdin.once('data', () => process.exit(0));`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [port] = await once(parent.stdout.setEncoding('utf8'), 'data');
  const socket = createConnection({ port: Number(port), host: '127.0.0.1' });
  await once(socket, 'connect');
  // A killed server resets the connection: that is an end too.
  socket.on('error', () => undefined);
  const gone = new Promise((resolve) => socket.resume().once('close', resolve));
  if (way === 'exit') parent.stdin.write('go');
  else parent.kill('SIGKILL');
  await gone;
  await expect(connect({ servers: `127.0.0.1:${Number(port)}` })).rejects.toThrow();
});

/** Stops the server when the test ends, also when it fails. */
function disposable<S extends { stop(): Promise<unknown> }>(server: S): S & AsyncDisposable {
  return Object.assign(server, {
    [Symbol.asyncDispose]: async () => {
      await server.stop();
    },
  });
}
