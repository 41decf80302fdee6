/** A single etcd member, on loopback unless told otherwise, durable as in production: every write is synced. */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { findBinary } from './binaries.ts';
import { freePort, loopback, onFreePort } from './ports.ts';
import { type Server, ServerProcess } from './server-process.ts';

export interface EtcdOptions {
  /** Data and log live here; an existing folder is continued. */
  readonly dataDir: string;
  /** Port for clients; a free one by default. */
  readonly port?: number;
  /** Address for clients and for the member itself; loopback by default. */
  readonly host?: string;
  readonly logFile?: string;
  readonly readyMsMax?: number;
}

export async function startEtcd(options: EtcdOptions): Promise<Server> {
  const program = await findBinary('etcd');
  const data = join(options.dataDir, 'data');
  mkdirSync(data, { recursive: true });
  // etcd warns about a data folder that others may read.
  chmodSync(data, 0o700);
  const host = options.host ?? loopback;
  const start = async (port: number) => {
    const peerPort = await freePort(host);
    const url = `http://${host}:${port}`;
    const server = new ServerProcess({
      name: 'etcd',
      program,
      args: args({ data, url, peerUrl: `http://${host}:${peerPort}` }),
      ports: [port, peerPort],
      host,
      url,
      dataDir: options.dataDir,
      logFile: options.logFile ?? join(options.dataDir, 'etcd.log'),
      isReady: () => isHealthy(url),
      readyMsMax: options.readyMsMax ?? 30_000,
    });
    await server.start();
    return server;
  };
  return onFreePort(options.port, start, host);
}

function args(at: { data: string; url: string; peerUrl: string }): string[] {
  const flags = {
    name: 'troupe',
    'data-dir': at.data,
    'listen-client-urls': at.url,
    'advertise-client-urls': at.url,
    'listen-peer-urls': at.peerUrl,
    'initial-advertise-peer-urls': at.peerUrl,
    'initial-cluster': `troupe=${at.peerUrl}`,
    'initial-cluster-state': 'new',
    // One member elects itself: waiting a second for others only delays every start.
    'heartbeat-interval': '20',
    'election-timeout': '200',
    'auto-compaction-mode': 'revision',
    'auto-compaction-retention': '1000',
    logger: 'zap',
    'log-level': 'warn',
    'log-outputs': 'stderr',
  };
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}

const health = z.object({ health: z.string() });

/** etcd says it is healthy once it has a leader and can commit. */
async function isHealthy(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) });
  return response.ok && health.parse(await response.json()).health === 'true';
}
