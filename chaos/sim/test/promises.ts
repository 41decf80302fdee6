import { expect } from 'vitest';
import { runSeed } from '../src/index.ts';

/** Runs the seeds one after another; the first broken promise fails the test and says how to see it. */
export async function expectPromisesKept(seeds: Iterable<number>): Promise<void> {
  for (const seed of seeds) {
    const { violation, events } = await runSeed(seed);
    expect(violation, `npm run sim -- --seed ${seed}`).toBeUndefined();
    expect(events, `events of seed ${seed}`).toBeGreaterThan(500);
  }
}

export function* everyOther(from: number, to: number): Iterable<number> {
  for (let seed = from; seed <= to; seed += 2) yield seed;
}
