/** Who is there: mostly a handful of nodes, now and then hundreds. */
import type { Random } from '@troupe/virtual';
import type { Places } from './faults.ts';

/** One seed of so many is a cluster of 100 to 1,000 nodes, one of 20 to 99. */
const largeEvery = 160;
const mediumEvery = 80;

export function drawPlaces(seed: number, wished: number | undefined, chance: Random): Places {
  const usual = chance.chance(0.9) ? chance.whole(3, 6) : chance.whole(7, 20);
  const drawn = largeOf(seed, chance) ?? usual;
  return {
    nodes: named('node', wished ?? drawn),
    schedulers: named('sched', chance.pick([2, 3, 3, 3])),
    clients: named('client', chance.chance(0.1) ? chance.whole(5, 9) : chance.whole(2, 4)),
  };
}

function largeOf(seed: number, chance: Random): number | undefined {
  if (seed % largeEvery === largeEvery - 1) return Math.round(chance.spread(100, 1_000));
  if (seed % mediumEvery === mediumEvery - 1) return Math.round(chance.spread(20, 99));
  return undefined;
}

function named(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index + 1}`);
}
