import { type TaskId, tenantName } from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backlog } from '../../src/fair/backlog.ts';
import { type Priority, priorityFault, quotaFault } from '../../src/fair/index.ts';
import { enter, fairQueue, type Made, push, takeAll, task } from './scene.ts';

const a = tenantName('a');

describe('the queue', () => {
  it('keeps the order of one tenant', () => {
    const queue = fairQueue();
    const tasks = [1, 2, 3].map(() => task('a'));
    for (const one of tasks) enter(queue, one, 0);
    expect(takeAll(queue)).toEqual(tasks);
  });

  it('passes over a shape without room until something was freed', () => {
    let room = false;
    let asked = 0;
    const queue = fairQueue({
      place: ({ key }) => {
        asked++;
        return room || key !== 'cpu=8000;' ? 'here' : undefined;
      },
    });
    push(queue, 10, () => task('a', { cpu: 8 }));
    push(queue, 1, () => task('a'));
    push(queue, 1, () => task('b'));
    expect(takeAll(queue)).toHaveLength(2);
    expect(takeAll(queue)).toEqual([]);
    expect(asked).toBe(3);
    room = true;
    queue.unblock(() => true);
    expect(takeAll(queue)).toHaveLength(10);
  });

  it('gives out exactly what was put in and not taken out, in any history', () => {
    const action = fc.record({
      kind: fc.constantFrom('push', 'push', 'take', 'land', 'remove', 'close', 'open', 'limit'),
      tenant: fc.constantFrom('a', 'b', 'c'),
      cpu: fc.integer({ min: 1, max: 40 }),
      priority: fc.constantFrom<Priority>('low', 'normal', 'high'),
      deadline: fc.option(fc.integer({ min: 0, max: 400 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300, size: 'max' }), (actions) => {
        const tight = new Set<string>();
        const queue = fairQueue({ place: ({ key }) => (tight.has(key) ? undefined : 'here') });
        const inside = new Map<TaskId, Made>();
        const running: Made[] = [];
        for (const [now, { kind, tenant, cpu, priority, deadline }] of actions.entries()) {
          const made = task(tenant, {
            cpu,
            priority,
            ...(deadline === undefined ? {} : { deadline }),
          });
          if (kind === 'push') {
            inside.set(made.id, made);
            enter(queue, made, now);
          } else if (kind === 'take') {
            const picked = queue.take(now);
            if (picked === undefined) continue;
            expect(inside.delete(picked.task.id)).toBe(true);
            running.push(picked.task);
          } else if (kind === 'land') {
            const landed = running.pop();
            if (landed !== undefined) queue.landed(landed, now, { charged: 1, real: cpu });
          } else if (kind === 'remove') {
            const [first] = inside.values();
            if (first === undefined) continue;
            inside.delete(first.id);
            queue.remove(first, now);
          } else if (kind === 'close') tight.add(made.shape.key);
          else if (kind === 'open') {
            tight.clear();
            queue.unblock(() => true);
          } else queue.put(tenantName(tenant), { weight: cpu, quota: { inFlightMax: cpu } }, now);
          expect(queue.size).toBe(inside.size);
          queue.check();
        }
        tight.clear();
        queue.unblock(() => true);
        for (const landed of running) queue.landed(landed, 1_000);
        expect(new Set(takeAll(queue))).toEqual(new Set(inside.values()));
      }),
      { numRuns: 200 },
    );
  });

  it('starts something whenever something fits, for a crowd of shapes and tenants', () => {
    const cpus = fc.array(fc.integer({ min: 1, max: 50 }), {
      minLength: 1,
      maxLength: 200,
      size: 'max',
    });
    fc.assert(
      fc.property(cpus, fc.integer({ min: 1, max: 60 }), (all, free) => {
        const queue = fairQueue({
          place: ({ amounts }) => ((amounts[0]?.milli ?? 0) <= free * 1_000 ? 'here' : undefined),
        });
        for (const [i, cpu] of all.entries()) enter(queue, task(`t${i % 7}`, { cpu }), 0);
        expect(takeAll(queue)).toHaveLength(all.filter((cpu) => cpu <= free).length);
      }),
    );
  });
});

describe('a tenant', () => {
  const action = fc.record({
    kind: fc.constantFrom('push', 'push', 'push', 'take', 'take', 'land', 'remove'),
    tenant: fc.constantFrom('a', 'b', 'c'),
    cpu: fc.constantFrom(1, 1, 1, 2, 3),
    cost: fc.integer({ min: 1, max: 30 }),
  });

  it('is served alike whether or not its tasks could differ, in any history', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200, size: 'max' }), (actions) => {
        const room = ({ key }: { readonly key: string }) => (key === shut ? undefined : 'here');
        let shut = '';
        const plain = fairQueue({ place: room });
        const assorted = fairQueue({ place: room });
        // Of equal turns the tenant that was named first goes first.
        for (const name of ['a', 'b', 'c']) plain.put(name, { weight: 1 }, 0);
        for (const name of ['a', 'b', 'c']) assorted.weighQueue(name, 'unused', 1);
        const waiting: Made[] = [];
        const running: Made[] = [];
        for (const [now, { kind, tenant, cpu, cost }] of actions.entries()) {
          if (kind === 'push') {
            const made = task(tenant, { cpu, cost });
            waiting.push(made);
            for (const queue of [plain, assorted]) enter(queue, made, now);
          } else if (kind === 'take') {
            shut = `cpu=${cpu * 1_000};`;
            const picked = plain.take(now);
            expect(assorted.take(now)).toEqual(picked);
            if (picked === undefined) continue;
            waiting.splice(waiting.indexOf(picked.task), 1);
            running.push(picked.task);
          } else if (kind === 'land') {
            const landed = running.shift();
            if (landed === undefined) continue;
            const costs = { charged: landed.cost, real: cost };
            for (const queue of [plain, assorted]) {
              queue.landed(landed, now, costs);
              queue.unblock(() => true);
            }
          } else {
            const [gone] = waiting.splice(cost % Math.max(1, waiting.length), 1);
            if (gone !== undefined) for (const queue of [plain, assorted]) queue.remove(gone, now);
          }
          for (const name of ['a', 'b', 'c']) {
            expect(plain.share(name)).toEqual(assorted.share(name));
          }
          plain.check();
          assorted.check();
        }
      }),
      { numRuns: 200 },
    );
  });

  it('with a thousand shapes is looked at where something is due, not everywhere', () => {
    const backlog = new Backlog<Made>({ costOf: ({ cost }) => cost, coefficientOf: () => 1 });
    for (let cpu = 1; cpu <= 1_000; cpu++) {
      const made = task('a', { cpu });
      const lane = { shape: made.shape, shapeSlot: cpu, contestSlot: cpu, waiting: 0 };
      backlog.push(made, lane, { since: 0 });
    }
    let looks = 0;
    for (let cpu = 4; cpu <= 1_000; cpu++) {
      const chosen = backlog.choose(0, ({ shapeSlot }) => {
        looks++;
        return shapeSlot > 3;
      });
      expect(chosen?.lane.shapeSlot).toBe(cpu);
      if (chosen !== undefined) backlog.take(chosen, 1, 0);
    }
    expect(looks / 997).toBeLessThanOrEqual(8);
  });

  it('with many shapes starts each of them as soon as it fits, whichever it is', () => {
    let room = '';
    const queue = fairQueue({ place: ({ key }) => (key === room ? 'here' : undefined) });
    const tasks = Array.from({ length: 40 }, (_, number) => task('a', { cpu: number + 1 }));
    for (const one of tasks) enter(queue, one, 0);
    for (let turn = 0; turn < 40; turn++) {
      expect(takeAll(queue)).toEqual([]);
      const fits = tasks[(turn * 7) % 40] ?? task('a');
      room = fits.shape.key;
      queue.unblock(({ key }) => key === room);
      expect(takeAll(queue)).toEqual([fits]);
      room = '';
      queue.check();
    }
  });

  it('of whose many tasks one is withdrawn keeps the order of the others', () => {
    for (const count of [5, 50]) {
      const queue = fairQueue();
      const tasks = Array.from({ length: count }, () => task('a'));
      for (const one of tasks) enter(queue, one, 0);
      for (const at of [3, 0]) queue.remove(tasks.splice(at, 1)[0] ?? task('a'), 0);
      expect(queue.size).toBe(count - 2);
      expect(takeAll(queue)).toEqual(tasks);
    }
  });
});

describe('a place', () => {
  it('never stays empty while a task waits that fits, as tasks come and end', () => {
    const step = fc.record({
      tenant: fc.integer({ min: 0, max: 6 }),
      cpus: fc.array(fc.integer({ min: 1, max: 16 }), { maxLength: 6 }),
      ends: fc.integer({ min: 0, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        let free = 16;
        const cpuOf = ({ shape }: Made) => (shape.amounts[0]?.milli ?? 0) / 1_000;
        const queue = fairQueue({
          place: (_shape, one) => (cpuOf(one) <= free ? 'here' : undefined),
        });
        const waiting = new Set<Made>();
        const running: Made[] = [];
        for (const [now, { tenant, cpus, ends }] of steps.entries()) {
          for (const cpu of cpus) {
            const made = task(`t${tenant}`, { cpu });
            waiting.add(made);
            enter(queue, made, now);
          }
          for (const ended of running.splice(0, ends)) {
            free += cpuOf(ended);
            queue.landed(ended, now, { charged: 1, real: cpuOf(ended) });
            queue.unblock((shape) => (shape.amounts[0]?.milli ?? 0) <= free * 1_000);
          }
          for (let one = queue.take(now); one !== undefined; one = queue.take(now)) {
            free -= cpuOf(one.task);
            expect(waiting.delete(one.task)).toBe(true);
            running.push(one.task);
          }
          expect([...waiting].filter((one) => cpuOf(one) <= free)).toEqual([]);
        }
      }),
    );
  });
});

describe('a quota', () => {
  it('bounds what runs at once, and leaves the rest to others', () => {
    const queue = fairQueue();
    queue.put(a, { weight: 9, quota: { inFlightMax: 2 } }, 0);
    push(queue, 5, () => task('a'));
    push(queue, 5, () => task('b'));
    const taken: Made[] = [];
    for (let one = queue.take(0); one !== undefined; one = queue.take(0)) taken.push(one.task);
    expect(taken.filter(({ tenant }) => tenant === a)).toHaveLength(2);
    expect(taken).toHaveLength(7);
    const [first] = taken.filter(({ tenant }) => tenant === a);
    if (first !== undefined) queue.landed(first, 0);
    expect(queue.take(0)?.task.tenant).toBe(a);
    expect(queue.take(0)).toBeUndefined();
  });

  it('bounds cpu and memory, and still lets smaller tasks by', () => {
    const queue = fairQueue();
    queue.put(a, { weight: 1, quota: { cpuMax: 5, memoryMax: 8 } }, 0);
    push(queue, 2, () => task('a', { cpu: 4, memory: 1 }));
    push(queue, 3, () => task('a', { cpu: 0.25, memory: 4 }));
    const taken: Made[] = [];
    for (let one = queue.take(0); one !== undefined; one = queue.take(0)) taken.push(one.task);
    const total = (name: string) =>
      taken.reduce(
        (sum, { shape }) => sum + (shape.amounts.find((one) => one.name === name)?.milli ?? 0),
        0,
      );
    expect(taken).toHaveLength(2);
    expect(total('cpu')).toBeLessThanOrEqual(5_000);
    expect(total('memory')).toBeLessThanOrEqual(8_000);
  });

  it('bounds starts in a second, and says when the next may be', () => {
    const queue = fairQueue();
    queue.put(a, { weight: 1, quota: { startsPerSecondMax: 4 } }, 0);
    push(queue, 100, () => task('a'));
    expect(takeAll(queue, 100, 0)).toHaveLength(4);
    expect(queue.wakeAt()).toBeCloseTo(250, 3);
    expect(takeAll(queue, 100, 249)).toHaveLength(0);
    expect(takeAll(queue, 100, 251)).toHaveLength(1);
    let started = 0;
    for (let now = 252; now < 10_252; now += 7) started += takeAll(queue, 100, now).length;
    expect(Math.abs(started - 40)).toBeLessThanOrEqual(1);
  });

  it('that is reached holds back no shape for longer than the others, however many a tenant has', () => {
    const queue = fairQueue();
    queue.put(a, { weight: 1, quota: { inFlightMax: 1 } }, 0);
    for (let cpu = 1; cpu <= 40; cpu++) enter(queue, task('a', { cpu }), 0);
    for (let left = 40; left > 0; left--) {
      const picked = queue.take(0);
      expect(picked, `with ${left} left`).toBeDefined();
      expect(queue.take(0)).toBeUndefined();
      if (picked !== undefined) queue.landed(picked.task, 0);
      queue.check();
    }
    expect(queue.size).toBe(0);
  });

  it('of starts in a second that is lifted lets start at once what waited for it', () => {
    const queue = fairQueue();
    queue.put(a, { weight: 1, quota: { startsPerSecondMax: 0.001 } }, 0);
    push(queue, 5, () => task('a'));
    expect(takeAll(queue)).toHaveLength(1);
    queue.put(a, { weight: 1, quota: {} }, 0);
    expect(takeAll(queue)).toHaveLength(4);
    expect(queue.wakeAt()).toBeUndefined();
  });

  it('lifts nothing that was missed while it was reached', () => {
    const queue = fairQueue();
    queue.put(a, { weight: 1, quota: { inFlightMax: 1 } }, 0);
    push(queue, 200, () => task('a'));
    push(queue, 300, () => task('b'));
    const held = queue.take(0)?.task;
    takeAll(queue, 100);
    queue.put(a, { weight: 1, quota: {} }, 0);
    if (held !== undefined) queue.landed(held, 0);
    const mine = takeAll(queue, 50).filter(({ tenant }) => tenant === a);
    expect(mine.length).toBeLessThanOrEqual(26);
  });

  it('tells in how long a full queue has room again', () => {
    const queue = fairQueue();
    push(queue, 20, () => task('a'));
    for (let now = 0; now < 2_000; now += 200) takeAll(queue, 1, now);
    expect(queue.retryAfterMs(a, 3)).toBe(600);
    expect(queue.retryAfterMs(tenantName('never-seen'), 3)).toBe(1_000);
  });

  it('is refused when it is no number above nought', () => {
    expect(quotaFault({ cpuMax: -1 })).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(quotaFault({ inFlightMax: Number.NaN })?.message).toContain('inFlightMax');
    expect(quotaFault({ memoryMax: 4 })).toBeUndefined();
  });
});

describe('a priority', () => {
  it('goes by name; a bare number is refused', () => {
    expect(priorityFault(3)?.message).toContain('say "high", "normal" or "low"');
    expect(priorityFault('urgent')).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(priorityFault('high')).toBeUndefined();
  });

  it('counts for its tenant as soon as its task has come, whatever waited before', () => {
    const queue = fairQueue();
    push(queue, 3, () => task('b', { cost: 10 }));
    enter(queue, task('a', { priority: 'low', cost: 100 }), 0);
    const high = task('a', { priority: 'high' });
    enter(queue, high, 0);
    expect(takeAll(queue, 1)).toEqual([high]);
  });
});

describe('a queue that was closed', () => {
  it('has, when it is opened again, no share of what went on meanwhile', () => {
    const queue = fairQueue();
    const mails = () => task('a', { queue: 'mails' });
    queue.weighQueue(a, 'mails', 1);
    push(queue, 50, mails);
    push(queue, 200, () => task('a'));
    queue.keepQueues(a, new Map());
    expect(takeAll(queue, 100).filter((one) => one.queue === 'mails')).toHaveLength(50);
    queue.keepQueues(a, new Map());
    takeAll(queue, 50);
    queue.weighQueue(a, 'mails', 1);
    push(queue, 50, mails);
    const taken = takeAll(queue, 40).filter((one) => one.queue === 'mails');
    expect(Math.abs(taken.length - 20)).toBeLessThanOrEqual(1);
  });
});

describe('a deadline', () => {
  /** Low priority owes so much that by its share it would not start for long. */
  function inDebt() {
    const queue = fairQueue();
    push(queue, 100, () => task('a', { priority: 'high' }));
    push(queue, 1, () => task('a', { priority: 'low', cost: 100 }));
    expect(takeAll(queue, 2).map(({ priority }) => priority)).toEqual(['high', 'low']);
    return queue;
  }

  it('goes first within its tenant, once half of its time is gone', () => {
    const queue = inDebt();
    const due = task('a', { priority: 'low', deadline: 1_000 });
    enter(queue, due, 0);
    expect(takeAll(queue, 20, 499)).not.toContain(due);
    expect(takeAll(queue, 1, 500)).toEqual([due]);
  });

  it('takes at most every second start from the shares of priorities', () => {
    const queue = inDebt();
    push(queue, 50, () => task('a', { priority: 'low', deadline: 10 }));
    const urgent = takeAll(queue, 40, 9).map(({ deadline }) => deadline !== undefined);
    expect(urgent).toEqual(urgent.map((_, at) => at % 2 === 0));
  });

  it('costs other tenants nothing', () => {
    const queue = fairQueue();
    push(queue, 100, () => task('a'));
    push(queue, 100, () => task('a', { deadline: 10 }));
    push(queue, 100, () => task('b'));
    const mine = takeAll(queue, 80, 9).filter(({ tenant }) => tenant === a);
    expect(Math.abs(mine.length - 40)).toBeLessThanOrEqual(1);
    expect(mine.filter(({ deadline }) => deadline !== undefined)).toHaveLength(mine.length);
  });

  it('goes before older tasks only until they are of age', () => {
    const queue = fairQueue();
    const old = task('a');
    enter(queue, old, 0);
    for (let now = 0; now < 120_000; now += 1_000) {
      enter(queue, task('a', { deadline: now + 30_000 }), now);
      if (takeAll(queue, 1, now)[0] === old) return expect(now).toBeLessThanOrEqual(62_000);
    }
    expect.unreachable('the old task starved');
  });
});
