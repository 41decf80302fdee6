import { existsSync } from 'node:fs';
import { connect } from '@troupe/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleFile, type Cluster, startCluster } from '../src/index.ts';
import { identityOf } from '../src/local/identity.ts';

const fixture = new URL('fixtures/counter.ts', import.meta.url).pathname;

describe('a cluster as child processes', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({
      nodes: 1,
      schedulers: 2,
      nodeConfig: (name) => ({ labels: { name }, resources: { gpu: 1 } }),
    });
  });
  afterAll(() => cluster.stop());

  it('has the nodes, labels and resources asked for', async () => {
    const troupe = await connect({ address: cluster.address });
    const { nodes } = await troupe.status();
    expect(nodes).toMatchObject([{ name: 'n1', labels: { name: 'n1' }, resources: { gpu: 1 } }]);
    await troupe.close();
    expect(cluster.addresses).toHaveLength(2);
  });

  it('grows by a node, and S2: takes one back under its name', async () => {
    const added = await cluster.startNode({ labels: { zone: 'eu' } });
    expect(added.name).toBe('n2');
    added.kill('SIGKILL');
    expect(await added.exited).toMatchObject({ signal: 'SIGKILL' });
    const again = await cluster.startNode({ name: 'n2' });
    expect(cluster.nodes.map((node) => node.name)).toEqual(['n1', 'n2']);
    expect(again.incarnation).not.toBe(added.incarnation);
  });

  it('keeps its state over a restart of each server on its port', async () => {
    const troupe = await connect({ address: cluster.address });
    await troupe.deploy((await bundleFile(fixture)).bytes);
    const counter = troupe.actor('Counter', 'kept');
    expect(await counter['add']?.(1)).toBe(1);
    const { etcd, nats } = cluster.servers;
    const urls = [etcd.url, nats.url];
    await cluster.restart('nats', { signal: 'SIGKILL' });
    expect(await counter['add']?.(1)).toBe(2);
    await cluster.restart('etcd');
    expect(await counter['add']?.(1)).toBe(3);
    expect([cluster.servers.etcd.url, cluster.servers.nats.url]).toEqual(urls);
    await troupe.close();
  });

  it('shares its servers with another cell', async () => {
    const other = await startCluster({ cell: 'other', nodes: 1, servers: cluster.servers });
    const troupe = await connect({ address: other.address });
    expect(await troupe.status()).toMatchObject({ cell: 'other', nodes: [{ name: 'n1' }] });
    await troupe.close();
    await expect(other.restart('nats')).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await other.stop();
    expect(cluster.servers.processes.map((one) => one.running)).toEqual([true, true]);
  });

  it('S1: leaves no process and no temporary folder', async () => {
    const all = [...cluster.servers.processes, ...cluster.schedulers, ...cluster.nodes];
    await cluster.stop();
    expect(all.filter((one) => one.running || identityOf(one.pid) !== undefined)).toEqual([]);
    expect(existsSync(cluster.dataDir)).toBe(false);
  });
});

it('a configuration that a process refuses is the error of the start', async () => {
  const starting = startCluster({ nodes: 1, nodeConfig: { runnners: 3 } });
  await expect(starting).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('did you mean "node.runners"?'),
  });
});
