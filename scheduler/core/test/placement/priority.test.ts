import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Placement, planPreemption } from '../../src/placement/index.ts';
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
      why: 'n1 loses the least: younger (priority 1)',
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

  it('plans what a look at every node would plan, in any history', () => {
    const step = fc.record({
      node: fc.nat(5),
      cpu: fc.integer({ min: 1, max: 3 }),
      priority: fc.nat(2),
      tenant: fc.constantFrom('a', 'b'),
      ranMs: fc.nat(20),
      ends: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const cluster = new Cluster(many(6, { resources: { cpu: 6 } }));
        const { placement } = cluster;
        for (const { node, cpu, priority, tenant, ranMs, ends } of steps) {
          const site = placement.site(`n${node}`);
          const [first] = site?.tasks ?? [];
          if (ends && first !== undefined) placement.end(first);
          const task = cluster.task({ resources: { cpu } }, { priority, tenant, at: now - ranMs });
          if (site !== undefined) placement.placeOn(site, task);
          placement.check();
        }
        for (const tenant of [undefined, 'a']) {
          for (const cpu of [1, 4, 6]) {
            const task = cluster.task({ resources: { cpu } }, { priority: 2 });
            const plan = planPreemption(placement, task, now, tenant);
            const { kind, ...planned } = { node: undefined, victims: [], waste: 0, ...plan };
            const { node, victims, waste } = everywhere(placement, cpu, 2, tenant);
            expect(kind).toBe(node === undefined ? 'refused' : 'planned');
            expect(planned.node).toBe(node);
            expect(planned.victims.map((victim) => victim.task)).toEqual(victims);
            expect(planned.waste).toBeCloseTo(waste, 9);
          }
        }
      }),
    );
  });

  it('looks at as many tasks, however many nodes there are and whatever others run on them', () => {
    const looks = [10, 1_000].map((nodes) => {
      const cluster = new Cluster(many(nodes, { resources: { cpu: 4 } }));
      const { placement } = cluster;
      const put = (node: number, tenant: string, at: number) =>
        placement.reserve(
          cluster.task({ resources: { cpu: 2 } }, { tenant, at, priority: 1 }),
          `n${node}`,
          [],
        );
      for (let node = 0; node < nodes; node++) {
        put(node, 'others', node);
        put(node, node % (nodes / 5) === 0 ? 'mine' : 'others', node);
      }
      let looked = 0;
      const grant = placement.grant.bind(placement);
      placement.grant = (id) => {
        looked++;
        return grant(id);
      };
      placement.sites = () => {
        throw new Error('looked at all nodes');
      };
      const task = cluster.task({ resources: { cpu: 2 } }, { priority: 2, tenant: 'mine' });
      expect(planPreemption(placement, task, nodes, 'mine')).toMatchObject({
        node: `n${(nodes / 5) * 4}`,
      });
      return looked;
    });
    expect(looks[1]).toBe(looks[0]);
  });

  it.each([
    ['where all run at one priority: at the youngest', 1],
    ['where others are of a higher priority: at the last of the lowest', 2],
  ])('looks no further than somebody could lose less, %s', (_, others) => {
    const looks = [10, 1_000].map((nodes) => {
      const cluster = new Cluster(many(nodes, { resources: { cpu: 4 } }));
      const { placement } = cluster;
      for (let node = 0; node < nodes; node++) {
        const isLow = node === nodes / 2;
        // Those of a higher priority have nothing to lose, and must not be looked at for that.
        const more = {
          priority: isLow ? 1 : others,
          at: isLow ? nodes : others === 1 ? node : now,
        };
        placement.reserve(cluster.task({ resources: { cpu: 4 } }, more), `n${node}`, []);
      }
      let looked = 0;
      const grant = placement.grant.bind(placement);
      placement.grant = (id) => {
        looked++;
        return grant(id);
      };
      const task = cluster.task({ resources: { cpu: 2 } }, { priority: 3 });
      const plan = planPreemption(placement, task, others === 1 ? nodes + 1 : now);
      expect(plan).toMatchObject({ node: `n${nodes / 2}` });
      return looked;
    });
    expect(looks).toEqual([looks[0], looks[0]]);
    expect(looks[0]).toBeLessThanOrEqual(2);
  });

  it('looks as far as somebody could lose as little: of these who joined first is taken', () => {
    const cluster = new Cluster(many(3, { resources: { cpu: 2 } }));
    for (const node of ['n2', 'n0', 'n1']) {
      const task = cluster.task({ resources: { cpu: 2 } }, { priority: 1, at: now - 10 });
      cluster.placement.reserve(task, node, []);
    }
    const task = cluster.task({ resources: { cpu: 2 } }, { priority: 2 });
    expect(planPreemption(cluster.placement, task, now)).toMatchObject({ node: 'n0' });
  });
});

const now = 100;

/** The same by a look at every node: whoever is lowest, then youngest, ends as far as it must. */
function everywhere(placement: Placement, cpu: number, below: number, tenant?: string) {
  const found = [...placement.sites()].flatMap((site) => {
    const lower = [...site.tasks].flatMap((id) => {
      const { task } = placement.grant(id) ?? {};
      const { priority = 0, at = now } = task ?? {};
      if (task === undefined || priority >= below) return [];
      if (tenant !== undefined && task.tenant !== tenant) return [];
      const milli = task.ask.amounts[0]?.milli ?? 0;
      return [{ id, priority, milli, waste: (milli / 6_000) * (now - at) }];
    });
    lower.sort((left, right) => right.priority - left.priority || right.waste - left.waste);
    let free = (site.free[0] ?? 0) + lower.reduce((sum, { milli }) => sum + milli, 0);
    if (free < cpu * 1_000) return [];
    const victims = lower.filter(({ milli }) => {
      const spared = free - milli >= cpu * 1_000;
      if (spared) free -= milli;
      return !spared;
    });
    if (victims.length === 0) return [];
    const highest = Math.max(...victims.map(({ priority }) => priority));
    const waste = victims.reduce((sum, victim) => sum + victim.waste, 0);
    return [{ node: site.spec.name, victims: victims.map(({ id }) => id), waste, highest }];
  });
  found.sort((left, right) => {
    const first = left.highest - right.highest || left.waste - right.waste;
    return first || left.victims.length - right.victims.length;
  });
  return found[0] ?? { node: undefined, victims: [], waste: 0 };
}
