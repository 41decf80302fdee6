/** All that a process needs of etcd and NATS, opened together and closed in order. */
import { cellName } from '@troupe/model';
import { type DisconnectNotice, watchDisconnects } from './broker-notices.ts';
import { NatsBus } from './bus.ts';
import { StreamCheckpoints } from './checkpoints.ts';
import type { SharedConfig } from './config.ts';
import { type Coordination, openCoordination } from './coordination.ts';
import { checkDurability, type Durability, requireSync } from './durability.ts';
import { type Logger, processLogger } from './logger.ts';
import { StreamLogs } from './logs.ts';
import { Mark } from './mark.ts';
import { type Names, names } from './names.ts';
import { checkVersion, type LinkRole, type NatsLink, openLink } from './nats-connection.ts';
import { BucketObjectStore } from './object-store.ts';
import { StreamOutputStore } from './output-store.ts';
import type { Bus, Checkpoints, Clock, Logs, ObjectStore, OutputStore } from './ports.ts';
import { realClock } from './real-clock.ts';

export interface FabricStart {
  readonly config: SharedConfig;
  /** Incarnation or scheduler name: what others see this process's connections under. */
  readonly name: string;
  readonly logger?: Logger;
  /** How long etcd and NATS may take to answer at all. */
  readonly connectMsMax?: number;
}

export interface Fabric {
  readonly names: Names;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly logs: Logs;
  readonly bus: Bus;
  /** The same, on a connection of its own: heartbeats never wait behind messages. */
  readonly beats: Bus;
  readonly objects: ObjectStore;
  readonly outputs: OutputStore;
  readonly checkpoints: Checkpoints;
  readonly coordination: Coordination;
  readonly mark: Mark;
  /** Present with system credentials only. */
  readonly notices?: { watch(on: (notice: DisconnectNotice) => void): { stop(): void } };
  /** One clear line on what an acknowledgement of the store is worth; worth a warning unless `sync`
   *  is `always`. */
  readonly durability: string;
  readonly sync: Durability['sync'];
  /** Resolves when a connection has ended for good, which only `close` brings about. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

export async function openFabric(start: FabricStart): Promise<Fabric> {
  const { config } = start;
  const clock = realClock;
  const logger = start.logger ?? processLogger(start.name, config.logLevel);
  const bound = start.connectMsMax === undefined ? {} : { connectMsMax: start.connectMsMax };
  const opened: { close(): unknown }[] = [];
  const keep = async <T extends { close(): unknown }>(opening: Promise<T>): Promise<T> => {
    const one = await opening;
    opened.push(one);
    return one;
  };
  const { nats, replicas } = config;
  const shared = { nats, replicas, name: start.name, clock, logger, ...bound };
  const link = (role: LinkRole) => keep(openLink({ ...shared, role }));
  const system = nats.systemUser === undefined ? undefined : link('system');
  const opening = [
    keep(openCoordination({ etcd: config.etcd, clock, ...bound })),
    link('log'),
    link('store'),
    link('bus'),
    link('beats'),
    system,
  ] as const;
  try {
    const [coordination, log, store, bus, beats, systemLink] = await Promise.all(opening);
    const durability = await checkDurability(systemLink);
    if (nats.requireSync) requireSync(durability);
    // A connection sees one server: the others are known by their answers.
    for (const { name, version } of durability.servers) {
      checkVersion(`nats-server "${name}"`, version, replicas);
    }
    const cell = names(cellName(config.cell));
    const objects = new BucketObjectStore(store, cell, replicas);
    const checkpoints = new StreamCheckpoints({
      link: store,
      names: cell,
      objects,
      replicas,
      kept: config.checkpointsKept,
      compress: config.compressCheckpoints,
    });
    await checkpoints.open();
    const logs = new StreamLogs({ link: log, bulk: store, names: cell, replicas });
    const mark = new Mark({ link: log, coordination, names: cell, logs, replicas });
    for (const one of [log, store]) one.lookFirst((isOver) => mark.isCurrent(one, isOver));
    return {
      names: cell,
      clock,
      logger,
      logs,
      bus: new NatsBus(bus),
      beats: new NatsBus(beats),
      objects,
      outputs: new StreamOutputStore(store, cell, replicas),
      checkpoints,
      coordination,
      mark,
      ...(systemLink === undefined ? {} : { notices: noticesOf(systemLink) }),
      durability: durability.text,
      sync: durability.sync,
      closed: Promise.race([log, store, bus, beats].map((one) => one.closed)),
      close: () => closeAll(opened),
    };
  } catch (reason) {
    // What is still being opened must not stay behind.
    await Promise.allSettled(opening);
    await closeAll(opened);
    throw reason;
  }
}

function noticesOf(link: NatsLink): NonNullable<Fabric['notices']> {
  return { watch: (on) => watchDisconnects(link, on) };
}

async function closeAll(opened: { close(): unknown }[]): Promise<void> {
  for (const one of opened.splice(0).reverse()) await one.close();
}
