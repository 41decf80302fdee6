/** A scope goes back in time: held, looked through, and taken back by one fact. */
import type {
  ActorId,
  Failure,
  Incarnation,
  Line,
  Passage,
  PlaceRewind,
  ToNode,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cart, cluster, type Scene, tenant } from './scene.ts';

const scope = 'bank';
const rewind = (turn: number, by = 'r1') =>
  ({ kind: 'rewind', tenant, scope, to: { actor: cart('a'), turn }, by }) as const;

type Said<K extends ToNode['kind']> = Extract<ToNode, { kind: K }> & { node: Incarnation };

function bank(keys = ['a', 'b']): Scene {
  const { scene } = cluster(2);
  for (const key of keys) {
    scene.hear({ kind: 'resolve', actor: cart(key), scope, replyTo: 'gateway:g1' as never });
  }
  scene.forgetWords();
  return scene;
}

/** What the nodes were told of one kind, and then is forgotten. */
function told<K extends ToNode['kind']>(scene: Scene, kind: K): Said<K>[] {
  const isOf = (send: Scene['sends'][number]) =>
    send.kind === 'to-node' && send.message.kind === kind;
  const found = scene.sends.filter(isOf);
  scene.sends = scene.sends.filter((send) => !isOf(send));
  return found.map((send) => {
    if (send.kind !== 'to-node') throw new Error('never');
    return { ...send.message, node: send.node } as Said<K>;
  });
}

/** All nodes say where their actors are. */
function answers(
  scene: Scene,
  kind: 'hold-actors' | 'ask-turns',
  turns: (actor: ActorId) => number | Failure,
): void {
  for (const { node, ask, actors } of told(scene, kind)) {
    const found = actors.map(({ actor, epoch }) => ({ actor, epoch, turn: turns(actor) }));
    scene.hear({ kind: 'turns-found', incarnation: node, ask, found });
  }
}

/** All nodes say what is in transit. */
function passes(scene: Scene, passage: (actor: ActorId) => Passage | Failure): void {
  for (const { node, ask, actors } of told(scene, 'ask-passage')) {
    for (const { actor, epoch } of actors) {
      const found = { ask, actor, epoch, passage: passage(actor) };
      scene.hear({ kind: 'passage-found', incarnation: node, ...found });
    }
  }
}

/** Every actor says that it is what it was. */
function isBack(scene: Scene): void {
  for (const { node, actors } of told(scene, 'take-back')) {
    scene.hear({
      kind: 'rebased',
      incarnation: node,
      actors: actors.map(({ actor, epoch }) => ({ actor, epoch })),
    });
  }
}

const nothing: Passage = { sent: [], taken: [] };
const lineTo = (turn: number): Line => ({ [cart('a')]: turn, [cart('b')]: 4 });

/** Up to the fact, with nothing in transit. */
function goesBack(scene: Scene, turn = 3): void {
  answers(scene, 'hold-actors', (actor) => (actor === cart('a') ? 9 : 7));
  answers(scene, 'ask-turns', (actor) => (actor === cart('a') ? turn : 4));
  answers(scene, 'ask-turns', (actor) => (actor === cart('a') ? turn : 4));
  passes(scene, () => nothing);
}

describe('a scope that goes back', () => {
  it('is held, looked through and taken back, and who asked hears of it when all are back', () => {
    const scene = bank();
    const number = scene.ask(rewind(3));
    const { birth } = scene.actor('a');
    const [held] = scene.decided('rewind-begun');
    expect(held).toMatchObject({ scope, by: 'r1' });
    goesBack(scene);
    expect(scene.decided('scope-rewound')).toMatchObject([{ line: lineTo(3), owed: {} }]);
    const { epoch, back } = scene.actor('a');
    expect([epoch > birth, back]).toEqual([true, true]);
    expect(scene.actor('b').epoch).toBe(epoch);
    const places = told(scene, 'place').map(({ actor, rewind }) => [actor, rewind]);
    const told1: PlaceRewind = { at: epoch, incarnation: epoch, back: true };
    expect(places).toEqual([
      [cart('a'), told1],
      [cart('b'), told1],
    ]);
    expect(scene.answer(number)).toBeUndefined();
    isBack(scene);
    const rewound = { scope, line: lineTo(3), incarnation: epoch };
    expect(scene.answer(number)).toEqual({ kind: 'rewound', rewound });
    expect(scene.actor('a').back).toBeUndefined();
    expect(scene.asks(rewind(3))).toEqual({ kind: 'rewound', rewound });
  });

  it('owes what was sent before the line and taken after it, and no more', () => {
    const scene = bank();
    scene.ask(rewind(3));
    answers(scene, 'hold-actors', () => 9);
    answers(scene, 'ask-turns', (actor) => (actor === cart('a') ? 3 : 9));
    answers(scene, 'ask-turns', (actor) => (actor === cart('a') ? 3 : 9));
    const sender = `${cart('b')}#${scene.actor('b').birth}`;
    const nobody = cart('new');
    passes(scene, (actor) =>
      actor === cart('a')
        ? { sent: [], taken: [[sender, 2]] }
        : // The second one is not there: a letter beyond the line would have made it.
          {
            sent: [
              [cart('a'), 5],
              [nobody, 1],
            ] as const,
            taken: [],
          },
    );
    const asked = told(scene, 'ask-passage');
    expect(asked.flatMap(({ actors }) => actors.map(({ owed }) => owed))).toEqual([
      [
        [cart('a'), 2],
        [nobody, 0],
      ],
    ]);
    expect(scene.decided('scope-rewound')).toEqual([]);
    scene.sends.push(
      ...asked.map(({ node, ...message }) => ({ kind: 'to-node', node, message }) as never),
    );
    passes(scene, () => nothing);
    const [fact] = scene.decided('scope-rewound') as { owed: object; line: Line }[];
    expect(fact?.owed).toEqual({
      [cart('b')]: [
        [cart('a'), 2],
        [nobody, 0],
      ],
    });
    expect(fact?.line).toEqual({ [cart('a')]: 3, [cart('b')]: 9, [nobody]: 0 });
  });

  it.each(['facts', 'image'] as const)('goes on with it when another one leads, by %s', (by) => {
    const scene = bank();
    scene.ask(rewind(3));
    scene.failOver(by);
    goesBack(scene);
    expect(scene.decided('scope-rewound')).toHaveLength(1);
    scene.failOver(by);
    const number = scene.ask(rewind(3));
    isBack(scene);
    expect(scene.answer(number)).toMatchObject({ kind: 'rewound' });
  });

  it.each(['facts', 'image'] as const)(
    'does so once for whoever asks again, however often it went back since, by %s',
    (told) => {
      const scene = bank();
      const back = (turn: number, by: string) => {
        const number = scene.ask(rewind(turn, by));
        goesBack(scene, turn);
        isBack(scene);
        return scene.answer(number);
      };
      const first = back(3, 'r1');
      expect(first).toMatchObject({ kind: 'rewound', rewound: { line: lineTo(3) } });
      back(2, 'r2');
      scene.failOver(told);
      expect(scene.asks(rewind(3, 'r1'))).toEqual(first);
      // Also while it goes back under another one.
      const third = scene.ask(rewind(1, 'r3'));
      expect(scene.asks(rewind(3, 'r1'))).toEqual(first);
      goesBack(scene, 1);
      isBack(scene);
      expect(scene.answer(third)).toMatchObject({ kind: 'rewound' });
      expect(scene.decided('rewind-begun').map((fact) => (fact as { by: string }).by)).toEqual([
        'r1',
        'r2',
        'r3',
      ]);
    },
  );

  it('is asked what came of it, and nothing begins by that', () => {
    const scene = bank();
    const find = { kind: 'find-rewind', tenant, scope, by: 'r1' } as const;
    expect(scene.asks(find)).toEqual({ kind: 'done' });
    expect(scene.decided('rewind-begun')).toEqual([]);
    scene.ask(rewind(3));
    const found = scene.ask(find);
    goesBack(scene);
    expect(scene.answer(found)).toBeUndefined();
    isBack(scene);
    expect(scene.answer(found)).toMatchObject({ kind: 'rewound', rewound: { line: lineTo(3) } });
    expect(scene.asks(find)).toEqual(scene.answer(found));
  });

  it('remembers the last 64, and what it came to each time', () => {
    const scene = bank();
    const answers = Array.from({ length: 65 }, (_, index) => {
      const number = scene.ask(rewind(3, `r${index}`));
      goesBack(scene);
      isBack(scene);
      return scene.answer(number);
    });
    expect(scene.asks(rewind(3, 'r1'))).toEqual(answers[1]);
    expect(scene.machine.durable().rewinds?.[0]?.before).toHaveLength(63);
    const number = scene.ask(rewind(3, 'r0'));
    expect(scene.answer(number)).toBeUndefined();
  });

  it('goes on with it when a node dies before its actors are back', () => {
    const scene = bank();
    const number = scene.ask(rewind(3));
    goesBack(scene);
    const { node, epoch } = scene.actor('a');
    scene.dies(node);
    scene.sealed(node);
    expect(scene.actor('a')).toMatchObject({ back: true });
    expect(scene.actor('a').epoch).toBeGreaterThan(epoch);
    scene.sends = [];
    scene.pass(1_500);
    isBack(scene);
    expect(scene.answer(number)).toMatchObject({ kind: 'rewound' });
  });

  it('forgets the savepoints beyond the line', () => {
    const scene = bank();
    for (const [savepoint, turn] of [
      ['before', 2],
      ['beyond', 5],
    ] as const) {
      scene.ask({ kind: 'make-savepoint', tenant, scope, savepoint });
      answers(scene, 'ask-turns', () => turn);
      answers(scene, 'ask-turns', () => turn);
    }
    scene.ask(rewind(3));
    goesBack(scene);
    expect(scene.machine.durable().savepoints?.map(({ savepoint }) => savepoint)).toEqual([
      'before',
    ]);
  });
});

describe('a scope that cannot go back', () => {
  it('goes on, and whoever asked is told why', () => {
    const scene = bank();
    const number = scene.ask(rewind(3));
    answers(scene, 'hold-actors', () => 9);
    const reason = { code: 'TOO_FAR_BACK', message: 'gone' } as Failure;
    answers(scene, 'ask-turns', () => reason);
    expect(scene.answer(number)).toMatchObject({ failure: { code: 'TOO_FAR_BACK' } });
    const places = told(scene, 'place').map(({ rewind: one }) => one);
    expect(places).toHaveLength(2);
    for (const place of places) expect(place?.held).toBeUndefined();
    // They are told until they know.
    const { node, epoch } = scene.actor('a');
    scene.hear({ kind: 'place-seen', incarnation: node, placed: [{ actor: cart('a'), epoch }] });
    scene.pass(1_500);
    expect(told(scene, 'place').map(({ actor }) => actor)).toContain(cart('a'));
    expect(scene.machine.durable().rewinds).toMatchObject([{ incarnation: 0 }]);
  });

  it('is not gone back when an actor says that it cannot be had with what it owes', () => {
    const scene = bank();
    const number = scene.ask(rewind(3));
    answers(scene, 'hold-actors', () => 9);
    answers(scene, 'ask-turns', () => 3);
    answers(scene, 'ask-turns', () => 3);
    passes(scene, () => ({ code: 'TOO_FAR_BACK', message: 'gone' }) as Failure);
    expect(scene.answer(number)).toMatchObject({ failure: { code: 'TOO_FAR_BACK' } });
    expect(scene.decided('scope-rewound')).toEqual([]);
  });

  it('is let go after half a minute when nobody answers', () => {
    const scene = bank();
    const number = scene.ask(rewind(3));
    scene.pass(31_000);
    expect(scene.answer(number)).toMatchObject({ failure: { code: 'UNAVAILABLE' } });
    expect(scene.decided('rewind-refused')).toHaveLength(1);
  });

  it.each([
    ['a turn of no actor of it', { to: { actor: cart('z'), turn: 1 } }, 'INVALID_ARGUMENT'],
    ['a savepoint that is not there', { to: { savepoint: 'x' } }, 'UNKNOWN_SAVEPOINT'],
    ['nobody is in it', { scope: 'other' }, 'UNKNOWN_SCOPE'],
  ])('as %s, changes nothing', (_, given, code) => {
    const scene = bank();
    expect(scene.code(scene.asks({ ...rewind(1), ...given }))).toBe(code);
    expect(scene.decided('rewind-begun')).toEqual([]);
  });

  it('while it does already, under another wish, changes nothing', () => {
    const scene = bank();
    scene.ask(rewind(3));
    expect(scene.code(scene.asks(rewind(2, 'r2')))).toBe('UNAVAILABLE');
    const { birth } = scene.actor('a');
    const destroy = { kind: 'wish-actor', actor: cart('a'), birth, wish: 'ending' } as const;
    expect(scene.code(scene.asks(destroy))).toBe('UNAVAILABLE');
    expect(scene.code(scene.asks({ kind: 'make-savepoint', tenant, scope, savepoint: 's' }))).toBe(
      'UNAVAILABLE',
    );
  });
});
