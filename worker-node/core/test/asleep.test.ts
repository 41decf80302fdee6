import { actorId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { seal, shared, TestNode } from './harness.ts';

const many = Array.from({ length: 200 }, (_, n) => actorId('default', 'Ledger', `l${n}`));
const inMemory = ({ machine }: TestNode) => machine.counts().inMemory;

/** A node on which all of them have been called once, and have left memory since. */
function idle(): { world: ReturnType<typeof shared>; node: TestNode } {
  const world = shared();
  const node = new TestNode('a', world, { idleMs: 5_000 });
  for (const actor of many) {
    node.place(actor);
    node.call('add', 'x', { number: 1 }, { actor });
  }
  node.tick(4_000);
  node.tick(2_000);
  node.tick(1_000);
  expect(inMemory(node)).toBe(0);
  return { world, node };
}

function released(node: TestNode) {
  return node.sent.flatMap((send) =>
    send.kind === 'to-leader' && send.message.kind === 'released' ? send.message.actors : [],
  );
}

/** Nobody was brought into memory, and whoever is called then has all that it did. */
function expectAsleep(node: TestNode, epoch: number): void {
  expect(inMemory(node)).toBe(0);
  expect(node.turns()).toEqual([]);
  const [actor = many[0]] = many;
  if (actor === undefined) throw new Error('there is none');
  node.call('list', '', { number: 2 }, { actor, epoch });
  expect(node.values()).toEqual([['x']]);
  expect(inMemory(node)).toBe(1);
}

describe('idle actors', () => {
  it('of a node that is drained come into memory nowhere until they are called', () => {
    const { world, node } = idle();
    node.message({ kind: 'drain', term: { generation: 1, number: 0 } });
    const gone = released(node);
    expect(gone).toHaveLength(many.length);
    const next = new TestNode('b', world);
    for (const { actor, epoch, asleep = false } of gone) {
      next.place(actor, 9, [], 1, { follows: epoch, ...(asleep ? { asleep } : {}) });
    }
    expect(next.restores).toEqual([]);
    expectAsleep(next, 9);
  });

  it('of a node that was killed are read, come into memory nowhere, and need its log no more', () => {
    const { world } = idle();
    const next = new TestNode('b', world);
    for (const actor of many) next.place(actor, 7, seal('a'));
    const rebased = next.sent.flatMap((send) =>
      send.kind === 'to-leader' && send.message.kind === 'rebased' ? send.message.actors : [],
    );
    expect(rebased).toHaveLength(many.length);
    expectAsleep(next, 7);
    // Nor at the next one, which has its log to look into.
    const third = new TestNode('c', world);
    for (const actor of many.slice(1)) third.place(actor, 9, seal('b'));
    expect(inMemory(third)).toBe(0);
  });

  it('that did something beyond their checkpoint are brought into memory, and no others', () => {
    const { world, node } = idle();
    const busy = many.slice(0, 3);
    for (const actor of busy) node.call('add', 'y', { number: 2 }, { actor });
    const next = new TestNode('b', world);
    for (const actor of many) next.place(actor, 7, seal('a'));
    expect(inMemory(next)).toBe(busy.length);
  });

  it('that are called while they are looked at come into memory', () => {
    const { world } = idle();
    const next = new TestNode('b', world);
    next.heldRestores = [];
    for (const actor of many) next.place(actor, 7, seal('a'));
    const [actor] = many;
    if (actor === undefined) throw new Error('there is none');
    next.call('add', 'y', { number: 2 }, { actor, epoch: 7 });
    for (const order of next.heldRestores) next.readBack(order);
    expect(next.values()).toEqual([2]);
    expect(inMemory(next)).toBe(1);
  });
});
