/**
 * nats-server with JetStream: a single one, or a cluster with a member at each place; on loopback
 * unless told otherwise, with the account rules of production.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { connect } from 'nats';
import { z } from 'zod';
import { findBinary } from './binaries.ts';
import { memberPorts, type Place, startTogether } from './place.ts';
import { loopback, onFreePort } from './ports.ts';
import { type Server, type ServerPlan, ServerProcess } from './server-process.ts';

export interface NatsOptions {
  /** Configuration, data and log live here; an existing folder is continued. */
  readonly dataDir: string;
  /** A free port by default. */
  readonly port?: number;
  /** Address that it listens on; loopback by default. */
  readonly host?: string;
  /** `always` (the default): acknowledged means synced to the disk. `default`: the server's own. */
  readonly syncInterval?: 'always' | 'default';
  readonly maxPayloadBytes?: number;
  readonly systemPassword?: string;
  readonly logFile?: string;
  readonly readyMsMax?: number;
}

/** `systemUser` may hear the server's own notices, such as a client's disconnect. */
export interface NatsServer extends Server {
  readonly systemUser: string;
  readonly systemPassword: string;
}

const systemUser = 'sys';
const standardPorts = { client: 4222, peer: 6222 };

export interface NatsClusterOptions {
  /** Each member has a folder of its own in it: `nats1`, `nats2` …; existing ones are continued. */
  readonly dataDir: string;
  /** Where the logs go; each member's own folder when absent. */
  readonly logDir?: string;
  /** One member at each. */
  readonly places: readonly Place[];
  readonly syncInterval?: 'always' | 'default';
  readonly maxPayloadBytes?: number;
  readonly readyMsMax?: number;
}

export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const host = options.host ?? loopback;
  const start = (client: number) =>
    startMember({
      ...options,
      name: 'nats-server',
      logFile: options.logFile ?? join(options.dataDir, 'nats.log'),
      place: { host },
      client,
      systemPassword: options.systemPassword ?? newPassword(),
    });
  return onFreePort(options.port, start, host);
}

/**
 * A member at each place, with JetStream over all of them and one password for their system user.
 * A member is ready when it knows the leader of JetStream, which takes a majority of them: members
 * that were all down are restarted together.
 */
export async function startNatsCluster(
  options: NatsClusterOptions,
): Promise<readonly NatsServer[]> {
  const systemPassword = newPassword();
  const members = await Promise.all(
    options.places.map(async (place, index) => {
      const name = `nats${index + 1}`;
      const dataDir = join(options.dataDir, name);
      const ports = await memberPorts(place, dataDir, standardPorts);
      return { name, dataDir, place, ...ports };
    }),
  );
  const routes = members.map(({ place, peer }) => `${place.host}:${peer}`);
  return startTogether(
    members.map(({ peer, ...one }) =>
      startMember({
        ...options,
        ...one,
        logFile: join(options.logDir ?? one.dataDir, `${one.name}.log`),
        systemPassword,
        ...(members.length === 1 ? {} : { cluster: { peer, routes } }),
      }),
    ),
  );
}

interface Member {
  readonly name: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly place: Place;
  readonly client: number;
  readonly systemPassword: string;
  /** Where the others reach this one, and where every member is. */
  readonly cluster?: { readonly peer: number; readonly routes: readonly string[] };
  readonly syncInterval?: 'always' | 'default';
  readonly maxPayloadBytes?: number;
  readonly readyMsMax?: number;
}

async function startMember(member: Member): Promise<NatsServer> {
  const { name, dataDir, logFile, place, client, systemPassword, cluster } = member;
  const { host, prefix } = place;
  const program = await findBinary('nats-server');
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, 'nats.conf');
  writeFileSync(file, natsConfiguration(member), { mode: 0o600 });
  const url = `nats://${host}:${client}`;
  const server = new NatsProcess(systemPassword, {
    name,
    program,
    args: ['--config', file],
    ports: cluster === undefined ? [client] : [client, cluster.peer],
    host,
    ...(prefix === undefined ? {} : { prefix }),
    url,
    dataDir,
    logFile,
    isReady:
      cluster === undefined
        ? () => offersJetStream(host, client)
        : () => knowsItsLeader(url, systemPassword),
    readyMsMax: member.readyMsMax ?? 30_000,
  });
  await server.start();
  return server;
}

class NatsProcess extends ServerProcess implements NatsServer {
  readonly systemUser = systemUser;
  readonly systemPassword: string;

  constructor(systemPassword: string, plan: ServerPlan) {
    super(plan);
    this.systemPassword = systemPassword;
  }
}

/** Whoever connects without a name is `troupe`; JetStream belongs to that account alone. */
function natsConfiguration(member: Member): string {
  const quoted = (text: string) => JSON.stringify(text);
  const sync = (member.syncInterval ?? 'always') === 'always' ? ['  sync_interval: always'] : [];
  return [
    `listen: "${member.place.host}:${member.client}"`,
    `server_name: "${member.cluster === undefined ? 'troupe' : member.name}"`,
    `max_payload: ${member.maxPayloadBytes ?? 1_048_576}`,
    'max_pending: 256MB',
    'jetstream {',
    `  store_dir: ${quoted(join(member.dataDir, 'jetstream'))}`,
    '  max_memory_store: 1GB',
    ...sync,
    '}',
    'accounts {',
    '  TROUPE { jetstream: enabled, users: [{ user: troupe, password: troupe }] }',
    `  SYS { users: [{ user: ${systemUser}, password: ${quoted(member.systemPassword)} }] }`,
    '}',
    'system_account: SYS',
    'no_auth_user: troupe',
    ...routesOf(member),
    '',
  ].join('\n');
}

/** A member lets in only those that know the cluster's password. */
function routesOf({ place, cluster, systemPassword }: Member): string[] {
  if (cluster === undefined) return [];
  const routes = cluster.routes.map((at) => `"nats-route://route:${systemPassword}@${at}"`);
  return [
    'cluster {',
    '  name: "troupe"',
    `  listen: "${place.host}:${cluster.peer}"`,
    `  authorization { user: route, password: "${systemPassword}", timeout: 5 }`,
    `  routes: [${routes.join(', ')}]`,
    '}',
  ];
}

function newPassword(): string {
  return randomBytes(16).toString('hex');
}

const health = z.object({ data: z.object({ status_code: z.number() }) });

/** A member serves when it is in touch with the leader of JetStream, so that there is one. */
async function knowsItsLeader(url: string, pass: string): Promise<boolean> {
  const connection = await connect({
    servers: url,
    user: systemUser,
    pass,
    timeout: 2_000,
    reconnect: false,
    ignoreClusterUpdates: true,
  });
  try {
    const subject = `$SYS.REQ.SERVER.${connection.info?.server_id}.HEALTHZ`;
    const options = JSON.stringify({ 'js-server-only': true });
    const answer = await connection.request(subject, options, { timeout: 2_000 });
    return health.parse(answer.json()).data.status_code === 200;
  } finally {
    await connection.close();
  }
}

const greeting = z.object({ jetstream: z.boolean().optional() });

/** A NATS server greets with one INFO line; it listens only after JetStream has recovered. */
function offersJetStream(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host, timeout: 2_000 });
    let text = '';
    socket.setEncoding('utf8');
    socket.once('error', reject);
    socket.once('timeout', () => socket.destroy(new Error('no greeting')));
    socket.once('close', () => resolve(false));
    socket.on('data', (chunk) => {
      text += chunk;
      const end = text.indexOf('\r\n');
      if (end < 0) return;
      socket.destroy();
      const info = greeting.safeParse(JSON.parse(text.slice('INFO '.length, end)));
      resolve(info.success && info.data.jetstream === true);
    });
  });
}
