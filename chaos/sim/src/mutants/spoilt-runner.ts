/** Deliberate faults in what a runner is told of an actor and of a turn, and in how it undoes one. */
import type { Recorded, ToRunner } from '@troupe/model';
import type { World } from '../world/world.ts';

export function heardByRunner(world: World, frame: ToRunner): ToRunner {
  if (world.mutant === 'built-ahead-taken-for-all' && frame.kind === 'activate') {
    return frame.ahead === undefined ? frame : { ...frame, deltas: [] };
  }
  if (frame.kind !== 'turn') return frame;
  if (world.mutant === 'races-run-anew') {
    return { ...frame, recorded: withoutRaces(frame.recorded) };
  }
  if (world.mutant === 'undone-again') {
    return { ...frame, recorded: withoutUndone(frame.recorded) };
  }
  return frame;
}

/** Where a turn that runs again begins to yield: at the start, unless spoilt. */
export function firstYielded(world: World, recorded: number): number {
  return world.mutant === 'yields-run-anew' ? recorded : 0;
}

/** In which order a turn undoes what it did, the last first unless spoilt. */
export function undoOrder<U>(world: World, lastFirst: readonly U[]): readonly U[] {
  return world.mutant === 'undone-first-to-last' ? [...lastFirst].reverse() : lastFirst;
}

/** Whether what a turn that crashed its runners had at work is undone. */
export function undoesAtWork(world: World): boolean {
  return world.mutant !== 'at-work-not-undone';
}

/** Neither who won nor what the others came to: `of 3` takes the three ordinals before its own. */
function withoutRaces(recorded: readonly Recorded[]): readonly Recorded[] {
  const raced = new Set<number>();
  for (const one of recorded) {
    if (one.kind !== 'race') continue;
    const members = Number(one.name.slice('of '.length));
    for (let back = 0; back <= members; back++) raced.add(one.ordinal - back);
  }
  return recorded.filter(({ ordinal }) => !raced.has(ordinal));
}

function withoutUndone(recorded: readonly Recorded[]): readonly Recorded[] {
  const failed = recorded.find(({ kind }) => kind === 'failed')?.ordinal ?? Infinity;
  return recorded.filter(({ ordinal }) => ordinal <= failed);
}
