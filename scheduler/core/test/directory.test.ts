import { isFailure } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cart, cluster, Scene } from './scene.ts';

function where(located: ReturnType<Scene['resolves']>) {
  if (located === undefined || isFailure(located.location)) throw new Error('not located');
  return located.location;
}

function codeOf(located: ReturnType<Scene['resolves']>): string | undefined {
  return located !== undefined && isFailure(located.location) ? located.location.code : undefined;
}

describe('resolving', () => {
  it('creates and places an actor that nobody asked for before, once', () => {
    const { scene } = cluster(2);
    const first = where(scene.resolves('a'));
    expect(first.epoch).toBeGreaterThan(first.birth);
    expect(scene.to(first.node, 'place')[0]).toMatchObject({
      actor: cart('a'),
      scope: cart('a'),
      chain: [],
    });
    const before = scene.facts.length;
    expect(where(scene.resolves('a'))).toEqual(first);
    expect(scene.facts).toHaveLength(before);
  });

  it('names birth and epoch by the positions of their facts', () => {
    const { scene } = cluster(1);
    const { birth, epoch } = where(scene.resolves('a'));
    expect(scene.facts[birth]).toMatchObject({ kind: 'actor-created', actor: cart('a') });
    expect(scene.facts[epoch]).toMatchObject({ kind: 'actor-placed', actor: cart('a') });
  });

  it('spreads actors over the nodes by their cpus', () => {
    const scene = new Scene();
    scene.deploys();
    const small = scene.joins('n1.aaaaaaaa', { cpu: 1 });
    const large = scene.joins('n2.aaaaaaaa', { cpu: 3 });
    for (let i = 0; i < 40; i++) scene.resolves(`k${i}`);
    const on = (node: string) =>
      scene.machine.durable().actors.filter((a) => a.node === node).length;
    expect([on(small), on(large)]).toEqual([10, 30]);
  });

  it('creates no actor while the leader is short of memory, and tells where those are that exist', () => {
    const { scene } = cluster(1);
    const known = where(scene.resolves('known'));
    scene.tell({ kind: 'memory', short: true });
    const before = scene.facts.length;
    expect(codeOf(scene.resolves('new'))).toBe('RESOURCE_EXHAUSTED');
    expect(scene.code(scene.answer(scene.submits('t1')))).toBe('RESOURCE_EXHAUSTED');
    expect(scene.facts).toHaveLength(before);
    expect(where(scene.resolves('known'))).toEqual(known);
    scene.tell({ kind: 'memory', short: false });
    expect(where(scene.resolves('new')).birth).toBeGreaterThan(known.birth);
    expect(scene.code(scene.answer(scene.submits('t1')))).toBeUndefined();
  });

  it('refuses unknown tenants, types and bad keys, and changes nothing', () => {
    const { scene } = cluster(1);
    const before = scene.facts.length;
    for (const actor of ['nobody/Cart/a', 'default/Boat/a', 'default/Cart/', 'junk']) {
      scene.hear({ kind: 'resolve', actor: actor as never, replyTo: 'gateway:g1' as never });
    }
    const codes = scene.replies
      .slice(-4)
      .map(({ message }) =>
        message.kind === 'located' && isFailure(message.location)
          ? message.location.code
          : undefined,
      );
    expect(codes).toEqual(['UNKNOWN_TENANT', 'UNKNOWN_TYPE', 'INVALID_ARGUMENT', 'UNKNOWN_TENANT']);
    expect(scene.facts).toHaveLength(before);
  });

  it('creates nothing when no node is alive', () => {
    const { scene } = cluster(0);
    expect(codeOf(scene.resolves('a'))).toBe('NO_NODES');
    expect(scene.machine.durable().actors).toHaveLength(0);
  });

  it('resends a placement until it was seen', () => {
    const { scene } = cluster(1);
    const { node, epoch } = where(scene.resolves('a'));
    scene.pass(1_000);
    expect(scene.to(node, 'place')).toHaveLength(2);
    scene.hear({ kind: 'place-seen', incarnation: node, placed: [{ actor: cart('a'), epoch }] });
    scene.pass(5_000);
    expect(scene.to(node, 'place')).toHaveLength(2);
  });

  it('resends each placement at its own time', () => {
    const { scene } = cluster(1);
    const { node, epoch } = where(scene.resolves('a'));
    scene.pass(500);
    scene.resolves('b');
    scene.hear({ kind: 'place-seen', incarnation: node, placed: [{ actor: cart('a'), epoch }] });
    scene.pass(999);
    expect(scene.to(node, 'place')).toHaveLength(2);
    scene.pass(1);
    expect(scene.to(node, 'place').map(({ actor }) => actor)).toEqual([
      cart('a'),
      cart('b'),
      cart('b'),
    ]);
  });

  it('sends a placement again at once when a node refused its epoch', () => {
    const { scene } = cluster(1);
    const { node, epoch } = where(scene.resolves('a'));
    scene.resolves('a', epoch);
    expect(scene.to(node, 'place')).toHaveLength(2);
    scene.resolves('a', epoch - 1);
    expect(scene.to(node, 'place')).toHaveLength(2);
  });

  it('has at most a window of placements in flight, and all of them seen in the end', () => {
    const { scene, nodes } = cluster(1);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    for (let i = 0; i < 1_500; i++) scene.resolves(`k${i}`);
    expect(scene.to(node, 'place')).toHaveLength(1_000);
    const placed = scene.to(node, 'place').map(({ actor, epoch }) => ({ actor, epoch }));
    scene.hear({ kind: 'place-seen', incarnation: node, placed });
    expect(scene.to(node, 'place')).toHaveLength(1_500);
  });

  it('are told to their node by the next leader, a window at a time, until all are seen, new ones too', () => {
    const { scene, nodes } = cluster(1);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    const seen = new Set<string>();
    const sees = () => {
      const placed = scene.to(node, 'place').map(({ actor, epoch }) => ({ actor, epoch }));
      for (const { actor } of placed) seen.add(actor);
      scene.hear({ kind: 'place-seen', incarnation: node, placed });
    };
    for (let i = 0; i < 2_500; i++) {
      scene.resolves(`k${i}`);
      if (i % 500 === 499) sees();
    }
    seen.clear();
    scene.failOver();
    const told = () => scene.to(node, 'place').length;
    expect(told()).toBe(1_000);
    scene.resolves('late');
    expect(told()).toBe(1_000);
    sees();
    expect(seen).not.toContain(cart('k1500'));
    for (let before = 0; before < told(); ) {
      before = told();
      sees();
    }
    expect(seen.size).toBe(2_501);
    expect(scene.machine.sizes().find(({ of }) => of === 'placements to deliver')?.size).toBe(0);
  });
});

describe('failover of actors', () => {
  it('places them anew only after the log was sealed, one link longer', () => {
    const { scene } = cluster(2);
    const before = where(scene.resolves('a'));
    scene.dies(before.node);
    expect(scene.actor('a').epoch).toBe(before.epoch);
    scene.sealed(before.node, 42);
    const { node, epoch, birth, chain } = scene.actor('a');
    expect(node).not.toBe(before.node);
    expect(epoch).toBeGreaterThan(before.epoch);
    expect(birth).toBe(before.birth);
    const log = `turns-${before.node.replace('.', '_')}`;
    expect(chain).toEqual([{ log, from: 0, to: 42, epoch: before.epoch }]);
    expect(scene.to(node, 'place').at(-1)).toMatchObject({ actor: cart('a'), epoch, chain });
  });

  it('lengthens the chain at a second death before a checkpoint', () => {
    const { scene } = cluster(3);
    scene.resolves('a');
    for (let i = 0; i < 2; i++) {
      const { node } = scene.actor('a');
      scene.dies(node);
      scene.sealed(node, 10 + i);
    }
    expect(scene.actor('a').chain.map(({ to }) => to)).toEqual([10, 11]);
  });

  it('answers who asked in between when the actor has its new place', () => {
    const { scene } = cluster(2);
    const { node } = where(scene.resolves('a'));
    scene.dies(node);
    expect(scene.resolves('a')).toBeUndefined();
    scene.sealed(node);
    expect(where(scene.located(cart('a'))).node).not.toBe(node);
  });

  it('lets actors wait when no node is left, and places them when one joins', () => {
    const { scene } = cluster(1);
    const { node } = where(scene.resolves('a'));
    scene.dies(node);
    scene.sealed(node, 5);
    expect(codeOf(scene.resolves('a'))).toBe('NO_NODES');
    expect(scene.orders('delete-log')).toHaveLength(0);
    const next = scene.joins('n2.aaaaaaaa');
    expect(scene.actor('a')).toMatchObject({ node: next, chain: [{ to: 5 }] });
  });

  it('keeps a log while any chain refers to it, and deletes it afterwards', () => {
    const { scene } = cluster(2);
    const first = where(scene.resolves('a')).node;
    scene.dies(first);
    scene.sealed(first);
    expect(scene.orders('delete-log')).toHaveLength(0);
    const { node, epoch } = scene.actor('a');
    scene.hear({ kind: 'rebased', incarnation: node, actors: [{ actor: cart('a'), epoch }] });
    expect(scene.actor('a').chain).toEqual([]);
    expect(scene.to(node, 'rebased-seen')).toHaveLength(1);
    expect(scene.orders('delete-log')).toHaveLength(1);
  });

  it('answers a stale rebase so that it stops, and keeps the chain', () => {
    const { scene } = cluster(2);
    const before = where(scene.resolves('a'));
    scene.dies(before.node);
    scene.sealed(before.node);
    const { node } = scene.actor('a');
    const actors = [{ actor: cart('a'), epoch: before.epoch }];
    scene.hear({ kind: 'rebased', incarnation: node, actors });
    expect(scene.actor('a').chain).toHaveLength(1);
    expect(scene.to(node, 'rebased-seen')).toHaveLength(1);
  });

  it('keeps the bundle whose turns may have to be replayed', () => {
    const { scene } = cluster(2);
    const { node } = where(scene.resolves('a'));
    scene.deploys({}, 'b2');
    scene.dies(node);
    scene.sealed(node);
    expect(scene.actor('a').bundle).toBe('b1');
  });
});

describe('draining', () => {
  it('moves released actors elsewhere with an empty chain and the latest bundle', () => {
    const { scene } = cluster(2);
    const { node, epoch } = where(scene.resolves('a'));
    scene.deploys({}, 'b2');
    scene.hear({ kind: 'leaving', incarnation: node });
    expect(scene.phase(node)).toBe('draining');
    expect(scene.to(node, 'drain')).toHaveLength(1);
    const actors = [{ actor: cart('a'), epoch }];
    scene.hear({ kind: 'released', incarnation: node, actors });
    const moved = scene.actor('a');
    expect(moved.node).not.toBe(node);
    expect(moved).toMatchObject({ chain: [], bundle: 'b2' });
    scene.hear({ kind: 'released', incarnation: node, actors });
    expect(scene.to(node, 'release-seen')).toHaveLength(2);
    expect(scene.actor('a').epoch).toBe(moved.epoch);
  });

  it('says which release it follows on, unless another leader took that, or its node died since (D10)', () => {
    const released = () => {
      const { scene } = cluster(3);
      const { node, epoch } = where(scene.resolves('a'));
      scene.hear({ kind: 'leaving', incarnation: node });
      scene.hear({ kind: 'released', incarnation: node, actors: [{ actor: cart('a'), epoch }] });
      return { scene, epoch, present: scene.actor('a').node };
    };
    const { scene, epoch, present } = released();
    expect(scene.to(present, 'place').at(-1)).toMatchObject({ follows: epoch });
    scene.pass(1_000);
    expect(scene.to(present, 'place')).toHaveLength(2);
    expect(scene.to(present, 'place').at(-1)).toMatchObject({ follows: epoch });
    scene.dies(present);
    scene.sealed(present);
    const { node: third } = scene.actor('a');
    expect(scene.to(third, 'place').at(-1)).not.toHaveProperty('follows');
    const before = released();
    before.scene.failOver();
    expect(before.scene.to(before.present, 'place').at(-1)).not.toHaveProperty('follows');
  });

  it('says that an actor was released with nothing to do, until its node has died', () => {
    const { scene } = cluster(3);
    const { node, epoch } = where(scene.resolves('a'));
    scene.hear({ kind: 'leaving', incarnation: node });
    const asleep = { actor: cart('a'), epoch, asleep: true } as const;
    scene.hear({ kind: 'released', incarnation: node, actors: [asleep] });
    const { node: present } = scene.actor('a');
    expect(scene.to(present, 'place').at(-1)).toMatchObject({ follows: epoch, asleep: true });
    expect(scene.to(node, 'release-seen').at(-1)?.actors).toEqual([{ actor: cart('a'), epoch }]);
    scene.dies(present);
    scene.sealed(present);
    const { node: third } = scene.actor('a');
    expect(scene.to(third, 'place').at(-1)).not.toHaveProperty('asleep');
  });

  it('needs no older log for an actor that was released, however long its chain was', () => {
    const { scene } = cluster(3);
    const first = where(scene.resolves('a')).node;
    scene.dies(first);
    scene.sealed(first);
    const { node, epoch, chain } = scene.actor('a');
    expect(chain).toHaveLength(1);
    scene.hear({ kind: 'leaving', incarnation: node });
    scene.hear({ kind: 'released', incarnation: node, actors: [{ actor: cart('a'), epoch }] });
    expect(scene.actor('a').chain).toEqual([]);
    expect(scene.orders('delete-log')).toHaveLength(1);
  });

  it('places nothing new on a draining node', () => {
    const { scene, nodes } = cluster(2);
    const [draining, other] = nodes;
    if (draining === undefined) throw new Error('no node');
    scene.asks({ kind: 'drain-node', node: 'n1' as never });
    for (let i = 0; i < 10; i++) expect(where(scene.resolves(`k${i}`)).node).toBe(other);
    scene.submits('t1');
    expect(scene.started('t1')[0]?.node).toBe(other);
  });

  it('sees a release only when another node can take the actor', () => {
    const { scene } = cluster(1);
    const { node, epoch } = where(scene.resolves('a'));
    scene.hear({ kind: 'leaving', incarnation: node });
    const actors = [{ actor: cart('a'), epoch }];
    scene.hear({ kind: 'released', incarnation: node, actors });
    expect(scene.to(node, 'release-seen')).toHaveLength(0);
    const next = scene.joins('n2.aaaaaaaa');
    scene.hear({ kind: 'released', incarnation: node, actors });
    expect(scene.to(node, 'release-seen')).toHaveLength(1);
    expect(scene.actor('a').node).toBe(next);
  });

  it('resends the drain until the node has left', () => {
    const { scene, nodes } = cluster(2);
    const [node] = nodes;
    if (node === undefined) throw new Error('no node');
    scene.hear({ kind: 'leaving', incarnation: node });
    scene.pass(2_000);
    expect(scene.to(node, 'drain')).toHaveLength(3);
    scene.hear({ kind: 'left', incarnation: node });
    expect(scene.to(node, 'die')).toHaveLength(1);
    expect(scene.decided('node-dying')[0]?.reason).toBe('left');
    scene.pass(3_000);
    expect(scene.to(node, 'drain')).toHaveLength(3);
  });

  it('knows no node of a name that nobody has', () => {
    const { scene } = cluster(1);
    expect(scene.code(scene.asks({ kind: 'drain-node', node: 'n7' as never }))).toBe(
      'UNKNOWN_NODE',
    );
  });
});
