/**
 * Ways to choose whose task is next, alike from outside: ours, and the classic ones as they are
 * published. The others look at every tenant for each choice, which is slow and surely right.
 */
import { Contest } from '@troupe/scheduler-core/fair';

export interface Server {
  /** It has a task of this cost, and waits. */
  join(tenant: number, cost: number): void;
  /** The tenant whose task is next, which is served. */
  next(): number;
  /** The task of the tenant just served after this one; undefined when it waits for nothing more. */
  served(tenant: number, cost: number | undefined): void;
}

export type ServerName = keyof typeof servers;

export const servers = { eevdf, sfq, drr, stride, rr };

export const serverTitles: { readonly [name in ServerName]: string } = {
  eevdf: 'ours (EEVDF)',
  sfq: 'start-time fair queueing',
  drr: 'deficit round robin',
  stride: 'stride by task count',
  rr: 'round robin',
};

function eevdf(weights: readonly number[]): Server {
  const contest = new Contest();
  const shape = contest.addShape();
  const costs = new Float64Array(weights.length);
  const weightOf = (tenant: number) => weights[tenant] ?? 1;
  for (let tenant = 0; tenant < weights.length; tenant++) {
    contest.addTenant();
    contest.addLane(tenant, shape);
  }
  return {
    join(tenant, cost) {
      costs[tenant] = cost;
      contest.enter(tenant, weightOf(tenant), cost / weightOf(tenant));
    },
    next: () => contest.tenantOf(contest.next()),
    served(tenant, cost) {
      const weight = weightOf(tenant);
      const paid = (costs[tenant] ?? 0) / weight;
      if (cost === undefined) {
        contest.charge(tenant, paid);
        contest.leave(tenant);
        return;
      }
      costs[tenant] = cost;
      contest.serve(tenant, paid, weight, cost / weight);
    },
  };
}

/** The least start; virtual time is the start of the task in service. */
function sfq(weights: readonly number[]): Server {
  return byTag(weights, (cost) => cost);
}

/** As `sfq`, but every task counts as one. */
function stride(weights: readonly number[]): Server {
  return byTag(weights, () => 1);
}

function byTag(weights: readonly number[], charged: (cost: number) => number): Server {
  const starts = weights.map(() => 0);
  const costs = weights.map(() => 0);
  const waiting = new Set<number>();
  let time = 0;
  return {
    join(tenant, cost) {
      starts[tenant] = Math.max(starts[tenant] ?? 0, time);
      costs[tenant] = cost;
      waiting.add(tenant);
    },
    next() {
      let best = -1;
      for (const tenant of waiting) {
        if (best < 0 || (starts[tenant] ?? 0) < (starts[best] ?? 0)) best = tenant;
      }
      time = starts[best] ?? 0;
      return best;
    },
    served(tenant, cost) {
      const paid = charged(costs[tenant] ?? 0) / (weights[tenant] ?? 1);
      starts[tenant] = (starts[tenant] ?? 0) + paid;
      if (cost === undefined) waiting.delete(tenant);
      else costs[tenant] = cost;
    },
  };
}

const costMax = 100;

/** Each in turn spends what it has saved: the largest cost × its weight in each round. */
function drr(weights: readonly number[]): Server {
  const costs = weights.map(() => 0);
  const saved = weights.map(() => 0);
  const ring: number[] = [];
  let granted = false;
  return {
    join(tenant, cost) {
      costs[tenant] = cost;
      saved[tenant] = 0;
      ring.push(tenant);
    },
    next() {
      for (;;) {
        const tenant = ring[0] ?? -1;
        if (!granted) saved[tenant] = (saved[tenant] ?? 0) + costMax * (weights[tenant] ?? 1);
        granted = true;
        if ((saved[tenant] ?? 0) >= (costs[tenant] ?? 0)) return tenant;
        ring.push(ring.shift() ?? -1);
        granted = false;
      }
    },
    served(tenant, cost) {
      saved[tenant] = (saved[tenant] ?? 0) - (costs[tenant] ?? 0);
      if (cost !== undefined) {
        costs[tenant] = cost;
        return;
      }
      ring.shift();
      granted = false;
    },
  };
}

function rr(_weights: readonly number[]): Server {
  const ring: number[] = [];
  return {
    join: (tenant) => void ring.push(tenant),
    next: () => ring[0] ?? -1,
    served(tenant, cost) {
      ring.shift();
      if (cost !== undefined) ring.push(tenant);
    },
  };
}
