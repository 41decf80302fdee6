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

/** Its node has seen it fail so often in a row, after the wish of this position. */
function fails(scene: Scene, wishAt = 0): void {
  const { epoch, node } = scene.actor('a');
  const givesUp = { failures: 3, wishAt };
  const named = { actor: cart('a'), epoch, failure: broken, loops: true, givesUp } as const;
  scene.hear({ kind: 'ailing', incarnation: node, actors: [named] });
}

function resume(scene: Scene): void {
  const { birth } = scene.actor('a');
  scene.asks({ kind: 'wish-actor', actor: cart('a'), birth, wish: 'live' });
}

function viewOf(scene: Scene) {
  const answer = scene.asks({ kind: 'get-actor', actor: cart('a') });
  return answer?.kind === 'actor' ? answer.actor : undefined;
}

function failed(scene: Scene): readonly string[] {
  const answer = scene.asks({ kind: 'list-actors', tenant, limit: 10, state: 'failed' });
  return answer?.kind === 'actors' ? answer.actors.map(({ actor }) => actor) : [];
}

describe('an actor that its type gives up', () => {
  it('is told to be given up, once, and is placed so, listed as failed by why, until it is resumed', () => {
    const { scene, node } = carts();
    fails(scene);
    fails(scene);
    const told = { code: 'GIVEN_UP', message: expect.stringContaining('no state') };
    expect(kinds(scene)).toEqual(['crash-looping', 'given-up']);
    expect(events(scene).events.at(-1)?.failure).toMatchObject(told);
    expect(viewOf(scene)).toMatchObject({ state: 'failed', failure: told });
    expect(failed(scene)).toEqual([cart('a')]);
    const wish = { kind: 'paused', givenUp: { failure: broken, failures: 3 } };
    expect(scene.to(node, 'place').at(-1)).toMatchObject({ actor: cart('a'), wish });
    resume(scene);
    expect(kinds(scene, 2)).toEqual(['resumed']);
    expect(scene.to(node, 'place').at(-1)?.wish).toMatchObject({ kind: 'live' });
    expect(viewOf(scene)?.state).toBe('placed');
    expect(failed(scene)).toEqual([]);
  });

  it.each(['facts', 'image'] as const)(
    'stays so when its node dies, and under a new leader, from its %s',
    (from) => {
      const { scene, node } = carts(2);
      fails(scene);
      const before = scene.actor('a').life;
      scene.dies(node);
      scene.sealed(node);
      scene.failOver(from);
      expect(scene.actor('a').node).not.toBe(node);
      expect(scene.actor('a').life).toEqual(before);
      expect(viewOf(scene)?.state).toBe('failed');
      expect(failed(scene)).toEqual([cart('a')]);
      expect(kinds(scene).filter((kind) => kind === 'given-up')).toHaveLength(1);
    },
  );

  it('is not given up by what it failed before it was resumed', () => {
    const { scene } = carts();
    fails(scene);
    resume(scene);
    fails(scene);
    expect(kinds(scene)).toEqual(['crash-looping', 'given-up', 'resumed', 'crash-looping']);
    expect(viewOf(scene)?.state).toBe('failed');
    expect(viewOf(scene)?.failure?.code).toBe('CONSTRUCTOR_FAILED');
    fails(scene, scene.actor('a').life?.at);
    expect(kinds(scene, 4)).toEqual(['given-up']);
  });

  it('stands in a list of those that are failed beside others that are ill, in order', () => {
    const { scene, node } = carts();
    const also = { actor: cart('b'), epoch: scene.actor('b').epoch, failure: broken };
    for (const key of ['0', 'c']) scene.resolves(key);
    const entry = (key: string) => ({ ...also, actor: cart(key), epoch: scene.actor(key).epoch });
    const givesUp = { failures: 3, wishAt: 0 };
    const actors = [{ ...entry('a'), givesUp }, entry('b'), { ...entry('c'), givesUp }, entry('0')];
    scene.hear({ kind: 'ailing', incarnation: node, actors });
    expect(failed(scene)).toEqual(['0', 'a', 'b', 'c'].map(cart));
  });
});
