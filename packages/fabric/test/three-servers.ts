/** Three etcd members and three NATS servers of one test file, on loopback. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  checkConfig,
  type Fabric,
  type Logger,
  openFabric,
  type SharedConfig,
  sharedConfig,
  silentLogger,
} from '@troupe/fabric';
import {
  findBinary,
  type NatsServer,
  type Server,
  startEtcdCluster,
  startNatsCluster,
} from '@troupe/fabric/servers';
import { z } from 'zod';

const places = Array.from({ length: 3 }, () => ({ host: '127.0.0.1' }));

/**
 * Why streams cannot have three replicas on this machine, if they cannot. `TROUPE_BIN` may name a
 * folder with a newer nats-server.
 */
export async function noReplicasHere(): Promise<string | undefined> {
  const said = execFileSync(await findBinary('nats-server'), ['--version'], { encoding: 'utf8' });
  const [major = 0, minor = 0, patch = 0] =
    /(\d+)\.(\d+)\.(\d+)/.exec(said)?.slice(1).map(Number) ?? [];
  const enough = major > 2 || minor > 12 || (minor === 12 && patch >= 3);
  return enough ? undefined : `${said.trim()}; 2.12.3 is needed (TROUPE_BIN may name its folder)`;
}

export class ThreeServers {
  readonly folder = mkdtempSync(join(tmpdir(), 'troupe-three-'));
  etcd: readonly Server[] = [];
  nats: readonly NatsServer[] = [];
  #fabrics: Fabric[] = [];
  #cells = 0;

  async start(): Promise<void> {
    [this.etcd, this.nats] = await Promise.all([
      startEtcdCluster({ dataDir: this.folder, places }),
      startNatsCluster({ dataDir: this.folder, places }),
    ]);
  }

  /** A configuration with a cell of its own, so that tests do not see each other. */
  config(replicas: 1 | 3 = 3): SharedConfig {
    this.#cells += 1;
    const [first] = this.nats;
    return checkConfig(
      {
        cell: `cell-${this.#cells}`,
        etcd: this.etcd.map(({ url }) => url),
        nats: {
          servers: this.nats.map(({ url }) => url),
          systemUser: first?.systemUser,
          systemPassword: first?.systemPassword,
        },
        replicas,
      },
      z.strictObject(sharedConfig),
    );
  }

  async open(
    name = 'test',
    config = this.config(),
    logger: Logger = silentLogger,
  ): Promise<Fabric> {
    const fabric = await openFabric({ config, name, logger });
    this.#fabrics.push(fabric);
    return fabric;
  }

  async closeAll(): Promise<void> {
    for (const fabric of this.#fabrics.splice(0)) await fabric.close();
  }

  async stop(): Promise<void> {
    await this.closeAll();
    await Promise.all([...this.nats, ...this.etcd].map((server) => server.stop()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
