/**
 * What a start rate leaves to a tenant: a second's worth may start at once, and what has started comes back at
 * the rate. Pure; times are of one clock, whichever that is.
 */
export interface StartBudget {
  /** Starts that are left; below nought after a gang that was larger. */
  readonly starts: number;
  /** At this time, in ms. */
  readonly at: number;
}

/** What is left later. */
export function budgetAt({ starts, at }: StartBudget, perSecond: number, now: number): StartBudget {
  const gained = ((now - at) * perSecond) / 1_000;
  return { starts: Math.min(burstOf(perSecond), starts + gained), at: now };
}

/** What is left when so many have started. */
export function spent(
  budget: StartBudget,
  perSecond: number,
  { count, now }: { readonly count: number; readonly now: number },
): StartBudget {
  const { starts } = budgetAt(budget, perSecond, now);
  return { starts: starts - count, at: now };
}

/** What is left at another rate than before: what was spent stays spent. */
export function rerated(
  before: { readonly budget: StartBudget | undefined; readonly perSecond: number | undefined },
  perSecond: number | undefined,
  now: number,
): StartBudget | undefined {
  if (perSecond === undefined) return undefined;
  const burst = burstOf(perSecond);
  if (before.budget === undefined || before.perSecond === undefined)
    return { starts: burst, at: now };
  const { starts } = budgetAt(before.budget, before.perSecond, now);
  return { starts: Math.min(burst, starts), at: now };
}

function burstOf(perSecond: number): number {
  return Math.max(1, perSecond);
}
