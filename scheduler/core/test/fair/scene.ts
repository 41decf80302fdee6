/** A queue of made-up tasks, a seeded chance, and a judge who keeps the lag of every pair. */
import { type TenantName, taskId, tenantName } from '@troupe/model';
import { FairQueue, type FairRules, type Priority, type TenantTask } from '../../src/fair/index.ts';
import { shapeOf } from '../../src/resources.ts';

export interface Made extends TenantTask {
  readonly cost: number;
  readonly deadline?: number;
}

let made = 0;

export function task(
  tenant: string,
  given: {
    readonly cost?: number;
    readonly cpu?: number;
    readonly memory?: number;
    readonly priority?: Priority;
    readonly queue?: string;
    readonly deadline?: number;
  } = {},
): Made {
  const { cost = 1, cpu = 1, memory, priority = 'normal', queue, deadline } = given;
  return {
    id: taskId(`t${made++}`),
    tenant: tenantName(tenant),
    shape: shapeOf(memory === undefined ? { cpu } : { cpu, memory }),
    priority,
    cost,
    ...(queue === undefined ? {} : { queue }),
    ...(deadline === undefined ? {} : { deadline }),
  };
}

export function fairQueue(rules: Partial<FairRules<Made, string>> = {}): FairQueue<Made, string> {
  return new FairQueue<Made, string>({
    costOf: ({ cost }) => cost,
    coefficientOf: () => 1,
    place: () => 'here',
    ...rules,
  });
}

export function push(queue: FairQueue<Made, string>, count: number, make: () => Made): void {
  for (let i = 0; i < count; i++) enter(queue, make(), 0);
}

/** One task, with its deadline. */
export function enter(queue: FairQueue<Made, string>, made: Made, now: number): void {
  const { deadline } = made;
  queue.push(made, now, deadline === undefined ? { since: now } : { since: now, deadline });
}

/** Takes so many, each of which lands at once. */
export function takeAll(
  queue: FairQueue<Made, string>,
  count = Number.POSITIVE_INFINITY,
  now = 0,
): Made[] {
  const taken: Made[] = [];
  while (taken.length < count) {
    const picked = queue.take(now);
    if (picked === undefined) break;
    queue.landed(picked.task, now);
    taken.push(picked.task);
  }
  return taken;
}

export function costOf(tasks: readonly Made[], tenant: string): number {
  return tasks.reduce((sum, one) => sum + (one.tenant === tenant ? one.cost : 0), 0);
}

export function chanceOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Service by weight of all who wait; of each pair that waits, the range of the difference. */
export class Pairs {
  readonly #served = new Map<TenantName, number>();
  readonly #ranges = new Map<string, { low: number; high: number }>();
  readonly #waits = new Set<TenantName>();

  waits(tenant: TenantName): void {
    this.#waits.add(tenant);
  }

  idles(tenant: TenantName): void {
    this.#waits.delete(tenant);
    for (const key of this.#ranges.keys()) {
      if (key.split(' ').includes(tenant)) this.#ranges.delete(key);
    }
  }

  /** What it was served by weight; the widest range that came of it as a part of its bound. */
  served(tenant: TenantName, amount: number, boundOf: (a: TenantName, b: TenantName) => number) {
    let worst = 0;
    const before = this.#served.get(tenant) ?? 0;
    this.#served.set(tenant, before + amount);
    for (const other of this.#waits) {
      if (other === tenant) continue;
      const sign = tenant < other ? 1 : -1;
      const key = sign === 1 ? `${tenant} ${other}` : `${other} ${tenant}`;
      const gap = sign * (before - (this.#served.get(other) ?? 0));
      const range = this.#ranges.get(key) ?? { low: gap, high: gap };
      range.low = Math.min(range.low, gap + sign * amount);
      range.high = Math.max(range.high, gap + sign * amount);
      this.#ranges.set(key, range);
      worst = Math.max(worst, (range.high - range.low) / boundOf(tenant, other));
    }
    return worst;
  }
}
