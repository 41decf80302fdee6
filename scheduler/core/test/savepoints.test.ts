/** Savepoints: a line through a scope that is found by asking, while everybody goes on. */
import {
  type ActorId,
  type AskTurns,
  type Failure,
  type Incarnation,
  type Line,
  type LineTarget,
  limits,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cart, cluster, type Scene, stateOf, tenant } from './scene.ts';

const scope = 'bank';
const make = (savepoint = 'first') =>
  ({ kind: 'make-savepoint', tenant, scope, savepoint }) as const;
const list = { kind: 'list-savepoints', tenant, scope } as const;

function bank(keys = ['a', 'b']): { scene: Scene; nodes: Incarnation[] } {
  const { scene, nodes } = cluster(2);
  for (const key of keys) {
    scene.hear({ kind: 'resolve', actor: cart(key), scope, replyTo: 'gateway:g1' as never });
  }
  scene.forgetWords();
  return { scene, nodes };
}

/** What the nodes of the cluster were asked and have not answered. */
function asked(scene: Scene): (AskTurns & { node: Incarnation })[] {
  return scene.sends.flatMap((send) =>
    send.kind === 'to-node' && send.message.kind === 'ask-turns'
      ? [{ ...send.message, node: send.node }]
      : [],
  );
}

/** All nodes answer what they were asked. */
function answer(scene: Scene, turns: (actor: ActorId, line?: Line) => number | Failure): void {
  const questions = asked(scene);
  scene.sends = [];
  for (const { node, ask, actors, line } of questions) {
    const found = actors.map(({ actor, epoch }) => ({ actor, epoch, turn: turns(actor, line) }));
    scene.hear({ kind: 'turns-found', incarnation: node, ask, found });
  }
}

/** The actor is destroyed. */
function destroy(scene: Scene, key: string, seq = 4): void {
  const { birth } = scene.actor(key);
  scene.ask({ kind: 'wish-actor', actor: cart(key), birth, wish: 'ending' });
  const { node, epoch, life } = scene.actor(key);
  if (life === undefined) throw new Error('nothing is wished');
  const actors = [{ actor: cart(key), epoch, wish: life, revision: 5, seq }];
  scene.hear({ kind: 'settled', incarnation: node, actors });
}

describe('an actor that is destroyed', () => {
  it('is in no savepoint any more, nor is the next one of its name', () => {
    const { scene } = bank();
    const number = scene.ask(make());
    answer(scene, () => 3);
    answer(scene, () => 3);
    expect(scene.answer(number)).toMatchObject({ kind: 'savepoint' });
    destroy(scene, 'a');
    scene.hear({ kind: 'resolve', actor: cart('a'), scope, replyTo: 'gateway:g1' as never });
    const line = { [cart('b')]: 3 };
    expect(scene.asks(make())).toMatchObject({ kind: 'savepoint', savepoint: { line } });
  });

  it('keeps nobody from a savepoint that was being made', () => {
    const { scene } = bank();
    const number = scene.ask(make());
    destroy(scene, 'a');
    scene.sends = [];
    scene.pass(1_500);
    answer(scene, () => 3);
    answer(scene, () => 3);
    const line = { [cart('b')]: 3 };
    expect(scene.answer(number)).toMatchObject({ kind: 'savepoint', savepoint: { line } });
  });

  it('keeps nobody back who knew of it, and the next one of its name begins where it ended', () => {
    const { scene } = bank(['a', 'b', 'c']);
    destroy(scene, 'b', 12);
    destroy(scene, 'c', 5);
    scene.hear({ kind: 'resolve', actor: cart('c'), scope, replyTo: 'gateway:g1' as never });
    scene.sends = [];
    const number = scene.ask(make());
    answer(scene, (actor) => (actor === cart('a') ? 8 : 5));
    const line = { [cart('a')]: 8, [cart('c')]: 5 };
    expect(asked(scene)[0]?.line).toEqual(line);
    answer(scene, (actor) => (actor === cart('a') ? 8 : 5));
    expect(scene.answer(number)).toMatchObject({ kind: 'savepoint', savepoint: { line } });
    destroy(scene, 'c', 9);
    scene.hear({ kind: 'resolve', actor: cart('c'), scope, replyTo: 'gateway:g1' as never });
    scene.sends = [];
    // Behind an older savepoint it does not go further back than it was born.
    scene.ask({ kind: 'show-line', tenant, scope, to: { savepoint: 'first' } });
    answer(scene, (actor) => (actor === cart('a') ? 9 : 11));
    expect(asked(scene)[0]?.line).toEqual({ [cart('a')]: 8, [cart('c')]: 9 });
  });

  it('as the last one of its scope ends what was being made', () => {
    const { scene } = bank(['a']);
    const number = scene.ask(make());
    destroy(scene, 'a');
    scene.pass(1_500);
    expect(scene.answer(number)).toMatchObject({ failure: { code: 'UNKNOWN_SCOPE' } });
  });
});

describe('a savepoint', () => {
  it('is the line that is left when nobody knows of anything beyond it', () => {
    const { scene } = bank();
    const number = scene.ask(make());
    answer(scene, (actor) => (actor === cart('a') ? 10 : 7));
    expect(asked(scene)[0]?.line).toEqual({ [cart('a')]: 10, [cart('b')]: 7 });
    // The turns 5 to 7 of b know of the eleventh of a, which was not asked for.
    answer(scene, (actor) => (actor === cart('a') ? 10 : 4));
    expect(asked(scene)[0]?.line).toEqual({ [cart('a')]: 10, [cart('b')]: 4 });
    // And the tenth of a knew of the fifth of b.
    answer(scene, (actor) => (actor === cart('a') ? 9 : 4));
    answer(scene, (actor) => (actor === cart('a') ? 9 : 4));
    const line = { [cart('a')]: 9, [cart('b')]: 4 };
    expect(scene.answer(number)).toMatchObject({ kind: 'savepoint', savepoint: { line } });
    expect(scene.decided('savepoint-made')).toMatchObject([{ scope, savepoint: 'first', line }]);
    expect(scene.asks(list)).toMatchObject({ savepoints: [{ savepoint: 'first', line }] });
  });

  it('under a name that is taken is the one that stands there', () => {
    const { scene } = bank();
    scene.ask(make());
    answer(scene, () => 3);
    answer(scene, () => 3);
    const known = scene.asks(make());
    expect(known).toMatchObject({ kind: 'savepoint', savepoint: { savepoint: 'first' } });
    expect(scene.decided('savepoint-made')).toHaveLength(1);
  });

  it('outlives the leader, in the journal and in an image, until it is dropped', () => {
    const { scene } = bank();
    scene.ask(make());
    answer(scene, () => 3);
    answer(scene, () => 3);
    const before = stateOf(scene.machine);
    scene.failOver();
    expect(scene.asks(list)).toMatchObject({ savepoints: [{ savepoint: 'first' }] });
    expect(before.length).toBeGreaterThan(0);
    const drop = { kind: 'drop-savepoint', tenant, scope, savepoint: 'first' } as const;
    expect(scene.code(scene.asks(drop))).toBe('done');
    expect(scene.asks(list)).toMatchObject({ savepoints: [] });
    expect(scene.code(scene.asks(drop))).toBe('UNKNOWN_SAVEPOINT');
  });

  it('waits for actors that are between two nodes, and asks them where they are then', () => {
    const { scene, nodes } = bank(['a', 'b', 'c', 'd']);
    const [first] = nodes;
    if (first === undefined) throw new Error('no node');
    const number = scene.ask(make());
    const others = asked(scene).filter(({ node }) => node !== first);
    scene.sends = [];
    for (const { node, ask, actors } of others) {
      const found = actors.map(({ actor, epoch }) => ({ actor, epoch, turn: 1 }));
      scene.hear({ kind: 'turns-found', incarnation: node, ask, found });
    }
    scene.dies(first);
    scene.sealed(first);
    scene.pass(2_000);
    expect(asked(scene).map(({ node }) => node)).toContain(nodes[1]);
    answer(scene, () => 1);
    answer(scene, () => 1);
    expect(scene.code(scene.answer(number))).toBe('savepoint');
  });

  it('begins anew when an actor went on so fast that its turn is not at hand any more', () => {
    const { scene } = bank();
    const number = scene.ask(make());
    answer(scene, () => 3);
    const away: Failure = { code: 'TOO_FAR_BACK', message: 'it is not at hand' };
    answer(scene, (actor) => (actor === cart('a') ? away : 3));
    expect(scene.answer(number)).toBeUndefined();
    scene.pass(1_100);
    expect(asked(scene)[0]?.line).toBeUndefined();
    answer(scene, () => 900);
    answer(scene, () => 900);
    expect(scene.code(scene.answer(number))).toBe('savepoint');
  });

  it('has those as they were born who were created while it was looked for', () => {
    const { scene } = bank();
    const number = scene.ask(make());
    answer(scene, () => 3);
    scene.hear({ kind: 'resolve', actor: cart('c'), scope, replyTo: 'gateway:g1' as never });
    answer(scene, (_actor, line) => (line === undefined ? 0 : 3));
    expect(scene.answer(number)).toBeUndefined();
    // The third turn of a knows of the first of c.
    const turns = { [cart('a')]: 2, [cart('b')]: 3, [cart('c')]: 0 };
    answer(scene, (actor) => turns[actor] ?? 0);
    answer(scene, (actor) => turns[actor] ?? 0);
    expect(scene.answer(number)).toMatchObject({ kind: 'savepoint', savepoint: { line: turns } });
  });

  it('is given up when somebody does not say where it is', () => {
    const { scene } = bank();
    const number = scene.ask(make());
    scene.pass(40_000);
    expect(scene.code(scene.answer(number))).toBe('UNAVAILABLE');
    expect(scene.machine.sizes().find(({ of }) => of === 'surveys')?.size).toBe(0);
  });

  it('does not take the answer to a question of another leader', () => {
    const { scene } = bank();
    scene.ask(make());
    const [old] = asked(scene);
    scene.failOver();
    scene.ask(make());
    if (old === undefined) throw new Error('nobody was asked');
    const found = old.actors.map(({ actor, epoch }) => ({ actor, epoch, turn: 99 }));
    scene.hear({ kind: 'turns-found', incarnation: old.node, ask: old.ask, found });
    answer(scene, () => 3);
    answer(scene, () => 3);
    expect(scene.decided('savepoint-made')).toMatchObject([{ line: { [cart('a')]: 3 } }]);
  });

  it('is listed page by page when there are more than fit into a message', () => {
    const { scene } = bank(['x'.repeat(500)]);
    for (let number = 0; number < 4; number++) {
      scene.ask(make(`s${number}`));
      answer(scene, () => 3);
      answer(scene, () => 3);
    }
    const usual = limits.lineIdsMax;
    try {
      Object.assign(limits, { lineIdsMax: 1_100 });
      expect(scene.asks(list)).toMatchObject({
        savepoints: [{ savepoint: 's0' }, { savepoint: 's1' }],
        more: true,
      });
      expect(scene.asks({ ...list, after: 's1' })).toMatchObject({
        savepoints: [{ savepoint: 's2' }, { savepoint: 's3' }],
        more: false,
      });
      Object.assign(limits, { lineIdsMax: 400 });
      expect(scene.code(scene.asks(make('later')))).toBe('WRONG_STATE');
    } finally {
      Object.assign(limits, { lineIdsMax: usual });
    }
  });

  it('is of a scope that has actors, under a proper name', () => {
    const { scene } = bank();
    expect(scene.code(scene.asks({ ...make(), scope: 'nobody' }))).toBe('UNKNOWN_SCOPE');
    expect(scene.code(scene.asks(make('no name')))).toBe('INVALID_ARGUMENT');
  });
});

describe('a line that is shown', () => {
  const show = (to: LineTarget) => ({ kind: 'show-line', tenant, scope, to }) as const;

  /** All nodes say that so many turns lie beyond, with one effect each. */
  function tellBeyond(scene: Scene, last: number): void {
    for (const { node, message } of beyondAsked(scene)) {
      for (const { actor, epoch } of message.actors) {
        const effects = [{ actor, turn: last, kind: 'answer', what: 's1:7' }] as const;
        const beyond = { last, earliest: 2, effects, count: 1 };
        const { ask } = message;
        scene.hear({ kind: 'beyond-found', incarnation: node, ask, actor, epoch, beyond });
      }
    }
  }

  function beyondAsked(scene: Scene) {
    return scene.sends.flatMap((send) =>
      send.kind === 'to-node' && send.message.kind === 'ask-beyond'
        ? [{ node: send.node, message: send.message }]
        : [],
    );
  }

  it('has the turn that was asked for, and says what lies beyond it', () => {
    const { scene } = bank();
    const number = scene.ask(show({ actor: cart('a'), turn: 5 }));
    answer(scene, () => 9);
    expect(asked(scene)[0]?.line).toEqual({ [cart('a')]: 5, [cart('b')]: 9 });
    answer(scene, (actor) => (actor === cart('a') ? 5 : 7));
    answer(scene, (actor) => (actor === cart('a') ? 5 : 7));
    tellBeyond(scene, 9);
    const shown = scene.answer(number);
    expect(shown).toMatchObject({
      kind: 'line',
      line: {
        line: { [cart('a')]: 5, [cart('b')]: 7 },
        last: { [cart('a')]: 9, [cart('b')]: 9 },
        earliest: { [cart('a')]: 2, [cart('b')]: 2 },
        effectCount: 2,
      },
    });
    expect(scene.decided('savepoint-made')).toEqual([]);
  });

  it('is refused when no line has that turn before it', () => {
    const { scene } = bank();
    const number = scene.ask(show({ actor: cart('a'), turn: 5 }));
    answer(scene, () => 9);
    // The fifth was awaited by a turn of b that has not ended.
    answer(scene, (actor) => (actor === cart('a') ? 4 : 9));
    answer(scene, (actor) => (actor === cart('a') ? 4 : 9));
    expect(scene.code(scene.answer(number))).toBe('WRONG_STATE');
  });

  it('is that of a savepoint, behind which later actors have no turn', () => {
    const { scene } = bank(['a']);
    scene.ask(make());
    answer(scene, () => 3);
    answer(scene, () => 3);
    scene.hear({ kind: 'resolve', actor: cart('c'), scope, replyTo: 'gateway:g1' as never });
    const number = scene.ask(show({ savepoint: 'first' }));
    answer(scene, () => 8);
    expect(asked(scene)[0]?.line).toEqual({ [cart('a')]: 3, [cart('c')]: 0 });
    answer(scene, (actor) => (actor === cart('a') ? 3 : 0));
    tellBeyond(scene, 8);
    expect(scene.answer(number)).toMatchObject({ line: { line: { [cart('c')]: 0 } } });
  });

  it('is given up when a node does not say what its actors have done', () => {
    const { scene } = bank();
    const number = scene.ask(show({ actor: cart('a'), turn: 3 }));
    answer(scene, () => 3);
    answer(scene, () => 3);
    scene.pass(40_000);
    expect(scene.code(scene.answer(number))).toBe('UNAVAILABLE');
    const kept = scene.machine.sizes().find(({ of }) => of === 'lines that are shown');
    expect(kept?.size).toBe(0);
  });

  it('is of actors and savepoints that the scope has', () => {
    const { scene } = bank();
    expect(scene.code(scene.asks(show({ savepoint: 'none' })))).toBe('UNKNOWN_SAVEPOINT');
    const stranger = show({ actor: cart('z'), turn: 1 });
    expect(scene.code(scene.asks(stranger))).toBe('INVALID_ARGUMENT');
  });
});
