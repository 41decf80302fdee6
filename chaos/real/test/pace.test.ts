import { expect, it } from 'vitest';
import { Pace } from '../src/workloads/pace.ts';

/** After so many seconds in which two processors had this share of their time left. */
function after(looks: number, idle: number, pace = new Pace(2, { idle: 0, all: 0 })): Pace {
  for (let look = 1; look <= looks; look++) {
    pace.look({ idle: look * 2_000 * idle, all: look * 2_000 });
  }
  return pace;
}

it('the load gives way on a busy machine, but never ends (P1)', () => {
  expect(after(1, 0.05).now).toBeLessThan(2);
  expect(after(100, 0.05).now).toBe(2 / 16);
});

it('the load keeps its pace while there is time, and has it again when there is (P1)', () => {
  expect(after(100, 0.5).now).toBe(2);
  const pace = after(100, 0.05);
  pace.look({ idle: 0, all: 0 });
  expect(after(100, 0.2, pace).now).toBe(2 / 16);
  pace.look({ idle: 0, all: 0 });
  expect(after(100, 0.5, pace).now).toBe(2);
});
