import { describe, expect, it } from 'vitest';
import { cart, cluster, Scene } from './scene.ts';

describe('joining', () => {
  it('welcomes a node once its turn log exists', () => {
    const scene = new Scene();
    const node = scene.asksToJoin('n1.aaaaaaaa');
    expect(scene.orders('create-log')).toHaveLength(1);
    expect(scene.to(node, 'welcome')).toHaveLength(0);
    scene.tell({ kind: 'log-created', incarnation: node });
    expect(scene.to(node, 'welcome')[0]).toMatchObject({
      log: 'turns-n1_aaaaaaaa',
      heartbeatMs: 1_000,
    });
  });

  it('welcomes a node again when its join is repeated, and journals nothing more', () => {
    const scene = new Scene();
    const node = scene.joins('n1.aaaaaaaa');
    const before = scene.facts.length;
    scene.asksToJoin('n1.aaaaaaaa');
    expect(scene.to(node, 'welcome')).toHaveLength(2);
    expect(scene.facts).toHaveLength(before);
  });

  it('replaces the older incarnation of a name', () => {
    const scene = new Scene();
    const old = scene.joins('n1.aaaaaaaa');
    scene.joins('n1.bbbbbbbb');
    expect(scene.phase(old)).toBe('dying');
    expect(scene.decided('node-dying')[0]?.reason).toBe('replaced');
  });

  it('refuses a node of another version, and changes nothing', () => {
    const scene = new Scene();
    const before = scene.facts.length;
    const node = scene.asksToJoin('n1.aaaaaaaa', { cpu: 1 }, '0.2.0');
    expect(scene.to(node, 'join-refused')[0]?.failure.code).toBe('VERSION_MISMATCH');
    expect(scene.facts).toHaveLength(before);
  });

  it('refuses a node whose name is not its incarnation’s, or whose resources are no amounts', () => {
    const scene = new Scene();
    const node = scene.asksToJoin('n1.aaaaaaaa', { cpu: Number.NaN });
    expect(scene.to(node, 'join-refused')[0]?.failure.code).toBe('INVALID_ARGUMENT');
  });

  it('tells a dying incarnation to die, whatever it says', () => {
    const { scene, nodes } = cluster(2);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    scene.dies(node);
    scene.forgetWords();
    const before = scene.facts.length;
    scene.asksToJoin(node);
    scene.beat(node);
    scene.hear({ kind: 'leaving', incarnation: node });
    scene.hear({ kind: 'resolve', actor: cart('x'), replyTo: `node:${node}` as never });
    expect(scene.to(node, 'die')).toHaveLength(4);
    expect(scene.facts).toHaveLength(before);
  });

  it('tells an incarnation that the journal does not know to die, but not before it could join', () => {
    const { scene } = cluster(1);
    const stranger = 'n9.zzzzzzzz' as never;
    scene.beat(stranger);
    expect(scene.to(stranger, 'die')).toHaveLength(0);
    scene.pass(3_500);
    scene.beat(stranger);
    expect(scene.to(stranger, 'die')).toHaveLength(1);
  });
});

describe('dying', () => {
  it('seals the log of a dying node, then says to all that it is gone', () => {
    const { scene, nodes } = cluster(2);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    scene.dies(node);
    expect(scene.orders('seal-log')).toEqual([{ kind: 'seal-log', incarnation: node }]);
    expect(scene.orders('to-all-nodes')).toHaveLength(0);
    scene.sealed(node);
    expect(scene.orders('to-all-nodes')).toHaveLength(1);
  });

  it('seals a log only after it was made, when the node began to die before', () => {
    const scene = new Scene();
    const node = scene.asksToJoin('n1.aaaaaaaa');
    scene.dies(node);
    expect(scene.phase(node)).toBe('dying');
    expect(scene.orders('seal-log')).toHaveLength(0);
    scene.tell({ kind: 'log-created', incarnation: node });
    expect(scene.orders('seal-log')).toHaveLength(1);
    expect(scene.to(node, 'welcome')).toHaveLength(0);
  });

  it('deletes the log of a node that had no actors, once it is sealed', () => {
    const { scene, nodes } = cluster(2);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    scene.dies(node);
    scene.sealed(node);
    expect(scene.orders('delete-log')).toHaveLength(1);
    scene.logDeleted(node);
    expect(scene.phase(node)).toBe('gone');
  });

  it('counts the nodes that were lost, and not those that left', () => {
    const { scene, nodes } = cluster(3);
    const [first, second] = nodes;
    if (first === undefined || second === undefined) throw new Error('no node');
    scene.dies(first);
    scene.beating.delete(second);
    scene.hear({ kind: 'left', incarnation: second });
    const answer = scene.asks({ kind: 'status' });
    expect(answer).toMatchObject({ status: { counts: { nodesLost: 1 } } });
  });

  it('takes a node that was deposed at its word, and adds up its last words once', () => {
    const { scene, nodes } = cluster(2);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    const words = { appendsRefused: 1, repliesWithheld: 4 };
    scene.hear({ kind: 'deposed', incarnation: node, ...words });
    scene.hear({ kind: 'deposed', incarnation: node, ...words });
    expect(scene.phase(node)).toBe('dying');
    expect(scene.asks({ kind: 'status' })).toMatchObject({ status: { counts: words } });
  });
});
