/**
 * A fault: something that is done to the cluster, lasts a while, and is undone.
 *
 * F1  what a fault took hold of it gives back when it is undone, whatever happened meanwhile.
 * F2  two faults at once never hold the same process.
 */
import type { ClusterView } from '@troupe/sdk';
import type { Stage } from '../cluster/stage.ts';
import type { Random } from '../random.ts';

/** The lease of leaders and members: pauses are told in it. */
export const leaseMs = 3_000;

export interface Injected {
  /** The process, or whatever else it was done to. */
  readonly target: string;
  undo(): Promise<void>;
}

export interface Fault {
  /** How long it lasts, at least and at most; none when it takes the time it needs. */
  readonly lastsMs: readonly [number, number];
  /** Undefined when there is nobody to do it to at present. */
  inject(stage: Stage, random: Random): Promise<Injected | undefined>;
}

/** Takes hold of one process of that kind which nobody holds (F2); the leader, or not the leader. */
export async function holdOne(
  stage: Stage,
  random: Random,
  kind: 'node' | 'leader' | 'standby',
): Promise<string | undefined> {
  const { warden } = stage;
  const name = random.pick(await candidates(stage, kind));
  if (name === undefined || warden.isHeld(name)) return undefined;
  warden.hold(name);
  return name;
}

async function candidates(
  { warden, operator }: Stage,
  kind: 'node' | 'leader' | 'standby',
): Promise<readonly string[]> {
  const status = await operator.status().catch(() => undefined);
  if (kind === 'node') return occupied(warden.free('node'), status);
  // Nobody leads at present.
  if (status === undefined) return [];
  return warden
    .free('scheduler')
    .filter((name) => (name === status.leader) === (kind === 'leader'));
}

/** A node that has just started has no actors: what befalls it befalls nobody. */
function occupied(names: readonly string[], status: ClusterView | undefined): readonly string[] {
  const actors = new Map<string, number>();
  for (const node of status?.nodes ?? []) {
    if (node.state === 'alive') actors.set(node.name, node.actors);
  }
  const most = Math.max(0, ...names.map((name) => actors.get(name) ?? 0));
  const full = names.filter((name) => (actors.get(name) ?? 0) * 2 >= most);
  return full.length > 0 ? full : names;
}

/** Servers are not in the warden's care; a fault holds them by their names all the same. */
export function holdServer({ warden }: Stage, name: 'etcd' | 'nats'): boolean {
  if (warden.isHeld(name)) return false;
  warden.hold(name);
  return true;
}
