import { encodeValue, limits, sessionId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import type { NodeConfig } from '../src/index.ts';
import { type gateway, ledger, node, other, seal, shared, TestNode } from './harness.ts';

const term = { generation: 1, number: 0 };

describe('a call', () => {
  it('is answered only when its turn is durable', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.autoCommit = false;
    a.call('add', 'x');
    expect(a.uncommittedReplies).toBe(1);
    expect(a.replies).toEqual([]);
    a.commit();
    expect(a.log.filter((fact) => fact.kind === 'turn')).toHaveLength(1);
    expect(a.values()).toEqual([1]);
  });

  it('that is sent again gets the first reply and does not run again', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.call('add', 'x', { number: 1 });
    expect(a.values()).toEqual([1, 1]);
    expect(a.log.filter((fact) => fact.kind === 'turn')).toHaveLength(1);
  });

  it('that is sent again while it is under way runs once, and whoever asked last is answered', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.autoCommit = false;
    const later = 'gateway:g2' as typeof gateway;
    a.call('steps', 'x', { number: 1 });
    a.call('add', 'y', { number: 2 });
    a.call('steps', 'x', { number: 1 }, { replyTo: later });
    a.call('add', 'y', { number: 2 }, { replyTo: later });
    a.autoCommit = true;
    a.commit();
    expect(a.replies.map(({ to }) => to)).toEqual([later, later]);
    expect(a.values()).toEqual(['stepped', 2]);
    expect(a.log.filter((fact) => fact.kind === 'turn')).toHaveLength(2);
  });

  it('whose number the session has given up is refused, not run', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('add', 'x', { number: 1, low: 1 });
    a.call('add', 'y', { number: 2, low: 2 });
    a.call('add', 'x', { number: 1, low: 1 });
    expect(a.values()).toEqual([1, 2, 'SESSION_FORGOTTEN']);
  });

  it('that comes after its deadline is refused and changes nothing', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('add', 'x', {}, { deadlineAt: a.now - 1 });
    expect(a.values()).toEqual(['DEADLINE_EXCEEDED']);
    expect(a.log.map((fact) => fact.kind)).toEqual(['barrier']);
  });

  it('sent again so late that its reply may be forgotten is refused as forgotten, not run', () => {
    const a = new TestNode('a');
    a.place(ledger);
    const deadlineAt = a.now - (limits.sessionMsMax - limits.deadlineMsMax) - 1;
    a.call('add', 'x', {}, { deadlineAt });
    expect(a.values()).toEqual(['SESSION_FORGOTTEN']);
    expect(a.log.map((fact) => fact.kind)).toEqual(['barrier']);
  });

  it('of a method that the actor does not have is refused and changes nothing', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('forget', 'x');
    expect(a.values()).toEqual(['UNKNOWN_METHOD']);
    expect(a.log.map((fact) => fact.kind)).toEqual(['barrier']);
  });

  it('of an actor that is not here is sent on its way', () => {
    const a = new TestNode('a');
    a.call('add', 'x');
    expect(a.replies[0]?.message.kind).toBe('not-here');
  });

  it('of an earlier birth of the actor is sent away, to be asked for anew', () => {
    const a = new TestNode('a');
    a.place(ledger, 10, [], 9);
    a.call('add', 'x');
    expect(a.values()).toEqual([]);
    expect(a.replies.map(({ message }) => message.kind)).toEqual(['not-here']);
  });

  it('that would close a cycle of awaited calls is refused with the cycle named', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('add', 'x', {}, { path: [ledger, other] });
    const [outcome] = a.outcomes();
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'DEADLOCK' } });
    expect(JSON.stringify(outcome)).toContain(`${ledger} → ${other} → ${ledger}`);
  });

  it('beyond the mailbox limit is refused with the time after which to retry', () => {
    const a = new TestNode('a');
    a.place(ledger);
    for (let n = 1; n <= limits.mailboxCallsMax + 1; n++) a.call('hang', 'x', { number: n });
    expect(a.outcomes()).toHaveLength(1);
    expect(a.outcomes()[0]).toMatchObject({
      ok: false,
      failure: { code: 'RESOURCE_EXHAUSTED', details: { retryAfterMs: limits.turnedAwayMs } },
    });
  });

  it('that was cancelled before it ran never runs, not even when its twin comes late', () => {
    const a = new TestNode('a');
    a.place(ledger);
    for (let n = 1; n <= limits.turnsAheadMax; n++) a.call('hang', 'x', { number: n });
    const number = limits.turnsAheadMax + 1;
    a.call('add', 'x', { number });
    a.message({ kind: 'cancel-call', actor: ledger, session: sessionId('s1'), number });
    a.call('add', 'x', { number });
    expect(a.values()).toEqual(['CANCELLED', 'CANCELLED']);
  });

  it('that was cancelled while its actor was read back never runs, and harms no other', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'z', { number: 1 });
    const b = new TestNode('b', world);
    b.heldRestores = [];
    b.place(ledger, 9, seal('a'));
    b.call('add', 'x', { number: 2 });
    b.call('add', 'y', { number: 3 });
    b.call('add', 'x', { number: 2 });
    b.message({ kind: 'cancel-call', actor: ledger, session: sessionId('s1'), number: 2 });
    expect(b.values()).toEqual([]);
    for (const order of b.heldRestores) b.readBack(order);
    b.call('add', 'x', { number: 2 });
    b.call('list', '', { number: 4 });
    const given = b.results().map(({ number }, at) => [number, b.values()[at]]);
    expect(given).toContainEqual([3, 2]);
    expect(given.filter(([number]) => number === 2)).toEqual(Array(3).fill([2, 'CANCELLED']));
    expect(given.at(-1)).toEqual([4, ['z', 'y']]);
  });

  it('that was cancelled while its actor was read back is answered what it had come to before', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x');
    const b = new TestNode('b', world);
    b.heldRestores = [];
    b.place(ledger, 9, seal('a'));
    b.call('add', 'x', {}, { epoch: 9 });
    b.message({ kind: 'cancel-call', actor: ledger, session: sessionId('s1'), number: 1 });
    for (const order of b.heldRestores) b.readBack(order);
    expect(b.values()).toEqual([1]);
  });

  it('that was cancelled while it waited at its runner never runs, and harms no other', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.autoCommit = false;
    a.call('steps', 'x', { number: 1 });
    a.call('add', 'y', { number: 2 });
    a.call('add', 'z', { number: 3 });
    a.message({ kind: 'cancel-call', actor: ledger, session: sessionId('s1'), number: 2 });
    a.call('add', 'y', { number: 2 });
    a.autoCommit = true;
    a.commit();
    a.call('list', '', { number: 4 });
    expect(a.values()).toEqual(['CANCELLED', 'CANCELLED', 'stepped', 2, ['x', 'z']]);
  });

  it('that the method fails is recorded as failed and leaves the state as it was', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('fail', 'x', { number: 1 });
    a.call('fail', 'x', { number: 1 });
    a.call('list', '', { number: 2 });
    expect(a.values()).toEqual(['USER_ERROR', 'USER_ERROR', []]);
  });
});

describe('a read', () => {
  it('is answered only after an append that was sent after it ran', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.autoCommit = false;
    a.call('list', '');
    expect(a.replies).toEqual([]);
    a.commit();
    expect(a.log.map((fact) => fact.kind)).toEqual(['barrier']);
    expect(a.values()).toEqual([[]]);
  });
});

describe('after the death of its node an actor', () => {
  it('has every turn that was acknowledged, and answers their twins from its window', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.call('add', 'y', { number: 2 });
    const b = new TestNode('b', world);
    b.place(ledger, 7, seal('a'));
    b.call('add', 'y', { number: 2 });
    b.call('list', '', { number: 3 });
    expect(b.values()).toEqual([2, ['x', 'y']]);
  });

  it('has it all after a second death before any checkpoint', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    const b = new TestNode('b', world);
    b.checkpoints = new Map();
    b.place(ledger, 7, seal('a'));
    b.call('add', 'y', { number: 2 });
    world.checkpoints.clear();
    const c = new TestNode('c', world);
    c.place(ledger, 9, [...seal('a'), ...seal('b')]);
    c.call('list', '', { number: 3 });
    expect(c.values()).toEqual([['x', 'y']]);
  });

  it('refuses to live when a turn is missing from its chain', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.call('add', 'y', { number: 2 });
    a.log.shift();
    const b = new TestNode('b', world);
    b.place(ledger, 7, seal('a'));
    b.call('list', '', { number: 3 });
    expect(b.values()).toEqual(['LOG_CORRUPT']);
  });

  it('runs a begun turn again without the steps that were recorded', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.autoCommit = false;
    a.call('steps', 'x');
    for (let appends = 0; appends < 3; appends++) a.commit();
    const callId = `${ledger}#1/s1:1`;
    expect(a.effects).toEqual([`${callId}/0`, `${callId}/1`, `${callId}/2`]);
    expect(a.log.map((fact) => fact.kind)).toEqual([
      'turn-begun',
      'turn-recorded',
      'turn-recorded',
    ]);
    const b = new TestNode('b', world);
    b.place(ledger, 7, seal('a'));
    // The third step's record was not durable: it runs again under the same effect id.
    expect(b.effects).toEqual([`${callId}/2`]);
    b.call('steps', 'x');
    b.call('list', '', { number: 2 });
    expect(b.values()).toEqual(['stepped', ['x']]);
  });

  it('sends the letters again that nobody has acknowledged', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('post', 'm');
    const b = new TestNode('b', world);
    b.message({
      kind: 'located',
      actor: other,
      location: { node: 'z.aaaaaaaa' as never, birth: 3, epoch: 4 },
    });
    b.place(ledger, 7, seal('a'));
    const letters = b.toNodes().filter((message) => message.kind === 'letter');
    expect(letters.map((letter) => letter.kind === 'letter' && letter.number)).toEqual([1, 2]);
  });
});

describe('an outbox that nobody empties', () => {
  /** More letters than an actor may have unacknowledged. */
  const unheard = (config: Partial<NodeConfig> = {}, world = shared()): TestNode => {
    const a = new TestNode('a', world, config);
    a.place(ledger);
    for (let n = 1; n <= limits.outboxLettersMax / 2 + 1; n++)
      a.call('post', `m${n}`, { number: n });
    return a;
  };

  it('makes its actor refuse further calls, but not reads, until its letters are taken', () => {
    const a = unheard();
    a.replies.length = 0;
    a.call('add', 'x', { number: 90_001 });
    a.call('list', '', { number: 90_002 });
    expect(a.outcomes().map((outcome) => outcome.ok)).toEqual([false, true]);
    expect(a.values()[0]).toBe('RESOURCE_EXHAUSTED');
    const letters = limits.outboxLettersMax + 2;
    a.message({ kind: 'letter-ack', to: other, from: ledger, fromBirth: 1, upTo: letters });
    a.call('add', 'x', { number: 90_003 });
    expect(a.outcomes().at(-1)).toMatchObject({ ok: true });
  });

  it('does not come back with an actor that was idle since its letters were taken', () => {
    const a = unheard({ checkpointTurns: limits.outboxLettersMax / 2 + 1 });
    const letters = limits.outboxLettersMax + 2;
    a.message({ kind: 'letter-ack', to: other, from: ledger, fromBirth: 1, upTo: letters });
    a.tick(300_000);
    a.tick(1_000);
    expect(a.machine.actors.get(ledger)?.phase).toBe('cold');
    a.replies.length = 0;
    a.call('list', '', { number: 90_000 });
    a.call('add', 'x', { number: 90_001 });
    expect(a.outcomes().map((outcome) => outcome.ok)).toEqual([true, true]);
  });

  it('does not come back with an actor that was handed over when its letters were taken', () => {
    const world = shared();
    const a = unheard({ checkpointTurns: limits.outboxLettersMax / 2 + 1 }, world);
    const letters = limits.outboxLettersMax + 2;
    a.message({ kind: 'letter-ack', to: other, from: ledger, fromBirth: 1, upTo: letters });
    a.message({ kind: 'drain', term });
    expect(a.toLeader()).toContain('released');
    const b = new TestNode('b', world);
    b.place(ledger, 7, []);
    b.call('add', 'x', { number: 90_001 });
    expect(b.outcomes().map((outcome) => outcome.ok)).toEqual([true]);
  });

  it('does not keep its actor from letters, which may be what the others wait for', () => {
    const a = unheard();
    const from = { to: ledger, epoch: 2, from: other, fromBirth: 3, number: 1 } as const;
    const content = { method: 'add', args: encodeValue(['x']), scope: 's', clock: {} } as const;
    a.message({ kind: 'letter', ...from, ...content, replyTo: 'node:z.aaaaaaaa' as never });
    const taken = a.replies.flatMap(({ message }) =>
      message.kind === 'letter-ack' ? [message.upTo] : [],
    );
    expect(taken).toEqual([1]);
  });
});

describe('an outbox larger than what is sent again at once', () => {
  it('goes on with each acknowledgement, without waiting for the next resend', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    for (let n = 1; n <= 300; n++) a.call('post', `m${n}`, { number: n });
    const b = new TestNode('b', world);
    const location = { node: 'z.aaaaaaaa' as never, birth: 3, epoch: 4 };
    b.message({ kind: 'located', actor: other, location });
    b.place(ledger, 7, seal('a'));
    const numbers = () =>
      b.toNodes().flatMap((message) => (message.kind === 'letter' ? [message.number] : []));
    for (let acknowledged = 0; acknowledged < 600; ) {
      const last = numbers().at(-1) ?? 0;
      expect(last).toBeGreaterThan(acknowledged);
      acknowledged = last;
      b.message({ kind: 'letter-ack', to: other, from: ledger, fromBirth: 1, upTo: acknowledged });
    }
    expect(numbers()).toEqual(Array.from({ length: 600 }, (_, n) => n + 1));
  });
});

describe('a step', () => {
  it('has its side effect only after everything before it is durable', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.autoCommit = false;
    a.call('steps', 'x');
    expect(a.effects).toEqual([]);
    a.commit();
    expect(a.log.map((fact) => fact.kind)).toEqual(['turn-begun']);
    expect(a.effects).toHaveLength(1);
  });
});

describe('an awaited call of a turn', () => {
  it('leaves after its record, under a number that a second run finds again', () => {
    const world = shared();
    const a = new TestNode('a', world);
    const located = {
      kind: 'located',
      actor: other,
      location: { node: 'z.aaaaaaaa' as never, birth: 3, epoch: 4 },
    } as const;
    a.message(located);
    a.place(ledger);
    a.autoCommit = false;
    a.call('ask', 'x');
    expect(a.toNodes()).toEqual([]);
    a.commit();
    const [first] = a.toNodes();
    const b = new TestNode('b', world);
    b.message(located);
    b.place(ledger, 7, seal('a'));
    const [second] = b.toNodes();
    if (first?.kind !== 'call' || second?.kind !== 'call') throw new Error('no call was sent');
    expect(second.caller).toEqual(first.caller);
    const { session, number } = second.caller;
    const outcome = { ok: true, value: encodeValue(5) } as const;
    b.message({ kind: 'call-result', actor: other, session, number, outcome });
    b.call('ask', 'x');
    expect(b.values()).toEqual([5]);
  });
});

describe('letters', () => {
  const letter = (number: number, id: string) => ({
    kind: 'letter' as const,
    to: ledger,
    epoch: 2,
    from: other,
    fromBirth: 3,
    number,
    method: 'add',
    args: encodeValue([id]),
    replyTo: node('z'),
    scope: other,
    clock: {},
  });

  it('that a dead node had committed are known to the next one, by its log alone', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.message(letter(1, 'first'));
    expect(world.checkpoints.size).toBe(0);
    const b = new TestNode('b', world);
    b.place(ledger, 7, seal('a'));
    b.message(letter(1, 'first'));
    b.message(letter(2, 'second'));
    b.call('list', '');
    expect(b.values()).toEqual([['first', 'second']]);
  });

  it('that wait behind one whose runner crashed are not taken twice', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.autoCommit = false;
    a.message({ ...letter(1, 'first'), method: 'steps' });
    a.message(letter(2, 'second'));
    a.commit();
    a.crashRunner();
    a.commit();
    a.message(letter(2, 'second'));
    a.autoCommit = true;
    a.commit();
    a.call('list', '');
    expect(a.values()).toEqual([['first', 'second']]);
  });

  it('of one sender take effect once and in order, and are acknowledged when durable', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.message(letter(2, 'second'));
    a.message(letter(1, 'first'));
    a.message(letter(2, 'second'));
    a.message(letter(1, 'first'));
    a.call('list', '');
    expect(a.values()).toEqual([['first', 'second']]);
    const acks = a.replies.flatMap(({ message }) =>
      message.kind === 'letter-ack' ? [message.upTo] : [],
    );
    expect(acks).toEqual([1, 2, 2]);
  });
});

describe('a crash of the runner', () => {
  it('costs no turn: what was not finished runs again', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.call('hang', '', { number: 2 });
    a.call('add', 'y', { number: 3 });
    // Whether the last of them had begun before the first crash is not known: that does not count.
    for (let crashes = 0; crashes <= limits.turnCrashesMax; crashes++) a.crashRunner();
    a.call('list', '', { number: 4 });
    expect(a.values()).toContain('RUNNER_CRASHED');
    expect(a.values().at(-1)).toEqual(['x', 'y']);
  });

  it('fails only the turn that it happened under, after three tries', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('hang', '', { number: 1 });
    for (let crashes = 1; crashes < limits.turnCrashesMax; crashes++) {
      a.crashRunner();
      expect(a.outcomes()).toEqual([]);
    }
    a.crashRunner();
    expect(a.values()).toEqual(['RUNNER_CRASHED']);
  });
});

describe('a turn that does not stop at its limit', () => {
  it('costs its runner the life, not the node', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('hang', '');
    a.tick(limits.turnLimitMs + 10_000);
    a.tick(1_000);
    expect(a.values()).toEqual(['TIME_LIMIT']);
  });
});

describe('an idle actor', () => {
  it('leaves memory and comes back at the next call', () => {
    const a = new TestNode('a', shared(), { idleMs: 5_000 });
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    for (let seconds = 0; seconds < 8; seconds++) a.tick(1_000);
    expect(a.machine.actors.get(ledger)?.phase).toBe('cold');
    a.call('list', '', { number: 2 });
    expect(a.values()).toEqual([1, ['x']]);
  });

  it('leaves a node at rest, which has nothing to do until it hears something', () => {
    const a = new TestNode('a', shared(), { idleMs: 5_000 });
    expect(a.machine.atRest).toBe(true);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    expect(a.machine.atRest).toBe(false);
    for (let seconds = 0; seconds < 8; seconds++) a.tick(1_000);
    expect(a.machine.atRest).toBe(true);
  });
});
