import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Deadline, Deadlines } from '../src/deadlines.ts';
import { Generator } from '../src/generator.ts';

it('serves deadlines by time, those of one instant in the order in which they were set', () => {
  const times = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean()), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(times, (given) => {
      const deadlines = new Deadlines();
      const set: Deadline[] = given.map(([at], i) =>
        deadlines.set(at, { kind: 'limit', task: `t${i}` as never, attempt: i }),
      );
      for (const [i, [, cancelled]] of given.entries()) if (cancelled) deadlines.cancel(set[i]);
      const expected = given
        .map(([at, cancelled], i) => ({ at, i, cancelled }))
        .filter(({ cancelled }) => !cancelled)
        .sort((left, right) => left.at - right.at || left.i - right.i)
        .map(({ i }) => i);
      const served: number[] = [];
      for (let due = deadlines.take(20); due !== undefined; due = deadlines.take(20)) {
        if (due.kind === 'limit') served.push(due.attempt);
      }
      expect(served).toEqual(expected);
      expect(deadlines.next).toBeUndefined();
    }),
  );
});

it('serves nothing before its time', () => {
  const deadlines = new Deadlines();
  deadlines.set(10, { kind: 'pulse' });
  expect(deadlines.take(9)).toBeUndefined();
  expect(deadlines.take(10)).toEqual({ kind: 'pulse' });
});

it('draws the same numbers from the same seed', () => {
  const draw = (seed: number) => {
    const generator = new Generator(seed);
    return Array.from({ length: 100 }, () => generator.next());
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  for (const drawn of draw(3)) expect(drawn >= 0 && drawn < 1).toBe(true);
});
