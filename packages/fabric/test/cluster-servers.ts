/** Real servers of one test file: started on free ports, stopped with it. */
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
import { type NatsServer, type Server, startEtcd, startNats } from '@troupe/fabric/servers';
import { z } from 'zod';

interface Overrides {
  readonly cell?: string;
  readonly system?: boolean;
  readonly natsUrl?: string;
  readonly etcdUrl?: string;
  readonly checkpointsKept?: number;
  readonly compressCheckpoints?: boolean;
}

export class TestServers {
  readonly folder = mkdtempSync(join(tmpdir(), 'troupe-fabric-'));
  #etcd: Server | undefined;
  #nats: NatsServer | undefined;
  #fabrics: Fabric[] = [];
  #cells = 0;

  async start(): Promise<void> {
    const [etcd, nats] = await Promise.all([
      startEtcd({ dataDir: join(this.folder, 'etcd') }),
      startNats({ dataDir: join(this.folder, 'nats') }),
    ]);
    this.#etcd = etcd;
    this.#nats = nats;
  }

  get etcd(): Server {
    if (this.#etcd === undefined) throw new Error('etcd was not started');
    return this.#etcd;
  }

  get nats(): NatsServer {
    if (this.#nats === undefined) throw new Error('nats-server was not started');
    return this.#nats;
  }

  /** kill -9 and a start on the same data and port. */
  async crash(server: Server): Promise<void> {
    server.kill('SIGKILL');
    await server.exited;
    await server.restart();
  }

  /** A configuration with a cell of its own, so that tests do not see each other. */
  config(overrides: Overrides = {}): SharedConfig {
    this.#cells += 1;
    const { systemUser, systemPassword } = this.nats;
    const system = overrides.system === true ? { systemUser, systemPassword } : {};
    return checkConfig(
      {
        cell: overrides.cell ?? `cell-${this.#cells}`,
        etcd: [overrides.etcdUrl ?? this.etcd.url],
        nats: { servers: [overrides.natsUrl ?? this.nats.url], ...system },
        // What tests store is small when it is compressed.
        compressCheckpoints: overrides.compressCheckpoints ?? false,
        ...(overrides.checkpointsKept === undefined
          ? {}
          : { checkpointsKept: overrides.checkpointsKept }),
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

  async stop(): Promise<void> {
    for (const fabric of this.#fabrics) await fabric.close();
    await this.#nats?.stop();
    await this.#etcd?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Resolves when a line with this text is logged. */
export function awaitLine(text: string): { logger: Logger; seen: Promise<void> } {
  let say: () => void = () => {};
  const seen = new Promise<void>((resolve) => {
    say = resolve;
  });
  const look = (_fields: unknown, line: string) => {
    if (line.includes(text)) say();
  };
  return { logger: { debug: look, info: look, warn: look, error: look }, seen };
}
