import { describe, expect, it } from 'vitest';
import { planPreemption } from '../../src/placement/index.ts';
import { Cluster, many } from './cluster.ts';

describe('preemption', () => {
  it('ends what loses the least work, and says what and why', () => {
    const cluster = new Cluster(many(3, { resources: { cpu: 4 } }));
    const put = (node: string, id: string, cpu: number, priority: number, at: number) =>
      cluster.placement.reserve(
        cluster.task({ resources: { cpu } }, { id, priority, at }),
        node,
        [],
      );
    put('n0', 'old', 4, 1, 0);
    put('n1', 'young', 2, 1, 90);
    put('n1', 'younger', 2, 1, 95);
    put('n2', 'middle', 4, 2, 99);
    const task = cluster.task({ resources: { cpu: 2 } }, { priority: 3 });
    const plan = planPreemption(cluster.placement, task, 100);
    expect(plan).toMatchObject({
      node: 'n1',
      victims: [{ task: 'younger', priority: 1, waste: 2.5 }],
      why: 'n1 loses the least of 3 nodes: younger (priority 1)',
    });
    const large = cluster.task({ resources: { cpu: 4 } }, { priority: 3 });
    expect(planPreemption(cluster.placement, large, 100)).toMatchObject({ node: 'n1', waste: 7.5 });
  });

  it('ends the low before the middle on one node, however much longer the low has run', () => {
    const cluster = new Cluster(many(1, { resources: { cpu: 2 } }));
    const put = (id: string, priority: number, at: number) =>
      cluster.placement.reserve(
        cluster.task({ resources: { cpu: 1 } }, { id, priority, at }),
        'n0',
        [],
      );
    put('low', 1, 0);
    put('middle', 2, 99);
    const task = cluster.task({ resources: { cpu: 1 } }, { priority: 3 });
    const plan = planPreemption(cluster.placement, task, 100);
    expect(plan).toMatchObject({ victims: [{ task: 'low', waste: 50 }] });
  });

  it('does not end the very task that it wants to be near', () => {
    const cluster = new Cluster(many(1, { resources: { cpu: 4 } }));
    const tasks = [{ label: 'app', op: 'in', values: ['db'] }] as const;
    const put = (id: string, cpu: number, labels = {}) =>
      cluster.placement.reserve(
        cluster.task({ resources: { cpu }, labels }, { id, priority: 1 }),
        'n0',
        [],
      );
    put('db', 2, { app: 'db' });
    put('other', 2);
    const near = (cpu: number) =>
      cluster.task({ resources: { cpu }, near: [{ across: 'node', tasks }] }, { priority: 3 });
    expect(planPreemption(cluster.placement, near(4), 0)).toMatchObject({ kind: 'refused' });
    expect(planPreemption(cluster.placement, near(2), 0)).toMatchObject({
      victims: [{ task: 'other' }],
    });
    expect([...(cluster.placement.site('n0')?.tasks ?? [])]).toEqual(['db', 'other']);
    cluster.placement.check();
  });

  it('ends the next cheapest where the cheapest is the one that the task wants to be near', () => {
    const cluster = new Cluster(many(1, { resources: { cpu: 6 } }));
    const app = (name: string) => [{ label: 'app', op: 'in', values: [name] }] as const;
    const put = (id: string, cpu: number, at: number, labels = {}) =>
      cluster.placement.reserve(
        cluster.task({ resources: { cpu }, labels }, { id, priority: 1, at }),
        'n0',
        [],
      );
    put('old', 2, 0);
    put('middle', 1, 50);
    put('db', 1, 90, { app: 'db' });
    put('young db', 1, 95, { app: 'db' });
    put('noisy', 1, 10, { app: 'noisy' });
    const near = [{ across: 'node', tasks: app('db') }] as const;
    const victims = (cpu: number, more = {}) => {
      const task = cluster.task({ resources: { cpu }, near, ...more }, { priority: 3 });
      const plan = planPreemption(cluster.placement, task, 100);
      return plan.kind === 'planned' ? plan.victims.map(({ task: id }) => id) : [];
    };
    expect(victims(1)).toEqual(['young db']);
    expect(victims(2)).toEqual(['middle', 'young db']);
    expect(victims(5)).toEqual(['old', 'noisy', 'middle', 'young db']);
    expect(victims(6)).toEqual([]);
    const apart = [{ across: 'node', tasks: app('noisy') }];
    expect(victims(1, { apart })).toEqual(['noisy']);
    expect(victims(2, { apart })).toEqual(['noisy', 'young db']);
    expect([...(cluster.placement.site('n0')?.tasks ?? [])]).toHaveLength(5);
    cluster.placement.check();
  });

  it('ends whom it must be apart from, and spares who is in nobody’s way', () => {
    const cluster = new Cluster(many(1, { resources: { cpu: 4 } }));
    const tasks = [{ label: 'app', op: 'in', values: ['noisy'] }] as const;
    const put = (id: string, labels = {}) =>
      cluster.placement.reserve(
        cluster.task({ resources: { cpu: 1 }, labels }, { id, priority: 1 }),
        'n0',
        [],
      );
    put('noisy', { app: 'noisy' });
    put('quiet');
    const calm = cluster.task(
      { resources: { cpu: 1 }, apart: [{ across: 'node', tasks }] },
      { priority: 3 },
    );
    expect(planPreemption(cluster.placement, calm, 0)).toMatchObject({
      victims: [{ task: 'noisy' }],
    });
  });

  it('touches neither its equals, nor the spared, nor anybody in vain', () => {
    const cluster = new Cluster(many(2, { resources: { cpu: 2 } }));
    const one = { resources: { cpu: 1 } };
    const put = (node: string, id: string, priority: number, spared = false) =>
      cluster.placement.reserve(cluster.task(one, { id, priority, spared }), node, []);
    put('n0', 'equal', 2);
    put('n0', 'low', 1);
    put('n1', 'spared', 0, true);
    put('n1', 'equal too', 2);
    const plan = (cpu: number) =>
      planPreemption(cluster.placement, cluster.task({ resources: { cpu } }, { priority: 2 }), 0);
    expect(plan(1)).toMatchObject({ node: 'n0', victims: [{ task: 'low' }] });
    expect(plan(2)).toEqual({
      kind: 'refused',
      why: 'no node has room even without its tasks below priority 2',
    });
  });
});
