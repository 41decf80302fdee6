import { describe, expect, it } from 'vitest';
import { catchMutant, corpus, type MutantName, runSeed } from '../src/index.ts';
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

  it.each<[MutantName, string]>([
    ['given-up-before-its-limit', 'timer-never-early'],
    ['timers-told-short', 'timer-never-early'],
    ['firing-recorded-twice', 'effect-once'],
    ['timers-not-in-the-checkpoint', 'progress'],
    ['placements-not-heard-of', 'no-leak'],
    ['rest-not-stored', 'replay-equals-live'],
    ['sums-not-checked', 'replay-equals-live'],
    ['older-one-with-the-log-of-the-last', 'replay-equals-live'],
    ['last-checkpoint-freed', 'replay-equals-live'],
    ['placed-before-it-is-released', 'one-activation'],
    ['wishes-forgotten', 'progress'],
    ['selectors-ignored', 'wishes-kept'],
    ['gang-policy-ignored', 'gang-all-or-none'],
    ['gpu-taken-for-half', 'no-double-reservation'],
    ['signals-not-in-the-checkpoint', 'signal-once'],
    ['races-run-anew', 'same-winner'],
    ['yields-not-in-the-checkpoint', 'values-in-order'],
    ['yields-run-anew', 'values-in-order'],
    ['begun-without-its-configuration', 'configured-as-begun'],
    ['placed-without-a-configuration', 'configured-as-begun'],
    ['upgrades-forgotten', 'code-of-its-state'],
    ['undone-first-to-last', 'undone-in-reverse'],
    ['witness-not-believed', 'witness-believed'],
    ['moved-without-bound', 'moved-within-bounds'],
    ['sized-beyond-bounds', 'sizes-within-bounds'],
    ['first-gives-way', 'last-gives-way'],
    ['never-of-age', 'progress'],
    ['little-is-too-much', 'given-up-in-order'],
    ['nothing-is-too-much', 'given-up-in-order'],
    ['successor-forgets-what-is-given-up', 'given-up-in-order'],
    ['subscribers-not-in-the-checkpoint', 'topic-each-once'],
    ['subscribed-for-another', 'topic-each-once'],
    ['all-at-a-runner-are-blamed', 'blamed-for-its-own'],
    ['line-by-the-wall-clock', 'rewind-is-maximal'],
    ['rewind-loses-letters', 'goes-on-from-the-line'],
    ['goes-on-as-it-was', 'replay-equals-live'],
  ])(
    'notices a deliberate fault: %s, by %s alone',
    async (mutant, checker) => {
      const { seeds } = await catchMutant(mutant, undefined, checker);
      expect(seeds).toBeDefined();
    },
    600_000,
  );
});
