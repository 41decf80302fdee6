import { actorId, encode, limits } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ledger, seal, shared, TestNode } from './harness.ts';

const term = { generation: 1, number: 0 };

/** More actors than one message can name. */
const crowd = Array.from({ length: 2_000 }, (_, n) =>
  actorId('t', 'Ledger', `${n}`.padEnd(500, 'k')),
);

/** How many actors were named in messages of this kind; all of them must be such as the bus carries. */
function named(node: TestNode, kind: 'released' | 'rebased'): number {
  let count = 0;
  for (const send of node.sent) {
    if (send.kind !== 'to-leader' || send.message.kind !== kind) continue;
    expect(encode(send.message).length).toBeLessThan(limits.recordBytesMax);
    count += send.message.actors.length;
  }
  return count;
}

describe('a node with thousands of actors whose leader is away', () => {
  it('says again what it has released in messages that the bus carries', () => {
    const a = new TestNode('a');
    for (const actor of crowd) a.place(actor);
    a.message({ kind: 'drain', term });
    for (let n = 0; n < crowd.length; n += 200) a.tick(1_000);
    a.sent.length = 0;
    a.tick(1_000);
    expect(named(a, 'released')).toBe(crowd.length);
  });

  it('says again what it has rebased in messages that the bus carries', () => {
    const b = new TestNode('b');
    for (const actor of crowd) b.place(actor, 7, seal('a'));
    for (let n = 0; n < 40; n++) b.tick(1_000);
    b.sent.length = 0;
    b.tick(1_000);
    expect(named(b, 'rebased')).toBe(crowd.length);
    const actors = crowd.map((actor) => ({ actor, epoch: 7 }));
    b.message({ kind: 'rebased-seen', term, actors });
    b.sent.length = 0;
    b.tick(1_000);
    expect(named(b, 'rebased')).toBe(0);
  });
});

describe('a drained node', () => {
  it('releases an actor only when a checkpoint holds all it did', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.call('add', 'y', { number: 2 });
    a.autoCommit = false;
    a.post({ kind: 'leave' });
    a.message({ kind: 'drain', term: { generation: 1, number: 0 } });
    a.tick(1_000);
    // The checkpoint is on its way; nobody knows yet that it is stored.
    a.commit();
    expect(a.sent.map((send) => send.kind)).toContain('put-checkpoint');
    expect(a.toLeader()).not.toContain('released');
    a.commit();
    expect(a.toLeader()).toContain('released');
    a.message({ kind: 'release-seen', term, actors: [{ actor: ledger, epoch: 2 }] });
    a.commit();
    expect(a.toLeader()).toContain('left');
    const b = new TestNode('b', world);
    b.place(ledger, 7, []);
    b.call('add', 'x', { number: 1 });
    b.call('list', '', { number: 3 });
    expect(b.values()).toEqual([1, ['x', 'y']]);
  });

  it('does not take an actor back when a late twin of its placement comes', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.message({ kind: 'drain', term: { generation: 1, number: 0 } });
    a.message({ kind: 'release-seen', term, actors: [{ actor: ledger, epoch: 2 }] });
    a.place(ledger);
    expect(a.machine.actors.has(ledger)).toBe(false);
  });

  it('hands over what is placed on it late', () => {
    const a = new TestNode('a');
    a.message({ kind: 'drain', term: { generation: 1, number: 0 } });
    a.place(ledger);
    a.tick(1_000);
    expect(a.toLeader()).toContain('released');
  });

  it('by an operator leaves at once when it is told to stop', () => {
    const a = new TestNode('a');
    a.message({ kind: 'drain', term: { generation: 1, number: 0 } });
    expect(a.toLeader()).not.toContain('left');
    a.post({ kind: 'leave' });
    expect(a.toLeader()).toContain('left');
  });

  it('keeps callers waiting while it lets go, and sends them on when the leader knows where', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('add', 'w', { number: 1 });
    a.replies.length = 0;
    a.autoCommit = false;
    a.message({ kind: 'drain', term });
    a.commit();
    a.commit();
    a.call('add', 'x', { number: 2 });
    a.commit();
    expect(a.toLeader()).toContain('released');
    expect(a.replies).toEqual([]);
    a.message({ kind: 'release-seen', term, actors: [{ actor: ledger, epoch: 2 }] });
    a.commit();
    expect(a.replies.map(({ message }) => message.kind)).toEqual(['not-here']);
  });

  it('takes no turn of an actor that it released, not even when a runner crashes (V1)', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.message({ kind: 'drain', term: { generation: 1, number: 0 } });
    a.tick(1_000);
    expect(a.toLeader()).toContain('released');
    const facts = a.log.length;
    a.crashRunner();
    a.call('add', 'y', { number: 2 });
    expect(a.log).toHaveLength(facts);
    expect(a.values()).toEqual([1]);
    a.message({ kind: 'release-seen', term, actors: [{ actor: ledger, epoch: 2 }] });
    expect(a.replies.at(-1)?.message.kind).toBe('not-here');
  });
});

describe('an actor that has left memory while its checkpoint is on its way to the store', () => {
  it('is not released before that is stored', () => {
    const a = new TestNode('a', shared(), { idleMs: 1_500 });
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.autoCommit = false;
    for (let n = 0; n < 4; n++) a.tick(1_000);
    expect(a.machine.actors.get(ledger)?.phase).toBe('cold');
    a.message({ kind: 'drain', term });
    expect(a.machine.actors.get(ledger)?.phase).toBe('cold');
    a.commit();
    a.commit();
    expect(a.machine.actors.get(ledger)?.phase).toBe('released');
  });
});
