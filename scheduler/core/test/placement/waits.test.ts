import { expect, it } from 'vitest';
import { Waits } from '../../src/placement/index.ts';

it('a wait that would never end is refused, with the circle named', () => {
  const waits = new Waits();
  for (const number of [1, 2, 3]) waits.hold(`run-${number}`, `r${number}`);
  expect(waits.wait('run-1', 'r2')).toBeUndefined();
  expect(waits.wait('run-2', 'r3')).toBeUndefined();
  const text =
    'run-3 waits for r1 (held by run-1), run-1 waits for r2 (held by run-2), run-2 waits for r3 (held by run-3)';
  expect(waits.wait('run-3', 'r1')).toEqual({ owners: ['run-3', 'run-1', 'run-2'], text });
  waits.letGo('run-2', 'r2');
  expect(waits.wait('run-3', 'r1')).toBeUndefined();
});

it('taking what others wait for is refused when they hold what the taker waits for', () => {
  const waits = new Waits();
  waits.hold('a', 'x');
  waits.wait('a', 'y');
  waits.wait('b', 'x');
  expect(waits.hold('b', 'y')?.owners).toEqual(['b', 'a']);
  waits.letGo('b', 'x');
  expect(waits.hold('b', 'y')).toBeUndefined();
  expect(waits.wait('b', 'y')).toBeUndefined();
});
