import type { GangPolicy } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { type Demand, Gangs } from '../../src/placement/index.ts';
import { PackSearch } from '../../src/placement/pack.ts';
import type { Site } from '../../src/placement/site.ts';
import { Cluster, many } from './cluster.ts';

describe('a gang', () => {
  const nodesOf = (cluster: Cluster, policy: GangPolicy, demands: readonly Demand[]) => {
    const members = demands.map((demand) => cluster.task(demand));
    const plan = new Gangs(cluster.placement).hold({ id: 'g', policy, members }, 10);
    return plan.kind === 'planned' ? plan.places.map(({ node }) => node) : plan.text;
  };
  const three = Array.from({ length: 3 }, () => ({ resources: { cpu: 2 } }));

  it('goes where its policy says', () => {
    const nodes = many(4, { resources: { cpu: 4 } });
    expect(nodesOf(new Cluster(nodes), 'PACK', three)).toEqual(['n0', 'n0', 'n1']);
    expect(nodesOf(new Cluster(nodes), 'SPREAD', three)).toEqual(['n0', 'n1', 'n2']);
    expect(nodesOf(new Cluster(nodes), 'STRICT_SPREAD', three)).toEqual(['n0', 'n1', 'n2']);
    expect(nodesOf(new Cluster(nodes), 'STRICT_PACK', three)).toBe(
      'no node has room for all 3 members; 4 have for one',
    );
    const large = { name: 'large', resources: { cpu: 6 } };
    const mixed = [...nodes, large];
    expect(nodesOf(new Cluster(mixed), 'STRICT_PACK', three)).toEqual(['large', 'large', 'large']);
    expect(nodesOf(new Cluster(mixed), 'PACK', three)).toEqual(['large', 'large', 'large']);
    expect(nodesOf(new Cluster(nodes.slice(0, 2)), 'SPREAD', three)).toEqual(['n0', 'n1', 'n0']);
    expect(nodesOf(new Cluster(nodes.slice(0, 2)), 'STRICT_SPREAD', three)).toContain(
      'needed by another member',
    );
  });

  it.each([
    ['load-balanced', [5, 6], [2, 3, 2, 4]],
    ['first-fit', [5, 4], [3, 2, 2, 2]],
    ['best-fit', [5, 4], [3, 2, 2, 2]],
    ['best-fit', [10, 10], [6, 4, 5, 5]],
  ] as const)('that fits exactly is packed by %s on nodes of %j: %j', (strategy, nodes, gang) => {
    const cluster = new Cluster(
      nodes.map((cpu, at) => ({ name: `n${at}`, resources: { cpu } })),
      strategy,
    );
    const demands = gang.map((cpu) => ({ resources: { cpu } }));
    expect(nodesOf(cluster, 'PACK', demands)).toHaveLength(gang.length);
    cluster.placement.check();
  });

  it('that does not fit is told so soon, however many ways there are to try', () => {
    const cluster = new Cluster(many(40, { resources: { cpu: 10 } }));
    const demands = Array.from({ length: 16 }, (_, at) => ({ resources: { cpu: 5.1 + at / 100 } }));
    for (let at = 0; at < 25; at++) cluster.put({ resources: { cpu: 10 } });
    expect(nodesOf(cluster, 'PACK', demands)).toBe('40 nodes have too little free cpu');
    expect([...cluster.placement.grants()]).toHaveLength(25);
  });

  it.each([
    [0, 32],
    [8, 32],
    [1_024, 4],
  ])('is searched for in bounded looks at nodes with %i GPUs each', (gpu, few) => {
    const nodes = Array.from({ length: 32 }, (_, at) => {
      return { name: `n${at}`, resources: { cpu: 10 + at / 1_000, gpu } };
    });
    const cluster = new Cluster(nodes);
    const resources = gpu === 0 ? {} : { gpu: 0.5 };
    const members = Array.from({ length: 16 }, (_, at) =>
      cluster.task({ resources: { ...resources, cpu: 5.2 + at / 100 } }),
    );
    const looksOf = (sites: readonly Site[]) => {
      const copies = sites.map((site) => ({
        ...site,
        free: [...site.free],
        gpus: site.gpus.slice(),
      }));
      const search = new PackSearch(copies, members);
      expect(search.from(0)).toBe(false);
      return search.looks;
    };
    const fifteen = [...cluster.placement.sites()].slice(0, 15);
    expect(looksOf(fifteen)).toBeLessThan(20_000 + 32 * 17);
    expect(looksOf(fifteen)).toBeGreaterThan(few * 100);
  });

  it('is planned by a look at each node where none holds it whole', () => {
    const cluster = new Cluster(many(400, { resources: { cpu: 4 } }), 'load-balanced');
    for (let at = 0; at < 400; at++) cluster.put({ resources: { cpu: 2 } });
    const members = Array.from({ length: 16 }, () => ({ resources: { cpu: 1.5 } }));
    const changes = cluster.placement.changes();
    expect(nodesOf(cluster, 'STRICT_PACK', members)).toContain('400 have for one');
    let tried = 0;
    changes.each(() => tried++);
    expect(tried).toBe(0);
  });

  it('is spread over nodes of its own whenever there is any way to do it', () => {
    const cluster = new Cluster([
      { name: 'both', resources: { cpu: 4 }, labels: { disk: 'ssd' } },
      { name: 'plain', resources: { cpu: 4 } },
    ]);
    const ssd: Demand = { resources: { cpu: 1 }, nodes: [{ label: 'disk', op: 'exists' }] };
    const any: Demand = { resources: { cpu: 2 } };
    expect(nodesOf(cluster, 'STRICT_SPREAD', [any, ssd])).toEqual(['plain', 'both']);
  });
});

describe('gangs that compete', () => {
  it('get everything or hold nothing, so that neither blocks the other', () => {
    const cluster = new Cluster(many(3, { resources: { cpu: 1 } }));
    const gangs = new Gangs(cluster.placement);
    const gang = (id: string) => ({
      id,
      policy: 'SPREAD' as const,
      members: [1, 2].map(() => cluster.task({ resources: { cpu: 1 } })),
    });
    const [first, second] = [gang('first'), gang('second')];
    expect(gangs.plan(first).kind).toBe('planned');
    expect([...cluster.placement.grants()]).toEqual([]);
    expect(gangs.hold(first, 10).kind).toBe('planned');
    expect(gangs.hold(second, 10)).toMatchObject({
      kind: 'refused',
      text: '3 nodes have too little free cpu',
    });
    expect([...cluster.placement.grants()]).toHaveLength(2);
    expect(gangs.expire(9)).toEqual([]);
    expect(gangs.expire(10)).toEqual(['first']);
    expect(gangs.confirm('first')).toBe(false);
    expect(gangs.hold(second, 20).kind).toBe('planned');
    expect(gangs.confirm('second')).toBe(true);
    expect(gangs.expire(30)).toEqual([]);
    cluster.placement.check();
  });

  it('lose their hold as a whole when one of its nodes is lost', () => {
    const cluster = new Cluster(many(2, { resources: { cpu: 1 } }));
    const gangs = new Gangs(cluster.placement);
    const members = [1, 2].map(() => cluster.task({ resources: { cpu: 1 } }));
    gangs.hold({ id: 'g', policy: 'STRICT_SPREAD', members }, 10);
    cluster.placement.removeNode('n1');
    expect(gangs.confirm('g')).toBe(false);
    expect([...cluster.placement.grants()]).toEqual([]);
  });
});
