import { limits } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ledger, seal, shared, TestNode } from './harness.ts';

const away = { code: 'UNAVAILABLE', message: 'the store is away' } as const;
const located = (n: TestNode) => n.toLeader().filter((kind) => kind === 'resolve').length;

/** As if the store had not answered in time. */
function failRestore(node: TestNode, epoch: number): void {
  node.heldRestores = [];
  node.post({ kind: 'restore-failed', actor: ledger, epoch, failure: away });
}

/** The node that takes over from one that died, and that could not read the actor back. */
function successor(dead: (node: TestNode) => void): TestNode {
  const world = shared();
  const first = new TestNode('a', world);
  first.place(ledger);
  first.autoCommit = false;
  dead(first);
  const next = new TestNode('b', world);
  next.heldRestores = [];
  next.place(ledger, 7, seal('a'));
  failRestore(next, 7);
  return next;
}

function recovers(node: TestNode): void {
  node.heldRestores = undefined;
  node.tick(1_000);
}

describe('an actor that could not be brought back, and that nobody calls,', () => {
  it('sends what was committed and not sent, as soon as it can', () => {
    const node = successor((first) => {
      first.call('post', 'p');
      first.commit();
    });
    recovers(node);
    expect(located(node)).toBeGreaterThan(0);
  });

  it('goes on with a turn that had begun, as soon as it can', () => {
    const node = successor((first) => {
      first.call('steps', 'x');
      first.commit();
      first.commit();
    });
    expect(node.effects).toEqual([]);
    recovers(node);
    expect(node.effects.length).toBeGreaterThan(0);
  });

  it('goes on likewise when its code could not be loaded at first', () => {
    const world = shared();
    const first = new TestNode('a', world);
    first.place(ledger);
    first.autoCommit = false;
    first.call('steps', 'x');
    first.commit();
    first.commit();
    const next = new TestNode('b', world);
    next.startsLeft = 0;
    next.place(ledger, 7, seal('a'));
    expect(next.effects).toEqual([]);
    next.startsLeft = Number.POSITIVE_INFINITY;
    next.tick(1_000);
    expect(next.effects.length).toBeGreaterThan(0);
  });

  it('is tried again later each time, and never given up', () => {
    const node = successor((first) => first.call('post', 'p'));
    const tries: number[] = [];
    for (let second = 1; second <= 600; second++) {
      const before = node.restores.length;
      node.tick(1_000);
      if (node.restores.length === before) continue;
      tries.push(second);
      failRestore(node, 7);
    }
    const gaps = tries.slice(1).map((second, at) => second - (tries[at] ?? 0));
    expect(gaps.slice(0, 5)).toEqual([...gaps.slice(0, 5)].sort((one, two) => one - two));
    expect(gaps.at(-1)).toBe(limits.heldBackMsMax / 1_000);
  });

  it('stays out of memory when it had left it with nothing to do', () => {
    const node = new TestNode('a');
    node.place(ledger);
    node.call('add', 'x');
    node.tick(301_000);
    node.heldRestores = [];
    node.call('add', 'y', { number: 2 });
    failRestore(node, 2);
    node.tick(60_000);
    failRestore(node, 2);
    expect(node.values()).toEqual([1, 'OUTCOME_UNKNOWN']);
    const before = node.restores.length;
    for (let second = 0; second < 300; second++) node.tick(1_000);
    expect(node.restores).toHaveLength(before);
  });
});

describe('a call of an actor that could not be brought back', () => {
  it('is not said to have done nothing when its code does not load and it may have been done before', () => {
    const world = shared();
    const first = new TestNode('a', world);
    first.place(ledger);
    first.autoCommit = false;
    first.call('add', 'x');
    first.commit();
    const next = new TestNode('b', world);
    next.startsLeft = 0;
    next.place(ledger, 7, seal('a'));
    next.call('add', 'x');
    const details = { code: 'BUNDLE_LOAD_FAILED' };
    expect(next.outcomes()).toMatchObject([
      { ok: false, failure: { code: 'OUTCOME_UNKNOWN', details } },
    ]);
    // Of an actor that has never had a turn it is known.
    const fresh = new TestNode('c');
    fresh.startsLeft = 0;
    fresh.place(ledger);
    fresh.call('add', 'x');
    expect(fresh.values()).toEqual(['BUNDLE_LOAD_FAILED']);
  });

  it('waits for the next try, and is answered what it came to if it was done before', () => {
    const node = successor((first) => {
      first.call('add', 'x');
      first.commit();
    });
    node.call('add', 'x');
    node.tick(500);
    failRestore(node, 7);
    expect(node.values()).toEqual([]);
    recovers(node);
    node.tick(1_000);
    expect(node.values()).toEqual([1]);
    expect(node.log.filter(({ kind }) => kind === 'turn')).toEqual([]);
  });
});

describe('an actor that is destroyed and could not be brought back', () => {
  it('is read before it ends, so that the next of its name knows what it had received', () => {
    const world = shared();
    const first = new TestNode('a', world);
    first.place(ledger);
    first.call('add', 'x');
    const next = new TestNode('b', world);
    next.heldRestores = [];
    next.place(ledger, 7, seal('a'), 1, { wish: { kind: 'ending', at: 6 } });
    failRestore(next, 7);
    expect(next.log).toEqual([]);
    recovers(next);
    expect(next.log).toMatchObject([{ kind: 'actor-ended', seq: 2 }]);
  });
});
