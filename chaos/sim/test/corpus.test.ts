import { describe, expect, it } from 'vitest';
import { keptPlans, planFrom, planText, runPlan, runSeed, tryAgain } from '../src/index.ts';
import { drawPlan } from '../src/plan/plan.ts';

describe('a plan that once broke a promise', () => {
  it.each(keptPlans())('breaks none today: $name', async (remembered) => {
    expect((await tryAgain(remembered))?.violation).toBeUndefined();
  });

  it('says after it was written and read what it said before', async () => {
    // The second reaches limits that are narrow in its plan alone.
    for (const seed of [2, 3, 6]) {
      const again = planFrom(planText(drawPlan(seed)));
      expect(again).toEqual(drawPlan(seed));
      expect((await runPlan(again)).hash).toBe((await runSeed(seed)).hash);
    }
  });
});
