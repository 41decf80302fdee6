import { describe, expect, it } from 'vitest';
import { catchMutant, corpus, type MutantName, runSeed } from '../src/index.ts';

describe('the simulated cluster', () => {
  it('keeps every promise under seeds that once broke one', async () => {
    for (const seed of corpus()) {
      const { violation } = await runSeed(seed);
      expect(violation, `npm run sim -- --seed ${seed}`).toBeUndefined();
    }
  });

  it('keeps every promise under forty seeds', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { violation, events } = await runSeed(seed);
      expect(violation, `npm run sim -- --seed ${seed}`).toBeUndefined();
      expect(events).toBeGreaterThan(500);
    }
  });

  it('does the same again under the same seed, and something else under another', async () => {
    const [first, again, other] = [await runSeed(7), await runSeed(7), await runSeed(8)];
    expect([again.hash, again.events]).toEqual([first.hash, first.events]);
    expect(other.hash).not.toBe(first.hash);
  });

  it.each<MutantName>(['sent-before-append', 'chain-forgets-a-log', 'lost-edge-in-a-join'])(
    'notices a deliberate fault: %s',
    async (mutant) => {
      const { seeds } = await catchMutant(mutant, 60);
      expect(seeds).toBeDefined();
    },
  );
});
