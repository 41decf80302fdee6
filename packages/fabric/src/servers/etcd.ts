/**
 * etcd: a single member, or a cluster with a member at each place; on loopback unless told
 * otherwise, durable as in production: every write is synced.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { findBinary } from './binaries.ts';
import { memberPorts, type Place, startTogether } from './place.ts';
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

export interface EtcdClusterOptions {
  /** Each member has a folder of its own in it: `etcd1`, `etcd2` …; existing ones are continued. */
  readonly dataDir: string;
  /** Where the logs go; each member's own folder when absent. */
  readonly logDir?: string;
  /** One member at each. */
  readonly places: readonly Place[];
  readonly readyMsMax?: number;
}

const readyMsMaxDefault = 30_000;
const standardPorts = { client: 2379, peer: 2380 };

/** One member elects itself: waiting a second for others only delays every start. */
const alone = { 'heartbeat-interval': '20', 'election-timeout': '200' };
/** Members on machines: a leader that is merely slow for a moment must not be replaced. */
const apart = { 'heartbeat-interval': '100', 'election-timeout': '1000' };

export async function startEtcd(options: EtcdOptions): Promise<Server> {
  const host = options.host ?? loopback;
  const start = async (client: number) => {
    const peer = await freePort(host);
    return startMember({
      name: 'etcd',
      member: 'troupe',
      dataDir: options.dataDir,
      logFile: options.logFile ?? join(options.dataDir, 'etcd.log'),
      place: { host },
      client,
      peer,
      cluster: `troupe=http://${host}:${peer}`,
      timing: alone,
      readyMsMax: options.readyMsMax ?? readyMsMaxDefault,
    });
  };
  return onFreePort(options.port, start, host);
}

/**
 * A member at each place, ready when it serves, which takes a majority of them: members that were
 * all down are restarted together.
 */
export async function startEtcdCluster(options: EtcdClusterOptions): Promise<readonly Server[]> {
  const members = await Promise.all(
    options.places.map(async (place, index) => {
      const name = `etcd${index + 1}`;
      const dataDir = join(options.dataDir, name);
      const ports = await memberPorts(place, dataDir, standardPorts);
      return { name, member: name, dataDir, place, ...ports };
    }),
  );
  const cluster = members
    .map(({ member, place, peer }) => `${member}=http://${place.host}:${peer}`)
    .join(',');
  return startTogether(
    members.map((one) =>
      startMember({
        ...one,
        cluster,
        logFile: join(options.logDir ?? one.dataDir, `${one.name}.log`),
        timing: members.length === 1 ? alone : apart,
        readyMsMax: options.readyMsMax ?? readyMsMaxDefault,
      }),
    ),
  );
}

interface Member {
  readonly name: string;
  /** What the members of the cluster call it. */
  readonly member: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly place: Place;
  readonly client: number;
  readonly peer: number;
  /** Every member with the address that the others reach it at. */
  readonly cluster: string;
  readonly timing: typeof alone;
  readonly readyMsMax: number;
}

async function startMember(member: Member): Promise<Server> {
  const { name, dataDir, logFile, place, client, peer, readyMsMax } = member;
  const program = await findBinary('etcd');
  const data = join(dataDir, 'data');
  mkdirSync(data, { recursive: true });
  // etcd warns about a data folder that others may read.
  chmodSync(data, 0o700);
  const url = `http://${place.host}:${client}`;
  const server = new ServerProcess({
    name,
    program,
    args: args(member, data, url),
    ports: [client, peer],
    host: place.host,
    ...(place.prefix === undefined ? {} : { prefix: place.prefix }),
    url,
    dataDir,
    logFile,
    isReady: () => isHealthy(url),
    readyMsMax,
  });
  await server.start();
  return server;
}

function args({ member, place, peer, cluster, timing }: Member, data: string, url: string) {
  const peerUrl = `http://${place.host}:${peer}`;
  const flags = {
    name: member,
    'data-dir': data,
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': cluster,
    'initial-cluster-state': 'new',
    ...timing,
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
