/**
 * A round of faults played on a cluster: each is done and undone in its time, then all wait until
 * the cluster is whole again.
 *
 * P1  whatever fails, or whenever the person wants an end, every fault that was begun is undone.
 */
import { TroupeError } from '@troupe/model';
import { choose, inject } from './inject.ts';
import { type FaultKind, faultOf } from './kinds.ts';
import type { Planned, Round } from './plan.ts';
import { RecoveryWatch } from './recovery.ts';
import { rested, type Scene, viewOf } from './scene.ts';

const tickMs = 100;

/** What became of a fault. */
export interface Played {
  readonly kind: FaultKind;
  readonly outcome: 'recovered' | 'not-whole' | 'interrupted' | 'skipped';
  /** What was done to whom; of a skipped one, why nothing was. */
  readonly did: string;
  readonly target?: string;
  readonly pid?: number;
  readonly incarnation?: string;
  readonly place?: string;
  readonly at?: string;
  readonly lastedMs?: number;
  /** From the end of the fault until the cluster was whole again. */
  readonly recoveredMs?: number;
  /** In all of its round: how long no leader answered. */
  readonly leaderlessMs?: number;
  readonly missing?: readonly string[];
}

export interface PlayOptions {
  /** Whom the only fault of the round befalls. */
  readonly name?: string | undefined;
  readonly withinMs: number;
}

interface Over {
  readonly kind: FaultKind;
  readonly did: string;
  readonly done?: Pick<Played, 'target' | 'pid' | 'incarnation' | 'place' | 'at' | 'lastedMs'>;
  readonly overAt: number;
}

export async function play(
  scene: Scene,
  round: Round<FaultKind>,
  options: PlayOptions,
): Promise<readonly Played[]> {
  const before = await viewOf(scene);
  if (before === undefined) {
    throw new TroupeError({
      code: 'NO_LEADER',
      message: `no leader of cell ${scene.cell} answers; look with \`troupe status\``,
    });
  }
  const watch = new RecoveryWatch(scene, before);
  try {
    const all = await Promise.allSettled(
      round.map((planned) => befall(scene, planned, options, watch)),
    );
    const failed = all.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    const over = all.flatMap((one) => (one.status === 'fulfilled' && one.value ? [one.value] : []));
    const { whole, atMs, leaderlessMs, missing } = await watch.untilWhole(
      options.withinMs,
      scene.stop,
    );
    return over.map(({ kind, did, done, overAt }): Played => {
      if (done === undefined) return { kind, did, outcome: 'skipped' };
      const told = { kind, did, ...done, leaderlessMs: Math.round(leaderlessMs) };
      if (whole) return { ...told, outcome: 'recovered', recoveredMs: Math.round(atMs - overAt) };
      return { ...told, outcome: scene.stop.aborted ? 'interrupted' : 'not-whole', missing };
    });
  } finally {
    await watch.close();
  }
}

async function befall(
  scene: Scene,
  planned: Planned<FaultKind>,
  { name }: PlayOptions,
  watch: RecoveryWatch,
): Promise<Over | undefined> {
  const { kind, afterMs, lastsMs, draw } = planned;
  if (!(await rested(afterMs, scene.stop))) return undefined;
  const victim = await choose(scene, kind, { name, draw });
  if (victim === undefined || scene.held.has(victim.name)) {
    const did = `there is no ${faultOf(kind).to} at present that no other fault holds`;
    scene.say(`${kind}: skipped, ${did}`);
    return { kind, did, overAt: 0 };
  }
  scene.held.add(victim.name);
  const beganAt = performance.now();
  const at = new Date().toISOString();
  try {
    const injected = await inject(scene, planned, victim, watch);
    if (injected === undefined) {
      const did = `${victim.name} had ended before, or had no runner`;
      scene.say(`${kind}: skipped, ${did}`);
      return { kind, did, overAt: 0 };
    }
    scene.say(`${kind}: ${injected.did}`);
    const overIn = countDown(scene, kind, lastsMs);
    try {
      await rested(lastsMs, scene.stop);
    } finally {
      clearInterval(overIn);
      await injected.undo();
      watch.calm();
    }
    const overAt = performance.now();
    const { name: target, pid, incarnation, place } = victim;
    const known = incarnation === undefined ? {} : { incarnation };
    const lastedMs = Math.round(overAt - beganAt);
    return {
      kind,
      did: injected.did,
      done: { target, pid, ...known, place, at, lastedMs },
      overAt,
    };
  } finally {
    scene.held.delete(victim.name);
  }
}

function countDown({ show }: Scene, kind: FaultKind, lastsMs: number): NodeJS.Timeout {
  const end = performance.now() + lastsMs;
  return setInterval(() => {
    const seconds = Math.max(0, end - performance.now()) / 1_000;
    show(`${kind} is over in ${seconds.toFixed(1)} s`);
  }, tickMs);
}
