/** The kinds of faults, and those that are not had on this machine. */

import type { Disk } from '../cluster/disk.ts';
import { clockJump, faketimeLibrary } from './clocks.ts';
import { fillDisk } from './disks.ts';
import type { Fault } from './fault.ts';
import { kill, killServer } from './kills.ts';
import { cutLinks, resetLinks, slowLinks } from './links.ts';
import { drain, roll, twin } from './members.ts';
import { freeze, freezeServer } from './pauses.ts';
import { misbehave } from './user-code.ts';

const kinds = {
  'kill-node': kill('node'),
  'kill-leader': kill('leader'),
  'kill-standby': kill('standby'),
  'kill-nats': killServer('nats'),
  'kill-etcd': killServer('etcd'),
  'stop-node': kill('node', 'SIGTERM'),
  'freeze-node': freeze('node'),
  'freeze-leader': freeze('leader'),
  'freeze-standby': freeze('standby'),
  'freeze-nats': freezeServer('nats'),
  'freeze-etcd': freezeServer('etcd'),
  'reset-links': resetLinks,
  'cut-node': cutLinks('node'),
  'cut-leader': cutLinks('leader'),
  'slow-links': slowLinks,
  'drain-node': drain,
  'twin-node': twin,
  'roll-all': roll,
  'crash-runner': misbehave('crash'),
  'block-runner': misbehave('block'),
  'eat-memory': misbehave('eat'),
  'fill-disk': fillDisk,
  'jump-clock': clockJump,
} as const satisfies { readonly [kind: string]: Fault };

export type FaultKind = keyof typeof kinds;

export const faultKinds = Object.keys(kinds) as readonly FaultKind[];

export function faultOf(kind: FaultKind): Fault {
  return kinds[kind];
}

export function isFaultKind(text: string): text is FaultKind {
  return Object.hasOwn(kinds, text);
}

/** Never had on one machine with one server of each. */
const elsewhere = [
  'death of a whole machine, partitions between machines: all processes share one loopback',
  'leader changes of etcd and NATS: there is one server of each',
  'a full disk of a node: nothing durable lies there',
  'an upgrade or downgrade to another version: one build is rolled',
  'the restore of an old data directory',
];

/** The kinds that cannot be had here, and why; and what the report must say is left out. */
export function unavailable(
  schedulers: number,
  disk: Disk | undefined,
): ReadonlyMap<FaultKind, string> {
  const missing = new Map<FaultKind, string>();
  if (faketimeLibrary() === undefined) missing.set('jump-clock', 'libfaketime is not installed');
  if (disk === undefined) missing.set('fill-disk', 'loop mounts need root on Linux');
  if (schedulers < 2) {
    for (const kind of ['kill-standby', 'freeze-standby'] as const) {
      missing.set(kind, 'there is one scheduler');
    }
  }
  return missing;
}

export function leftOut(missing: ReadonlyMap<FaultKind, string>): string[] {
  return [...[...missing].map(([kind, why]) => `${kind}: ${why}`), ...elsewhere];
}
