/** Costs with a heavy tail: Pareto of exponent 1.5 from 1 on, cut at a largest one. */
export function heavyTailed(chance: () => number, costMax: number): number {
  return Math.min(costMax, (chance() + 1e-9) ** (-1 / 1.5));
}
