/**
 * A fault: something that is done to the cluster, lasts a while, and is undone.
 *
 * F1  what a fault took hold of it gives back when it is undone, whatever happened meanwhile.
 * F2  two faults at once never hold the same process.
 */
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
  if (kind === 'node') return warden.free('node');
  const leader = await operator.status().then(
    (status) => status.leader,
    // Nobody leads at present.
    () => undefined,
  );
  const schedulers = leader === undefined ? [] : warden.free('scheduler');
  return schedulers.filter((name) => (name === leader) === (kind === 'leader'));
}

/** Servers are not in the warden's care; a fault holds them by their names all the same. */
export function holdServer({ warden }: Stage, name: 'etcd' | 'nats'): boolean {
  if (warden.isHeld(name)) return false;
  warden.hold(name);
  return true;
}
