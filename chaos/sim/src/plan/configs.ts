/** An operator who changes what the tenant is configured with while the load is on. */
import type { Random } from '@troupe/virtual';
import type { LoadShape, Operation } from './load.ts';

export function drawConfigs(
  { fromMs, untilMs }: Pick<LoadShape, 'fromMs' | 'untilMs'>,
  chance: Random,
): readonly Operation[] {
  const count = chance.whole(1, 6);
  return Array.from({ length: count }, (_, number) => {
    const at = fromMs + chance.next() * (untilMs - fromMs);
    return { kind: 'config', at, value: number } as const;
  });
}
