/**
 * The real build on a real cluster. As root the machine is a network namespace with an address of
 * its own; otherwise it is this machine by its loopback address.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFile, type Cluster, startCluster } from '@troupe/cli';
import { connect, type Troupe } from '@troupe/sdk';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeNamespace, type Namespace, noNamespaces } from './namespace.ts';
import { noSshServer, type SshServer, startSshServer } from './ssh-server.ts';

const binary = fileURLToPath(new URL('../../cli/bin/troupe.js', import.meta.url));
const counter = fileURLToPath(new URL('programs/counter.ts', import.meta.url));
const where = noNamespaces === undefined ? 'in a namespace' : `on loopback (${noNamespaces})`;

describe.skipIf(noSshServer !== undefined)(`a machine ${where} ${noSshServer ?? ''}`.trim(), () => {
  let folder: string;
  let namespace: Namespace | undefined;
  let server: SshServer;
  let cluster: Cluster;
  let troupe: Troupe;
  let far: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'troupe-placed-'));
    far = join(folder, 'far');
    if (noNamespaces === undefined) namespace = makeNamespace();
    server = await startSshServer(
      namespace && { address: namespace.farAddress, prefix: namespace.prefix },
    );
    cluster = await startCluster({
      nodes: 0,
      ...(namespace === undefined ? {} : { host: namespace.nearAddress }),
    });
    troupe = await connect({ address: cluster.address });
  });
  afterAll(async () => {
    await troupe?.close();
    await command('node', 'remove', 'far', '--now', '--forget');
    await command('node', 'remove', 'near', '--now');
    await cluster?.stop();
    await server?.remove();
    // The nap of a script's watchdog ends within a second of it.
    await vi.waitFor(() => expect(namespace?.pids() ?? []).toEqual([]), { timeout: 10_000 });
    namespace?.remove();
    rmSync(folder, { recursive: true });
  });

  async function command(...words: string[]): Promise<unknown> {
    const child = spawn(process.execPath, [
      ...[binary, ...words, '--json', '--data', join(folder, 'state')],
    ]);
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    await new Promise((resolve) => child.once('close', resolve));
    return JSON.parse(text);
  }

  function add(...words: string[]): Promise<unknown> {
    const { etcd, nats } = cluster.servers;
    return command('node', 'add', ...words, '--etcd', etcd.url, '--nats', nats.url);
  }

  async function placeOf(): Promise<string | undefined> {
    const { actors } = await troupe.actors({ type: 'Counter' });
    return actors[0]?.node.replace(/\..*$/, '');
  }

  const addFar = () =>
    add(
      ...[server.target, '--key', server.keyFile, '--host-key', server.fingerprint()],
      ...['--name', 'far', '--folder', far, '--cpu', '2', '--label', 'zone=eu'],
    );

  it('gets a node by one command, which joins the cluster and hosts actors', async () => {
    expect(await addFar()).toMatchObject({ created: true, name: 'far', place: server.target });
    const { nodes } = await troupe.status();
    expect(nodes).toMatchObject([
      { name: 'far', state: 'alive', labels: { zone: 'eu' }, resources: { cpu: 2 } },
    ]);
    await troupe.deploy((await bundleFile(counter)).bytes);
    expect(await troupe.actor('Counter', 'a')['add']?.(5)).toBe(5);
    expect(await placeOf()).toBe('far');
    expect(await addFar()).toMatchObject({ created: false });
  });

  it('gets its node back, which serves the actor on, when that is killed', async () => {
    const [before] = await listed();
    process.kill(before?.state.pid ?? 0, 'SIGKILL');
    expect(await troupe.actor('Counter', 'a')['add']?.(1)).toBe(6);
    expect((await listed())[0]).toMatchObject({ restarts: 1, state: { kind: 'running' } });
    const logs = (await command('node', 'logs', 'far')) as { log: string };
    // A node to which nothing happens says nothing; its supervisor says how it ended.
    expect(logs.log).toContain('Killed');
  });

  it('gives the node up by a drain, and its actor goes on elsewhere', async () => {
    const config = join(folder, 'cell.yaml');
    writeFileSync(config, JSON.stringify(cluster.shared));
    const near = await command('node', 'add', '--name', 'near', '--config', config);
    expect(near).toMatchObject({ created: true, place: 'this machine' });
    expect((await listed()).map(({ name }) => name).sort()).toEqual(['far', 'near']);
    expect(await command('node', 'remove', 'far')).toEqual({ node: 'far', removed: true });
    expect(await troupe.actor('Counter', 'a')['add']?.(1)).toBe(7);
    expect(await placeOf()).toBe('near');
    const { counts } = await troupe.status();
    expect(counts.nodesLost).toBe(1);
    expect(existsSync(far)).toBe(false);
  });

  it('says that servers on loopback are out of its reach', async () => {
    const words = ['--etcd', 'http://127.0.0.1:2379', '--nats', 'nats://10.0.0.1:4222'];
    const ran = spawn(process.execPath, [binary, 'node', 'add', 'root@10.0.0.5', ...words]);
    let said = '';
    ran.stderr.on('data', (chunk) => {
      said += chunk;
    });
    expect(await new Promise((resolve) => ran.once('close', resolve))).toBe(2);
    expect(said).toContain('the servers listen on 127.0.0.1');
  });

  async function listed() {
    const found = await command('node', 'list');
    return found as { name: string; restarts: number; state: { kind: string; pid: number } }[];
  }
});
