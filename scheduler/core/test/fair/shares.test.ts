import { type TenantName, tenantName } from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Contest,
  demandCoefficient,
  dominantCpusOf,
  type Picked,
  type Priority,
} from '../../src/fair/index.ts';
import { shapeOf } from '../../src/resources.ts';
import {
  chanceOf,
  costOf,
  enter,
  fairQueue,
  type Made,
  Pairs,
  push,
  takeAll,
  task,
} from './scene.ts';

/** 60 tenants of weights 1 to 12 whose tasks have heavy-tailed costs, and who come and go. */
function worstPair(seed: number, slots: number, decisions: number, error = 0): number {
  const chance = chanceOf(seed);
  const names = Array.from({ length: 60 }, (_, i) => tenantName(`t${i}`));
  const weights = new Map(names.map((name) => [name, 1 + Math.floor(chance() * 12)]));
  const largest = new Map(names.map((name, i) => [name, 20 + (i % 5) * 20]));
  // Expected wrongly by up to so much of each cost.
  const expected = new Map<Made, number>();
  const queue = fairQueue({ costOf: (one) => expected.get(one) ?? one.cost });
  const pairs = new Pairs();
  const waiting = new Map<TenantName, number>();
  const running: Picked<Made, string>[] = [];
  const weightOf = (name: TenantName) => weights.get(name) ?? 1;
  const add = (name: TenantName) => {
    const cost = Math.min(largest.get(name) ?? 1, (chance() + 1e-9) ** (-1 / 1.5));
    const made = task(name, { cost });
    if (error > 0) expected.set(made, cost * (1 + error * (2 * chance() - 1)));
    enter(queue, made, 0);
    waiting.set(name, (waiting.get(name) ?? 0) + 1);
    pairs.waits(name);
  };
  const bound = (left: TenantName, right: TenantName) => {
    const of = (name: TenantName) => ((largest.get(name) ?? 0) + slots * 100) / weightOf(name);
    return of(left) + of(right);
  };
  for (const name of names) {
    queue.put(name, { weight: weightOf(name) }, 0);
    for (let i = 0; i < 4; i++) add(name);
  }
  let worst = 0;
  for (let i = 0; i < decisions; i++) {
    const picked = queue.take(0);
    if (picked === undefined) throw new Error('something waits and nothing was taken');
    const { tenant, cost } = picked.task;
    running.push(picked);
    worst = Math.max(worst, pairs.served(tenant, cost / weightOf(tenant), bound));
    const left = (waiting.get(tenant) ?? 0) - 1;
    waiting.set(tenant, left);
    if (left === 0) pairs.idles(tenant);
    else if (chance() < 0.9) add(tenant);
    const idle = names[Math.floor(chance() * 60)];
    if (idle !== undefined && (waiting.get(idle) ?? 0) === 0) for (let k = 0; k < 9; k++) add(idle);
    if (running.length < slots) continue;
    const landed = running.splice(Math.floor(chance() * slots), 1)[0];
    if (landed === undefined) continue;
    queue.landed(landed.task, 0, { charged: landed.cost, real: landed.task.cost });
  }
  queue.check();
  return worst;
}

describe('tenants', () => {
  it('never drift apart by more than (c + c_max) / w of each, however they come and go', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        expect(worstPair(seed, 1, 1_500)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 5 },
    );
  });

  it.each([
    { slots: 8, costs: 'known', error: 0 },
    { slots: 8, costs: 'guessed wrongly by 50 %', error: 0.5 },
    { slots: 8, costs: 'guessed wrongly by 90 %', error: 0.9 },
    { slots: 64, costs: 'known', error: 0 },
    { slots: 64, costs: 'guessed wrongly by 90 %', error: 0.9 },
  ])(
    'nor at $slots places with costs $costs, by more than a largest task for each further place on top',
    ({ slots, error }) => {
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          expect(worstPair(seed, slots, 1_500, error)).toBeLessThanOrEqual(1);
        }),
        { numRuns: 3 },
      );
    },
  );

  it('are within one largest task of an ideal fluid server, be they 10 or 1,000', () => {
    const lags = [10, 100, 1_000].map((count) => fluidLag(count, 30 * count));
    for (const lag of lags) expect(lag).toBeLessThanOrEqual(1);
  });

  it('are served by cost over weight, not by count', () => {
    const queue = fairQueue();
    push(queue, 300, () => task('a', { cost: 10 }));
    push(queue, 300, () => task('b', { cost: 1 }));
    const taken = takeAll(queue, 110);
    expect(Math.abs(costOf(taken, 'a') - costOf(taken, 'b'))).toBeLessThanOrEqual(10);
  });

  it('bank nothing while they are idle', () => {
    const queue = fairQueue();
    push(queue, 200, () => task('a'));
    takeAll(queue, 100);
    push(queue, 100, () => task('b'));
    expect(costOf(takeAll(queue, 20), 'b')).toBeLessThanOrEqual(11);
  });

  it('keep their debt when they leave and come back at once', () => {
    const queue = fairQueue();
    push(queue, 100, () => task('a'));
    let mine = 0;
    for (let i = 0; i < 40; i++) {
      if (i % 2 === 0) enter(queue, task('b', { cost: 2 }), 0);
      mine += costOf(takeAll(queue, 1), 'b');
    }
    expect(mine).toBeLessThanOrEqual(28);
  });

  it('bank nothing behind a task that fits nowhere', () => {
    const queue = fairQueue({ place: ({ key }) => (key === 'cpu=99000;' ? undefined : 'here') });
    push(queue, 500, () => task('a'));
    enter(queue, task('b', { cpu: 99 }), 0);
    takeAll(queue, 300);
    push(queue, 200, () => task('b'));
    expect(costOf(takeAll(queue, 100), 'b')).toBeLessThanOrEqual(55);
  });

  it('gain nothing by declaring more, nor by splitting their work', () => {
    const share = (given: { cpu: number; cost: number }) => {
      const queue = fairQueue({
        costOf: ({ cost, shape }) => (cost * (shape.amounts[0]?.milli ?? 0)) / 1_000,
      });
      push(queue, 400, () => task('honest'));
      push(queue, 4_000, () => task('other', given));
      let spent = 0;
      let useful = 0;
      while (spent < 200) {
        const taken = queue.take(0)?.task;
        if (taken === undefined) break;
        spent += taken.tenant === 'honest' ? 1 : given.cost * given.cpu;
        if (taken.tenant === 'other') useful += given.cost;
      }
      return useful;
    };
    const honest = share({ cpu: 1, cost: 1 });
    expect(share({ cpu: 2, cost: 1 })).toBeLessThanOrEqual(honest + 1);
    expect(share({ cpu: 1, cost: 0.1 })).toBeLessThanOrEqual(honest + 1);
  });

  it('get 3 : 2 : 1 at high, normal and low', () => {
    const queue = fairQueue();
    for (const priority of ['high', 'normal', 'low'] as const) {
      push(queue, 400, () => task(priority, { priority }));
    }
    const taken = takeAll(queue, 600);
    const counts = ['high', 'normal', 'low'].map((tenant) => costOf(taken, tenant));
    for (const [i, ideal] of [300, 200, 100].entries()) {
      expect(Math.abs((counts[i] ?? 0) - ideal)).toBeLessThanOrEqual(1);
    }
  });

  it('get by the demand coefficient exactly the shares that were computed', () => {
    const totals = new Map([
      ['cpu', 100_000],
      ['memory', 1_000_000],
    ]);
    const demands = { wide: { cpu: 10, memory: 50 }, slim: { cpu: 5, memory: 10 } };
    const weights = Object.values(demands).map((one) => demandCoefficient(shapeOf(one), totals));
    // 0.4 × 0.10 + 0.3 × 0.05 and 0.4 × 0.05 + 0.3 × 0.01
    expect(weights[0]).toBeCloseTo(0.055, 12);
    expect(weights[1]).toBeCloseTo(0.023, 12);
    const queue = fairQueue({ coefficientOf: (shape) => demandCoefficient(shape, totals) });
    push(queue, 1_000, () => task('wide', demands.wide));
    push(queue, 1_000, () => task('slim', demands.slim));
    const wide = costOf(takeAll(queue, 780), 'wide');
    expect(Math.abs(wide - 550)).toBeLessThanOrEqual(1);
  });

  it('can be weighed anew while they wait', () => {
    const queue = fairQueue();
    push(queue, 400, () => task('a'));
    push(queue, 400, () => task('b'));
    expect(costOf(takeAll(queue, 100), 'a')).toBe(50);
    queue.put(tenantName('a'), { weight: 3 }, 0);
    expect(Math.abs(costOf(takeAll(queue, 100), 'a') - 75)).toBeLessThanOrEqual(1);
  });

  it('owe the same cost after they were weighed anew', () => {
    const queue = fairQueue();
    enter(queue, task('a', { cost: 60 }), 0);
    push(queue, 400, () => task('a'));
    push(queue, 400, () => task('b'));
    expect(takeAll(queue, 2).map(({ cost }) => cost)).toEqual([1, 60]);
    const owed = -queue.share('a').lag;
    expect(owed).toBe(29.5);
    queue.put(tenantName('a'), { weight: 3 }, 0);
    expect(queue.share('a').lag).toBeCloseTo(-owed, 9);
    // Of all that is served meanwhile three quarters are a's due.
    const first = takeAll(queue).findIndex(({ tenant }) => tenant === 'a');
    expect(Math.abs(first - (owed * 4) / 3)).toBeLessThanOrEqual(1);
  });

  it('are not served before their turn when their tasks have become dearer while they waited', () => {
    let dearer = 1;
    const queue = fairQueue({
      costOf: ({ tenant, cost }) => (tenant === 'a' ? dearer * cost : cost),
    });
    push(queue, 20, () => task('a'));
    push(queue, 400, () => task('b', { cost: 10 }));
    push(queue, 400, () => task('c', { cost: 10 }));
    dearer = 100;
    expect(takeAll(queue, 2).map(({ tenant }) => tenant)).toEqual(['b', 'c']);
    const turns = takeAll(queue, 200).flatMap(({ tenant }, at) => (tenant === 'a' ? [at] : []));
    for (const [i, at] of turns.entries()) expect(at).toBeGreaterThanOrEqual(i * 20);
  });

  it('owe and are owed the same when nodes like the others come or go', () => {
    const totalsOf = (nodes: number) =>
      new Map([
        ['cpu', nodes * 16_000],
        ['memory', nodes * 64_000],
        ['gpu', nodes * 4_000],
      ]);
    const demands = [{ cpu: 2 }, { cpu: 1, memory: 32 }, { cpu: 1, gpu: 0.5 }, {}];
    const costs = (nodes: number) =>
      demands.map((demand) => dominantCpusOf(shapeOf(demand), totalsOf(nodes)));
    expect(costs(3)).toEqual([2, 8, 2, 0.01]);
    for (const [at, cost] of costs(1_000).entries()) expect(cost).toBeCloseTo(costs(3)[at] ?? 0, 9);
  });

  it('are served whenever something of them waits, whatever others weigh that come, go and are weighed anew', () => {
    const weights = [1e-6, 1e-3, 1, 1e6];
    const step = fc.record({
      kind: fc.constantFrom('push', 'push', 'take', 'take', 'take', 'put'),
      who: fc.nat(3),
      weight: fc.constantFrom(...weights),
      cost: fc.constantFrom(0.01, 1, 1e6),
      priority: fc.constantFrom<Priority>('high', 'normal', 'low'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const queue = fairQueue();
        for (const [who, weight] of weights.entries()) queue.put(`t${who}`, { weight }, 0);
        for (const { kind, who, weight, cost, priority } of steps) {
          if (kind === 'push') enter(queue, task(`t${who}`, { cost, priority }), 0);
          else if (kind === 'put') queue.put(`t${who}`, { weight }, 0);
          else {
            const waiting = Math.min(1, queue.size);
            expect(takeAll(queue, 1)).toHaveLength(waiting);
          }
          queue.check();
        }
        const left = queue.size;
        expect(takeAll(queue)).toHaveLength(left);
        for (const who of weights.keys()) expect(queue.share(`t${who}`).lag).not.toBeNaN();
      }),
      { numRuns: 200 },
    );
  });

  it('share alike after one of the least weight has had the cluster to itself for long', () => {
    const queue = fairQueue();
    queue.put(tenantName('night'), { weight: 1e-6 }, 0);
    // A day of a thousand cpus, in tasks of a cpu and a day each.
    push(queue, 1_000, () => task('night', { cost: 86_400_000 }));
    takeAll(queue);
    for (const name of ['a', 'b', 'c']) push(queue, 400, () => task(name, { cost: 0.01 }));
    const taken = takeAll(queue, 300);
    const counts = ['a', 'b', 'c'].map((name) => taken.filter((one) => one.tenant === name).length);
    for (const count of counts) expect(Math.abs(count - 100)).toBeLessThanOrEqual(1);
  });

  it('pay what their tasks took, not what was expected', () => {
    const queue = fairQueue({ costOf: () => 5 });
    push(queue, 300, () => task('slow', { cost: 10 }));
    push(queue, 3_000, () => task('quick', { cost: 1 }));
    const took = new Map<string, number>();
    for (let i = 0; i < 440; i++) {
      const picked = queue.take(0);
      if (picked === undefined) break;
      const { task: landed, cost: charged } = picked;
      took.set(landed.tenant, (took.get(landed.tenant) ?? 0) + landed.cost);
      queue.landed(landed, 0, { charged, real: landed.cost });
    }
    expect(Math.abs((took.get('slow') ?? 0) - (took.get('quick') ?? 0))).toBeLessThanOrEqual(20);
  });
});

describe('within a tenant', () => {
  it('queues bank nothing while they are idle', () => {
    const queue = fairQueue();
    push(queue, 200, () => task('a', { queue: 'busy' }));
    takeAll(queue, 100);
    push(queue, 100, () => task('a', { queue: 'idle' }));
    const late = takeAll(queue, 20).filter((one) => one.queue === 'idle');
    expect(Math.abs(late.length - 10)).toBeLessThanOrEqual(1);
  });

  it('a queue with half of the weight never runs ahead of fifty others', () => {
    const queue = fairQueue();
    queue.weighQueue(tenantName('a'), 'heavy', 50);
    push(queue, 400, () => task('a', { queue: 'heavy' }));
    for (let i = 0; i < 50; i++) push(queue, 10, () => task('a', { queue: `light ${i}` }));
    let heavy = 0;
    for (const [i, one] of takeAll(queue, 600).entries()) {
      if (one.queue === 'heavy') heavy++;
      expect(Math.abs(heavy - (i + 1) / 2), `after ${i + 1} starts`).toBeLessThanOrEqual(1);
    }
  });

  it('queues pay what their tasks took, not what was expected', () => {
    const queue = fairQueue({ costOf: () => 5 });
    push(queue, 300, () => task('a', { cost: 10, queue: 'slow' }));
    push(queue, 3_000, () => task('a', { cost: 1, queue: 'quick' }));
    const took = new Map([
      ['slow', 0],
      ['quick', 0],
    ]);
    for (let i = 0; i < 440; i++) {
      const picked = queue.take(0);
      if (picked === undefined) break;
      const { task: landed, cost: charged } = picked;
      took.set(landed.queue ?? '', (took.get(landed.queue ?? '') ?? 0) + landed.cost);
      queue.landed(landed, 0, { charged, real: landed.cost });
    }
    expect(Math.abs((took.get('slow') ?? 0) - (took.get('quick') ?? 0))).toBeLessThanOrEqual(20);
  });

  it('priorities share 3 : 2 : 1', () => {
    const queue = fairQueue();
    const all: readonly Priority[] = ['low', 'normal', 'high'];
    for (const priority of all) push(queue, 100, () => task('a', { priority }));
    const taken = takeAll(queue, 60);
    const counts = all.map((name) => taken.filter(({ priority }) => priority === name).length);
    for (const [i, ideal] of [10, 20, 30].entries()) {
      expect(Math.abs((counts[i] ?? 0) - ideal)).toBeLessThanOrEqual(1);
    }
  });

  it('queues share by their weights', () => {
    const queue = fairQueue();
    queue.weighQueue(tenantName('a'), 'reports', 3);
    push(queue, 100, () => task('a', { queue: 'reports' }));
    push(queue, 100, () => task('a', { queue: 'mails' }));
    const reports = takeAll(queue, 80).filter((one) => one.queue === 'reports');
    expect(Math.abs(reports.length - 60)).toBeLessThanOrEqual(1);
  });
});

/** The furthest that any tenant is from what a fluid server gives it, in largest tasks. */
function fluidLag(count: number, decisions: number): number {
  const chance = chanceOf(count);
  const contest = new Contest();
  const shape = contest.addShape();
  const weights: number[] = [];
  const next: number[] = [];
  const cost = () => Math.min(100, (chance() + 1e-9) ** (-1 / 1.5));
  let sum = 0;
  for (let i = 0; i < count; i++) {
    // One has half of everything: algorithms that are fair in pairs only fail it.
    const weight = i === 0 ? count : 1;
    const tenant = contest.addTenant();
    weights[tenant] = weight;
    sum += weight;
    next[tenant] = cost();
    contest.addLane(tenant, shape);
    contest.enter(tenant, weight, (next[tenant] ?? 0) / weight);
  }
  const served = weights.map(() => 0);
  let all = 0;
  let worst = 0;
  for (let i = 0; i < decisions; i++) {
    const tenant = contest.tenantOf(contest.next());
    const weight = weights[tenant] ?? 1;
    const paid = next[tenant] ?? 0;
    worst = Math.max(worst, (weight * all) / sum - (served[tenant] ?? 0));
    served[tenant] = (served[tenant] ?? 0) + paid;
    all += paid;
    worst = Math.max(worst, (served[tenant] ?? 0) - (weight * all) / sum);
    next[tenant] = cost();
    contest.serve(tenant, paid / weight, weight, (next[tenant] ?? 0) / weight);
  }
  for (const [tenant, one] of served.entries()) {
    worst = Math.max(worst, Math.abs(one - ((weights[tenant] ?? 0) * all) / sum));
  }
  return worst / 100;
}
