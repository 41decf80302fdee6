import { describe, expect, it } from 'vitest';
import { catchMutant, corpus, type MutantName, runSeed } from '../src/index.ts';
import { expectNoticed, pairs } from './pairs.ts';
import { everyOther, expectPromisesKept } from './promises.ts';

describe('the simulated cluster', () => {
  it('keeps every promise under seeds that once broke one', async () => {
    await expectPromisesKept(corpus());
  }, 900_000);

  it('keeps every promise under the odd ones of 300 seeds', async () => {
    await expectPromisesKept(everyOther(1, 299));
  }, 900_000);

  it('does the same again under the same seed, and something else under another', async () => {
    // A light one, a busy one.
    for (const seed of [7, 6897]) {
      const [first, again, other] = [await runSeed(seed), await runSeed(seed), await runSeed(8)];
      expect([again.hash, again.events]).toEqual([first.hash, first.events]);
      expect(other.hash).not.toBe(first.hash);
    }
  });

  it.each<MutantName>(['sent-before-append', 'chain-forgets-a-log', 'lost-edge-in-a-join'])(
    'notices a deliberate fault: %s',
    async (mutant) => {
      const { seeds } = await catchMutant(mutant);
      expect(seeds).toBeDefined();
    },
    600_000,
  );

  it.each(pairs.filter((_, index) => index % 2 === 0))(
    'notices a deliberate fault: %s, by %s alone',
    expectNoticed,
    600_000,
  );
});
