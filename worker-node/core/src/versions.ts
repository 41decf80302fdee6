/**
 * Which checkpoints of an actor are kept: so many, and each for so long. The list goes along in the checkpoints
 * themselves, so that whoever has the actor next knows it.
 *
 * V1  the last one is never given up, nor what it lies on.
 * V2  the store itself gives up the oldest beyond the number; those that are too old are given up here, when
 *     another one is stored.
 */
import { limits } from '@troupe/model';

/** Revision in the store, wall-clock ms, and turn: oldest first. */
export type Versions = readonly (readonly [revision: number, at: number, turn: number])[];

export interface VersionsKept {
  readonly count: number;
  readonly ms: number;
}

export const versionsKeptDefault: VersionsKept = {
  count: limits.checkpointsKept,
  ms: limits.checkpointsKeptMs,
};

/** With one that was stored now, without those that are not kept any more. `before`: those of lower revisions
 *  are to be freed. */
export function withVersion(
  versions: Versions,
  stored: {
    readonly revision: number;
    readonly at: number;
    readonly turn: number;
    readonly isRest: boolean;
  },
  { count, ms }: VersionsKept,
): { readonly versions: Versions; readonly before?: number } {
  const { revision, at, turn, isRest } = stored;
  const known = versions.filter(([one]) => one < revision);
  const all = [...known, [revision, at, turn] as const];
  const counted = all.slice(-count);
  // V1
  const needed = isRest ? 2 : 1;
  const young = counted.findIndex(([, madeAt]) => at - madeAt <= ms);
  const first = Math.max(0, Math.min(young < 0 ? counted.length : young, counted.length - needed));
  const kept = counted.slice(first);
  const oldest = kept[0]?.[0];
  return first === 0 || oldest === undefined
    ? { versions: kept }
    : { versions: kept, before: oldest };
}
