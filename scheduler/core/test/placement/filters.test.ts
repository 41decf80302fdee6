import { describe, expect, it } from 'vitest';
import { demandFault } from '../../src/placement/index.ts';
import { Cluster, many } from './cluster.ts';

describe('a refusal explains itself', () => {
  it('counts each node once, for its first objection, and says first what is against most', () => {
    const cpu = { cpu: 4 };
    const cluster = new Cluster([
      { name: 'a', resources: { cpu: 1, gpu: 1 } },
      { name: 'b', resources: { cpu: 4, gpu: 1 }, cordoned: true },
      { name: 'c', resources: { cpu: 4 }, cordoned: true },
      ...['d', 'e', 'f'].map((name) => ({ name, resources: cpu })),
    ]);
    expect(cluster.put({ resources: { cpu: 2, gpu: 1 } })).toBe(
      '3 nodes lack gpu, 2 are cordoned, 1 has too little cpu',
    );
  });

  it('tells what is too small from what is taken', () => {
    const cluster = new Cluster(many(2, { resources: { cpu: 2, memory: 100, gpu: 1 } }));
    cluster.put({ resources: { memory: 100 } });
    cluster.put({ resources: { memory: 100, gpu: 1 } });
    expect(cluster.put({ resources: { cpu: 1, memory: 1 } })).toBe(
      '2 nodes have too little free memory',
    );
    expect(cluster.put({ resources: { memory: 101 } })).toBe('2 nodes have too little memory');
    expect(cluster.put({ resources: { gpu: 2 } })).toBe('2 nodes have fewer than 2 gpus');
    expect(cluster.put({ resources: { storage: 1 } })).toBe('2 nodes lack storage');
    expect(new Cluster([]).put({ resources: {} })).toBe('there are no nodes');
  });

  it('names the label, the bundle, the isolation and the GPU model that are missing', () => {
    const cluster = new Cluster([
      { name: 'a', resources: { gpu: 1 }, gpuModel: 'T4', bundles: ['b1'], isolations: ['vm'] },
    ]);
    const nodes = [{ label: 'zone', op: 'in', values: ['x'] }] as const;
    expect(cluster.put({ resources: {}, nodes })).toBe('1 node lacks label zone in (x)');
    expect(cluster.put({ resources: {}, bundle: 'b2' })).toBe('1 node lacks bundle b2');
    expect(cluster.put({ resources: {}, isolation: 'sgx' })).toBe('1 node lacks isolation sgx');
    expect(cluster.put({ resources: { gpu: 1 }, gpuModels: ['A100'] })).toBe(
      '1 node lacks gpu A100',
    );
    const all = { bundle: 'b1', isolation: 'vm', gpuModels: ['T4', 'A100'] };
    expect(cluster.put({ resources: { gpu: 1 }, ...all })).toBe('a');
  });
});

describe('nodes change', () => {
  it('and nothing new goes to a cordoned node until it is open again', () => {
    const cluster = new Cluster(many(2, { resources: { cpu: 1 } }));
    cluster.put({ resources: { cpu: 0.1 } });
    cluster.placement.cordon('n0', true);
    expect(cluster.put({ resources: { cpu: 0.1 } })).toBe('n1');
    cluster.placement.cordon('n0', false);
    expect(cluster.put({ resources: { cpu: 0.1 } })).toBe('n0');
  });

  it('and a node that grows takes what it could not take before, with its tasks in place', () => {
    const cluster = new Cluster(many(1, { resources: { cpu: 1, gpu: 1 } }));
    cluster.put({ resources: { cpu: 1, gpu: 0.5 } });
    expect(cluster.put({ resources: { cpu: 1 } })).toBe('1 node has too little free cpu');
    cluster.placement.changeNode({ name: 'n0', resources: { cpu: 2, gpu: 1 } });
    expect(cluster.put({ resources: { cpu: 1, gpu: 0.6 } })).toBe(
      '1 node has too little free of a gpu',
    );
    expect(cluster.put({ resources: { cpu: 1, gpu: 0.5 } })).toBe('n0');
    cluster.placement.check();
  });
});

describe('parts of GPUs', () => {
  it('share a GPU as far as it goes, and several GPUs may be asked for a part each', () => {
    const cluster = new Cluster(many(1, { resources: { gpu: 2 } }));
    const half = cluster.task({ resources: { gpu: 0.6 } });
    cluster.placement.place(half);
    expect(cluster.put({ resources: { gpu: 0.4 } })).toBe('n0');
    expect(cluster.placement.site('n0')?.gpus).toEqual(Int32Array.of(0, 1000));
    const both = { resources: {}, gpus: { count: 2, milli: 300 } };
    expect(cluster.put(both)).toBe('1 node has too little free of a gpu');
    cluster.placement.end(half.id);
    expect(cluster.put(both)).toBe('n0');
    expect(cluster.placement.site('n0')?.gpus).toEqual(Int32Array.of(300, 700));
  });

  it('are refused before they are asked for when they make no sense', () => {
    expect(demandFault({ resources: { gpu: 1.5 } })).toContain('a part of one GPU, or whole GPUs');
    expect(demandFault({ resources: { cpu: -1 } })).toBe('resource "cpu" = -1');
    expect(demandFault({ resources: {}, gpus: { count: 0, milli: 5 } })).toContain('gpus = 0');
    const term = { weight: 2_000, term: [] };
    expect(demandFault({ resources: {}, nodesPreferred: [term] })).toContain('weight = 2000');
    const spread = [{ tasks: [], across: 'zone', skewMax: 0, required: true }];
    expect(demandFault({ resources: {}, spread })).toBe('skewMax = 0: at least 1');
    expect(demandFault({ resources: { gpu: 0.5 } })).toBeUndefined();
  });
});
