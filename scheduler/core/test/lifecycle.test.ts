import {
  type ActorOwner,
  type ActorWish,
  actorId,
  bundleHash,
  type Incarnation,
  isFailure,
  limits,
  type Place,
  postboxType,
  runId,
  sessionId,
  tenantName,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { SchedulerMachine } from '../src/index.ts';
import { cart, cluster, config, type Scene, stateOf, tenant, workflow } from './scene.ts';

const actor = cart('a');

/** A scene with an actor `a` that its node has seen. */
function living(nodes = 2) {
  const { scene } = cluster(nodes);
  scene.resolves('a');
  seen(scene);
  return scene;
}

function seen(scene: Scene, wishAt?: number): void {
  const { node, epoch } = scene.actor('a');
  const placed = [{ actor, epoch, ...(wishAt === undefined ? {} : { wishAt }) }];
  scene.hear({ kind: 'place-seen', incarnation: node, placed });
}

function wish(scene: Scene, kind: ActorWish['kind'], birth = scene.actor('a').birth): number {
  return scene.ask({ kind: 'wish-actor', actor, birth, wish: kind });
}

/** Its node says that it is as wished. */
function settles(scene: Scene, revision?: number, seq?: number): void {
  const { node, epoch, life: wished } = scene.actor('a');
  if (wished === undefined) throw new Error('nothing is wished');
  const entry = { actor, epoch, wish: wished };
  const end = seq === undefined ? {} : { seq };
  const actors = [revision === undefined ? entry : { ...entry, revision, ...end }];
  scene.hear({ kind: 'settled', incarnation: node, actors });
}

function lastPlace(scene: Scene, node: Incarnation = scene.actor('a').node): Place | undefined {
  return scene.to(node, 'place').at(-1);
}

function exists(scene: Scene): boolean {
  return scene.machine.durable().actors.some(({ id }) => id === actor);
}

describe('destroying an actor', () => {
  it('is answered when its node has said that nothing of it is left, and then it is no more', () => {
    const scene = living();
    const number = wish(scene, 'ending');
    expect(lastPlace(scene)).toMatchObject({ wish: { kind: 'ending' } });
    expect(scene.answer(number)).toBeUndefined();
    settles(scene, 7);
    expect(scene.answer(number)).toEqual({ kind: 'done' });
    expect(exists(scene)).toBe(false);
    expect(scene.machine.durable().tombstones).toMatchObject([{ id: actor, revision: 7 }]);
  });

  it('is told to its node until that says it is done, not only until it has seen it', () => {
    const scene = living();
    wish(scene, 'ending');
    const node = scene.actor('a').node;
    seen(scene, scene.actor('a').life?.at);
    const before = scene.to(node, 'place').length;
    scene.pass(3_000);
    expect(scene.to(node, 'place').length).toBeGreaterThan(before);
    settles(scene);
    const after = scene.to(node, 'place').length;
    scene.pass(3_000);
    expect(scene.to(node, 'place')).toHaveLength(after);
  });

  it('goes on when the leader dies, and when the node does', () => {
    const scene = living();
    const { node, birth } = scene.actor('a');
    wish(scene, 'ending');
    scene.failOver();
    scene.dies(node);
    scene.sealed(node);
    const placed = scene.actor('a');
    expect(placed.node).not.toBe(node);
    expect(lastPlace(scene)).toMatchObject({ wish: { kind: 'ending' }, birth });
    const number = wish(scene, 'ending', birth);
    settles(scene, 3);
    expect(scene.answer(number)).toEqual({ kind: 'done' });
  });

  it('of a birth that is gone is done already, and leaves the next one alone', () => {
    const scene = living();
    const { birth } = scene.actor('a');
    wish(scene, 'ending');
    settles(scene, 1);
    expect(scene.answer(wish(scene, 'ending', birth))).toEqual({ kind: 'done' });
    scene.resolves('a');
    expect(scene.answer(wish(scene, 'ending', birth))).toEqual({ kind: 'done' });
    expect(scene.actor('a').life).toBeUndefined();
  });

  it('lets whoever asks by name wait, and gives him a new actor with a new birth', () => {
    const scene = living();
    const { birth } = scene.actor('a');
    wish(scene, 'ending');
    expect(scene.resolves('a')).toBeUndefined();
    settles(scene, 1);
    const located = scene.located(actor);
    if (located === undefined || isFailure(located.location)) throw new Error('not located');
    expect(located.location.birth).toBeGreaterThan(birth);
    expect(lastPlace(scene)).toMatchObject({ heir: true, chain: [] });
  });

  it('tells whoever asks for the birth that was destroyed, and creates nothing for him', () => {
    const scene = living();
    const { birth } = scene.actor('a');
    const code = () => {
      scene.replies = [];
      scene.hear({ kind: 'resolve', actor, birth, replyTo: 'gateway:g1' as never });
      const location = scene.located(actor)?.location;
      return location !== undefined && isFailure(location) ? location.code : location?.birth;
    };
    expect(code()).toBe(birth);
    wish(scene, 'ending');
    expect(code()).toBe('GONE');
    settles(scene, 1);
    expect(code()).toBe('GONE');
    expect(exists(scene)).toBe(false);
  });

  it('is told at once to the node of another actor that is being destroyed and has written to it', () => {
    const scene = living();
    wish(scene, 'ending');
    scene.replies = [];
    const replyTo = `node:${scene.actor('a').node}` as never;
    scene.hear({ kind: 'resolve', actor, replyTo, ending: true, look: 7 });
    expect(scene.located(actor)).toMatchObject({ location: { code: 'GONE' }, look: 7 });
  });

  it('frees the logs that its chain needed', () => {
    const scene = living();
    const { node } = scene.actor('a');
    scene.dies(node);
    scene.sealed(node);
    expect(scene.actor('a').chain).toHaveLength(1);
    expect(scene.orders('delete-log')).toEqual([]);
    wish(scene, 'ending');
    settles(scene, 1);
    expect(scene.orders('delete-log')).toHaveLength(1);
  });

  it('is remembered for an hour of leading, then the store is freed of it', () => {
    const scene = living();
    wish(scene, 'ending');
    settles(scene, 9);
    scene.pass(limits.tombstoneMs - 5_000);
    expect(scene.orders('drop-checkpoints')).toEqual([]);
    scene.pass(10_000);
    expect(scene.orders('drop-checkpoints')).toEqual([
      { kind: 'drop-checkpoints', of: [{ actor, revision: 9 }] },
    ]);
    expect(scene.machine.durable().tombstones).toBeUndefined();
    scene.resolves('a');
    expect(scene.actor('a').heir).toBeUndefined();
  });

  it('is told to nodes whose clocks name it, with the number of its end, as long as the next one surely begins there', () => {
    const scene = living();
    const asks = (): unknown => {
      const { node: incarnation } = scene.actor('b');
      scene.hear({ kind: 'ask-ended', incarnation, ask: 3, actors: [actor, cart('b')] });
      return scene.to(incarnation, 'ended-found').at(-1);
    };
    scene.resolves('b');
    wish(scene, 'ending');
    expect(asks()).toMatchObject({ ask: 3, ended: {} });
    settles(scene, 9, 17);
    expect(asks()).toMatchObject({ ended: { [actor]: 17 } });
    scene.pass(limits.endedToldMs - 5_000);
    scene.failOver('image');
    expect(asks()).toMatchObject({ ended: { [actor]: 17 } });
    scene.resolves('a');
    expect(scene.actor('a')).toMatchObject({ from: 17 });
    expect(asks()).toMatchObject({ ended: { [actor]: 17 } });
    scene.pass(10_000);
    expect(asks()).toMatchObject({ ended: {} });
    // Whatever a node believes of others is older than any that begin again at 0.
    expect(limits.endedToldMs + limits.knownPeersMs).toBeLessThan(limits.tombstoneMs);
  });

  it('leaves in the store what the next one of the name may be read back from', () => {
    const scene = living();
    wish(scene, 'ending');
    settles(scene, 9);
    scene.resolves('a');
    scene.pass(limits.tombstoneMs + 5_000);
    expect(scene.orders('drop-checkpoints')).toEqual([]);
    expect(scene.actor('a').heir).toBe(true);
  });

  it('never turns back', () => {
    const scene = living();
    wish(scene, 'ending');
    expect(scene.code(scene.answer(wish(scene, 'live')))).toBe('GONE');
    expect(scene.code(scene.answer(wish(scene, 'paused')))).toBe('GONE');
    expect(scene.actor('a').life?.kind).toBe('ending');
  });

  it('counts what a node says only of the present epoch and wish', () => {
    const scene = living();
    const { node, epoch } = scene.actor('a');
    wish(scene, 'ending');
    const wished = scene.actor('a').life;
    if (wished === undefined) throw new Error('nothing is wished');
    scene.dies(node);
    scene.sealed(node);
    const other = scene.actor('a').node;
    const entry = { actor, epoch, wish: wished, revision: 1 };
    scene.hear({ kind: 'settled', incarnation: other, actors: [entry] });
    expect(exists(scene)).toBe(true);
  });
});

describe('pausing an actor', () => {
  it('is answered when it runs nothing, and again at once', () => {
    const scene = living();
    const number = wish(scene, 'paused');
    expect(scene.answer(number)).toBeUndefined();
    settles(scene);
    expect(scene.answer(number)).toEqual({ kind: 'done' });
    expect(scene.answer(wish(scene, 'paused'))).toEqual({ kind: 'done' });
  });

  it('holds when its node dies: it is placed as paused, and that is waited for anew', () => {
    const scene = living();
    wish(scene, 'paused');
    settles(scene);
    const { node } = scene.actor('a');
    scene.dies(node);
    scene.sealed(node);
    expect(lastPlace(scene)).toMatchObject({ wish: { kind: 'paused' } });
    const number = wish(scene, 'paused');
    expect(scene.answer(number)).toBeUndefined();
    settles(scene);
    expect(scene.answer(number)).toEqual({ kind: 'done' });
  });

  it('ends when it is resumed, of which its node is told until it has seen it', () => {
    const scene = living();
    wish(scene, 'paused');
    settles(scene);
    expect(scene.answer(wish(scene, 'live'))).toEqual({ kind: 'done' });
    const { node, life: wished } = scene.actor('a');
    seen(scene);
    scene.pass(2_000);
    const told = scene.to(node, 'place').length;
    expect(told).toBeGreaterThan(2);
    seen(scene, wished?.at);
    scene.pass(3_000);
    expect(scene.to(node, 'place')).toHaveLength(told);
  });

  it('that was overtaken by another wish says so', () => {
    const scene = living();
    const number = wish(scene, 'paused');
    wish(scene, 'live');
    expect(scene.code(scene.answer(number))).toBe('WRONG_STATE');
  });

  it('that was held up never undoes what was wished since it was asked for', () => {
    const scene = living();
    const { birth } = scene.actor('a');
    const pause = { kind: 'wish-actor', actor, birth, wishAt: 0, wish: 'paused' } as const;
    scene.ask(pause);
    const paused = scene.asks({ kind: 'get-actor', actor });
    const wishAt = paused.kind === 'actor' ? paused.actor.wishAt : undefined;
    expect(wishAt).toBeGreaterThan(0);
    const resume = { kind: 'wish-actor', actor, birth, wishAt: wishAt ?? 0, wish: 'live' } as const;
    expect(scene.asks(resume)).toEqual({ kind: 'done' });
    expect(scene.code(scene.asks(pause))).toBe('WRONG_STATE');
    expect(scene.actor('a').life?.kind).toBe('live');
    expect(scene.asks(resume)).toEqual({ kind: 'done' });
  });

  it('of an actor that is not there is refused as gone', () => {
    const { scene } = cluster(1);
    expect(scene.code(scene.asks({ kind: 'wish-actor', actor, birth: 3, wish: 'paused' }))).toBe(
      'GONE',
    );
  });
});

describe('a postbox', () => {
  it('is not destroyed, and has no owner: what waits in it was sent by many', () => {
    const scene = living();
    const box = actorId('default', postboxType, '7');
    const owner = { actor, birth: scene.actor('a').birth };
    const owned = scene.ask({ kind: 'create-actor', actor: box, by: 'me', owner });
    expect(scene.answer(owned)).toMatchObject({ failure: { code: 'INVALID_ARGUMENT' } });
    const made = scene.answer(scene.ask({ kind: 'create-actor', actor: box, by: 'me' }));
    if (made?.kind !== 'actor') throw new Error(JSON.stringify(made));
    const { birth } = made.actor;
    const ends = scene.ask({ kind: 'wish-actor', actor: box, birth, wish: 'ending' });
    expect(scene.answer(ends)).toMatchObject({ failure: { code: 'INVALID_ARGUMENT' } });
    expect(scene.answer(scene.ask({ kind: 'get-actor', actor: box }))).toMatchObject({
      actor: { state: 'placed' },
    });
  });
});

describe('creating an actor on purpose', () => {
  const create = { kind: 'create-actor', actor, by: 'one' } as const;

  it.each(['journal', 'image'])(
    'with a state says where that lies wherever it is placed, by the %s too',
    (from) => {
      const { scene } = cluster(2);
      scene.asks({ ...create, seed: 'seed of a' });
      expect(lastPlace(scene)).toMatchObject({ seed: 'seed of a' });
      if (from === 'journal') scene.failOver();
      else {
        const machine = SchedulerMachine.restore(config, scene.machine.image());
        const { actors } = machine.durable();
        expect(actors.find(({ id }) => id === actor)?.seed).toBe('seed of a');
      }
      const { node } = scene.actor('a');
      scene.dies(node);
      scene.sealed(node);
      expect(lastPlace(scene)).toMatchObject({ seed: 'seed of a' });
    },
  );

  it('with a state of a version that nothing here serves is refused, and creates nothing', () => {
    const { scene } = cluster(1);
    const foreign = {
      ...create,
      seed: 'seed of a',
      code: { bundle: bundleHash('b2'), version: 7 },
    };
    expect(scene.code(scene.asks(foreign))).toBe('UNKNOWN_BUNDLE');
    expect(exists(scene)).toBe(false);
    // Of the version that serves any bundle will do.
    const alike = { ...foreign, code: { ...foreign.code, version: 1 } };
    expect(scene.asks(alike)).toMatchObject({ kind: 'actor', created: true });
  });

  it('makes it with its labels and scope, and finds it again under the same id of the request', () => {
    const { scene } = cluster(1);
    const made = scene.asks({ ...create, labels: { team: 'red' }, scope: 's' });
    expect(made).toMatchObject({ kind: 'actor', created: true });
    expect(scene.actor('a')).toMatchObject({ labels: { team: 'red' }, scope: 's' });
    scene.failOver();
    expect(scene.asks(create)).toMatchObject({ kind: 'actor', created: true });
    expect(scene.decided('actor-created')).toHaveLength(1);
  });

  it('that is there already is refused, or answered as it is when that will do', () => {
    const scene = living();
    expect(scene.code(scene.asks(create))).toBe('ALREADY_EXISTS');
    const found = scene.asks({ ...create, orExisting: true });
    expect(found).toMatchObject({ kind: 'actor', actor: { birth: scene.actor('a').birth } });
    expect(found).not.toHaveProperty('created');
  });

  it('of which there is none is told so, and creates nothing', () => {
    const { scene } = cluster(1);
    expect(scene.code(scene.asks({ kind: 'get-actor', actor }))).toBe('UNKNOWN_ACTOR');
    expect(exists(scene)).toBe(false);
  });
});

describe('an actor that is owned', () => {
  const owned = cart('owned');

  function own(scene: Scene, owner: ActorOwner) {
    return scene.asks({ kind: 'create-actor', actor: owned, by: 'one', owner });
  }

  function wishOf(scene: Scene) {
    return scene.actor('owned').life?.kind;
  }

  it('is destroyed soon after its owner is, and with it what it owns itself', () => {
    const scene = living();
    own(scene, { kind: 'actor', actor, birth: scene.actor('a').birth });
    const { birth } = scene.actor('owned');
    const below = { kind: 'actor', actor: owned, birth } as const;
    scene.asks({ kind: 'create-actor', actor: cart('below'), by: 'two', owner: below });
    wish(scene, 'ending');
    scene.pass(2_500);
    expect([wishOf(scene), scene.actor('below').life?.kind]).toEqual(['ending', 'ending']);
  });

  it('is destroyed also when the leader dies before that', () => {
    const scene = living();
    own(scene, { kind: 'actor', actor, birth: scene.actor('a').birth });
    wish(scene, 'ending');
    settles(scene, 1);
    scene.failOver();
    scene.pass(1_500);
    expect(wishOf(scene)).toBe('ending');
  });

  it('outlives another actor of the name of its owner', () => {
    const scene = living();
    const { birth } = scene.actor('a');
    wish(scene, 'ending');
    settles(scene, 1);
    scene.resolves('a');
    expect(scene.code(own(scene, { kind: 'actor', actor, birth }))).toBe('GONE');
    own(scene, { kind: 'actor', actor, birth: scene.actor('a').birth });
    scene.ask({ kind: 'wish-actor', actor, birth, wish: 'ending' });
    scene.pass(1_500);
    expect(wishOf(scene)).toBeUndefined();
  });

  it('by a run is destroyed when that has ended, and none is made for a run that has', () => {
    const { scene } = cluster(1);
    const pause = { kind: 'pause', id: 'p', after: [], prompt: 'well?' } as const;
    scene.deploys({ workflows: [workflow('flow', [pause])] }, 'b2');
    scene.starts('flow');
    const owner = { kind: 'run', run: runId('r1') } as const;
    own(scene, owner);
    scene.pass(1_500);
    expect(wishOf(scene)).toBeUndefined();
    scene.asks({ kind: 'cancel-run', run: owner.run });
    scene.pass(1_500);
    expect(wishOf(scene)).toBe('ending');
    const late = { kind: 'create-actor', actor: cart('late'), by: 'x', owner } as const;
    expect(scene.code(scene.asks(late))).toBe('UNKNOWN_RUN');
  });
});

describe('an actor that is owned by a session of a client', () => {
  const owner = { kind: 'session', tenant, session: sessionId('s1') } as const;
  const owned = cart('theirs');

  function owning(): Scene {
    const { scene } = cluster(1);
    scene.asks({ kind: 'create-actor', actor: owned, by: 'one', owner });
    return scene;
  }

  function keeps(scene: Scene, ms: number): void {
    for (let passed = 0; passed < ms; passed += 15_000) {
      scene.asks({ kind: 'keep-session', tenant, session: owner.session });
      scene.pass(15_000);
    }
  }

  const wishOfOwned = (scene: Scene) =>
    scene.machine.durable().actors.find(({ id }) => id === owned)?.life?.kind;

  it('lives as long as the session is heard of, and is destroyed when it was not for a minute', () => {
    const scene = owning();
    keeps(scene, 300_000);
    expect(wishOfOwned(scene)).toBeUndefined();
    scene.pass(40_000);
    expect(wishOfOwned(scene)).toBeUndefined();
    scene.pass(10_000);
    expect(wishOfOwned(scene)).toBe('ending');
  });

  it('is destroyed at once when the client says that it is over', () => {
    const scene = owning();
    scene.asks({ kind: 'end-session', tenant, session: owner.session });
    scene.pass(1_500);
    expect(wishOfOwned(scene)).toBe('ending');
  });

  it.each(['facts', 'image'] as const)(
    'has its whole time anew under a new leader, from its %s',
    (from) => {
      const scene = owning();
      scene.pass(50_000);
      scene.failOver(from);
      scene.pass(50_000);
      expect(wishOfOwned(scene)).toBeUndefined();
      keeps(scene, 120_000);
      expect(wishOfOwned(scene)).toBeUndefined();
      scene.pass(61_500);
      expect(wishOfOwned(scene)).toBe('ending');
    },
  );

  it('is not destroyed for a silence that was the own one of the leader', () => {
    const scene = owning();
    scene.now += 600_000;
    scene.pass(50_000);
    expect(wishOfOwned(scene)).toBeUndefined();
  });

  it('is of one tenant: a session of the same name of another one ends nothing', () => {
    const scene = owning();
    const other = tenantName('other');
    scene.asks({ kind: 'end-session', tenant: other, session: owner.session });
    scene.pass(1_500);
    expect(wishOfOwned(scene)).toBeUndefined();
  });
});

describe('the history of an actor', () => {
  it('that was paused, resumed, destroyed and created again replays to the same state', () => {
    const scene = living();
    wish(scene, 'paused');
    settles(scene);
    wish(scene, 'live');
    wish(scene, 'ending');
    settles(scene, 4);
    scene.asks({ kind: 'create-actor', actor, by: 'two', labels: { team: 'red' } });
    wish(scene, 'paused');
    const next = new SchedulerMachine(config);
    for (const fact of scene.facts) next.apply(fact);
    expect(stateOf(next)).toEqual(stateOf(scene.machine));
    const read = SchedulerMachine.restore(config, next.image());
    expect(stateOf(read)).toEqual(stateOf(next));
    read.checkInvariants();
  });
});
