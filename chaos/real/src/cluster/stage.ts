/**
 * The cluster that is put under chaos: the two servers as one cluster of processes, schedulers and
 * nodes as another on top of them, with the proxy in between; a warden; and an operator's client.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleFile, type Cluster, startCluster } from '@troupe/cli';
import { connect, type Troupe } from '@troupe/sdk';
import type { Disk } from './disk.ts';
import { freePort } from './free-port.ts';
import { NatsProxy } from './nats-proxy.ts';
import { Warden } from './warden.ts';

const agents = fileURLToPath(new URL('../../src/agents.ts', import.meta.url));
/** What a runner may have is small, so that one that eats memory is soon at its end. */
const runnerMemoryMb = 96;
/** Short, so that drains and stops of all kinds fit between faults. */
const drainMs = 5_000;
const askMs = 5_000;

export interface StageStart {
  readonly dir: string;
  readonly nodes: number;
  readonly schedulers: number;
  /** Where the broker's data is, when it has a disk of its own. */
  readonly disk?: Disk | undefined;
  readonly alarm: (what: string) => void;
  readonly say: (line: string) => void;
}

export interface Stage {
  readonly servers: Cluster;
  readonly cluster: Cluster;
  readonly proxy: NatsProxy;
  readonly warden: Warden;
  /** An operator's client: status and drains, and the calls that do harm. */
  readonly operator: Troupe;
  readonly disk: Disk | undefined;
  readonly nodeCount: number;
  readonly dir: string;
  readonly say: (line: string) => void;
  /** Resolves when all processes run and are members; false when that takes longer than `msMax`. */
  whole(msMax: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Where the data of all processes of a run lies; each has a folder of its name. */
export function dataDirOf(dir: string): string {
  return join(dir, 'data');
}

export async function openStage(start: StageStart): Promise<Stage> {
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    const logDir = join(start.dir, 'logs');
    const dataDir = dataDirOf(start.dir);
    const servers = await startCluster({ dataDir, logDir, nodes: 0, schedulers: 0 });
    closers.push(() => servers.stop());
    const { etcd, nats } = servers.servers;
    const proxy = await NatsProxy.open(nats.url);
    closers.push(() => proxy.close());
    const { systemUser, systemPassword } = nats;
    const listen = await addresses(start.schedulers);
    const cluster = await startCluster({
      dataDir,
      logDir,
      nodes: start.nodes,
      schedulers: start.schedulers,
      servers: { etcd, nats: { url: proxy.url, systemUser, systemPassword } },
      // A scheduler that is started again is where its clients look for it.
      schedulerConfig: (name) => ({ listen: listen[Number(name.slice(1)) - 1] ?? '' }),
      nodeConfig: { runnerMemory: runnerMemoryMb, drainMs },
    });
    closers.push(() => cluster.stop());
    const warden = new Warden({ cluster, alarm: start.alarm, say: start.say });
    closers.push(() => warden.end());
    const address = cluster.addresses.join(',');
    const operator = await connect({ address, deadlineMs: askMs, connectMs: 60_000 });
    closers.push(() => operator.close());
    await operator.deploy((await bundleFile(agents)).bytes);
    const { dir, say, disk, nodes: nodeCount } = start;
    const whole = (msMax: number) => isWhole({ warden, operator, nodeCount }, msMax);
    return { servers, cluster, proxy, warden, operator, disk, nodeCount, dir, say, whole, close };
  } catch (reason) {
    await close();
    throw reason;
  }
}

async function addresses(count: number): Promise<readonly string[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort(ports));
  return ports.map((port) => `127.0.0.1:${port}`);
}

async function isWhole(
  { warden, operator, nodeCount }: Pick<Stage, 'warden' | 'operator' | 'nodeCount'>,
  msMax: number,
): Promise<boolean> {
  const end = performance.now() + msMax;
  while (performance.now() < end) {
    const alive = await operator.status().then(
      ({ nodes }) => nodes.filter(({ state }) => state === 'alive').length,
      () => 0,
    );
    if (warden.complete && alive >= nodeCount) return true;
    await pause(100);
  }
  return false;
}
