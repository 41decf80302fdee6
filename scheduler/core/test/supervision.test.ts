import { type Failure, type Incarnation, limits, type SupervisionAnswer } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cart, cluster, type Scene, tenant } from './scene.ts';

const broken = { code: 'CONSTRUCTOR_FAILED', message: 'no state' } as const;

function carts(count = 1): { scene: Scene; node: Incarnation } {
  const { scene } = cluster(count);
  for (const key of ['a', 'b']) scene.resolves(key);
  return { scene, node: scene.actor('a').node };
}

function ails(scene: Scene, node: Incarnation, failure?: Failure, loops?: true): void {
  const entry = { actor: cart('a'), epoch: scene.actor('a').epoch };
  const of = loops === undefined ? {} : { loops };
  const actors = failure === undefined ? [] : [{ ...entry, failure, ...of }];
  scene.hear({ kind: 'ailing', incarnation: node, actors });
}

function events(scene: Scene, after = 0, limit = 1_000): SupervisionAnswer {
  const answer = scene.asks({ kind: 'list-supervision', tenant, after, limit });
  if (answer?.kind !== 'supervision') throw new Error(`no events: ${JSON.stringify(answer)}`);
  return answer;
}

const kinds = (scene: Scene, after = 0) => events(scene, after).events.map(({ kind }) => kind);

describe('what becomes of an actor', () => {
  it('is told once: that it fails, that it is held back, and that it is well again', () => {
    const { scene, node } = carts();
    for (let times = 0; times < 3; times++) ails(scene, node, broken);
    for (let times = 0; times < 3; times++) ails(scene, node, broken, true);
    ails(scene, node);
    ails(scene, node);
    expect(kinds(scene)).toEqual(['failed', 'crash-looping', 'recovered']);
    const [first] = events(scene).events;
    expect(first).toMatchObject({ actor: cart('a'), failure: broken });
  });

  it.each(['facts', 'image'] as const)(
    'is kept, and not told again, by a new leader from its %s',
    (from) => {
      const { scene, node } = carts();
      ails(scene, node, broken);
      const before = events(scene);
      scene.failOver(from);
      ails(scene, node, broken);
      expect(events(scene)).toEqual(before);
      expect(kinds(scene, before.next)).toEqual([]);
      ails(scene, node);
      expect(kinds(scene, before.next)).toEqual(['recovered']);
    },
  );

  it('is that it is in quarantine, was placed anew after its node had died, and has ended', () => {
    const { scene, node } = carts(2);
    ails(scene, node, { code: 'PAST_CONFLICT', message: 'two pasts' });
    scene.dies(node);
    scene.sealed(node);
    const { birth, epoch, node: next } = scene.actor('a');
    scene.asks({ kind: 'wish-actor', actor: cart('a'), birth, wish: 'ending' });
    const { life } = scene.actor('a');
    if (life === undefined) throw new Error('nothing is wished');
    const settled = [{ actor: cart('a'), epoch, wish: life }];
    scene.hear({ kind: 'settled', incarnation: next, actors: settled });
    const ofA = events(scene).events.filter(({ actor }) => actor === cart('a'));
    expect(ofA.map(({ kind }) => kind)).toEqual(['quarantined', 'restarted', 'ended']);
  });

  it('is kept of so many events, and whoever asks for older ones is told how many he has missed', () => {
    const { scene, node } = carts();
    for (let times = 0; times < 600; times++) {
      ails(scene, node, broken);
      ails(scene, node);
    }
    const { events: kept, missed, next } = events(scene);
    expect(kept).toHaveLength(limits.supervisionKeptMax);
    expect(missed).toBe(200);
    expect(events(scene, next)).toMatchObject({ events: [], missed: 0, next });
    const page = events(scene, kept[0]?.position ?? 0, 2);
    expect(page.events).toEqual(kept.slice(1, 3));
    expect(page.missed).toBe(0);
  });
});
