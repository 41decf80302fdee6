/** Quotas: what is wrong with one, and what it lets start. */
import { type Failure, failure, type Quota, type QuotaChange } from '@troupe/model';
import { milliOf, type Shape } from '../resources.ts';
import type { Accounts } from './accounts.ts';
import type { Slot } from './contest-tables.ts';
import { budgetAt, rerated, type StartBudget, spent } from './start-budget.ts';

const limitNames = [
  'inFlightMax',
  'cpuMax',
  'memoryMax',
  'startsPerSecondMax',
  'queuedMax',
] as const satisfies readonly (keyof Quota)[];

const countNames: ReadonlySet<string> = new Set(['inFlightMax', 'queuedMax']);

/** Rounding must not leave a start that never quite comes. */
const oneStart = 1 - 1e-6;

/** What is wrong with limits that somebody gave, if anything. */
export function quotaFault(quota: QuotaChange): Failure | undefined {
  for (const name of limitNames) {
    const limit = quota[name];
    if (limit === undefined || limit === null) continue;
    if (!(Number.isFinite(limit) && limit > 0)) {
      return failure('INVALID_ARGUMENT', `${name} is ${limit}; give a number above nought`);
    }
    if (countNames.has(name) && !Number.isSafeInteger(limit)) {
      return failure('INVALID_ARGUMENT', `${name} is ${limit}; give a whole number`);
    }
  }
  return undefined;
}

/** What is named is set or lifted, the rest stays. */
export function changedQuota(known: Quota | undefined, change: QuotaChange): Quota {
  const quota: { -readonly [L in keyof Quota]: number } = {};
  for (const name of limitNames) {
    const limit = change[name] === undefined ? known?.[name] : change[name];
    if (limit !== undefined && limit !== null) quota[name] = limit;
  }
  return quota;
}

export function sameQuota(left: Quota | undefined, right: Quota): boolean {
  return left !== undefined && limitNames.every((name) => left[name] === right[name]);
}

/** Why the quota never lets this start, however little else runs, in words to follow its name and that
 *  of its tenant; undefined when it does. */
export function neverWithin(
  { inFlightMax, cpuMax, memoryMax }: Quota,
  shape: Shape,
): { readonly needs: string; readonly most: string } | undefined {
  const { members = 1 } = shape;
  if (inFlightMax !== undefined && members > inFlightMax) {
    return { needs: `has ${members} members`, most: `runs at most ${inFlightMax} tasks at once` };
  }
  const amounts = [
    ['cpu', cpuMax],
    ['memory', memoryMax],
  ] as const;
  for (const [name, most] of amounts) {
    const milli = milliOf(shape, name);
    if (most === undefined || milli <= most * 1000) continue;
    const needs = `reserves ${milli / 1000} ${name}`;
    return { needs, most: `reserves at most ${most} ${name} at once` };
  }
  return undefined;
}

/** What a quota leaves to a tenant of what could run at once, as it is used up. */
export class QuotaRoom {
  #tasks: number;
  #cpuMilli: number;
  #memoryMilli: number;

  constructor(left: {
    readonly tasks: number;
    readonly cpuMilli: number;
    readonly memoryMilli: number;
  }) {
    this.#tasks = left.tasks;
    this.#cpuMilli = left.cpuMilli;
    this.#memoryMilli = left.memoryMilli;
  }

  /** False, and nothing is taken, when there is no room for one of this shape. */
  take(shape: Shape): boolean {
    const [cpuMilli, memoryMilli] = [milliOf(shape, 'cpu'), milliOf(shape, 'memory')];
    if (this.#tasks < 1 || this.#cpuMilli < cpuMilli || this.#memoryMilli < memoryMilli)
      return false;
    this.#tasks -= 1;
    this.#cpuMilli -= cpuMilli;
    this.#memoryMilli -= memoryMilli;
    return true;
  }
}

/** What a quota leaves to a tenant, beside what its account says that it uses. */
export class QuotaUse {
  readonly #accounts: Accounts;
  readonly #tenant: Slot;
  #quota: Quota = {};
  /** Where there is a rate. */
  #budget: StartBudget | undefined;

  constructor(accounts: Accounts, tenant: Slot) {
    this.#accounts = accounts;
    this.#tenant = tenant;
  }

  get quota(): Quota {
    return this.#quota;
  }

  /** `budget`: what is left of its rate, where somebody knows that better. */
  set(quota: Quota, now: number, budget?: StartBudget): void {
    const before = { budget: this.#budget, perSecond: this.#quota.startsPerSecondMax };
    this.#budget = budget ?? rerated(before, quota.startsPerSecondMax, now);
    this.#quota = quota;
  }

  allows(shape: Shape): boolean {
    const { inFlightMax, cpuMax, memoryMax } = this.#quota;
    const [accounts, tenant] = [this.#accounts, this.#tenant];
    const more = shape.members ?? 1;
    if (inFlightMax !== undefined && accounts.inFlight(tenant) + more > inFlightMax) return false;
    if (cpuMax !== undefined && accounts.cpuMilli(tenant) + milliOf(shape, 'cpu') > cpuMax * 1000) {
      return false;
    }
    return (
      memoryMax === undefined ||
      accounts.memoryMilli(tenant) + milliOf(shape, 'memory') <= memoryMax * 1000
    );
  }

  room(): QuotaRoom {
    const { inFlightMax = Number.POSITIVE_INFINITY } = this.#quota;
    const { cpuMax = Number.POSITIVE_INFINITY, memoryMax = Number.POSITIVE_INFINITY } = this.#quota;
    const [accounts, tenant] = [this.#accounts, this.#tenant];
    return new QuotaRoom({
      tasks: inFlightMax - accounts.inFlight(tenant),
      cpuMilli: cpuMax * 1000 - accounts.cpuMilli(tenant),
      memoryMilli: memoryMax * 1000 - accounts.memoryMilli(tenant),
    });
  }

  /** When the rate allows another start; now or earlier when it does. */
  startsFrom(now: number): number {
    const { startsPerSecondMax } = this.#quota;
    if (startsPerSecondMax === undefined || this.#budget === undefined) return now;
    const { starts } = budgetAt(this.#budget, startsPerSecondMax, now);
    if (starts >= oneStart) return now;
    return now + ((1 - starts) * 1_000) / startsPerSecondMax;
  }

  started(shape: Shape, now: number): void {
    const { startsPerSecondMax } = this.#quota;
    if (startsPerSecondMax === undefined || this.#budget === undefined) return;
    // A gang starts whole, and what was too much is waited for after it.
    const count = shape.members ?? 1;
    this.#budget = spent(this.#budget, startsPerSecondMax, { count, now });
  }
}
