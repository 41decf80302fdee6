import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  findBinary,
  type NatsServer,
  type Server,
  startEtcdCluster,
  startNatsCluster,
} from '@troupe/fabric/servers';
import { connect } from '@troupe/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleFile, type Cluster, startCluster } from '../src/index.ts';

const fixture = new URL('fixtures/counter.ts', import.meta.url).pathname;
const places = Array.from({ length: 3 }, () => ({ host: '127.0.0.1' }));

/** Whether streams can have three replicas here; TROUPE_BIN may name a folder with newer servers. */
const said = execFileSync(await findBinary('nats-server'), ['--version'], { encoding: 'utf8' });
const [, minor = 0] = /(\d+)\.(\d+)/.exec(said)?.slice(1).map(Number) ?? [];
const enough = minor > 12;

describe.skipIf(!enough)(`a cluster on three servers of each kind (here: ${said.trim()})`, () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'troupe-three-'));
  let etcd: readonly Server[] = [];
  let nats: readonly NatsServer[] = [];
  let cluster: Cluster;

  beforeAll(async () => {
    [etcd, nats] = await Promise.all([
      startEtcdCluster({ dataDir, places }),
      startNatsCluster({ dataDir, places }),
    ]);
    const [first, leader] = [etcd[0], nats[0]];
    if (first === undefined || leader === undefined) throw new Error('no servers');
    const { systemUser, systemPassword } = leader;
    const natsUrls = nats.map(({ url }) => url);
    cluster = await startCluster({
      nodes: 2,
      schedulers: 2,
      replicas: 3,
      servers: {
        etcd: { url: first.url, urls: etcd.map(({ url }) => url) },
        nats: { url: leader.url, urls: natsUrls, systemUser, systemPassword },
      },
    });
  }, 90_000);
  afterAll(async () => {
    await cluster?.stop();
    await Promise.all([...nats, ...etcd].map((server) => server.stop()));
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** Bites when anything of a cluster knows but one of its servers. */
  it('answers each call once while any one server is killed and comes back', async () => {
    const troupe = await connect({ address: cluster.address });
    await troupe.deploy((await bundleFile(fixture)).bytes);
    const counter = troupe.actor('Counter', 'kept');
    let count = 0;
    for (const server of [...nats, ...etcd]) {
      server.kill('SIGKILL');
      for (let call = 0; call < 5; call++) expect(await counter['add']?.(1)).toBe(++count);
      await server.restart();
    }
    await troupe.close();
  }, 180_000);
});
