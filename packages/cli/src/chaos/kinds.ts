/** The kinds of faults that an operator can have of the cluster they run, and those they cannot. */
import { limits } from '@troupe/model';
import { UsageError } from '../command/exit-code.ts';
import type { Victim } from './victim.ts';

export type Role = 'node' | 'leader' | 'standby' | 'etcd' | 'nats';

export interface Fault {
  readonly does: 'kill' | 'stop' | 'freeze' | 'drain' | 'crash-runner';
  readonly to: Role;
  /** In a schedule: how long it lasts, at least and at most. */
  readonly lastsMs: readonly [number, number];
  /** One line for people. */
  readonly says: string;
}

const { leaseMs } = limits;
const away = [0, leaseMs] as const;
/** Long enough to be taken for dead, or nearly. */
const frozen = [leaseMs / 2, leaseMs * 3] as const;
const none = [0, 0] as const;

const kinds = {
  'kill-node': { does: 'kill', to: 'node', lastsMs: away, says: 'kill -9 a node' },
  'kill-leader': { does: 'kill', to: 'leader', lastsMs: away, says: 'kill -9 the leader' },
  'kill-standby': {
    ...{ does: 'kill', to: 'standby', lastsMs: away },
    says: 'kill -9 a scheduler that does not lead',
  },
  'kill-etcd': { does: 'kill', to: 'etcd', lastsMs: none, says: 'kill -9 etcd' },
  'kill-nats': { does: 'kill', to: 'nats', lastsMs: none, says: 'kill -9 NATS' },
  'stop-node': { does: 'stop', to: 'node', lastsMs: away, says: 'SIGTERM to a node' },
  'restart-etcd': { does: 'stop', to: 'etcd', lastsMs: none, says: 'restart etcd in order' },
  'restart-nats': { does: 'stop', to: 'nats', lastsMs: none, says: 'restart NATS in order' },
  'freeze-node': { does: 'freeze', to: 'node', lastsMs: frozen, says: 'SIGSTOP a node, then thaw' },
  'freeze-leader': {
    ...{ does: 'freeze', to: 'leader', lastsMs: frozen },
    says: 'SIGSTOP the leader, then thaw it',
  },
  'freeze-standby': {
    ...{ does: 'freeze', to: 'standby', lastsMs: frozen },
    says: 'SIGSTOP a scheduler that does not lead, then thaw it',
  },
  'freeze-etcd': { does: 'freeze', to: 'etcd', lastsMs: frozen, says: 'SIGSTOP etcd, then thaw' },
  'freeze-nats': { does: 'freeze', to: 'nats', lastsMs: frozen, says: 'SIGSTOP NATS, then thaw' },
  'drain-node': { does: 'drain', to: 'node', lastsMs: away, says: 'drain a node and restart it' },
  'crash-runner': {
    ...{ does: 'crash-runner', to: 'node', lastsMs: none },
    says: 'kill -9 a process in which a node runs user code',
  },
} as const satisfies { readonly [kind: string]: Fault };

export type FaultKind = keyof typeof kinds;

export const faultKinds: readonly FaultKind[] = Object.keys(kinds).filter(isFaultKind);

export function faultOf(kind: FaultKind): Fault {
  return kinds[kind];
}

function isFaultKind(text: string): text is FaultKind {
  return Object.hasOwn(kinds, text);
}

const links = 'all processes share one loopback here';
const members = 'there is one etcd and one NATS here';
const disks = 'the disk here is yours too';
const userCode = 'user code has to do that';

/** Kinds of the chaos suite (`npm run chaos`) that no operator has of a cluster that runs. */
export const elsewhere: { readonly [kind: string]: string } = {
  'kill-machine': 'all processes are on one machine here',
  'freeze-machine': 'all processes are on one machine here',
  'kill-runner': '`crash-runner` does that here',
  'kill-nats-leader': members,
  'kill-etcd-leader': members,
  'move-nats-leader': members,
  'move-etcd-leader': members,
  'cut-node': links,
  'cut-leader': links,
  'cut-leader-etcd': links,
  'cut-half': links,
  split: links,
  'split-one-way': links,
  'reset-links': links,
  'reset-clients': links,
  'slow-links': links,
  'lossy-links': links,
  'stop-leader': 'use `kill-leader`, or end it by its pid',
  'move-actors': 'move them by `troupe migrate`',
  'twin-node': 'start one by `troupe node add`',
  'roll-all': 'restart one after the other by hand',
  upgrade: 'it needs another build',
  'jump-clock': 'a process takes its clock when it starts',
  'fill-nats-disk': disks,
  'fill-etcd-disk': disks,
  'fill-node-disk': disks,
  'restore-data': disks,
  'flip-checkpoint': 'what is stored here is yours',
  'eat-memory': userCode,
  'block-runner': userCode,
};

/** Why a kind cannot be had of this cluster; absent when it can. */
export function whyNot(kind: FaultKind, victims: readonly Victim[]): string | undefined {
  const { to } = kinds[kind];
  const schedulers = victims.filter((one) => one.kind === 'scheduler').length;
  if (to === 'standby' && schedulers < 2) {
    return 'there is one scheduler; start more by `troupe up --schedulers 2`';
  }
  if (to === 'standby' || to === 'leader') {
    return schedulers > 0 ? undefined : 'no scheduler of this `troupe up` runs';
  }
  if (victims.some((one) => one.kind === to)) return undefined;
  return to === 'node'
    ? 'no node runs that `troupe up` started or `troupe node add` put anywhere'
    : `no ${to} of this \`troupe up\` runs`;
}

/** The kinds of a schedule: those named, else all that can be had. */
export function chosenKinds(
  only: string | undefined,
  victims: readonly Victim[],
): readonly FaultKind[] {
  const had = faultKinds.filter((kind) => whyNot(kind, victims) === undefined);
  if (only === undefined) return had;
  const names = [...new Set(only.split(',').map((name) => name.trim()))];
  return names.map((name) => {
    if (!isFaultKind(name)) {
      const why = elsewhere[name];
      throw new UsageError(
        why === undefined
          ? `--only: ${JSON.stringify(name)} is no kind of fault; there are ${faultKinds.join(', ')}`
          : `--only: ${name} is not to be had here: ${why}`,
      );
    }
    const why = whyNot(name, victims);
    if (why !== undefined) throw new UsageError(`--only: ${name} is not to be had here: ${why}`);
    return name;
  });
}
