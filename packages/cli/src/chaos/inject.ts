/**
 * One fault: who it befalls, what is done, and how it is undone.
 *
 * F1  what a fault took hold of it gives back when it is undone, whatever happened meanwhile: what
 *     was frozen goes on, what was ended is to be started again from before its end.
 */
import { type ClusterView, failureOf } from '@troupe/model';
import { type Fault, type FaultKind, faultOf, type Role } from './kinds.ts';
import type { Planned } from './plan.ts';
import type { RecoveryWatch } from './recovery.ts';
import { rested, type Scene, viewOf } from './scene.ts';
import { titleOf, type Victim, victimNamed, victimsOf } from './victim.ts';

export interface Injected {
  readonly victim: Victim;
  /** What was done, as people are told. */
  readonly did: string;
  readonly undo: () => Promise<void>;
}

/** A frozen process is thawed by others when we have not done it so long after the time. */
const thawLateMs = 2_000;
const drainMsMax = 15_000;
const lookMs = 100;

/** The victims that a fault can have now, those it suits best first. */
function candidates(
  { to }: Fault,
  victims: readonly Victim[],
  view: ClusterView | undefined,
): readonly Victim[] {
  if (isScheduler(to)) {
    // No leader, no standby: it takes a leader to tell them apart.
    if (view === undefined) return [];
    return victims.filter(
      ({ kind, name }) => kind === 'scheduler' && (name === view.leader) === (to === 'leader'),
    );
  }
  const those = victims.filter(({ kind }) => kind === to);
  if (to !== 'node' || view === undefined) return those;
  // A node without actors: what befalls it befalls nobody.
  const actors = new Map(
    view.nodes
      .filter((node) => node.state === 'alive')
      .map((node) => [String(node.name), node.actors]),
  );
  const there = those
    .filter(({ name }) => actors.has(name))
    .sort((left, right) => (actors.get(right.name) ?? 0) - (actors.get(left.name) ?? 0));
  const most = actors.get(there[0]?.name ?? '') ?? 0;
  return there.filter(({ name }) => (actors.get(name) ?? 0) * 2 >= most);
}

/** The one that a fault befalls; absent when there is nobody, or another fault holds them (F2). */
export async function choose(
  scene: Scene,
  kind: FaultKind,
  by: { readonly name?: string | undefined; readonly draw: number },
): Promise<Victim | undefined> {
  const fault = faultOf(kind);
  const [victims, view] = await Promise.all([victimsOf(scene.dataDir), viewOf(scene)]);
  if (by.name !== undefined) {
    // A leader's or standby's name was chosen a moment ago: it is meant whoever leads by now.
    const kindOf = isScheduler(fault.to) ? 'scheduler' : fault.to;
    const those = victims.filter((one) => one.kind === kindOf);
    return victimNamed(those, by.name, kindOf);
  }
  const free = candidates(fault, victims, view).filter(({ name }) => !scene.held.has(name));
  return free[by.draw % Math.max(1, free.length)];
}

function isScheduler(role: Role): role is 'leader' | 'standby' {
  return role === 'leader' || role === 'standby';
}

/** Undefined when it ended before it could be reached. */
export async function inject(
  scene: Scene,
  { kind, lastsMs, draw }: Planned<FaultKind>,
  victim: Victim,
  watch: RecoveryWatch,
): Promise<Injected | undefined> {
  const { does } = faultOf(kind);
  const title = titleOf(victim);
  const done = (did: string, undo = async () => {}): Injected => ({ victim, did, undo });
  const end = async (signal: 'SIGKILL' | 'SIGTERM', did: string) => {
    await victim.comeBack(lastsMs);
    if (!(await victim.end(signal))) return undefined;
    watch.ended(victim);
    return done(`${did} ${title}`);
  };
  switch (does) {
    case 'kill':
      return end('SIGKILL', 'killed');
    case 'stop':
      return end('SIGTERM', 'asked to end:');
    case 'freeze': {
      await victim.comeBack(0, lastsMs);
      const frozen = await victim.freeze(lastsMs + thawLateMs);
      if (frozen === undefined) return undefined;
      return done(`froze ${title} for ${(lastsMs / 1_000).toFixed(1)} s`, () => frozen.thaw());
    }
    case 'drain':
      return drain(scene, victim, watch, lastsMs);
    case 'crash-runner': {
      const pid = await victim.crashRunner(draw);
      return pid === undefined ? undefined : done(`killed the runner with pid ${pid} of ${title}`);
    }
  }
}

/** Everything moves off the node, then it is asked to end. */
async function drain(
  scene: Scene,
  victim: Victim,
  watch: RecoveryWatch,
  awayMs: number,
): Promise<Injected | undefined> {
  await victim.comeBack(awayMs);
  watch.ended(victim);
  const how = await emptied(scene, victim.name);
  await victim.end('SIGTERM');
  return { victim, did: `${how} ${titleOf(victim)}`, undo: async () => {} };
}

/** What came of the drain: one that could not be asked for is a node that is just stopped. */
async function emptied(scene: Scene, name: string): Promise<string> {
  try {
    await scene.troupe.drainNode(name);
  } catch (cause) {
    return `asked to end, not drained first (${failureOf(cause).code}):`;
  }
  const end = performance.now() + drainMsMax;
  while (performance.now() < end && !scene.stop.aborted) {
    const view = await viewOf(scene);
    const node = view?.nodes.find((one) => one.name === name && one.state === 'draining');
    if (view !== undefined && (node === undefined || node.actors + node.tasks === 0)) {
      return 'drained and asked to end:';
    }
    await rested(lookMs, scene.stop);
  }
  return 'asked to end before its drain had ended:';
}
