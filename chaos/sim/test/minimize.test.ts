import { describe, expect, it } from 'vitest';
import {
  type MutantName,
  minimize,
  optionsOf,
  planFrom,
  planText,
  type RunWishes,
  runPlan,
  runSeed,
  shrinkPlan,
} from '../src/index.ts';

const mutant: MutantName = 'outbox-not-in-the-checkpoint';

async function failingSeed(wishes: RunWishes = { mutant }): Promise<number> {
  for (let seed = 1; seed <= 60; seed++) {
    const { violation, faults } = await runSeed(seed, wishes);
    if (violation !== undefined && faults.size > 1) return seed;
  }
  throw new Error(`${wishes.mutant} was not noticed`);
}

describe('a seed that fails', () => {
  it('fails with fewer faults and less load, and is replayed by a command', async () => {
    const seed = await failingSeed();
    const first = await runSeed(seed, { mutant });
    const minimal = await minimize(seed, { mutant });
    if (minimal === undefined) throw new Error('it did not fail again');
    expect(minimal.checker).toBe(first.violation?.checker);
    const { without = [], operations } = minimal.wishes;
    expect(without.length).toBeGreaterThan(0);
    expect(operations).toBeLessThan(45);
    expect(optionsOf(seed, minimal.wishes)).toContain(`--seed ${seed} --operations ${operations}`);
    const replayed = await runSeed(seed, { ...minimal.wishes, mutant });
    expect(replayed.violation?.checker).toBe(minimal.checker);
  });

  it('is kept as a plan with nothing in it that is not needed', async () => {
    const seed = await failingSeed();
    const minimal = await minimize(seed, { mutant });
    if (minimal === undefined) throw new Error('it did not fail again');
    const least = planFrom(planText(await shrinkPlan(minimal, { mutant })));
    expect((await runPlan(least, { mutant })).violation?.checker).toBe(minimal.checker);
    expect((await runPlan(least)).violation).toBeUndefined();
    for (const fault of least.faults) {
      const fewer = { ...least, faults: least.faults.filter((one) => one !== fault) };
      expect((await runPlan(fewer, { mutant })).violation?.checker).not.toBe(minimal.checker);
    }
  });

  it('is shrunk as far when one checker looks alone', async () => {
    const wishes = { mutant: 'sent-before-append', checker: 'effect-once' } as const;
    const minimal = await minimize(await failingSeed(wishes), wishes);
    if (minimal === undefined) throw new Error('it did not fail');
    const least = await shrinkPlan(minimal, wishes);
    expect((await runPlan(least, wishes)).violation?.checker).toBe('effect-once');
    const count = ({ operations }: typeof least) =>
      [...operations.values()].reduce((sum, list) => sum + list.length, 0);
    expect(count(least)).toBeLessThan(count(minimal.plan));
  });

  it('is nothing to shrink when it breaks no promise', async () => {
    expect(await minimize(1, {})).toBeUndefined();
  });
});
