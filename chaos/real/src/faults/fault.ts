/**
 * A fault: something that is done to the cluster, lasts a while, and is undone.
 *
 * F1  what a fault took hold of it gives back when it is undone, whatever happened meanwhile.
 * F2  two faults at once never hold the same process.
 * F3  a fault that befell nothing is told as skipped: it tested nothing.
 */
import type { ClusterView } from '@troupe/sdk';
import type { Member } from '../cluster/member.ts';
import type { Setting } from '../cluster/setting.ts';
import type { Stage } from '../cluster/stage.ts';
import type { Random } from '../random.ts';

/** The lease of leaders and members: pauses are told in it. */
export const leaseMs = 3_000;

export interface Injected {
  /** The process, or whatever else it was done to. */
  readonly target: string;
  undo(): Promise<void>;
  /** How much it befell, such as packets; asked after it was undone (F3). */
  befallen?(): number;
}

export interface Fault {
  /** How long it lasts, at least and at most; none when it takes the time it needs. */
  readonly lastsMs: readonly [number, number];
  /** Why it cannot be had; absent where it can. */
  readonly lacks?: (setting: Setting) => string | undefined;
  /** Undefined when there is nobody to do it to at present. */
  inject(stage: Stage, random: Random): Promise<Injected | undefined>;
}

export type Target =
  | 'node'
  | 'leader'
  | 'standby'
  | 'etcd'
  | 'etcd-leader'
  | 'nats'
  | 'nats-leader';

/** Takes hold of one such process which nobody holds (F2). */
export async function holdOne(
  stage: Stage,
  random: Random,
  target: Target,
): Promise<Member | undefined> {
  const member = random.pick(await candidates(stage, target));
  return member !== undefined && stage.warden.hold(member) ? member : undefined;
}

async function candidates(stage: Stage, target: Target): Promise<readonly Member[]> {
  const { warden, operators } = stage;
  switch (target) {
    case 'etcd':
    case 'nats':
      return warden.free(target);
    case 'etcd-leader': {
      const leader = (await operators.etcds()).find(({ leads }) => leads)?.member;
      return warden.free('etcd').filter((member) => member === leader);
    }
    case 'nats-leader': {
      const leader = await journalLeader(stage);
      return warden.free('nats').filter(({ name }) => name === leader);
    }
    default:
      return candidatesOfOurs(stage, target);
  }
}

async function candidatesOfOurs(
  { warden, operator }: Stage,
  target: 'node' | 'leader' | 'standby',
): Promise<readonly Member[]> {
  const status = await operator.status().catch(() => undefined);
  if (target === 'node') return occupied(warden.free('node'), status);
  // Nobody leads at present.
  if (status === undefined) return [];
  return warden
    .free('scheduler')
    .filter(({ name }) => (name === status.leader) === (target === 'leader'));
}

/** The server that leads the stream of the journal, where there are several. */
async function journalLeader({ operators }: Stage): Promise<string | undefined> {
  const streams = await operators.streams().catch(() => []);
  return streams.find(({ name }) => isJournal(name))?.leader;
}

export function isJournal(stream: string): boolean {
  return /_journal/.test(stream);
}

/** A node that has just started has no actors: what befalls it befalls nobody. */
function occupied(members: readonly Member[], status: ClusterView | undefined): readonly Member[] {
  const actors = new Map<string, number>();
  for (const node of status?.nodes ?? []) {
    if (node.state === 'alive') actors.set(node.name, node.actors);
  }
  const most = Math.max(0, ...members.map(({ name }) => actors.get(name) ?? 0));
  const full = members.filter(({ name }) => (actors.get(name) ?? 0) * 2 >= most);
  return full.length > 0 ? full : members;
}

/** For kinds that only machines of their own can have. */
export function needsMachines({ place }: Setting): string | undefined {
  return place === 'machines' ? undefined : 'all processes share one loopback';
}
