import { describe, expect, it } from 'vitest';
import { cluster } from './scene.ts';

describe('silence', () => {
  it('ends a node that is silent for too long, and only that one', () => {
    const { scene, nodes } = cluster(3);
    const [silent] = nodes;
    if (silent === undefined) throw new Error('no node');
    scene.beating.delete(silent);
    scene.pass(2_000);
    expect(scene.phase(silent)).toBe('alive');
    scene.pass(1_600);
    expect(nodes.map((node) => scene.phase(node))).toEqual(['dying', 'alive', 'alive']);
  });

  it('keeps a node that beats', () => {
    const { scene, nodes } = cluster(2);
    scene.pass(20_000);
    expect(nodes.map((node) => scene.phase(node))).toEqual(['alive', 'alive']);
  });

  it('judges nobody by a silence that was its own', () => {
    const { scene, nodes } = cluster(2);
    scene.now += 60_000;
    scene.wall += 60_000;
    scene.tell({ kind: 'tick' });
    expect(nodes.map((node) => scene.phase(node))).toEqual(['alive', 'alive']);
  });

  it('judges nobody by the time in which its own connection was lost', () => {
    const { scene, nodes } = cluster(2);
    scene.beating.clear();
    scene.pass(2_500);
    scene.tell({ kind: 'back-after-silence' });
    const [first, second] = nodes;
    if (first === undefined || second === undefined) throw new Error('no nodes');
    scene.beating.add(first);
    scene.pass(2_500);
    expect(nodes.map((node) => scene.phase(node))).toEqual(['alive', 'alive']);
    scene.pass(1_600);
    expect(nodes.map((node) => scene.phase(node))).toEqual(['alive', 'dying']);
  });

  it('judges nobody by a silence of all, and gives every node a whole one after it (F3)', () => {
    const { scene, nodes } = cluster(3);
    const [first, ...others] = nodes;
    if (first === undefined) throw new Error('no node');
    scene.beating.clear();
    scene.pass(9_000);
    expect(nodes.map((node) => scene.phase(node))).toEqual(['alive', 'alive', 'alive']);
    scene.beating.add(first);
    scene.pass(2_500);
    expect(nodes.map((node) => scene.phase(node))).toEqual(['alive', 'alive', 'alive']);
    scene.pass(2_000);
    expect(others.map((node) => scene.phase(node))).toEqual(['dying', 'dying']);
    expect(scene.phase(first)).toBe('alive');
  });

  it('ends all nodes when the silence of all goes on and on (F3)', () => {
    const { scene, nodes } = cluster(2);
    scene.beating.clear();
    scene.pass(13_000);
    expect(nodes.map((node) => scene.phase(node))).toEqual(['dying', 'dying']);
  });

  it('gives every node a whole silence when a new leader begins', () => {
    const { scene, nodes } = cluster(2);
    scene.beating.clear();
    scene.pass(2_500);
    scene.failOver();
    scene.pass(2_500);
    expect(nodes.map((node) => scene.phase(node))).toEqual(['alive', 'alive']);
  });
});

describe('notices of the broker', () => {
  it('probes a node that disconnected and ends it when it does not answer', () => {
    const { scene, nodes } = cluster(3);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    scene.beating.delete(node);
    scene.tell({ kind: 'disconnect-notice', incarnation: node });
    expect(scene.to(node, 'probe')).toHaveLength(1);
    scene.pass(299);
    expect(scene.phase(node)).toBe('alive');
    scene.pass(2);
    expect(scene.phase(node)).toBe('dying');
  });

  it('keeps a node that answers the probe', () => {
    const { scene, nodes } = cluster(3);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    scene.tell({ kind: 'disconnect-notice', incarnation: node });
    scene.beat(node);
    scene.pass(2_000);
    expect(scene.phase(node)).toBe('alive');
  });

  it('asks again when it came late to the end of a probe: the answer may be there already', () => {
    const { scene, nodes } = cluster(3);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    scene.beating.delete(node);
    scene.tell({ kind: 'disconnect-notice', incarnation: node });
    scene.now += 500;
    scene.wall += 500;
    scene.tell({ kind: 'tick' });
    expect(scene.phase(node)).toBe('alive');
    expect(scene.to(node, 'probe')).toHaveLength(2);
    scene.beat(node);
    scene.pass(1_000);
    expect(scene.phase(node)).toBe('alive');
    scene.tell({ kind: 'disconnect-notice', incarnation: node });
    scene.now += 500;
    scene.wall += 500;
    scene.tell({ kind: 'tick' });
    scene.pass(301);
    expect(scene.phase(node)).toBe('dying');
  });

  it('gives a node whose beats have come late of late as much more time, and no more than a silence', () => {
    const { scene, nodes } = cluster(3);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    scene.beating.delete(node);
    scene.beat(node);
    scene.pass(1_200);
    scene.beat(node);
    scene.tell({ kind: 'disconnect-notice', incarnation: node });
    // 200 ms late, so 300 and three times as much.
    scene.pass(890);
    expect(scene.phase(node)).toBe('alive');
    scene.beat(node);
    scene.pass(2_800);
    scene.beat(node);
    scene.tell({ kind: 'disconnect-notice', incarnation: node });
    scene.pass(2_990);
    expect(scene.phase(node)).toBe('alive');
    scene.pass(20);
    expect(scene.phase(node)).toBe('dying');
  });

  it('suspects the broker when many nodes disconnect at once', () => {
    const { scene, nodes } = cluster(3);
    scene.beating.clear();
    for (const node of nodes) scene.tell({ kind: 'disconnect-notice', incarnation: node });
    scene.pass(900);
    expect(nodes.map((node) => scene.phase(node))).toEqual(['alive', 'alive', 'alive']);
    const [back] = nodes;
    if (back !== undefined) scene.beat(back);
    scene.pass(1_000);
    expect(nodes.map((node) => scene.phase(node))).toEqual(['alive', 'dying', 'dying']);
  });

  it('does not hold the death of one node for a sign against the broker', () => {
    const { scene, nodes } = cluster(3);
    for (const node of nodes.slice(0, 2)) {
      scene.beating.delete(node);
      scene.tell({ kind: 'disconnect-notice', incarnation: node });
      scene.pass(301);
      expect(scene.phase(node)).toBe('dying');
    }
  });

  it('still ends two nodes that disconnect one after the other', () => {
    const { scene, nodes } = cluster(4);
    const [first, second] = nodes;
    if (first === undefined || second === undefined) throw new Error('no node');
    for (const node of [first, second]) {
      scene.beating.delete(node);
      scene.tell({ kind: 'disconnect-notice', incarnation: node });
      scene.pass(2_100);
      expect(scene.phase(node)).toBe('dying');
    }
  });
});
