import { expect, it } from 'vitest';
import { Waits } from '../../src/placement/index.ts';

it('a wait that would never end is refused, with the circle named', () => {
  const waits = new Waits();
  for (const number of [1, 2, 3]) waits.hold(`gang-${number}`, `r${number}`);
  expect(waits.wait('gang-1', 'r2')).toBeUndefined();
  expect(waits.wait('gang-2', 'r3')).toBeUndefined();
  const text =
    'gang-3 waits for r1 (held by gang-1), gang-1 waits for r2 (held by gang-2), gang-2 waits for r3 (held by gang-3)';
  expect(waits.wait('gang-3', 'r1')).toEqual({ owners: ['gang-3', 'gang-1', 'gang-2'], text });
  expect(waits.wait('gang-3', 'nobody has it')).toBeUndefined();
});

it('a wait for what one holds oneself is none, nor is one for who waits for a third', () => {
  const waits = new Waits();
  waits.hold('a', 'x');
  waits.hold('b', 'y');
  waits.hold('c', 'z');
  expect(waits.wait('a', 'x')).toBeUndefined();
  expect(waits.wait('a', 'y')).toBeUndefined();
  expect(waits.wait('b', 'z')).toBeUndefined();
  expect(waits.wait('c', 'x')?.owners).toEqual(['c', 'a', 'b']);
  expect(waits.wait('c', 'y')?.owners).toEqual(['c', 'b']);
});
