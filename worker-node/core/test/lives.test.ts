/** What becomes of waits, signals and the past of an actor that is paused or destroyed. */
import type { ActorWish, SettledActor } from '@troupe/model';
import { describe, expect, test } from 'vitest';
import { ledger, seal, shared, TestNode } from './harness.ts';

const term = { generation: 1, number: 0 };
const ending: ActorWish = { kind: 'ending', at: 5 };
const paused: ActorWish = { kind: 'paused', at: 5 };
const live: ActorWish = { kind: 'live', at: 6 };
const scope = 'bank';

function wish(node: TestNode, wished: ActorWish): void {
  node.place(ledger, 2, [], 1, { wish: wished, scope });
}

function settled(node: TestNode): SettledActor[] {
  return node.sent.flatMap((send) =>
    send.kind === 'to-leader' && send.message.kind === 'settled' ? send.message.actors : [],
  );
}

function hosting(world = shared(), config = {}): TestNode {
  const node = new TestNode('a', world, config);
  node.place(ledger, 2, [], 1, { scope });
  return node;
}

/** A turn that waits for a signal; its runner has not given it up yet. */
function begunWait(node: TestNode, number = 1): number {
  node.call('hang', 'w', { number });
  const { work } = node.lastTurn();
  node.frame({ kind: 'wait-begin', work, ordinal: 0, name: 'approval' });
  return work;
}

describe('a paused actor', () => {
  test('is said to be so when its turn only waits, and goes on with its signal when it is resumed', () => {
    const node = hosting();
    const work = begunWait(node);
    wish(node, paused);
    expect(settled(node)).toEqual([]);
    node.giveUp(work, [0]);
    expect(settled(node)).toMatchObject([{ actor: ledger, wish: paused }]);
    node.signal('approval', 1);
    node.tick(60_000);
    expect(node.turns()).toHaveLength(1);
    wish(node, live);
    expect(node.turns()).toHaveLength(2);
    node.end(node.lastTurn().work, 'approved', 'w');
    expect(node.values()).toEqual([null, 'approved']);
  });

  test('is said to be so when the signal came while its runner gave the turn up', () => {
    const node = hosting();
    const work = begunWait(node);
    wish(node, paused);
    node.signal('approval', 1);
    node.giveUp(work, [0]);
    expect(settled(node)).toMatchObject([{ actor: ledger, wish: paused }]);
    expect(node.turns()).toHaveLength(1);
    wish(node, live);
    expect(node.turns()).toHaveLength(2);
  });
});

describe('a destroyed actor', () => {
  test('ends its turn that waits, whose caller is told so', () => {
    const node = hosting();
    node.giveUp(begunWait(node), [0]);
    wish(node, ending);
    expect(node.outcomes()).toMatchObject([
      { ok: false, failure: { code: 'USER_ERROR', details: { code: 'GONE' } } },
    ]);
    expect(settled(node)).toMatchObject([{ actor: ledger, wish: ending }]);
    node.message({ kind: 'settled-seen', term, actors: settled(node).slice(-1) });
    // Nothing of its wait rings any more.
    node.tick(600_000);
    expect(node.machine.actors.size).toBe(0);
    expect(node.turns()).toHaveLength(1);
  });

  test('leaves nothing of its past; that of the next one begins with it', () => {
    const world = shared();
    const node = hosting(world, { checkpointTurns: 2 });
    for (let number = 1; number <= 5; number++) node.call('add', `id${number}`, { number });
    expect(world.segments.size).toBeGreaterThan(0);
    wish(node, ending);
    expect(world.segments.size).toBe(0);
    node.message({ kind: 'settled-seen', term, actors: settled(node).slice(-1) });
    node.place(ledger, 21, [], 20, { heir: true, scope });
    for (let number = 6; number <= 9; number++) {
      node.call('add', `id${number}`, { number }, { birth: 20, epoch: 21 });
    }
    const listAt = (atTurn: number, number: number): unknown => {
      node.call('list', '', { number }, { birth: 20, epoch: 21, atTurn });
      return node.values().at(-1);
    };
    expect(listAt(3, 20)).toBe('TOO_FAR_BACK');
    expect(listAt(10, 21)).toEqual(['id6', 'id7', 'id8', 'id9']);
    expect(listAt(9, 22)).toEqual(['id6', 'id7', 'id8']);
    // The end of the one before was its turn 6: that is how this one was born.
    expect(listAt(6, 23)).toEqual([]);
    expect(listAt(7, 24)).toEqual(['id6']);
    expect(listAt(5, 25)).toBe('TOO_FAR_BACK');
  });

  test('leaves nothing of its past when the node dies before that is freed', () => {
    const world = shared();
    const node = hosting(world, { checkpointTurns: 2 });
    for (let number = 1; number <= 5; number++) node.call('add', `id${number}`, { number });
    const kept = new Map(world.segments);
    wish(node, ending);
    // Its tombstone stands there, and another node has to end it again.
    for (const [key, body] of kept) world.segments.set(key, body);
    const next = new TestNode('b', world);
    next.place(ledger, 9, seal('a'), 1, { wish: ending, scope });
    expect(settled(next)).toHaveLength(1);
    expect(world.segments.size).toBe(0);
  });
});
