/** Lists of the actors that have dead letters, which the leader asks the nodes for. */
import type { AskDeadLetters, DeadLettersFound, Incarnation } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cart, cluster, type Scene, tenant } from './scene.ts';

const list = { kind: 'list-dead-letters', tenant, limit: 2 } as const;

/** What nodes were asked and have not answered. */
function asked(scene: Scene): (AskDeadLetters & { node: Incarnation })[] {
  const questions = scene.sends.flatMap((send) =>
    send.kind === 'to-node' && send.message.kind === 'ask-dead-letters'
      ? [{ ...send.message, node: send.node }]
      : [],
  );
  scene.sends = [];
  return questions;
}

/** Actors `a` to `d`, wherever they were placed, each with a dead letter but those left out. */
function world(without: readonly string[] = []) {
  const { scene, nodes } = cluster(2);
  const keys = ['a', 'b', 'c', 'd'];
  for (const key of keys) scene.resolves(key);
  scene.forgetWords();
  const answer = ({ node, ask, after = '', limit }: ReturnType<typeof asked>[number]): void => {
    const there = keys.filter((key) => scene.actor(key).node === node && !without.includes(key));
    const actors = there
      .filter((key) => cart(key) > after)
      .slice(0, limit)
      .map((key): DeadLettersFound['actors'][number] => {
        const { birth, epoch } = scene.actor(key);
        const error = { code: 'USER_ERROR', message: 'no' };
        const last = { number: 1, from: cart('z'), method: 'm', attempts: 1, ...error, at: 5 };
        return { actor: cart(key), birth, epoch, count: 1, oldestAt: 5, last };
      });
    scene.hear({
      kind: 'dead-letters-found',
      incarnation: node,
      ask,
      actors,
      total: there.length,
      letters: there.length,
      unread: 0,
    });
  };
  return { scene, nodes, answer };
}

function pageOf(scene: Scene, number: number) {
  const answer = scene.answer(number);
  if (answer?.kind !== 'dead-letters') return undefined;
  return { ...answer, actors: answer.actors.map(({ actor }) => actor) };
}

describe('a list of dead letters', () => {
  it('shows the actors of all nodes in one order, page by page, each once', () => {
    const { scene, answer } = world();
    const first = scene.ask(list);
    for (const question of asked(scene)) answer(question);
    expect(pageOf(scene, first)).toMatchObject({
      actors: [cart('a'), cart('b')],
      total: 4,
      letters: 4,
      unread: 0,
      silent: [],
      next: cart('b'),
    });
    const second = scene.ask({ ...list, after: cart('b') });
    for (const question of asked(scene)) answer(question);
    expect(pageOf(scene, second)?.actors).toEqual([cart('c'), cart('d')]);
  });

  it('asks again those who have not answered, and names them when their time is over', () => {
    const { scene, nodes, answer } = world();
    const number = scene.ask(list);
    const [one] = asked(scene);
    if (one === undefined) throw new Error('no node was asked');
    answer(one);
    expect(pageOf(scene, number)).toBeUndefined();
    scene.pass(1_500);
    const others = asked(scene).map(({ node }) => node);
    expect(others).toEqual(nodes.filter((node) => node !== one.node));
    scene.pass(6_000);
    expect(pageOf(scene, number)?.silent).toHaveLength(1);
    expect(scene.machine.sizes().find(({ of }) => of === 'lists of dead letters')?.size).toBe(0);
  });

  it('does not believe a node of an actor that lives elsewhere by now', () => {
    const { scene, answer } = world();
    const number = scene.ask({ ...list, limit: 10 });
    const questions = asked(scene);
    const { node, epoch, birth } = scene.actor('a');
    const [other] = questions.filter((question) => question.node !== node);
    if (other === undefined) throw new Error('all are on one node');
    const last = { number: 1, from: '', method: '', attempts: 1, code: '', message: '', at: 5 };
    scene.hear({
      kind: 'dead-letters-found',
      incarnation: other.node,
      ask: other.ask,
      actors: [{ actor: cart('a'), birth, epoch: epoch - 1, count: 9, oldestAt: 5, last }],
      total: 1,
      letters: 9,
      unread: 0,
    });
    for (const question of questions.filter((one) => one !== other)) answer(question);
    const counts = scene.answer(number);
    const found = counts?.kind === 'dead-letters' ? counts.actors : [];
    expect(found.filter(({ actor }) => actor === cart('a')).map(({ count }) => count)).toEqual([1]);
  });

  it('says of how many actors it is not known, since their node is gone', () => {
    const { scene, nodes, answer } = world();
    const [gone] = nodes;
    if (gone === undefined) throw new Error('no node');
    const there = ['a', 'b', 'c', 'd'].filter((key) => scene.actor(key).node === gone).length;
    scene.dies(gone);
    scene.sends = [];
    const number = scene.ask({ ...list, limit: 10 });
    for (const question of asked(scene)) answer(question);
    expect(pageOf(scene, number)?.unread).toBe(there);
    expect(there).toBeGreaterThan(0);
  });

  it('is empty when no actor has any, and asks for those of one type only when told to', () => {
    const { scene, answer } = world(['a', 'b', 'c', 'd']);
    const number = scene.ask({ ...list, type: 'Cart' });
    const questions = asked(scene);
    expect(questions.map(({ type }) => type)).toEqual(['Cart', 'Cart']);
    for (const question of questions) answer(question);
    expect(pageOf(scene, number)).toMatchObject({ actors: [], total: 0, letters: 0 });
  });
});
