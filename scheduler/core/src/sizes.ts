/**
 * How much a leader keeps in memory, and how much of that the durable state accounts for. Asked by
 * tests and simulations of a leader at rest; nothing is counted before, so it costs nothing else.
 *
 * Z1  when all has come to rest, nothing that is kept is more than the durable state accounts for.
 */
import type { Due } from './deadlines.ts';
import type { Desk } from './desk.ts';

export interface Size {
  /** What is kept, in words. */
  readonly of: string;
  readonly size: number;
  /** What the durable state accounts for. */
  readonly most: number;
}

/** Every deadline is that of something that is there. */
export function deadlineSizes({ deadlines, state }: Desk): readonly Size[] {
  const { tasks, nodes } = state;
  const live = [...state.runs.all()].filter(({ end }) => end === undefined);
  const waits = live.reduce((sum, run) => sum + run.state.paused.size + 2, 0);
  const draining = [...nodes.present()].filter(({ phase }) => phase.kind === 'draining').length;
  const most: { readonly [K in Due['kind']]: number } = {
    pulse: 1,
    probe: nodes.presentCount,
    drain: draining,
    places: nodes.presentCount,
    attempts: Math.min(nodes.presentCount, tasks.runningCount),
    configs: nodes.presentCount,
    upgrades: nodes.presentCount,
    rollout: state.rollouts.size,
    leaves: Math.min(nodes.presentCount, state.actors.wished.size),
    // Any number may wait for an actor that is under way.
    migration: state.actors.wished.size === 0 ? 0 : Number.POSITIVE_INFINITY,
    retry: tasks.readyCount,
    limit: tasks.runningCount,
    starts: 1,
    'kept-room': 1,
    runs: 1,
    'run-time': waits,
    'tell-time': 1,
    // Any number may wait for a run that goes on.
    wait: live.length === 0 ? 0 : Number.POSITIVE_INFINITY,
    // Those of rounds that were answered run out by themselves.
    survey: Number.POSITIVE_INFINITY,
    activity: 0,
    timers: Math.min(1, state.timers.count),
    'timer-lane': nodes.presentCount,
    // It runs out by itself.
    lives: 1,
    rebalance: 1,
    sizing: 1,
    pressure: 1,
    retention: 1,
    sweep: 1,
  };
  const kinds = Object.entries(most) as [Due['kind'], number][];
  const counts = deadlines.counts();
  return kinds.map(([kind, bound]) => {
    return { of: `deadlines of kind ${kind}`, size: counts.get(kind) ?? 0, most: bound };
  });
}
