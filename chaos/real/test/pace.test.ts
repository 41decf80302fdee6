import { expect, it } from 'vitest';
import { shareAfter } from '../src/workloads/pace.ts';

const after = (share: number, idle: number, looks: number) =>
  Array.from({ length: looks }).reduce<number>((now) => shareAfter(now, idle), share);

it('the load gives way on a busy machine, but never ends (P1)', () => {
  expect(after(1, 0.05, 1)).toBeLessThan(1);
  expect(after(1, 0.05, 100)).toBe(1 / 16);
});

it('the load has its pace again when the machine has time (P1)', () => {
  expect(after(1 / 16, 0.5, 100)).toBe(1);
  expect(after(0.5, 0.2, 100)).toBe(0.5);
});
