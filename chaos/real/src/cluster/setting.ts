/** What the machine that the suite runs on lets it have, and what must therefore be left out. */
import { noNetwork, noSshd } from '@troupe/chaos-faults';
import { findBinary } from '@troupe/fabric/servers';
import { noDisk } from './disk.ts';
import { faketimeLibrary } from './false-clock.ts';
import { versionOf } from './versions.ts';

export interface Setting {
  /** Every process has a machine of its own with its own address, or all share one loopback. */
  readonly place: 'machines' | 'loopback';
  readonly nodes: number;
  readonly schedulers: number;
  readonly etcds: 1 | 3;
  readonly natsServers: 1 | 3;
  /** Of every stream. */
  readonly replicas: 1 | 3;
  /** Even nodes are put on their machines by ssh. */
  readonly ssh: boolean;
  /** Why no disk can be mounted, and filled. */
  readonly noDisk: string | undefined;
  readonly faketime: string | undefined;
  /** What it is not, and why; for the report. */
  readonly lacks: readonly string[];
}

export interface Wanted {
  readonly nodes: number;
  readonly schedulers: number;
  /** `loopback` also where machines could be had. */
  readonly place?: Setting['place'];
}

/** Older ones lose what three replicas promise when servers are killed. */
const replicasFrom = [2, 12, 3] as const;

export async function lookAround({ nodes, schedulers, place }: Wanted): Promise<Setting> {
  const refusal = place === 'loopback' ? 'not asked for' : noNetwork();
  const machines = refusal === undefined;
  const nats = await findBinary('nats-server');
  const version = versionOf(nats);
  const three = machines && isAtLeast(version, replicasFrom);
  const ssh = machines && noSshd === undefined;
  const shared = 'one etcd, one NATS, and link faults by a proxy before NATS';
  const alone = `one NATS server: three replicas need nats-server ${replicasFrom.join('.')}`;
  const lacks = [
    ...(refusal === undefined ? [] : [`machines of their own (${refusal}): ${shared}`]),
    ...(machines && !three ? [`${alone} or newer, this one is ${version.join('.')}`] : []),
    ...(machines && !ssh ? [`nodes by ssh: ${noSshd}; all are made as processes`] : []),
  ];
  return {
    place: machines ? 'machines' : 'loopback',
    nodes,
    schedulers,
    etcds: machines ? 3 : 1,
    natsServers: three ? 3 : 1,
    replicas: three ? 3 : 1,
    ssh,
    noDisk: noDisk(),
    faketime: faketimeLibrary(),
    lacks,
  };
}

/** One line, for the report. */
export function said(setting: Setting): string {
  const { place, nodes, schedulers, etcds, natsServers, replicas } = setting;
  const where = place === 'machines' ? 'on machines of their own' : 'on one loopback';
  const nats = replicas === 3 ? `${natsServers} NATS (R3)` : `${natsServers} NATS`;
  return `${nodes} nodes, ${schedulers} schedulers, ${etcds} etcd, ${nats}, ${where}`;
}

function isAtLeast(version: readonly number[], least: readonly number[]): boolean {
  for (const [at, number] of least.entries()) {
    const here = version[at] ?? 0;
    if (here !== number) return here > number;
  }
  return true;
}
