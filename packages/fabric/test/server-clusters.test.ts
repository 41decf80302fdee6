import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Server, startEtcdCluster, startNatsCluster } from '@troupe/fabric/servers';
import { Etcd3 } from 'etcd3';
import { connect } from 'nats';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'troupe-server-clusters-'));
const started: Server[] = [];
const three = Array.from({ length: 3 }, () => ({ host: '127.0.0.1' }));

afterAll(async () => {
  await Promise.all(started.map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
});

/** Bites when a member cannot be killed and started again alone, on its own data. */
test('three etcd members keep what they acknowledged while any one of them is gone', async () => {
  const members = await startEtcdCluster({ dataDir: join(folder, 'etcd'), places: three });
  started.push(...members);
  const client = new Etcd3({ hosts: members.map(({ url }) => url) });
  for (const member of members) {
    member.kill('SIGKILL');
    await member.exited;
    const rest = new Etcd3({
      hosts: members.filter((one) => one !== member).map((one) => one.url),
    });
    // A killed leader is replaced within a second or two.
    for (let done = false; !done; ) {
      done = await rest
        .put('leader')
        .value(member.name)
        .then(
          () => true,
          () => false,
        );
    }
    rest.close();
    await member.restart();
    const own = new Etcd3({ hosts: member.url });
    expect(await own.get('leader').string()).toBe(member.name);
    own.close();
  }
  client.close();
});

test('a cluster of etcd is continued by a later start on the same data', async () => {
  const dataDir = join(folder, 'etcd-later');
  for (const value of ['first', 'second']) {
    const members = await startEtcdCluster({ dataDir, places: three });
    started.push(...members);
    const client = new Etcd3({ hosts: members.map(({ url }) => url) });
    if (value === 'second') expect(await client.get('kept').string()).toBe('first');
    await client.put('kept').value(value);
    client.close();
    await Promise.all(members.map((member) => member.stop()));
  }
});

/** The members tell each other of their room now and then only; beside much else it takes long. */
const patienceMs = 120_000;

test(
  'three NATS servers are one JetStream, and each comes back alone',
  async () => {
    const dataDir = join(folder, 'nats');
    const members = await startNatsCluster({ dataDir, places: three });
    started.push(...members);
    const client = await connect({ servers: members.map(({ url }) => url) });
    const manager = await client.jetstreamManager();
    const replicas = () =>
      manager.streams.add({ name: 'kept', subjects: ['kept'], num_replicas: 3 }).then(
        ({ cluster }) => cluster?.replicas?.length,
        // For a moment they do not know each other's room.
        (cause: unknown) => String(cause),
      );
    await expect.poll(replicas, { timeout: patienceMs }).toBe(2);
    await client.close();
    for (const member of members) {
      member.kill('SIGKILL');
      await member.exited;
      await member.restart();
      const system = { user: member.systemUser, pass: member.systemPassword };
      const own = await connect({ servers: member.url, ...system });
      expect(own.info?.jetstream).toBe(true);
      await own.close();
    }
  },
  2 * patienceMs,
);

test('a member runs behind its prefix, with the pid that is told', async () => {
  const places = [{ host: '127.0.0.1', prefix: ['/usr/bin/env', 'TROUPE_PLACE=first'] }];
  const [member] = await startNatsCluster({ dataDir: join(folder, 'prefix'), places });
  if (member === undefined) throw new Error('no member');
  started.push(member);
  expect(readFileSync(`/proc/${member.pid}/environ`, 'utf8')).toContain('TROUPE_PLACE=first');
  expect(readFileSync(`/proc/${member.pid}/comm`, 'utf8').trim()).toBe('nats-server');
});
