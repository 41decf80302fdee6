/** An operator who brings actors to the other version of their bundle while the load is on, and back. */
import type { Random } from '@troupe/virtual';
import type { LoadShape, Operation } from './load.ts';

export function drawRollouts(
  { fromMs, untilMs }: Pick<LoadShape, 'fromMs' | 'untilMs'>,
  chance: Random,
): readonly Operation[] {
  const count = chance.whole(1, 4);
  return Array.from({ length: count }, (_, number) => ({
    kind: 'rollout',
    at: fromMs + ((number + chance.next()) / count) * (untilMs - fromMs),
    by: `rollout-${number}`,
    to: number % 2 === 0 || chance.chance(0.3) ? 1 : 0,
    atOnce: chance.whole(1, 6),
    pauseMs: chance.chance(0.5) ? 0 : chance.spread(10, 2_000),
  }));
}
