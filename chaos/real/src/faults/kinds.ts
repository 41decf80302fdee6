/** The kinds of faults, and those that are not had on this machine. */
import type { Setting } from '../cluster/setting.ts';
import { moveActors } from './actor-moves.ts';
import { restoreData } from './backups.ts';
import { clockJump } from './clocks.ts';
import { flipCheckpoint } from './damage.ts';
import { fillDisk } from './disks.ts';
import { type Fault, needsMachines } from './fault.ts';
import { kill, killMachine, killRunner } from './kills.ts';
import {
  cutFromNats,
  cutHalf,
  cutLeaderFromEtcd,
  loseAny,
  resetClients,
  resetLinks,
  slowLinks,
  split,
} from './links.ts';
import { drain, roll, twin, upgrade } from './members.ts';
import { moveEtcdLeader, moveNatsLeader } from './moves.ts';
import { freeze, freezeMachine } from './pauses.ts';
import { misbehave } from './user-code.ts';

const severalNats = ({ natsServers }: Setting) =>
  natsServers > 1 ? undefined : 'there is one NATS server';
const severalSchedulers = ({ schedulers }: Setting) =>
  schedulers > 1 ? undefined : 'there is one scheduler';

const kinds = {
  'kill-node': kill('node'),
  'kill-runner': killRunner,
  'kill-leader': kill('leader'),
  'kill-standby': { ...kill('standby'), lacks: severalSchedulers },
  'kill-nats': kill('nats'),
  'kill-nats-leader': { ...kill('nats-leader'), lacks: severalNats },
  'kill-etcd': kill('etcd'),
  'kill-etcd-leader': { ...kill('etcd-leader'), lacks: needsMachines },
  'kill-machine': killMachine,
  'stop-node': kill('node', 'SIGTERM'),
  'stop-leader': kill('leader', 'SIGTERM'),
  'restart-nats': kill('nats', 'SIGTERM'),
  'restart-etcd': kill('etcd', 'SIGTERM'),
  'freeze-node': freeze('node'),
  'freeze-leader': freeze('leader'),
  'freeze-standby': { ...freeze('standby'), lacks: severalSchedulers },
  'freeze-nats': freeze('nats'),
  'freeze-etcd': freeze('etcd'),
  'freeze-machine': freezeMachine,
  'move-etcd-leader': moveEtcdLeader,
  'move-nats-leader': moveNatsLeader,
  'cut-node': cutFromNats('node'),
  'cut-leader': cutFromNats('leader'),
  'cut-leader-etcd': cutLeaderFromEtcd,
  'cut-half': cutHalf,
  split: split(['both']),
  'split-one-way': split(['out', 'in']),
  'reset-links': resetLinks,
  'reset-clients': resetClients,
  'slow-links': slowLinks,
  'lossy-links': loseAny,
  'move-actors': moveActors,
  'drain-node': drain,
  'twin-node': twin,
  'roll-all': roll,
  upgrade,
  'crash-runner': misbehave('crash'),
  'block-runner': misbehave('block'),
  'eat-memory': misbehave('eat'),
  'fill-nats-disk': fillDisk('nats'),
  'fill-etcd-disk': fillDisk('etcd', needsMachines),
  'fill-node-disk': fillDisk('node', needsMachines),
  'flip-checkpoint': flipCheckpoint,
  'jump-clock': clockJump,
  'restore-data': restoreData,
} as const satisfies { readonly [kind: string]: Fault };

export type FaultKind = keyof typeof kinds;

export const faultKinds = Object.keys(kinds) as readonly FaultKind[];

export function faultOf(kind: FaultKind): Fault {
  return kinds[kind];
}

export function isFaultKind(text: string): text is FaultKind {
  return Object.hasOwn(kinds, text);
}

/** Comes when all others have been, since the whole cluster stands still meanwhile. */
export const lastKind: FaultKind = 'restore-data';

/** The kinds that cannot be had here, and why. */
export function unavailable(
  setting: Setting,
  wanted: readonly FaultKind[],
): ReadonlyMap<FaultKind, string> {
  return new Map(
    wanted.flatMap((kind) => {
      const why = faultOf(kind).lacks?.(setting);
      return why === undefined ? [] : [[kind, why] as const];
    }),
  );
}

/** Members whose data has to lie on a disk of its own. */
export function disksFor(kinds: readonly FaultKind[], setting: Setting): readonly string[] {
  const { natsServers, etcds, nodes } = setting;
  const numbered = (word: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${word}${index + 1}`);
  return [
    ...(kinds.includes('fill-nats-disk') ? numbered('nats', natsServers) : []),
    ...(kinds.includes('fill-etcd-disk') ? numbered('etcd', Math.min(2, etcds)) : []),
    ...(kinds.includes('fill-node-disk') ? numbered('n', Math.min(2, nodes)) : []),
  ];
}
