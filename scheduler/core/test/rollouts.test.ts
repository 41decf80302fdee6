import {
  type Answer,
  bundleHash,
  type Incarnation,
  type RolloutPace,
  type RolloutView,
  type UpgradeOrder,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cart, cluster, type Scene, tenant } from './scene.ts';

const second = { actors: [{ type: 'Cart', methods: ['add'], reads: [], version: 2 }] };
const keys = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Carts of version 1 on one node, and version 2 is deployed. */
function carts(): { scene: Scene; node: Incarnation } {
  const { scene, nodes } = cluster(1);
  const [node] = nodes;
  if (node === undefined) throw new Error('there is no node');
  for (const key of keys) scene.resolves(key);
  scene.deploys(second, 'b2');
  scene.forgetWords();
  return { scene, node };
}

function starts(
  scene: Scene,
  pace: Partial<RolloutPace> = {},
  more: { readonly by?: string; readonly bundle?: string } = {},
): RolloutView {
  const { by = 'x', bundle } = more;
  const of = bundle === undefined ? {} : { bundle: bundleHash(bundle) };
  const body = { kind: 'start-rollout', by, tenant, type: 'Cart', ...of } as const;
  return viewOf(scene.asks({ ...body, atOnce: 2, pauseMs: 1_000, failuresMax: 0, ...pace }));
}

function shown(scene: Scene): RolloutView {
  const answer = scene.asks({ kind: 'list-rollouts', tenant });
  const [rollout] = answer?.kind === 'rollouts' ? answer.rollouts : [];
  if (rollout === undefined) throw new Error('there is no rollout');
  return rollout;
}

function viewOf(answer: Answer | undefined): RolloutView {
  if (answer?.kind === 'rollout') return answer.rollout;
  throw new Error(`no rollout: ${JSON.stringify(answer)}`);
}

/** Who was ordered to go over since the words were forgotten, and how. */
function ordered(scene: Scene, node: Incarnation): Map<string, UpgradeOrder> {
  const orders = new Map<string, UpgradeOrder>();
  for (const { actor, upgrade } of scene.to(node, 'place')) {
    if (upgrade !== undefined) orders.set(actor.slice(-1), upgrade);
  }
  return orders;
}

function goesOver(scene: Scene, key: string, failed = false): void {
  const { node, epoch } = scene.actor(key);
  const order = ordered(scene, node).get(key);
  const { at = 0, bundle = bundleHash('b2') } = order ?? {};
  const failure = { code: 'USER_ERROR', message: 'thirteen' } as const;
  const entry = { actor: cart(key), epoch, at };
  scene.hear({
    kind: 'upgraded',
    incarnation: node,
    actors: [failed ? { ...entry, bundle: bundleHash('b1'), failure } : { ...entry, bundle }],
  });
}

describe('a rollout', () => {
  it('orders one wave, and the next when all of it went over and the pause is over', () => {
    const { scene, node } = carts();
    starts(scene);
    expect([...ordered(scene, node).keys()]).toEqual(['a', 'b']);
    goesOver(scene, 'a');
    scene.pass(5_000);
    expect([...ordered(scene, node).keys()]).toEqual(['a', 'b']);
    goesOver(scene, 'b');
    scene.forgetWords();
    scene.pass(900);
    expect([...ordered(scene, node).keys()]).toEqual([]);
    scene.pass(200);
    expect([...ordered(scene, node).keys()]).toEqual(['c', 'd']);
  });

  it('orders again until the node knows, and no longer', () => {
    const { scene, node } = carts();
    starts(scene, { atOnce: 1 });
    const order = ordered(scene, node).get('a');
    scene.forgetWords();
    scene.pass(1_500);
    expect(ordered(scene, node).get('a')).toEqual(order);
    const { epoch } = scene.actor('a');
    const seen = { actor: cart('a'), epoch, upgradeAt: order?.at ?? 0 };
    scene.hear({ kind: 'place-seen', incarnation: node, placed: [seen] });
    scene.forgetWords();
    scene.pass(5_000);
    expect(ordered(scene, node).size).toBe(0);
  });

  it('is done when all have gone over, and says who has what', () => {
    const { scene } = carts();
    starts(scene, { atOnce: 6 });
    for (const key of keys.slice(0, 4)) goesOver(scene, key);
    expect(shown(scene)).toMatchObject({ state: 'running', underWay: 2, version: 2 });
    expect(shown(scene).actors).toEqual([
      { bundle: 'b1', version: 1, count: 2 },
      { bundle: 'b2', version: 2, count: 4 },
    ]);
    for (const key of keys.slice(4)) goesOver(scene, key);
    scene.pass(100);
    expect(shown(scene)).toMatchObject({ state: 'done', underWay: 0, failed: 0 });
  });

  it('stops when more have failed than may, names them, and tries them again when it goes on', () => {
    const { scene, node } = carts();
    starts(scene, { failuresMax: 1 });
    goesOver(scene, 'a', true);
    goesOver(scene, 'b');
    scene.pass(1_100);
    expect(shown(scene).state).toBe('running');
    goesOver(scene, 'c', true);
    expect(shown(scene)).toMatchObject({ state: 'stopped', failed: 2 });
    expect(shown(scene).failures.map(({ actor }) => actor)).toEqual([cart('a'), cart('c')]);
    expect(scene.actor('a').bundle).toBe('b1');
    scene.forgetWords();
    scene.pass(60_000);
    expect(ordered(scene, node).size).toBe(0);
    scene.asks({ kind: 'change-rollout', tenant, type: 'Cart', to: 'running' });
    expect([...ordered(scene, node).keys()]).toEqual(['a', 'c']);
    expect(shown(scene)).toMatchObject({ state: 'running', failed: 0 });
  });

  it('waits for nobody in whom a turn waits, and is done when he has gone over too', () => {
    const { scene, node } = carts();
    starts(scene, { pauseMs: 0 });
    goesOver(scene, 'a');
    scene.pass(31_000);
    expect([...ordered(scene, node).keys()].slice(0, 4)).toEqual(['a', 'b', 'c', 'd']);
    for (const key of ['c', 'd']) goesOver(scene, key);
    scene.pass(100);
    for (const key of ['e', 'f']) goesOver(scene, key);
    scene.pass(60_000);
    expect(shown(scene)).toMatchObject({ state: 'running', underWay: 1 });
    goesOver(scene, 'b');
    scene.pass(100);
    expect(shown(scene).state).toBe('done');
  });

  it.each(['facts', 'image'] as const)('is gone on with by a new leader, from its %s', (from) => {
    const { scene, node } = carts();
    starts(scene, { failuresMax: 3 });
    goesOver(scene, 'a');
    goesOver(scene, 'b', true);
    scene.failOver(from);
    expect([...ordered(scene, node).keys()]).toEqual(['c', 'd']);
    expect(shown(scene)).toMatchObject({ state: 'running', failed: 1, underWay: 2 });
    scene.resolves('new');
    expect(scene.actor('new').bundle).toBe('b2');
  });

  it.each(['facts', 'image'] as const)(
    'leaves alone what was made with a bundle deployed since it began, also by the %s',
    (from) => {
      const { scene } = carts();
      starts(scene, { atOnce: 1, pauseMs: 0 });
      const third = { actors: [{ ...second.actors[0], version: 3 }] };
      scene.deploys(third, 'b3');
      scene.resolves('z');
      expect(scene.actor('z').bundle).toBe('b3');
      scene.failOver(from);
      for (const key of keys) {
        goesOver(scene, key);
        scene.pass(100);
      }
      expect(shown(scene)).toMatchObject({ state: 'done', failed: 0, underWay: 0 });
      expect(scene.actor('z').bundle).toBe('b3');
      // To go back from there is another rollout.
      scene.forgetWords();
      starts(scene, {}, { by: 'y', bundle: 'b2' });
      expect([...ordered(scene, scene.actor('z').node).keys()]).toEqual(['z']);
    },
  );

  it('leads back to the version that served before, not to one that was only deployed', () => {
    const { scene } = carts();
    scene.deploys({}, 'b1x');
    scene.deploys(second, 'b2x');
    scene.deploys({ actors: [{ ...second.actors[0], version: 3 }] }, 'b3');
    expect(starts(scene).before).toEqual({ bundle: 'b1x', version: 1 });
  });

  it('tells the next node of an actor whose node has died', () => {
    const { scene, nodes } = cluster(2);
    for (const key of keys) scene.resolves(key);
    scene.deploys(second, 'b2');
    starts(scene, { atOnce: 6 });
    const { node: dead } = scene.actor('a');
    const other = nodes.find((node) => node !== dead);
    if (other === undefined) throw new Error('there is no other node');
    scene.forgetWords();
    scene.dies(dead);
    scene.sealed(dead);
    const order = ordered(scene, other).get('a');
    expect(order).toMatchObject({ bundle: 'b2', version: 2 });
    const [placed] = scene.to(other, 'place').filter(({ actor }) => actor === cart('a'));
    expect(placed).toMatchObject({ bundle: 'b1' });
  });

  it('is the same one when it is asked for again, and another one takes its place', () => {
    const { scene, node } = carts();
    const first = starts(scene);
    expect(starts(scene)).toEqual(first);
    expect(scene.decided('rollout-begun')).toHaveLength(1);
    goesOver(scene, 'a');
    goesOver(scene, 'b');
    scene.forgetWords();
    const undone = starts(scene, {}, { by: 'y', bundle: 'b1' });
    expect(undone).toMatchObject({ bundle: 'b1', version: 1 });
    expect(first.before).toEqual({ bundle: 'b1', version: 1 });
    expect([...ordered(scene, node).keys()]).toEqual(['a', 'b']);
    scene.resolves('new');
    expect(scene.actor('new').bundle).toBe('b1');
    scene.deploys(second, 'b3');
    scene.resolves('newer');
    expect(scene.actor('newer').bundle).toBe('b3');
  });

  it('knows what a node says of an actor that nobody had ordered, and passes on what it was at first', () => {
    const { scene, node } = carts();
    starts(scene, { atOnce: 6 });
    goesOver(scene, 'a');
    scene.forgetWords();
    scene.resolves('a', scene.actor('a').epoch);
    const { at } = scene.actor('a').code ?? {};
    expect(scene.to(node, 'place').at(-1)?.code).toEqual({
      version: 2,
      at,
      first: { bundle: 'b1', version: 1 },
    });
    const entry = {
      actor: cart('a'),
      epoch: scene.actor('a').epoch,
      bundle: bundleHash('b1'),
      at: 0,
    };
    scene.hear({ kind: 'upgraded', incarnation: node, actors: [entry] });
    expect(scene.actor('a').bundle).toBe('b1');
    expect(ordered(scene, node).get('a')).toMatchObject({ bundle: 'b2' });
  });

  it('leaves an actor that moves with a bundle of its version', () => {
    const { scene, nodes } = cluster(2);
    scene.resolves('a');
    const { node, epoch } = scene.actor('a');
    scene.deploys({}, 'b1x');
    scene.deploys(second, 'b2');
    scene.hear({ kind: 'released', incarnation: node, actors: [{ actor: cart('a'), epoch }] });
    expect(scene.actor('a')).toMatchObject({
      bundle: 'b1',
      node: nodes.find((one) => one !== node),
    });
    scene.deploys({}, 'b1y');
    const moved = scene.actor('a');
    const again = [{ actor: cart('a'), epoch: moved.epoch }];
    scene.hear({ kind: 'released', incarnation: moved.node, actors: again });
    expect(scene.actor('a').bundle).toBe('b1y');
  });

  it.each([
    ['UNKNOWN_TYPE', { type: 'Nobody' }],
    ['UNKNOWN_BUNDLE', { bundle: bundleHash('b9') }],
    ['INVALID_ARGUMENT', { atOnce: 0 }],
    ['INVALID_ARGUMENT', { failuresMax: 1_001 }],
  ])('is refused with %s', (code, wrong) => {
    const { scene } = carts();
    const body = { kind: 'start-rollout', by: 'x', tenant, type: 'Cart' } as const;
    const asked = { ...body, atOnce: 1, pauseMs: 0, failuresMax: 0, ...wrong };
    expect(scene.code(scene.asks(asked))).toBe(code);
    expect(scene.decided('rollout-begun')).toHaveLength(0);
  });
});
