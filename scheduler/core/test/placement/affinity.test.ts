import type { Selector } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import type { NodeSpec } from '../../src/placement/index.ts';
import { Cluster } from './cluster.ts';

const resources = { cpu: 4 };
const zones: NodeSpec[] = [
  { name: 'a1', resources, labels: { zone: 'a', disk: 'hdd' } },
  { name: 'a2', resources, labels: { zone: 'a', disk: 'ssd' } },
  { name: 'b1', resources, labels: { zone: 'b', disk: 'hdd' } },
  { name: 'b2', resources, labels: { zone: 'b', disk: 'ssd' } },
  { name: 'x', resources },
];
const one = { cpu: 1 };
const app = (name: string): Selector => [{ label: 'app', op: 'in', values: [name] }];

describe('affinity to nodes', () => {
  it('is a must when required, and a wish when preferred', () => {
    const cluster = new Cluster(zones);
    const ssd: Selector = [{ label: 'disk', op: 'in', values: ['ssd'] }];
    const inB: Selector = [{ label: 'zone', op: 'in', values: ['b'] }];
    expect(cluster.put({ resources: one, nodes: ssd })).toBe('a2');
    const nodesPreferred = [
      { weight: 10, term: ssd },
      { weight: 20, term: inB },
    ];
    expect(cluster.put({ resources, nodesPreferred })).toBe('b2');
    expect(cluster.put({ resources, nodesPreferred })).toBe('b1');
    expect(cluster.put({ resources: { cpu: 3 }, nodesPreferred })).toBe('a2');
    expect(cluster.put({ resources, nodesPreferred })).toBe('a1');
  });

  it('knows not-in, exists and absent', () => {
    const cluster = new Cluster(zones);
    const put = (nodes: Selector) => cluster.put({ resources: one, nodes });
    expect(put([{ label: 'zone', op: 'not-in', values: ['a'] }])).toBe('b1');
    expect(put([{ label: 'zone', op: 'absent' }])).toBe('x');
    expect(put([{ label: 'zone', op: 'exists' }])).toBe('a1');
    expect(put([{ label: 'toString', op: 'exists' }])).toContain('5 nodes lack label toString');
  });
});

describe('affinity to other tasks', () => {
  it('goes near them, also when it is the first of its own group', () => {
    const cluster = new Cluster(zones);
    const near = [{ tasks: app('web'), across: 'zone' }];
    expect(cluster.put({ resources: one, near })).toBe(
      '4 nodes are not near a task asked for, 1 lacks label zone',
    );
    const nodes: Selector = [{ label: 'zone', op: 'in', values: ['b'] }];
    const web = { resources: one, labels: { app: 'web' }, near };
    expect(cluster.put({ ...web, nodes })).toBe('b1');
    expect(cluster.put({ resources, near })).toBe('b2');
    expect(cluster.put({ resources: { cpu: 3 }, near })).toBe('b1');
    cluster.placement.check();
  });

  it('keeps apart both ways: from those named, and from those that name it', () => {
    const cluster = new Cluster(zones);
    const apart = [{ tasks: app('web'), across: 'node' }];
    const web = { resources: one, labels: { app: 'web' } };
    expect(cluster.put({ ...web, apart })).toBe('a1');
    expect(cluster.put(web)).toBe('a2');
    const shy = cluster.task({ ...web, apart });
    expect(cluster.placement.place(shy)).toMatchObject({ node: 'b1' });
    expect(cluster.put({ resources: one, apart })).toBe('b2');
    expect(cluster.put({ ...web, apart })).toBe('x');
    expect(cluster.put({ ...web, apart })).toBe(
      '4 nodes are too near a task, 1 has a task that must be apart',
    );
    cluster.placement.end(shy.id);
    expect(cluster.put({ ...web, apart })).toBe('b1');
  });

  it('prefers and avoids by weight when it is only a wish', () => {
    const cluster = new Cluster(zones);
    cluster.placement.reserve(cluster.task({ resources: one, labels: { app: 'db' } }), 'a2', []);
    const term = { tasks: app('db'), across: 'node' };
    const nearPreferred = [{ weight: 5, term }];
    const apartPreferred = [{ weight: 5, term: { ...term, across: 'zone' } }];
    expect(cluster.put({ resources: one, nearPreferred })).toBe('a2');
    expect(cluster.put({ resources: one, apartPreferred })).toBe('b1');
    expect(cluster.put({ resources, nearPreferred })).toBe('a1');
  });
});

describe('spread', () => {
  it('keeps the domains within the skew, and refuses rather than break it', () => {
    const cluster = new Cluster(zones);
    const rule = { tasks: app('web'), across: 'zone', skewMax: 1 };
    const web = { resources: { cpu: 2 }, labels: { app: 'web' } };
    const strict = { ...web, spread: [{ ...rule, required: true }] };
    expect([1, 2, 3, 4].map(() => cluster.put(strict))).toEqual(['a1', 'b1', 'a1', 'b1']);
    cluster.placement.cordon('b2', true);
    expect(cluster.put(strict)).toBe('a2');
    expect(cluster.put(strict)).toBe(
      '2 nodes have too little free cpu, 1 would be more than 1 ahead in zone, 1 is cordoned, 1 lacks label zone',
    );
    const loose = { ...web, spread: [{ ...rule, required: false }] };
    expect(cluster.put(loose)).toBe('x');
  });

  it('counts those who match: who does not match itself puts no domain further ahead', () => {
    const cluster = new Cluster(zones);
    const web = { resources: one, labels: { app: 'web' } };
    const rule = { tasks: app('web'), across: 'zone', skewMax: 1, required: true };
    expect(cluster.put(web)).toBe('a1');
    // One web is ahead in zone a, as far as is allowed.
    const another = { resources: one, labels: { app: 'db' }, spread: [rule] };
    expect(cluster.put(another)).toBe('a1');
    expect(cluster.put({ ...web, spread: [rule] })).toBe('b1');
  });

  it('does not wait for a domain that takes nobody in', () => {
    const cluster = new Cluster(zones);
    const rule = { tasks: app('web'), across: 'zone', skewMax: 1, required: true };
    const web = { resources: one, labels: { app: 'web' }, spread: [rule] };
    expect(cluster.put(web)).toBe('a1');
    for (const node of ['b1', 'b2']) cluster.placement.cordon(node, true);
    expect(cluster.put(web)).toBe('a1');
    cluster.placement.cordon('b2', false);
    expect(cluster.put(web)).toBe('b2');
  });

  it('does not wait for a domain whose nodes can never have it', () => {
    const nodes: NodeSpec[] = [
      { name: 'a1', resources: { cpu: 4, gpu: 4 }, labels: { zone: 'a', disk: 'ssd' } },
      { name: 'b1', resources: { cpu: 4, gpu: 4 }, labels: { zone: 'b', disk: 'ssd' } },
      { name: 'c1', resources: { cpu: 4 }, labels: { zone: 'c', disk: 'ssd' } },
      { name: 'd1', resources: { cpu: 4, gpu: 4 }, labels: { zone: 'd', disk: 'hdd' } },
    ];
    const cluster = new Cluster(nodes);
    const ssd: Selector = [{ label: 'disk', op: 'in', values: ['ssd'] }];
    const rule = { tasks: app('train'), across: 'zone', skewMax: 1, required: true };
    const train = {
      resources: { gpu: 1 },
      nodes: ssd,
      labels: { app: 'train' },
      spread: [rule],
    };
    expect([1, 2, 3, 4].map(() => cluster.put(train))).toEqual(['a1', 'b1', 'a1', 'b1']);
    const all = { resources: { cpu: 1 }, labels: { app: 'train' }, spread: [rule] };
    expect([1, 2].map(() => cluster.put(all))).toEqual(['c1', 'd1']);
  });

  it('that is only a wish leaves it to the strategy where no node has the label', () => {
    const nodes = ['n1', 'n2', 'n3'].map((name) => ({ name, resources }));
    const cluster = new Cluster(nodes, 'worst-fit');
    const rule = { tasks: app('web'), across: 'zone', skewMax: 1, required: false };
    const web = { resources: one, labels: { app: 'web' }, spread: [rule] };
    expect([1, 2, 3].map(() => cluster.put(web))).toEqual(['n1', 'n2', 'n3']);
  });

  it('that is only a wish draws nobody to a node without the label', () => {
    const nodes: NodeSpec[] = [
      { name: 'x', resources: { cpu: 2 } },
      { name: 'a1', resources, labels: { zone: 'a' } },
      { name: 'b1', resources, labels: { zone: 'b' } },
    ];
    const cluster = new Cluster(nodes, 'worst-fit');
    const rule = { tasks: app('web'), across: 'zone', skewMax: 1, required: false };
    const web = { resources: one, labels: { app: 'web' }, spread: [rule] };
    const put = [1, 2, 3, 4].map(() => cluster.put(web));
    expect(put).toEqual(['a1', 'b1', 'a1', 'b1']);
  });
});
