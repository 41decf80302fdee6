import { type Answer, type Incarnation, limits, nodeName } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { SchedulerMachine } from '../src/index.ts';
import { cart, cluster, config, type Scene, stateOf } from './scene.ts';

const waitMs = 20_000;

function migrates(scene: Scene, key: string, to?: string): number {
  const body = { kind: 'migrate-actor', actor: cart(key), waitMs } as const;
  return scene.ask(to === undefined ? body : { ...body, to: nodeName(to) });
}

/** The actor `a` on the first of so many nodes. */
function placed(count: number): { scene: Scene; source: Incarnation; others: Incarnation[] } {
  const { scene, nodes } = cluster(count);
  scene.resolves('a');
  const source = scene.actor('a').node;
  scene.forgetWords();
  return { scene, source, others: nodes.filter((node) => node !== source) };
}

function leaves(scene: Scene, node: Incarnation) {
  return scene.to(node, 'place').filter(({ leave }) => leave !== undefined);
}

function releases(scene: Scene, node: Incarnation, epoch = scene.actor('a').epoch): void {
  scene.hear({ kind: 'released', incarnation: node, actors: [{ actor: cart('a'), epoch }] });
}

const nameOf = (node: Incarnation | undefined) => String(node).slice(0, String(node).indexOf('.'));

function migrated(answer: Answer | undefined) {
  if (answer?.kind !== 'migrated') throw new Error(`not migrated: ${JSON.stringify(answer)}`);
  return answer;
}

describe('an actor that is asked to move', () => {
  it('is told to leave until it has, and is placed on the node named', () => {
    const { scene, source, others } = placed(4);
    const [, , target] = others;
    const asked = migrates(scene, 'a', nameOf(target));
    expect(scene.decided('actor-migrating')).toHaveLength(1);
    scene.pass(2_500);
    expect(leaves(scene, source)).toHaveLength(3);
    expect(leaves(scene, source)[0]?.leave).toEqual({ to: target, bundle: 'b1' });
    expect(scene.answer(asked)).toBeUndefined();
    releases(scene, source);
    expect(scene.actor('a')).toMatchObject({ node: target, chain: [] });
    const { node, epoch, state } = migrated(scene.answer(asked));
    expect({ node, epoch, state }).toEqual({
      node: target,
      epoch: scene.actor('a').epoch,
      state: 'moved',
    });
    scene.forgetWords();
    scene.pass(3_000);
    expect(leaves(scene, source)).toHaveLength(0);
  });

  it('goes to the node with the fewest actors, those on their way there included', () => {
    const { scene } = cluster(3);
    for (let n = 0; n < 30; n++) scene.resolves(`k${n}`);
    const from = scene.actor('k0').node;
    const here = Array.from({ length: 30 }, (_, n) => `k${n}`).filter(
      (key) => scene.actor(key).node === from,
    );
    for (const key of here) migrates(scene, key);
    const to = scene.decided('actor-migrating').map((fact) => fact.to);
    const counts = [...new Set(to)].map((name) => to.filter((one) => one === name).length);
    expect(counts).toEqual([5, 5]);
  });

  it('stays where it is when it is there, and its caller is told so', () => {
    const { scene, source } = placed(2);
    const answer = migrated(scene.answer(migrates(scene, 'a', nameOf(source))));
    expect(answer).toMatchObject({ node: source, state: 'there' });
    expect(scene.decided('actor-migrating')).toHaveLength(0);
  });

  it('is called back by a wish for the node it is on', () => {
    const { scene, source, others } = placed(2);
    const first = migrates(scene, 'a', nameOf(others[0]));
    const second = migrates(scene, 'a', nameOf(source));
    releases(scene, source);
    expect(scene.actor('a').node).toBe(source);
    expect(migrated(scene.answer(first)).node).toBe(source);
    expect(migrated(scene.answer(second)).node).toBe(source);
  });

  it('is still under way when its node does not let go in time, and moves later', () => {
    const { scene, source, others } = placed(2);
    const asked = migrates(scene, 'a');
    scene.pass(waitMs + 1);
    expect(migrated(scene.answer(asked))).toMatchObject({ node: source, state: 'under-way' });
    releases(scene, source);
    expect(scene.actor('a').node).toBe(others[0]);
  });
});

describe('a migration', () => {
  it('is refused for an actor, a node, or a state that cannot have it', () => {
    const { scene, others } = placed(4);
    const code = (key: string, to?: string) => scene.code(scene.answer(migrates(scene, key, to)));
    expect(code('nobody')).toBe('UNKNOWN_ACTOR');
    expect(code('a', 'n9')).toBe('UNKNOWN_NODE');
    const [cordoned, draining, full] = others.map(nameOf);
    scene.asks({ kind: 'cordon-node', node: nodeName(cordoned ?? ''), cordoned: true });
    expect(code('a', cordoned)).toBe('WRONG_STATE');
    scene.asks({ kind: 'drain-node', node: nodeName(draining ?? '') });
    expect(code('a', draining)).toBe('WRONG_STATE');
    scene.asks({ kind: 'cordon-node', node: nodeName(full ?? ''), cordoned: true });
    expect(code('a')).toBe('NO_NODES');
    expect(scene.decided('actor-migrating')).toHaveLength(0);
  });

  it('is refused by a node that uses all the memory it offers', () => {
    const { scene } = placed(1);
    const small = scene.joins('small.aaaaaaaa', { cpu: 4, memory: 100 });
    scene.beat(small);
    expect(scene.code(scene.answer(migrates(scene, 'a', 'small')))).toBe('RESOURCE_EXHAUSTED');
    expect(scene.code(scene.answer(migrates(scene, 'a')))).toBe('NO_NODES');
  });

  it('beyond the bound is refused, and asking again for one of those is not', () => {
    const { scene } = cluster(2);
    for (let n = 0; n <= limits.migrationsMax; n++) {
      scene.machine.handle(scene.now, {
        kind: 'from-node',
        message: { kind: 'resolve', actor: cart(`k${n}`), replyTo: 'gateway:g1' as never },
        wall: 0,
      });
    }
    const ask = (n: number) => {
      const request = {
        kind: 'request',
        number: 1_000_000 + n,
        low: 0,
        forTerm: scene.term,
        replyTo: 'gateway:g1' as never,
        body: { kind: 'migrate-actor', actor: cart(`k${n % 20_000}`), waitMs },
      } as const;
      return scene.machine.handle(scene.now, { kind: 'request', request, wall: 0 }).reply;
    };
    for (let n = 0; n < limits.migrationsMax; n++) expect(ask(n)).toHaveLength(0);
    expect(JSON.stringify(ask(limits.migrationsMax))).toContain('RESOURCE_EXHAUSTED');
    expect(ask(20_000)).toHaveLength(0);
  });
});

describe('a migration under way', () => {
  it('is gone on with by a new leader', () => {
    const { scene, source, others } = placed(3);
    const target = others[1];
    migrates(scene, 'a', nameOf(target));
    scene.failOver();
    expect(leaves(scene, source)).toHaveLength(1);
    const again = migrates(scene, 'a', nameOf(target));
    expect(scene.decided('actor-migrating')).toHaveLength(1);
    releases(scene, source);
    expect(scene.actor('a').node).toBe(target);
    expect(migrated(scene.answer(again))).toMatchObject({ node: target, state: 'moved' });
  });

  it('is known from an image as from the facts', () => {
    const { scene } = placed(3);
    migrates(scene, 'a');
    const restored = SchedulerMachine.restore(config, scene.machine.image());
    expect(stateOf(restored)).toBe(stateOf(scene.machine));
  });

  it('is not begun again by a new leader when the actor was placed before the old one ended', () => {
    const { scene, source } = placed(3);
    migrates(scene, 'a');
    releases(scene, source);
    const { node, epoch } = scene.actor('a');
    scene.failOver();
    scene.pass(2_500);
    expect([...leaves(scene, source), ...leaves(scene, node)]).toHaveLength(0);
    expect(scene.actor('a').epoch).toBe(epoch);
  });

  it('ends on the node named when its source dies, with the chain of what was done there', () => {
    const { scene, source, others } = placed(4);
    const target = others[2];
    const asked = migrates(scene, 'a', nameOf(target));
    scene.dies(source);
    scene.sealed(source, 77);
    expect(scene.actor('a')).toMatchObject({ node: target, chain: [{ to: 77 }] });
    expect(migrated(scene.answer(asked)).node).toBe(target);
  });

  it('ends on another node when the one named can take it no more', () => {
    const { scene, source, others } = placed(3);
    const [target, third] = others;
    const asked = migrates(scene, 'a', nameOf(target));
    if (target === undefined) throw new Error('no target');
    scene.dies(target);
    scene.forgetWords();
    scene.pass(1_100);
    expect(leaves(scene, source)[0]?.leave).toEqual({ bundle: 'b1' });
    releases(scene, source);
    expect(scene.actor('a').node).toBe(third);
    expect(migrated(scene.answer(asked)).node).toBe(third);
  });

  it('brings the actor back when no other node is left, though its own is cordoned', () => {
    const { scene, source, others } = placed(2);
    migrates(scene, 'a');
    const [target] = others;
    if (target === undefined) throw new Error('no target');
    scene.dies(target);
    scene.sealed(target);
    scene.asks({ kind: 'cordon-node', node: nodeName(nameOf(source)), cordoned: true });
    const before = scene.actor('a').epoch;
    releases(scene, source);
    expect(scene.actor('a').node).toBe(source);
    expect(scene.actor('a').epoch).toBeGreaterThan(before);
  });

  it('counts for the placement that it was asked for, and for no later one', () => {
    const { scene, source, others } = placed(3);
    migrates(scene, 'a', nameOf(others[0]));
    releases(scene, source);
    const second = scene.actor('a').epoch;
    // The node did not hear that its release was seen.
    releases(scene, source, 2);
    expect(scene.actor('a').epoch).toBe(second);
    expect(scene.to(source, 'release-seen')).toHaveLength(2);
  });

  it('leaves nothing in the memory of the leader once it is done', () => {
    const { scene, source } = placed(3);
    migrates(scene, 'a');
    releases(scene, source);
    const { node, epoch } = scene.actor('a');
    scene.hear({ kind: 'place-seen', incarnation: node, placed: [{ actor: cart('a'), epoch }] });
    scene.pass(2_000);
    for (const { of, size, most } of scene.machine.sizes()) {
      expect(size, of).toBeLessThanOrEqual(most);
    }
  });
});
