/** A single nats-server with JetStream, on loopback unless told otherwise, with the account rules of production. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { findBinary } from './binaries.ts';
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

export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const program = await findBinary('nats-server');
  const host = options.host ?? loopback;
  const start = async (port: number) => {
    const systemPassword = options.systemPassword ?? randomBytes(16).toString('hex');
    mkdirSync(options.dataDir, { recursive: true });
    const file = join(options.dataDir, 'nats.conf');
    writeFileSync(file, natsConfiguration({ ...options, host, port, systemPassword }), {
      mode: 0o600,
    });
    const server = new NatsProcess(systemPassword, {
      name: 'nats-server',
      program,
      args: ['--config', file],
      ports: [port],
      host,
      url: `nats://${host}:${port}`,
      dataDir: options.dataDir,
      logFile: options.logFile ?? join(options.dataDir, 'nats.log'),
      isReady: () => offersJetStream(host, port),
      readyMsMax: options.readyMsMax ?? 30_000,
    });
    await server.start();
    return server;
  };
  return onFreePort(options.port, start, host);
}

class NatsProcess extends ServerProcess implements NatsServer {
  readonly systemUser = systemUser;
  readonly systemPassword: string;

  constructor(systemPassword: string, plan: ServerPlan) {
    super(plan);
    this.systemPassword = systemPassword;
  }
}

type Configured = NatsOptions & {
  readonly host: string;
  readonly port: number;
  readonly systemPassword: string;
};

/** Whoever connects without a name is `troupe`; JetStream belongs to that account alone. */
function natsConfiguration(options: Configured): string {
  const quoted = (text: string) => JSON.stringify(text);
  const sync = (options.syncInterval ?? 'always') === 'always' ? ['  sync_interval: always'] : [];
  return [
    `listen: "${options.host}:${options.port}"`,
    'server_name: "troupe"',
    `max_payload: ${options.maxPayloadBytes ?? 1_048_576}`,
    'max_pending: 256MB',
    'jetstream {',
    `  store_dir: ${quoted(join(options.dataDir, 'jetstream'))}`,
    '  max_memory_store: 1GB',
    ...sync,
    '}',
    'accounts {',
    '  TROUPE { jetstream: enabled, users: [{ user: troupe, password: troupe }] }',
    `  SYS { users: [{ user: ${systemUser}, password: ${quoted(options.systemPassword)} }] }`,
    '}',
    'system_account: SYS',
    'no_auth_user: troupe',
    '',
  ].join('\n');
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
