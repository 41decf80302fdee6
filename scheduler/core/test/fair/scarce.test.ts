/** Tenants that wait for the same scarce thing, while another takes of something that they cannot use. */
import { type TenantName, tenantName } from '@troupe/model';
import { expect, it } from 'vitest';
import type { Picked } from '../../src/fair/index.ts';
import { shapeOf } from '../../src/resources.ts';
import { enter, fairQueue, type Made, push, takeAll, task } from './scene.ts';

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

it('who comes where nobody waits begins at the mean, and owes nothing of the time that others passed over', () => {
  let hasRoom = false;
  const queue = fairQueue({
    place: ({ key }) => (hasRoom || key !== 'cpu=8000;' ? 'here' : undefined),
  });
  for (const name of ['heavy', 'light']) {
    queue.put(name, { weight: 10 }, 0);
    push(queue, 400, () => task(name, { cpu: 8, cost: 10 }));
  }
  push(queue, 3, () => task('other', { cost: 1_000 }));
  expect(takeAll(queue, 2)).toHaveLength(2);
  // A fluid server would have given each weight of one 2,000 / 21; the other is far ahead of that.
  enter(queue, task('late', { cpu: 2, cost: 10 }), 0);
  expect(queue.share('late').lag).toBeCloseTo(0, 6);
  expect(takeAll(queue, 1).map(({ tenant }) => tenant)).toEqual(['late']);
  push(queue, 10, () => task('late', { cpu: 8, cost: 10 }));
  hasRoom = true;
  queue.unblock(() => true);
  // Until heavy and light have had that too: 95 × 2 tasks, and ten more each for what late has used.
  const first = takeAll(queue, 400).findIndex(({ tenant }) => tenant === 'late');
  expect(Math.abs(first - 230)).toBeLessThanOrEqual(20);
});

it('who wishes nothing of a place waits for the same as who says nothing of it', () => {
  let hasRoom = false;
  const queue = fairQueue({
    place: ({ key }) => (hasRoom || key === 'cpu=2000;' ? 'here' : undefined),
  });
  const wishingNothing = (tenant: string) => ({ ...task(tenant), shape: shapeOf({ cpu: 1 }, {}) });
  for (let number = 0; number < 10; number++) push(queue, 100, () => task(`silent-${number}`));
  // While there is no room for the others, it is served twenty times; then it waits for the same as they.
  push(queue, 20, () => task('ahead', { cpu: 2 }));
  push(queue, 1, () => wishingNothing('ahead'));
  for (let number = 0; number < 20; number++) expect(queue.take(0)?.task.tenant).toBe('ahead');
  expect(queue.take(0)).toBeUndefined();
  push(queue, 100, () => wishingNothing('wishes-nothing'));
  hasRoom = true;
  queue.unblock(() => true);
  // It begins at the mean of the eleven who wait: until then each of the others has two.
  const first = takeAll(queue, 200).findIndex(({ tenant }) => tenant === 'wishes-nothing');
  expect(Math.abs(first - 20)).toBeLessThanOrEqual(11);
});
