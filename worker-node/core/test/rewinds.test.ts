/** The part of a node in taking a scope back in time, one actor at a time. */
import {
  encodeValue,
  type PlaceRewind,
  sessionId,
  signalMethod,
  untrackedClock,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { gateway, ledger, node, other, seal, shared, TestNode } from './harness.ts';

const scope = 'game/one';
const term = { generation: 1, number: 0 };

/** A node with the actor, whose scope has gone back by the fact at 5. */
function rewound(): TestNode {
  const a = new TestNode('a');
  a.place(ledger, 2, [], 1, { scope, rewind: { at: 5, incarnation: 5 } });
  return a;
}

function list(a: TestNode): unknown {
  a.replies.length = 0;
  a.call('list', '', { session: sessionId('reader'), number: 1 });
  return a.values()[0];
}

describe('an actor whose scope went back in time', () => {
  it.each([
    ['before its scope went back', undefined, []],
    ['after it went back', 5, ['x']],
    ['after it goes back the next time', 9, []],
  ])('takes of the letters of its scope no other than its own time: %s', (_, sent, taken) => {
    const a = rewound();
    a.message({
      kind: 'letter',
      to: ledger,
      epoch: 2,
      from: other,
      fromBirth: 7,
      number: 1,
      method: 'add',
      args: encodeValue(['x']),
      replyTo: node('b'),
      scope,
      clock: {},
      ...(sent === undefined ? {} : { incarnation: sent }),
    });
    const acks = a.replies.filter(({ message }) => message.kind === 'letter-ack');
    expect(list(a)).toEqual(taken);
    expect(acks.length).toBe(taken.length);
  });

  it.each([
    ['before its scope went back', undefined, []],
    ['after it went back', 5, ['x']],
    ['after it goes back the next time', 9, []],
  ])('answers of the calls of its scope no other than its own time: %s', (_, sent, taken) => {
    const a = rewound();
    const caller = { session: sessionId(`actor:${other}`) };
    a.call('add', 'x', caller, { scope, ...(sent === undefined ? {} : { incarnation: sent }) });
    expect(a.outcomes().length).toBe(taken.length);
    expect(list(a)).toEqual(taken);
  });

  it('takes calls of clients, and of other scopes, that know nothing of its time', () => {
    const a = rewound();
    a.call('add', 'x', { session: sessionId('client') }, { scope });
    a.call('add', 'y', { session: sessionId(`actor:${other}`) }, { scope: 'game/two' });
    expect(list(a)).toEqual(['x', 'y']);
  });

  it('sends a letter again although it was taken in a past that is no more', () => {
    const a = rewound();
    a.call('post', 'x');
    const owed = () => a.machine.actors.get(ledger)?.memory?.outbox.size;
    expect(owed()).toBe(2);
    const ack = { kind: 'letter-ack', to: other, from: ledger, fromBirth: 1, upTo: 2 } as const;
    a.message({ ...ack, scope });
    expect(owed()).toBe(2);
    a.message({ ...ack, scope, incarnation: 5 });
    expect(owed()).toBe(0);
  });
});

describe('an actor whose scope is going back in time', () => {
  it('says where it stands, and appends nothing from then on', () => {
    const a = new TestNode('a');
    a.place(ledger, 2, [], 1, { scope });
    a.call('add', 'x');
    a.call('hang', '', { number: 2 });
    const { work } = a.lastTurn();
    a.message({ kind: 'hold-actors', term, ask: 7, at: 5, actors: [{ actor: ledger, epoch: 2 }] });
    const told = a.sent.flatMap((one) => (one.kind === 'to-leader' ? [one.message] : []));
    const found = [{ actor: ledger, epoch: 2, turn: 1 }];
    expect(told.at(-1)).toMatchObject({ kind: 'turns-found', ask: 7, found });
    const durable = a.log.length;
    const outcome = { ok: true, value: encodeValue(null) } as const;
    a.frame({ kind: 'turn-done', work, outcome, sends: [], delta: encodeValue('late') });
    a.call('add', 'y', { number: 3 });
    a.tick(60_000);
    expect(a.log.length).toBe(durable);
  });

  it('is read back from nothing else than what it went back to, if its runner dies meanwhile', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger, 2, [], 1, { scope });
    a.call('add', 'x');
    a.call('add', 'y', { number: 2 });
    const b = new TestNode('b', world);
    b.heldCaptures = [];
    const rewind: PlaceRewind = { at: 9, incarnation: 9, back: true };
    b.place(ledger, 3, seal('a'), 1, { scope, rewind });
    const actors = [{ actor: ledger, epoch: 3, owed: [] }];
    const takeBack = {
      kind: 'take-back',
      term,
      incarnation: 9,
      line: { [ledger]: 1 },
      actors,
    } as const;
    b.message(takeBack);
    const [captured] = b.heldCaptures;
    if (captured === undefined) throw new Error('it is not being checkpointed');
    b.autoCommit = false;
    b.frame(captured);
    b.crashRunner();
    b.message(takeBack);
    b.heldCaptures = undefined;
    b.sent.length = 0;
    b.commit();
    // The put is on its way: what stands in the store until it is there is the past that was left.
    expect(b.sent.map(({ kind }) => kind)).toContain('put-checkpoint');
    expect(b.sent.map(({ kind }) => kind)).not.toContain('restore');
    b.autoCommit = true;
    b.commit();
    b.replies.length = 0;
    b.call('list', '', { session: sessionId('reader') }, { epoch: 3, replyTo: gateway });
    expect(b.values()).toEqual([['x']]);
  });

  it('knows nothing of what only the turn that it leaves had learnt', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger, 2, [], 1, { scope });
    a.call('add', 'x');
    a.message({
      kind: 'letter',
      to: ledger,
      epoch: 2,
      from: other,
      fromBirth: 7,
      number: 1,
      method: 'ask',
      args: encodeValue(['y']),
      replyTo: node('b'),
      scope,
      clock: { [other]: 8 },
    });
    expect(a.log.at(-1)).toMatchObject({ kind: 'turn-recorded', seq: 2 });
    const b = new TestNode('b', world);
    const rewind: PlaceRewind = { at: 9, incarnation: 9, back: true };
    b.place(ledger, 3, seal('a'), 1, { scope, rewind });
    const actors = [{ actor: ledger, epoch: 3, owed: [] }];
    const line = { [ledger]: 1, [other]: 9 };
    b.message({ kind: 'take-back', term, incarnation: 9, line, actors });
    b.sent.length = 0;
    const asked = [{ actor: ledger, epoch: 3 }];
    const before = { [ledger]: 100, [other]: 7 };
    b.message({ kind: 'ask-turns', term, ask: 1, actors: asked, line: before });
    const told = b.sent.flatMap((one) => (one.kind === 'to-leader' ? [one.message] : []));
    const present = b.machine.actors.get(ledger)?.memory?.seq;
    const found = [{ actor: ledger, epoch: 3, turn: present }];
    expect(told.at(-1)).toMatchObject({ kind: 'turns-found', ask: 1, found });
  });

  it('keeps no signal of its scope of which nobody can say what it knew', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger, 2, [], 1, { scope });
    a.call('add', 'x');
    const sent = (n: number, more: object) => {
      const session = sessionId(n === 1 ? 'client' : `actor:${other}`);
      const args = encodeValue(['s', n]);
      a.call(signalMethod, '', { session }, { args, scope, ...more });
    };
    sent(1, {});
    sent(2, { clock: untrackedClock });
    const b = new TestNode('b', world);
    const rewind: PlaceRewind = { at: 9, incarnation: 9, back: true };
    b.place(ledger, 3, seal('a'), 1, { scope, rewind });
    const actors = [{ actor: ledger, epoch: 3, owed: [] }];
    b.message({ kind: 'take-back', term, incarnation: 9, line: { [ledger]: 1 }, actors });
    const signals = b.machine.actors.get(ledger)?.memory?.signals;
    expect(signals?.size).toBe(1);
    expect(signals?.first('s')).toMatchObject({ value: encodeValue(1) });
  });
});
