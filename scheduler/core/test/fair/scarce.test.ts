/** Tenants that wait for the same scarce thing, while another takes of something that they cannot use. */
import { type TenantName, tenantName } from '@troupe/model';
import { expect, it } from 'vitest';
import type { Picked } from '../../src/fair/index.ts';
import { fairQueue, type Made, push, task } from './scene.ts';

const scarce = { cpu: 8, cost: 33, places: 3, ms: 100 };
const other = { cpu: 1, cost: 33, places: 6, ms: 200 };

/**
 * How often each of them was served in a minute. All always have tasks that wait, or the heavy one has
 * none for a moment whenever one of its tasks has started.
 */
function served(otherWeight: number, nowAndThen = false): ReadonlyMap<TenantName, number> {
  const kinds = new Map([
    [tenantName('heavy'), scarce],
    [tenantName('light'), scarce],
    [tenantName('other'), other],
  ]);
  const kindOf = (tenant: string) => kinds.get(tenantName(tenant)) ?? other;
  const free = new Map([scarce, other].map(({ cpu, places }) => [`cpu=${cpu * 1_000};`, places]));
  const freeOf = (key: string) => free.get(key) ?? 0;
  const queue = fairQueue({ place: ({ key }) => (freeOf(key) > 0 ? 'here' : undefined) });
  queue.put('heavy', { weight: 3 }, 0);
  queue.put('other', { weight: otherWeight }, 0);
  for (const [name, kind] of kinds) {
    const count = nowAndThen && name === 'heavy' ? 1 : 5_000;
    push(queue, count, () => task(name, kind));
  }
  const counts = new Map<TenantName, number>();
  const running: { at: number; picked: Picked<Made, string> }[] = [];
  for (let now = 0; now < 60_000; now += 10) {
    let come = 0;
    while (running[0] !== undefined && running[0].at <= now) {
      const { task: ended, cost } = running.shift()?.picked ?? { task: task('other'), cost: 0 };
      free.set(ended.shape.key, freeOf(ended.shape.key) + 1);
      queue.landed(ended, now, { charged: cost, real: cost });
      queue.unblock(({ key }) => freeOf(key) > 0);
    }
    for (let picked = queue.take(now); picked !== undefined; picked = queue.take(now)) {
      const { tenant, shape } = picked.task;
      free.set(shape.key, freeOf(shape.key) - 1);
      counts.set(tenantName(tenant), (counts.get(tenantName(tenant)) ?? 0) + 1);
      running.push({ at: now + kindOf(tenant).ms, picked });
      if (nowAndThen && tenant === 'heavy') come = 1;
    }
    if (come > 0) push(queue, come, () => task('heavy', scarce));
    running.sort((left, right) => left.at - right.at);
  }
  return counts;
}

function ratio(otherWeight: number): number {
  const counts = served(otherWeight);
  return (counts.get(tenantName('heavy')) ?? 0) / (counts.get(tenantName('light')) ?? 0);
}

it('they share it by their weights while the other takes no more than its share', () => {
  expect(ratio(8)).toBeCloseTo(3, 1);
});

it.each([4, 2, 1, 0.1])(
  'they share it by their weights while the other takes more than its share, at weight %s',
  (weight) => {
    expect(ratio(weight)).toBeCloseTo(3, 1);
  },
);

it('one whose work comes now and then has its share of it too', () => {
  const counts = served(1, true);
  // It asks for one of three places at a time, and has it whenever they are free.
  const [heavy = 0, light = 0] = [counts.get(tenantName('heavy')), counts.get(tenantName('light'))];
  expect(heavy / light).toBeCloseTo(0.5, 2);
});
