import { type Labels, limits, type RequestBody, tenantName } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { pageOfActors } from '../src/actor-list.ts';
import { Ailing } from '../src/ailing.ts';
import { State } from '../src/state.ts';
import { cart, cluster, type Scene } from './scene.ts';

type Asked = Partial<Extract<RequestBody, { kind: 'list-actors' }>>;

function create(scene: Scene, key: string, labels: Labels = {}): void {
  scene.asks({ kind: 'create-actor', actor: cart(key), by: key, labels });
}

function page(scene: Scene, asked: Asked = {}) {
  const tenant = tenantName('default');
  const answer = scene.asks({ kind: 'list-actors', tenant, limit: 100, ...asked });
  if (answer?.kind !== 'actors') throw new Error(`no list: ${JSON.stringify(answer)}`);
  const keys = answer.actors.map(({ actor }) => actor.slice('default/Cart/'.length));
  return { ...answer, keys };
}

/** All keys, by pages of so many. */
function all(scene: Scene, asked: Asked): string[] {
  const keys: string[] = [];
  let after: string | undefined;
  do {
    const found = page(scene, after === undefined ? asked : { ...asked, after });
    keys.push(...found.keys);
    after = found.next;
  } while (after !== undefined);
  return keys;
}

const numbered = Array.from({ length: 25 }, (_, n) => `k${String(n).padStart(2, '0')}`);

describe('a list of actors', () => {
  it('comes in pages, in the order of their ids, whatever order they were made in', () => {
    const { scene } = cluster(2);
    for (const key of [...numbered].reverse()) create(scene, key);
    const first = page(scene, { limit: 10 });
    expect(first.keys).toEqual(numbered.slice(0, 10));
    expect([first.total, first.next]).toEqual([25, cart('k09')]);
    expect(all(scene, { limit: 10 })).toEqual(numbered);
  });

  it('shows every actor that is there all the while once, whatever comes and goes (K1)', () => {
    const { scene } = cluster(2);
    for (const key of numbered) create(scene, key);
    const first = page(scene, { limit: 10 });
    create(scene, 'k05-new');
    create(scene, 'k20-new');
    const rest = page(scene, { limit: 100, after: first.next ?? '' });
    expect(rest.keys).toEqual([...numbered.slice(10, 21), 'k20-new', ...numbered.slice(21)]);
  });

  it('is searched by type and prefix, by labels, and by both', () => {
    const { scene } = cluster(2);
    for (const [n, key] of numbered.entries()) {
      create(scene, key, { team: n % 2 === 0 ? 'red' : 'blue', size: n < 5 ? 's' : 'l' });
    }
    expect(page(scene, { type: 'Cart', prefix: 'k1' }).keys).toEqual(numbered.slice(10, 20));
    expect(page(scene, { labels: { team: 'red', size: 's' } }).keys).toEqual(['k00', 'k02', 'k04']);
    const both = { type: 'Cart', prefix: 'k1', labels: { team: 'blue' } };
    expect(all(scene, { ...both, limit: 2 })).toEqual(['k11', 'k13', 'k15', 'k17', 'k19']);
    expect(page(scene, { labels: { team: 'green' } }).keys).toEqual([]);
  });

  it('is searched by state: paused, moving, ill', () => {
    const { scene, nodes } = cluster(2);
    for (const key of numbered.slice(0, 4)) create(scene, key);
    const { birth } = scene.actor('k01');
    scene.asks({ kind: 'wish-actor', actor: cart('k01'), birth, wish: 'paused' });
    expect(page(scene, { state: 'paused' }).keys).toEqual(['k01']);
    const { node, epoch } = scene.actor('k02');
    const failure = { code: 'USER_ERROR', message: 'no key' } as const;
    const ill = { actor: cart('k02'), epoch, failure };
    scene.hear({ kind: 'ailing', incarnation: node, actors: [ill] });
    expect(page(scene, { state: 'failed' }).actors).toMatchObject([{ failure }]);
    scene.hear({ kind: 'ailing', incarnation: node, actors: [] });
    expect(page(scene, { state: 'failed' }).keys).toEqual([]);
    const [first] = nodes;
    if (first === undefined) throw new Error('no node');
    scene.dies(first);
    const moving = page(scene, { state: 'moving' }).keys;
    expect(moving).toEqual(
      numbered.slice(0, 4).filter((key) => key !== 'k01' && scene.actor(key).node === first),
    );
  });

  it('of those that are ill says that a node has more than it names, for as long as it has', () => {
    const { scene } = cluster(1);
    create(scene, 'a');
    const { node: incarnation, epoch } = scene.actor('a');
    const failure = { code: 'USER_ERROR', message: 'no key' } as const;
    const ill = {
      kind: 'ailing',
      incarnation,
      actors: [{ actor: cart('a'), epoch, failure }],
    } as const;
    scene.hear({ ...ill, cut: true });
    expect(page(scene, { state: 'failed' })).toMatchObject({ keys: ['a'], cut: true });
    expect(page(scene, { state: 'placed' }).cut).toBeUndefined();
    scene.hear(ill);
    expect(page(scene, { state: 'failed' }).cut).toBeUndefined();
    scene.hear({ ...ill, cut: true });
    scene.dies(incarnation);
    expect(page(scene, { state: 'failed' }).cut).toBeUndefined();
  });

  it('forgets the labels of an actor that was destroyed', () => {
    const { scene } = cluster(1);
    create(scene, 'a', { team: 'red' });
    const { birth, node } = scene.actor('a');
    scene.ask({ kind: 'wish-actor', actor: cart('a'), birth, wish: 'ending' });
    const { epoch, life: wish } = scene.actor('a');
    if (wish === undefined) throw new Error('nothing is wished');
    scene.hear({ kind: 'settled', incarnation: node, actors: [{ actor: cart('a'), epoch, wish }] });
    scene.resolves('a');
    expect(page(scene, { labels: { team: 'red' } }).keys).toEqual([]);
    expect(page(scene).keys).toEqual(['a']);
  });

  it('by a prefix of keys without a type is refused, and says what to give', () => {
    const { scene } = cluster(1);
    create(scene, 'a');
    const tenant = tenantName('default');
    const answer = scene.asks({ kind: 'list-actors', tenant, prefix: 'a', limit: 100 });
    expect(answer).toMatchObject({
      kind: 'failed',
      failure: { code: 'INVALID_ARGUMENT', details: { argument: 'prefix' } },
    });
    expect(JSON.stringify(answer)).toContain('give the type too, or no prefix');
  });

  it('looks at a bounded number for one page, and says where it has come to', () => {
    const { scene } = cluster(1);
    create(scene, 'a');
    const { node, bundle } = scene.actor('a');
    const state = State.restore(scene.machine.imageParts());
    for (let n = 0; n <= limits.lookedAtMax; n++) {
      const actor = cart(`n${n}`);
      state.apply({ kind: 'actor-created', actor, scope: 's' });
      state.apply({ kind: 'actor-placed', actor, node, bundle, chain: [] });
    }
    const asked = { kind: 'list-actors', tenant: tenantName('default'), limit: 10 } as const;
    const first = pageOfActors(state, new Ailing(), { ...asked, state: 'moving' });
    expect([first.actors, first.total]).toEqual([[], limits.lookedAtMax + 2]);
    const { next: after = '' } = first;
    expect(after).not.toBe('');
    const second = pageOfActors(state, new Ailing(), { ...asked, state: 'moving', after });
    expect(second.next).toBeUndefined();
  });
});
