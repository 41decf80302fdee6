import { type TaskId, type TenantName, taskId, tenantName } from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairQueue, type Priority, type Queued } from '../src/queue.ts';
import { shapeOf } from '../src/resources.ts';

interface Waiting extends Queued {
  readonly cost: number;
}

function waiting(
  id: string,
  given: { tenant?: string; cost?: number; priority?: Priority; cpu?: number } = {},
): Waiting {
  const { tenant = 'a', cost = 1, priority = 'normal', cpu = 1 } = given;
  return { id: taskId(id), tenant: tenantName(tenant), shape: shapeOf({ cpu }), priority, cost };
}

function queueOf(
  weights: { readonly [tenant: string]: number } = {},
  place = () => 'here' as string | undefined,
) {
  return new FairQueue<Waiting, string>({
    weightOf: (tenant) => weights[tenant] ?? 1,
    costOf: (task) => task.cost,
    place,
  });
}

function takeAll(queue: FairQueue<Waiting, string>, count = Number.POSITIVE_INFINITY): Waiting[] {
  const taken: Waiting[] = [];
  while (taken.length < count) {
    const picked = queue.take();
    if (picked === undefined) break;
    taken.push(picked.task);
  }
  return taken;
}

describe('the queue', () => {
  it('keeps the order of one tenant', () => {
    const queue = queueOf();
    for (const id of ['1', '2', '3']) queue.push(waiting(id));
    expect(takeAll(queue).map(({ id }) => id)).toEqual(['1', '2', '3']);
  });

  it('serves tenants by cost over weight, not by count', () => {
    const queue = queueOf({ a: 1, b: 1 });
    for (let i = 0; i < 300; i++) queue.push(waiting(`a${i}`, { tenant: 'a', cost: 10 }));
    for (let i = 0; i < 300; i++) queue.push(waiting(`b${i}`, { tenant: 'b', cost: 1 }));
    const served = takeAll(queue, 110);
    expect(served.filter(({ tenant }) => tenant === 'a')).toHaveLength(10);
  });

  it('never lets two waiting tenants drift further apart than one task of each', () => {
    const costs = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 50, maxLength: 80 });
    fc.assert(
      fc.property(costs, costs, fc.integer({ min: 1, max: 9 }), (left, right, weight) => {
        const queue = queueOf({ a: 1, b: weight });
        for (const [i, cost] of left.entries()) queue.push(waiting(`a${i}`, { tenant: 'a', cost }));
        for (const [i, cost] of right.entries())
          queue.push(waiting(`b${i}`, { tenant: 'b', cost }));
        const waits = new Map<TenantName, number>([
          [tenantName('a'), left.length],
          [tenantName('b'), right.length],
        ]);
        const served = { a: 0, b: 0 };
        for (;;) {
          const task = queue.take()?.task;
          if (task === undefined) break;
          const share = task.cost / (task.tenant === 'a' ? 1 : weight);
          served[task.tenant as 'a' | 'b'] += share;
          waits.set(task.tenant, (waits.get(task.tenant) ?? 0) - 1);
          if ([...waits.values()].includes(0)) break;
          expect(Math.abs(served.a - served.b)).toBeLessThanOrEqual(50 + 50 / weight);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('banks nothing for a tenant that was idle', () => {
    const queue = queueOf({ a: 1, b: 1 });
    for (let i = 0; i < 200; i++) queue.push(waiting(`a${i}`, { tenant: 'a' }));
    takeAll(queue, 100);
    for (let i = 0; i < 100; i++) queue.push(waiting(`b${i}`, { tenant: 'b' }));
    const served = takeAll(queue, 20);
    expect(served.filter(({ tenant }) => tenant === 'b').length).toBeLessThanOrEqual(11);
  });

  it('shares 3 : 2 : 1 between the priorities of a tenant', () => {
    const queue = queueOf();
    for (const priority of ['low', 'normal', 'high'] as const) {
      for (let i = 0; i < 100; i++) queue.push(waiting(`${priority}${i}`, { priority }));
    }
    const served = takeAll(queue, 60);
    const of = (priority: Priority) => served.filter((task) => task.priority === priority).length;
    expect([of('high'), of('normal'), of('low')]).toEqual([30, 20, 10]);
  });

  it('passes over a shape without room until something was freed', () => {
    let room = false;
    let asked = 0;
    const queue = new FairQueue<Waiting, string>({
      weightOf: () => 1,
      costOf: () => 1,
      place: (shape) => {
        asked++;
        return room || shape.key !== 'cpu=8000;' ? 'here' : undefined;
      },
    });
    for (let i = 0; i < 10; i++) queue.push(waiting(`big${i}`, { cpu: 8 }));
    queue.push(waiting('small'));
    expect(takeAll(queue).map(({ id }) => id)).toEqual(['small']);
    expect(takeAll(queue)).toEqual([]);
    expect(asked).toBe(2);
    room = true;
    queue.unblock(() => true);
    expect(takeAll(queue)).toHaveLength(10);
  });

  it('gives out exactly what was put in and not taken out, in any history', () => {
    const action = fc.record({
      kind: fc.constantFrom('push', 'take', 'remove'),
      tenant: fc.constantFrom('a', 'b', 'c'),
      cpu: fc.integer({ min: 1, max: 60 }),
      priority: fc.constantFrom<Priority>('low', 'normal', 'high'),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
        const queue = queueOf();
        const inside = new Map<TaskId, Waiting>();
        for (const [i, { kind, ...given }] of actions.entries()) {
          if (kind === 'push') {
            const task = waiting(`t${i}`, given);
            inside.set(task.id, task);
            queue.push(task);
          } else if (kind === 'take') {
            const picked = queue.take();
            expect(picked === undefined).toBe(inside.size === 0);
            if (picked !== undefined) expect(inside.delete(picked.task.id)).toBe(true);
          } else {
            const [first] = inside.values();
            if (first === undefined) continue;
            inside.delete(first.id);
            queue.remove(first);
          }
          expect(queue.size).toBe(inside.size);
        }
        expect(new Set(takeAll(queue))).toEqual(new Set(inside.values()));
      }),
      { numRuns: 100 },
    );
  });
});
