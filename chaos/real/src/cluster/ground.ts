/**
 * What the cluster stands on: machines, or the one loopback that all processes share. Tells where
 * everything runs and by which address it is reached.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Machine, makeNetwork, type Network } from '@troupe/chaos-faults';
import type { Place } from '@troupe/fabric/servers';
import { freePort } from './free-port.ts';
import type { Setting } from './setting.ts';

export interface Ground {
  readonly network: Network | undefined;
  /** Its machine, where it has one; by the name of the member. */
  machineOf(name: string): Machine | undefined;
  placeOf(name: string): Place;
  /** Where a scheduler listens: its clients look for it there again. */
  listenOf(name: string): string;
  /** Everything that is put on the machine of that member lies in it. */
  folderOf(name: string): string;
  remove(): void;
}

const schedulerPort = 7_411;

export interface Names {
  readonly etcds: readonly string[];
  readonly natsServers: readonly string[];
  readonly schedulers: readonly string[];
  readonly nodes: readonly string[];
}

export type Counts = Record<'etcds' | 'natsServers' | 'schedulers' | 'nodes', number>;

export function namesOf({ etcds, natsServers, schedulers, nodes }: Counts): Names {
  const numbered = (word: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${word}${index + 1}`);
  return {
    etcds: numbered('etcd', etcds),
    natsServers: numbered('nats', natsServers),
    schedulers: numbered('s', schedulers),
    nodes: numbered('n', nodes),
  };
}

export async function layGround(setting: Setting, dataDir: string): Promise<Ground> {
  const { etcds, natsServers, schedulers, nodes } = namesOf(setting);
  const folderOf = (name: string) => {
    const folder = join(dataDir, 'machines', name);
    mkdirSync(folder, { recursive: true });
    return folder;
  };
  if (setting.place === 'loopback') {
    const ports: number[] = [];
    while (ports.length < schedulers.length) ports.push(await freePort(ports));
    return {
      network: undefined,
      machineOf: () => undefined,
      placeOf: () => ({ host: '127.0.0.1' }),
      listenOf: (name) => `127.0.0.1:${ports[schedulers.indexOf(name)]}`,
      folderOf,
      remove: () => undefined,
    };
  }
  const network = makeNetwork([...etcds, ...natsServers, ...schedulers, ...nodes]);
  const machines = new Map(network.machines.map((machine) => [machine.name, machine]));
  const machineOf = (name: string): Machine => {
    const machine = machines.get(name);
    if (machine === undefined) throw new Error(`${name} has no machine`);
    return machine;
  };
  return {
    network,
    machineOf,
    placeOf: (name) => ({ host: machineOf(name).address, prefix: machineOf(name).prefix }),
    listenOf: (name) => `${machineOf(name).address}:${schedulerPort}`,
    folderOf,
    remove: () => network.remove(),
  };
}
