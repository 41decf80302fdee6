/** Half of the seeds: two files run at once, on two cores. */
import { describe, it } from 'vitest';
import { everyOther, expectPromisesKept } from './promises.ts';

describe('the simulated cluster', () => {
  it('keeps every promise under the even ones of 300 seeds', async () => {
    await expectPromisesKept(everyOther(2, 300));
  }, 900_000);
});
