import {
  type ActorWish,
  actorId,
  encodeValue,
  limits,
  type NotHere,
  type Resolve,
  type SettledActor,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { decodeCheckpoint } from '../src/index.ts';
import { ledger, node, other, seal, shared, TestNode } from './harness.ts';

const term = { generation: 1, number: 0 };
const ending: ActorWish = { kind: 'ending', at: 5 };
const paused: ActorWish = { kind: 'paused', at: 5 };
const live: ActorWish = { kind: 'live', at: 6 };

function wish(a: TestNode, wished: ActorWish, epoch = 2): void {
  a.place(ledger, epoch, [], 1, { wish: wished });
}

function settled(a: TestNode): SettledActor[] {
  return a.sent.flatMap((send) =>
    send.kind === 'to-leader' && send.message.kind === 'settled' ? send.message.actors : [],
  );
}

function sentAway(a: TestNode): NotHere[] {
  return a.replies.flatMap(({ message }) => (message.kind === 'not-here' ? [message] : []));
}

/** The leader knows that it has ended, and creates another one of its name. */
function heir(a: TestNode, birth = 20, epoch = birth + 1): void {
  a.message({ kind: 'settled-seen', term, actors: settled(a).slice(-1) });
  a.place(ledger, epoch, [], birth, { heir: true });
}

function atHeir(a: TestNode, method: string, id: string, number: number, birth = 20): void {
  a.call(method, id, { number }, { birth, epoch: birth + 1 });
}

describe('an actor that is destroyed', () => {
  it('has ended when its tombstone is stored, which holds nothing of its state', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    wish(a, ending);
    expect(settled(a)).toEqual([{ actor: ledger, epoch: 2, wish: ending, revision: 1, seq: 2 }]);
    const { head, memory, state } = decodeCheckpoint(world.checkpoints.get(ledger).body, 0);
    expect([head.birth, state.length, memory.seq]).toEqual([1, 0, 2]);
    expect(memory.outbox.size).toBe(0);
    expect(JSON.stringify(memory.sessions.store(0))).not.toContain(
      `${encodeValue(1)[0]}`.repeat(9),
    );
  });

  it('says so until the leader knows, and is then forgotten', () => {
    const a = new TestNode('a');
    a.place(ledger);
    wish(a, ending);
    a.tick(1_000);
    expect(settled(a)).toHaveLength(2);
    a.message({ kind: 'settled-seen', term, actors: settled(a).slice(0, 1) });
    a.tick(1_000);
    expect(settled(a)).toHaveLength(2);
    expect(a.machine.actors.size).toBe(0);
  });

  it('answers a call again that it had answered, and sends away what it never ran', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    wish(a, ending);
    a.call('add', 'x', { number: 1 });
    a.call('add', 'y', { number: 2 });
    expect(a.values()).toEqual([1, 1]);
    expect(sentAway(a)).toMatchObject([{ number: 2, unrun: true }]);
  });

  it('ends a turn that runs: one that had left its actor is told as failed, another as unrun', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('hang', 'h', { number: 1 });
    a.call('add', 'x', { number: 2 });
    wish(a, ending);
    expect(sentAway(a).map(({ number, unrun }) => [number, unrun])).toEqual([
      [1, true],
      [2, true],
    ]);
    const b = new TestNode('b');
    b.place(ledger);
    b.call('ask', 'q', { number: 1 });
    wish(b, ending);
    expect(b.values()).toEqual(['USER_ERROR']);
    expect(b.outcomes()[0]).toMatchObject({ failure: { details: { code: 'GONE' } } });
    // Whatever the turn comes to after all, nothing of it counts.
    expect(b.log.filter(({ kind }) => kind === 'turn')).toEqual([]);
  });

  it('takes no turn any more, wherever it is brought back', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('steps', 's', { number: 1 });
    a.call('add', 'x', { number: 2 });
    a.call('ask', 'q', { number: 3 });
    const b = new TestNode('b', world);
    b.place(ledger, 9, seal('a'), 1, { wish: ending });
    expect(b.log.map(({ kind }) => kind)).toContain('actor-ended');
    expect(b.log.map(({ kind }) => kind)).not.toContain('turn');
    expect(settled(b)).toMatchObject([{ epoch: 9 }]);
    expect(b.work.filter(({ kind }) => kind === 'start-runner')).toEqual([]);
  });

  it('is ended again when its node died before it said so, after the very same turns', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    wish(a, ending);
    const b = new TestNode('b', world);
    b.place(ledger, 9, seal('a'), 1, { wish: ending });
    expect(settled(b)).toMatchObject([{ epoch: 9, revision: 2 }]);
    heir(b, 20);
    atHeir(b, 'add', 'x', 1);
    atHeir(b, 'list', '', 2);
    expect(b.values()).toEqual(['SESSION_FORGOTTEN', []]);
  });

  it('ends also when nothing of it can be read back', () => {
    const a = new TestNode('a', { logs: new Map(), checkpoints: new Map() });
    a.autoCommit = false;
    a.place(ledger, 9, seal('lost'), 1, { wish: ending });
    const failure = { code: 'LOG_CORRUPT', message: 'a flipped byte' } as const;
    a.post({ kind: 'restore-failed', actor: ledger, epoch: 9, failure });
    a.commit();
    a.commit();
    expect(settled(a)).toHaveLength(1);
  });
});

describe('letters of an actor that is destroyed', () => {
  const place = { node: 'b.aaaaaaaa', birth: 3, epoch: 4 };

  function posting(): TestNode {
    const a = new TestNode('a');
    a.place(ledger);
    a.message({ kind: 'located', actor: other, location: place as never });
    a.call('post', 'p', { number: 1 });
    wish(a, ending);
    return a;
  }

  /** Where the receivers are, at last. */
  function asked(a: TestNode): Resolve | undefined {
    return a.sent
      .flatMap((send) => (send.kind === 'to-leader' ? [send.message] : []))
      .findLast((message) => message.kind === 'resolve');
  }

  it('are taken before it has ended', () => {
    const a = posting();
    expect(settled(a)).toEqual([]);
    a.message({ kind: 'letter-ack', to: other, from: ledger, fromBirth: 1, upTo: 1 });
    a.tick(1_000);
    expect(settled(a)).toEqual([]);
    a.message({ kind: 'letter-ack', to: other, from: ledger, fromBirth: 1, upTo: 2 });
    expect(settled(a)).toHaveLength(1);
  });

  it('to one that is being destroyed too die with both, so that neither waits for the other', () => {
    const a = posting();
    a.tick(1_000);
    expect(asked(a)).toMatchObject({ actor: other, ending: true });
    const gone = { code: 'GONE', message: 'it is being destroyed' } as const;
    a.message({ kind: 'located', actor: other, location: gone });
    expect(settled(a)).toHaveLength(1);
  });

  it('do not die by what was said to one that ended before, of a receiver that may be there anew by now', () => {
    const a = posting();
    a.tick(1_000);
    const look = asked(a)?.look ?? 0;
    const gone = { code: 'GONE', message: 'it is being destroyed' } as const;
    a.message({ kind: 'located', actor: other, location: gone, look: 0 });
    expect(settled(a)).toEqual([]);
    a.message({ kind: 'located', actor: other, location: gone, look });
    expect(settled(a)).toHaveLength(1);
  });

  it('are given up, by name, when nobody takes them for a minute', () => {
    const a = posting();
    for (let passed = 0; passed <= limits.endingMs; passed += 1_000) a.tick(1_000);
    expect(settled(a).length).toBeGreaterThan(0);
    const said = a.work.flatMap((one) => (one.kind === 'log' ? [one.text] : []));
    expect(said.join()).toContain(`${other} did not take 2 letters`);
  });

  it('to it wait for the next of its name, and those that it had taken are not taken again', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.message(letter(1));
    wish(a, ending);
    a.message(letter(2));
    expect(a.replies.at(-1)?.message).toMatchObject({ kind: 'letter-not-here', epoch: 2 });
    heir(a);
    a.message({ ...letter(1), epoch: 21 });
    a.message({ ...letter(2), epoch: 21, base: 1 });
    atHeir(a, 'list', '', 7);
    expect(a.values()).toEqual([['l2']]);
  });

  it('whose turn had begun when it was destroyed are taken: their steps are not done again', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.autoCommit = false;
    a.message({ ...letter(1), method: 'steps' });
    a.commit();
    expect(a.effects).toHaveLength(1);
    wish(a, ending);
    a.autoCommit = true;
    a.commit();
    expect(a.replies.at(-1)?.message).toMatchObject({ kind: 'letter-ack', upTo: 1 });
    const done = a.effects.length;
    heir(a);
    a.message({ ...letter(1), method: 'steps', epoch: 21 });
    expect(a.effects).toHaveLength(done);
  });

  it('find its successor at the number they have come to, also when all else was forgotten', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.message({ ...letter(5), base: 3 });
    a.message({ ...letter(4), base: 3 });
    a.message({ ...letter(5), base: 3 });
    a.call('list', '', { number: 1 });
    expect(a.values()).toEqual([['l4', 'l5']]);
  });
});

describe('the next actor of the name', () => {
  it('begins with nothing of the state before it, whatever node it comes to', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    wish(a, ending);
    heir(a);
    atHeir(a, 'add', 'y', 2);
    atHeir(a, 'list', '', 3);
    expect(a.values().slice(-1)).toEqual([['y']]);
    // Its node dies: the log holds turns of both.
    const b = new TestNode('b', world);
    b.place(ledger, 30, seal('a'), 20, { heir: true });
    b.call('list', '', { number: 4 }, { birth: 20, epoch: 30 });
    expect(b.values()).toEqual([['y']]);
  });

  it('does not run again what the one before it had answered, nor tells what that was', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    wish(a, ending);
    heir(a);
    atHeir(a, 'add', 'x', 1);
    atHeir(a, 'list', '', 2);
    expect(a.values()).toEqual([1, 'SESSION_FORGOTTEN', []]);
    // By this the leader knows that a block which calls need not ask again.
    expect(a.outcomes()[1]).toMatchObject({ failure: { details: { answeredBy: 'destroyed' } } });
  });

  it('goes on with the turn numbers of the one before it', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    wish(a, ending);
    heir(a);
    atHeir(a, 'add', 'y', 2);
    const turns = a.log.flatMap((fact) => ('seq' in fact ? [[fact.kind, fact.seq]] : []));
    expect(turns).toEqual([
      ['turn', 1],
      ['actor-ended', 2],
      ['turn', 3],
    ]);
  });

  it('is read back with all its turns when it came to a node where the one before had been', () => {
    const world = shared();
    const old = new TestNode('old', world);
    old.place(ledger);
    old.call('add', 'x', { number: 1 });
    wish(old, ending);
    // Born on another node, then placed where the tombstone says that the log begins.
    const first = new TestNode('first', world);
    first.place(ledger, 21, [], 20, { heir: true });
    first.call('add', 'y', { number: 2 }, { birth: 20, epoch: 21 });
    const last = new TestNode('last', world);
    last.place(ledger, 40, [...seal('first'), ...seal('old')], 20, { heir: true });
    last.call('list', '', { number: 3 }, { birth: 20, epoch: 40 });
    expect(last.values()).toEqual([['y']]);
  });

  it('takes nothing from a checkpoint that a late writer put of the one before', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.message({ kind: 'drain', term });
    expect(world.checkpoints.size).toBe(1);
    const b = new TestNode('b', world);
    b.place(ledger, 21, [], 20);
    b.call('add', 'y', { number: 1 }, { birth: 20, epoch: 21 });
    const c = new TestNode('c', world);
    c.place(ledger, 30, seal('b'), 20);
    c.call('list', '', { number: 2 }, { birth: 20, epoch: 30 });
    expect(c.values()).toEqual([['y']]);
  });

  it('tells a call of the birth before it that it was not run', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    wish(a, ending);
    heir(a);
    a.call('add', 'late', { number: 2 });
    expect(sentAway(a)).toMatchObject([{ number: 2, unrun: true }]);
  });
});

describe('a paused actor', () => {
  it('begins no turn and answers reads; what waits runs when it is resumed', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    wish(a, paused);
    a.call('add', 'y', { number: 2 });
    a.call('list', '', { number: 3 });
    expect(a.values()).toEqual([1, ['x']]);
    wish(a, live);
    expect(a.values()).toEqual([1, ['x'], 2]);
  });

  it('is said to be so when the turn that runs has ended', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('ask', 'q', { number: 1 });
    wish(a, paused);
    expect(settled(a)).toEqual([]);
    const session = `actor:${ledger}#1` as never;
    const outcome = { ok: true, value: encodeValue(null) } as const;
    a.message({ kind: 'call-result', actor: other, session, number: 65_536, outcome });
    expect(settled(a)).toEqual([{ actor: ledger, epoch: 2, wish: paused }]);
  });

  it('is said to be so when the runner of its turn has crashed; the turn waits', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('hang', 'h', { number: 1 });
    wish(a, paused);
    expect(settled(a)).toEqual([]);
    a.crashRunner();
    expect(settled(a)).toHaveLength(1);
  });

  it('refuses at its deadline the call that waited, which then never runs', () => {
    const a = new TestNode('a');
    a.place(ledger);
    wish(a, paused);
    a.call('add', 'x', { number: 1 }, { deadlineAt: a.now + 5_000 });
    a.tick(4_000);
    expect(a.values()).toEqual([]);
    a.tick(2_000);
    expect(a.values()).toEqual(['PAUSED']);
    wish(a, live);
    a.call('add', 'x', { number: 1 });
    a.call('list', '', { number: 2 });
    expect(a.values()).toEqual(['PAUSED', 'PAUSED', []]);
  });

  it('stays so on the node that takes it over, with the turn that had begun', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.autoCommit = false;
    a.call('steps', 's', { number: 1 });
    a.commit();
    const b = new TestNode('b', world);
    b.place(ledger, 9, seal('a'), 1, { wish: paused });
    expect(settled(b)).toHaveLength(1);
    expect(b.log.filter(({ kind }) => kind === 'turn')).toEqual([]);
    b.place(ledger, 9, [], 1, { wish: live });
    expect(b.log.filter(({ kind }) => kind === 'turn')).toHaveLength(1);
  });

  it('does not fall back to an older wish when that comes late', () => {
    const a = new TestNode('a');
    a.place(ledger);
    wish(a, paused);
    wish(a, live);
    wish(a, paused);
    a.call('add', 'x', { number: 1 });
    expect(a.values()).toEqual([1]);
  });

  it('takes letters when it is resumed, each once', () => {
    const a = new TestNode('a');
    a.place(ledger);
    wish(a, paused);
    a.message(letter(1));
    a.message(letter(1));
    a.message(letter(2));
    expect(a.log.filter(({ kind }) => kind === 'turn')).toEqual([]);
    wish(a, live);
    a.call('list', '', { number: 1 });
    expect(a.values()).toEqual([['l1', 'l2']]);
  });
});

describe('an actor that is ill', () => {
  function ill(a: TestNode) {
    return a.sent.flatMap((send) =>
      send.kind === 'to-leader' && send.message.kind === 'ailing' ? [send.message.actors] : [],
    );
  }

  it('is told to the leader with its last failure, until it is well again', () => {
    const a = new TestNode('a');
    a.heldRestores = [];
    a.place(ledger, 9, seal('lost'));
    const failure = { code: 'LOG_CORRUPT', message: 'a flipped byte' } as const;
    a.post({ kind: 'restore-failed', actor: ledger, epoch: 9, failure });
    a.tick(1_000);
    expect(ill(a).at(-1)).toMatchObject([{ actor: ledger, failure: { code: 'LOG_CORRUPT' } }]);
  });

  it('is not named beside 256 others, and the leader is told that there are more', () => {
    const a = new TestNode('a');
    a.heldRestores = [];
    const failure = { code: 'LOG_CORRUPT', message: 'a flipped byte' } as const;
    const told = () =>
      a.sent.findLast((one) => one.kind === 'to-leader' && one.message.kind === 'ailing');
    for (let n = 0; n < 257; n++) {
      const actor = actorId('default', 'Ledger', `l${n}`);
      a.place(actor, 9, seal('lost'));
      a.post({ kind: 'restore-failed', actor, epoch: 9, failure });
      if (n === 255) a.tick(1_000);
      if (n === 255) expect(told()).not.toMatchObject({ message: { cut: true } });
    }
    a.tick(1_000);
    expect(told()).toMatchObject({ message: { cut: true, actors: { length: 256 } } });
  });

  it('by its turns is ill until one of them does not crash its runner', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('hang', 'h', { number: 1 });
    for (let n = 0; n < limits.turnCrashesMax; n++) a.crashRunner();
    a.tick(1_000);
    expect(ill(a).at(-1)).toMatchObject([{ failure: { code: 'RUNNER_CRASHED' } }]);
    a.call('add', 'x', { number: 2 });
    a.tick(1_000);
    expect(ill(a).at(-1)).toEqual([]);
  });
});

describe('an actor that crashes again and again', () => {
  function crashing(a: TestNode, number: number): void {
    a.call('hang', `h${number}`, { number });
    for (let n = 0; n < limits.turnCrashesMax; n++) a.crashRunner();
  }

  it('is held back, each time for longer; what waits for it runs then, and reads are answered', () => {
    const a = new TestNode('a');
    a.place(ledger);
    crashing(a, 1);
    crashing(a, 2);
    a.call('add', 'x', { number: 3 });
    a.call('list', '', { number: 4 });
    expect(a.values()).toEqual(['RUNNER_CRASHED', 'RUNNER_CRASHED', []]);
    a.tick(500);
    expect(a.values()).toHaveLength(3);
    a.tick(1_000);
    expect(a.values().slice(3)).toEqual([1]);
  });

  it('is served as any other after a turn that did not crash', () => {
    const a = new TestNode('a');
    a.place(ledger);
    crashing(a, 1);
    a.call('add', 'x', { number: 2 });
    crashing(a, 3);
    a.call('add', 'y', { number: 4 });
    expect(a.values()).toEqual(['RUNNER_CRASHED', 1, 'RUNNER_CRASHED', 2]);
  });
});

describe('an actor that is told to stop', () => {
  it('leaves memory with a checkpoint of all it did, and comes back at the next call', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.message({ kind: 'stop-actor', term, actor: ledger, epoch: 2 });
    expect(world.checkpoints.size).toBe(1);
    expect(a.machine.actors.get(ledger)?.phase).toBe('cold');
    a.call('list', '', { number: 2 });
    expect(a.values()).toEqual([1, ['x']]);
  });
});

function letter(number: number) {
  return {
    kind: 'letter',
    to: ledger,
    epoch: 2,
    from: other,
    fromBirth: 3,
    number,
    method: 'add',
    args: encodeValue([`l${number}`]),
    replyTo: node('b'),
    scope: other,
    clock: {},
  } as const;
}
