/** What is given up under pressure, durably: so many of the measures of `autoscale/degradation.ts`, in their order. */
export interface GivenUp {
  readonly count: number;
  readonly reason: string;
}

export const nothingGivenUp: GivenUp = { count: 0, reason: '' };
