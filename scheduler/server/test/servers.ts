/** Real etcd and NATS for one test file, with their data in a folder that goes away again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NatsServer, type Server, startEtcd, startNats } from '@troupe/fabric/servers';

export interface Servers {
  readonly dir: string;
  readonly etcd: Server;
  readonly nats: NatsServer;
  /** The shared part of a configuration for this cell. */
  config(cell: string): { readonly [key: string]: unknown };
  stop(): Promise<void>;
}

export async function startServers(): Promise<Servers> {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-scheduler-'));
  const [etcd, nats] = await Promise.all([
    startEtcd({ dataDir: join(dir, 'etcd') }),
    startNats({ dataDir: join(dir, 'nats') }),
  ]);
  return {
    dir,
    etcd,
    nats,
    config: (cell) => ({
      cell,
      etcd: [etcd.url],
      nats: {
        servers: [nats.url],
        systemUser: nats.systemUser,
        systemPassword: nats.systemPassword,
      },
      logLevel: 'info',
    }),
    async stop() {
      await Promise.all([nats.stop(), etcd.stop()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
