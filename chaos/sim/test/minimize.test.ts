import { beforeAll, describe, expect, it } from 'vitest';
import {
  loadsOf,
  type Minimal,
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
import { loadNames } from '../src/plan/loads.ts';
import { drawPlan, type Plan } from '../src/plan/plan.ts';

const mutant: MutantName = 'outbox-not-in-the-checkpoint';

async function failingSeed(wishes: RunWishes = { mutant }): Promise<number> {
  for (let seed = 1; seed <= 500; seed++) {
    const { violation, faults } = await runSeed(seed, wishes);
    if (violation !== undefined && faults.size > 1) return seed;
  }
  throw new Error(`${wishes.mutant} was not noticed`);
}

describe('a seed that fails', () => {
  let seed: number;
  let minimal: Minimal;
  beforeAll(async () => {
    seed = await failingSeed();
    const found = await minimize(seed, { mutant });
    if (found === undefined) throw new Error('it did not fail again');
    minimal = found;
  });

  it('fails with fewer faults and less load, and is replayed by a command', async () => {
    const first = await runSeed(seed, { mutant });
    expect(minimal.checker).toBe(first.violation?.checker);
    const { without = [], operations } = minimal.wishes;
    expect(without.length).toBeGreaterThan(0);
    const asked = (plan: Plan) => [...plan.operations.values()].flat().length;
    expect(asked(minimal.plan)).toBeLessThan(asked(drawPlan(seed)));
    expect(optionsOf(seed, minimal.wishes)).toContain(`--seed ${seed} --operations ${operations}`);
    const replayed = await runSeed(seed, { ...minimal.wishes, mutant });
    expect(replayed.violation?.checker).toBe(minimal.checker);
  });

  it('is left with no load that is not needed', async () => {
    const { withoutLoads = [] } = minimal.wishes;
    const left = loadsOf(seed).filter((name) => !withoutLoads.includes(name));
    expect(left.length).toBeLessThan(loadsOf(seed).length);
    for (const name of left) {
      const wishes = { ...minimal.wishes, withoutLoads: [...withoutLoads, name], mutant };
      expect((await runSeed(seed, wishes)).violation?.checker).not.toBe(minimal.checker);
    }
  });

  it('is kept as a plan with nothing in it that is not needed', async () => {
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
    const found = await minimize(await failingSeed(wishes), wishes);
    if (found === undefined) throw new Error('it did not fail');
    const least = await shrinkPlan(found, wishes);
    expect((await runPlan(least, wishes)).violation?.checker).toBe('effect-once');
    const count = ({ operations }: typeof least) =>
      [...operations.values()].reduce((sum, list) => sum + list.length, 0);
    expect(count(least)).toBeLessThan(count(found.plan));
  });

  it('is nothing to shrink when it breaks no promise', async () => {
    expect(await minimize(1, {})).toBeUndefined();
  });
});

it('every load of a plan can be left out by its name, and each is that of some seed', () => {
  const seen = new Set<string>();
  const sizeOf = ({ operations }: ReturnType<typeof drawPlan>) =>
    [...operations.values()].reduce((sum, list) => sum + list.length, 0);
  for (let seed = 1; seed <= 500; seed++) {
    expect(sizeOf(drawPlan(seed, { withoutLoads: loadNames }))).toBe(0);
    const there = loadsOf(seed);
    const alone = there.map((name) =>
      sizeOf(drawPlan(seed, { withoutLoads: loadNames.filter((other) => other !== name) })),
    );
    expect(alone.reduce((sum, size) => sum + size, 0)).toBe(sizeOf(drawPlan(seed)));
    for (const name of there) seen.add(name);
  }
  expect([...seen].sort()).toEqual([...loadNames].sort());
});
