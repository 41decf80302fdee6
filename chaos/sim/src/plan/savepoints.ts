/** Savepoints that clients make of the one scope of a run, where its actors share one. */
import type { Random } from '@troupe/virtual';
import type { Operation } from './load.ts';

/** Seeds whose actors share a scope. */
const scopeShare = 0.35;
const savepointsMax = 4;

/** The scope that actors share in these. */
export const commonScope = 'all';

/** The name of the scope that all actors of a run belong to, if they do. */
export function drawScope(chance: Random): string | undefined {
  return chance.chance(scopeShare) ? commonScope : undefined;
}

export function drawSavepoints(
  client: string,
  given: {
    readonly scope: string | undefined;
    readonly fromMs: number;
    readonly untilMs: number;
  },
  chance: Random,
): readonly Operation[] {
  const { scope, fromMs, untilMs } = given;
  if (scope === undefined) return [];
  return Array.from({ length: chance.whole(0, savepointsMax) }, (_, number) => {
    const at = fromMs + chance.next() * (untilMs - fromMs);
    const later = chance.chance(0.3) ? Math.round(chance.spread(100, 8_000)) : 0;
    return { kind: 'savepoint', at, scope, savepoint: `${client}-${number}`, later } as const;
  });
}
