import {
  decodeValue,
  encodeValue,
  incarnation,
  limits,
  logName,
  nodeAddress,
  type Taken,
  takenIn,
} from '@troupe/model';
import { describe, expect, test } from 'vitest';
import { outsideEffects } from '../src/outside-effects.ts';
import { bundle, ledger, shared, TestNode } from './harness.ts';

const elsewhere = nodeAddress(incarnation('g2.aaaaaaaa'));

function placed(config = {}): TestNode {
  const node = new TestNode('n1', shared(), config);
  node.place(ledger);
  return node;
}

/** A turn whose values are taken from the first on. */
function streaming(node: TestNode): number {
  take(node, 0);
  return node.lastTurn().work;
}

function take(node: TestNode, from: number, more = {}): void {
  node.call('hang', 'w', {}, { from, ...more });
}

function yields(node: TestNode, work: number, from: number, ...values: unknown[]): void {
  for (const [at, value] of values.entries()) {
    node.frame({ kind: 'yielded', work, position: from + at, value: encodeValue(value) });
  }
}

function answers(node: TestNode): Taken[] {
  return node.results().flatMap(({ outcome, taking }) => {
    if (taking !== true || !outcome.ok) return [];
    return [takenIn(outcome.value)];
  });
}

/** What was taken, by position, and the end. */
function heard(node: TestNode): unknown[] {
  return answers(node).map(({ position, values, end }) => {
    if (end !== undefined) return [position, end.ok ? decodeValue(end.value) : end.failure.code];
    return [position, ...values.map((value) => decodeValue(value))];
  });
}

/** Up to which position the runner was told that there is room. */
function seen(node: TestNode, work: number): number {
  return Math.max(
    0,
    ...node.sent.flatMap((one) =>
      one.kind === 'to-runner' && one.frame.kind === 'yields-seen' && one.frame.work === work
        ? [one.frame.upTo]
        : [],
    ),
  );
}

/** The node dies: another one takes the actor over by its log. */
function takeOver(node: TestNode, name: string): TestNode {
  const stores = shared();
  stores.logs.set(`turns-${node.name}`, node.log);
  for (const [actor, checkpoint] of node.checkpoints) stores.checkpoints.set(actor, checkpoint);
  const next = new TestNode(name, stores);
  next.place(ledger, 9, [{ log: logName(`turns-${node.name}`), from: 0, to: 1_000 }]);
  return next;
}

describe('what a method yields', () => {
  test('is given as it comes, in order, and the end after the last', () => {
    const node = placed();
    const work = streaming(node);
    yields(node, work, 0, 'a');
    take(node, 1);
    yields(node, work, 1, 'b', 'c');
    take(node, 2);
    take(node, 3);
    node.end(work, 'done', 'w');
    expect(heard(node)).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
      [3, 'done'],
    ]);
  });

  test('is given only when its record is durable, and its runner may go on only then', () => {
    const node = placed();
    const work = streaming(node);
    node.autoCommit = false;
    yields(node, work, 0, 'a');
    expect(heard(node)).toEqual([]);
    expect(seen(node, work)).toBe(0);
    node.commit();
    expect(node.log.map(({ kind }) => kind)).toEqual(['turn-begun', 'turn-yielded']);
    expect(heard(node)).toEqual([[0, 'a']]);
    expect(seen(node, work)).toBe(1);
  });

  test('is given together when it has come together', () => {
    const node = placed();
    const work = streaming(node);
    yields(node, work, 0, 1, 2, 3);
    take(node, 1);
    expect(heard(node).at(-1)).toEqual([1, 2, 3]);
  });

  test('can be taken again from any position that is kept, also when its call has ended', () => {
    const node = placed();
    const work = streaming(node);
    yields(node, work, 0, 1, 2, 3);
    node.end(work, 'done', 'w');
    take(node, 0);
    take(node, 2);
    take(node, 3);
    expect(heard(node).slice(-3)).toEqual([
      [0, 1, 2, 3],
      [2, 3],
      [3, 'done'],
    ]);
    expect(node.turns()).toHaveLength(1);
  });

  test('is given to several who take, each from its position', () => {
    const node = placed();
    const work = streaming(node);
    yields(node, work, 0, 1);
    take(node, 1);
    take(node, 1, { replyTo: elsewhere });
    yields(node, work, 1, 2);
    const to = node.replies.map((one) => one.to);
    expect(heard(node)).toEqual([
      [0, 1],
      [1, 2],
      [1, 2],
    ]);
    expect(new Set(to).size).toBe(2);
  });

  test('stands before the failure of a method that fails after it', () => {
    const node = placed();
    const work = streaming(node);
    yields(node, work, 0, 1, 2);
    const failure = { code: 'USER_ERROR', message: 'no' } as const;
    node.frame({ kind: 'turn-done', work, outcome: { ok: false, failure }, sends: [] });
    take(node, 1);
    take(node, 2);
    expect(heard(node)).toEqual([
      [0, 1],
      [1, 2],
      [2, 'USER_ERROR'],
    ]);
  });

  test('is not recorded where nobody takes', () => {
    const node = placed();
    node.call('hang', 'w');
    expect(node.lastTurn().yielded).toBeUndefined();
    node.end(node.lastTurn().work, 'done', 'w');
    expect(node.log.map(({ kind }) => kind)).toEqual(['turn']);
    expect(node.values()).toEqual(['done']);
  });

  test('of a call that yields nothing is just its end, at position 0', () => {
    const node = placed();
    node.call('add', 'w', {}, { from: 0 });
    expect(heard(node)).toEqual([[0, 1]]);
    node.call('add', 'w', {}, { from: 0 });
    expect(heard(node)).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test('of a call that is not known is refused from a position above 0, and begins nothing', () => {
    const node = placed();
    take(node, 3);
    expect(node.values()).toEqual(['SESSION_FORGOTTEN']);
    expect(node.turns()).toEqual([]);
  });

  test('is forgotten with the replies of its session', () => {
    const node = placed();
    const work = streaming(node);
    yields(node, work, 0, 1);
    node.end(work, 'done', 'w');
    node.call('add', 'x', { number: 5, low: 5 });
    take(node, 0);
    take(node, 1);
    const ends = node.outcomes().map((one) => (one.ok ? 'ok' : one.failure.code));
    expect(ends.slice(-2)).toEqual(['SESSION_FORGOTTEN', 'SESSION_FORGOTTEN']);
  });
});

describe('when its node dies', () => {
  test('what is recorded counts, and the turn goes on behind it', () => {
    const node = placed();
    const work = streaming(node);
    yields(node, work, 0, 'a', 'b');
    const next = takeOver(node, 'n2');
    expect(next.lastTurn().yielded).toBe(2);
    const again = next.lastTurn().work;
    take(next, 0, { epoch: 9 });
    yields(next, again, 2, 'c');
    take(next, 2, { epoch: 9 });
    next.end(again, 'done', 'w');
    take(next, 3, { epoch: 9 });
    expect(heard(next)).toEqual([
      [0, 'a', 'b'],
      [2, 'c'],
      [3, 'done'],
    ]);
  });

  test('what was not durable is nobody’s, and is yielded again', () => {
    const node = placed();
    const work = streaming(node);
    yields(node, work, 0, 'a');
    node.autoCommit = false;
    yields(node, work, 1, 'lost');
    expect(heard(node)).toEqual([[0, 'a']]);
    const next = takeOver(node, 'n2');
    expect(next.lastTurn().yielded).toBe(1);
    take(next, 1, { epoch: 9 });
    yields(next, next.lastTurn().work, 1, 'other');
    expect(heard(next)).toEqual([[1, 'other']]);
  });

  test('it is found in the checkpoint, of a turn that runs as of one that has ended', () => {
    const node = placed();
    const work = streaming(node);
    yields(node, work, 0, 'a', 'b');
    node.tick(60_000);
    expect(node.checkpoints.has(ledger)).toBe(true);
    yields(node, work, 2, 'c');
    const running = takeOver(node, 'n2');
    expect(running.lastTurn().yielded).toBe(3);
    take(running, 1, { epoch: 9 });
    expect(heard(running)).toEqual([[1, 'b', 'c']]);
    node.end(work, 'done', 'w');
    node.tick(60_000);
    const ended = takeOver(node, 'n3');
    take(ended, 1, { epoch: 9 });
    take(ended, 3, { epoch: 9 });
    expect(heard(ended)).toEqual([
      [1, 'b', 'c'],
      [3, 'done'],
    ]);
  });

  test('a crash of the runner alone changes nothing in it either', () => {
    const node = placed();
    const work = streaming(node);
    yields(node, work, 0, 'a', 'b');
    take(node, 2);
    node.crashRunner();
    const again = node.lastTurn();
    expect(again.work).not.toBe(work);
    expect(again.yielded).toBe(2);
    yields(node, again.work, 2, 'c');
    expect(heard(node)).toEqual([
      [0, 'a'],
      [2, 'c'],
    ]);
  });
});

describe('a method that is ahead of who takes', () => {
  const large = 'x'.repeat(100_000);
  const many = Math.ceil(limits.streamAheadBytesMax / large.length);

  test('is held back, and goes on when more was taken', () => {
    const node = placed();
    const work = streaming(node);
    for (let at = 0; at < many + 1; at++) yields(node, work, at, large);
    expect(seen(node, work)).toBe(many - 1);
    take(node, 2);
    expect(seen(node, work)).toBe(many + 1);
  });

  test('is held back by count too', () => {
    const node = placed();
    const work = streaming(node);
    for (let at = 0; at <= limits.streamAheadValuesMax; at++) yields(node, work, at, at);
    expect(seen(node, work)).toBe(limits.streamAheadValuesMax - 1);
  });

  test('is not held back by one who does not ask any more', () => {
    const node = placed();
    const work = streaming(node);
    for (let at = 0; at < many; at++) yields(node, work, at, large);
    node.tick(limits.streamPatienceMs - 1_000);
    take(node, 0);
    node.tick(limits.streamPatienceMs - 1_000);
    expect(seen(node, work)).toBe(many - 1);
    node.tick(1_000);
    expect(seen(node, work)).toBe(many);
    yields(node, work, many, large);
    expect(seen(node, work)).toBe(many + 1);
  });

  test('loses its oldest values to that one, who is told so by code, and where to go on', () => {
    const node = placed();
    const work = streaming(node);
    for (let at = 0; at < many; at++) yields(node, work, at, large);
    node.tick(limits.streamPatienceMs);
    for (let at = many; at < 20; at++) yields(node, work, at, large);
    expect(seen(node, work)).toBe(20);
    const kept = Math.floor(limits.streamBytesKeptMax / large.length);
    take(node, 1);
    const [refused] = node.outcomes().slice(-1);
    expect(refused).toMatchObject({
      ok: false,
      failure: { code: 'STREAM_BEHIND', details: { first: 20 - kept, from: 1 } },
    });
    take(node, 20 - kept);
    expect(answers(node).at(-1)?.position).toBe(20 - kept);
  });
});

describe('a stream of an actor', () => {
  const term = { generation: 1, number: 0 };

  test('that moves goes on where that is, by what is handed over alone', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 7 });
    const place = { kind: 'place', term, actor: ledger, birth: 1, epoch: 2, bundle } as const;
    const leave = { to: incarnation('b.aaaaaaaa'), bundle };
    a.message({ ...place, scope: ledger, chain: [], leave });
    const work = streaming(a);
    yields(a, work, 0, 'a', 'b');
    a.end(work, 'done', 'w');
    a.message({ kind: 'prepared', actor: ledger, epoch: 2 });
    expect(a.toLeader()).toContain('released');
    const b = new TestNode('b', world);
    b.place(ledger, 7);
    take(b, 1, { epoch: 7 });
    take(b, 2, { epoch: 7 });
    expect(heard(b)).toEqual([
      [1, 'b'],
      [2, 'done'],
    ]);
  });

  test('that is destroyed under it ends with that, after its values', () => {
    const node = placed();
    const work = streaming(node);
    yields(node, work, 0, 'a', 'b');
    take(node, 2);
    node.place(ledger, 2, [], 1, { wish: { kind: 'ending', at: 5 } });
    take(node, 1);
    expect(heard(node)).toEqual([
      [0, 'a'],
      [2, 'USER_ERROR'],
      [1, 'b'],
    ]);
  });

  test('that was destroyed is not taken for that of the next one of its name', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    const work = streaming(a);
    yields(a, work, 0, 'a', 'b');
    a.end(work, 'done', 'w');
    a.place(ledger, 2, [], 1, { wish: { kind: 'ending', at: 5 } });
    const b = new TestNode('b', world);
    b.place(ledger, 21, [], 20, { heir: true });
    take(b, 1, { birth: 20, epoch: 21 });
    take(b, 0, { birth: 20, epoch: 21 });
    expect(b.values()).toEqual(['SESSION_FORGOTTEN', 'SESSION_FORGOTTEN']);
    expect(b.turns()).toEqual([]);
  });

  test('is an effect on others as soon as it has begun, and one only', () => {
    const node = placed();
    const work = streaming(node);
    yields(node, work, 0, 'a');
    const effects = () => outsideEffects({ actor: ledger, birth: 1 }, node.log, { [ledger]: 0 });
    const answer = { actor: ledger, turn: 1, kind: 'answer', what: 's1:1' };
    expect(effects()).toEqual([answer]);
    node.end(work, 'done', 'w');
    expect(effects()).toEqual([answer]);
  });

  test('that waits and has left memory brings it back only for what may be there', () => {
    const node = placed({ idleMs: 10_000 });
    const work = streaming(node);
    yields(node, work, 0, 'may I?');
    node.frame({ kind: 'wait-begin', work, ordinal: 0, name: 'approval' });
    node.giveUp(work, [0]);
    take(node, 1);
    node.tick(11_000);
    node.tick(1_000);
    const phase = () => node.machine.actors.get(ledger)?.phase;
    expect(phase()).toBe('cold');
    take(node, 1);
    expect(phase()).toBe('cold');
    take(node, 0);
    expect(phase()).toBe('live');
    expect(heard(node).at(-1)).toEqual([0, 'may I?']);
    node.signal('approval', 'yes');
    const again = node.lastTurn();
    expect(again.yielded).toBe(1);
    take(node, 1);
    yields(node, again.work, 1, 'yes');
    expect(heard(node).at(-1)).toEqual([1, 'yes']);
  });
});

describe('what is kept', () => {
  test('of one actor is bounded: the oldest streams go first', () => {
    const node = placed();
    const large = 'x'.repeat(100_000);
    const streams = Math.ceil(limits.actorStreamBytesKeptMax / limits.streamBytesKeptMax) + 1;
    for (let number = 1; number <= streams; number++) {
      node.call('hang', 'w', { number }, { from: 0 });
      const { work } = node.lastTurn();
      for (let at = 0; at < 10; at++) {
        yields(node, work, at, large);
        node.call('hang', 'w', { number }, { from: at + 1 });
      }
      node.end(work, 'done', 'w');
    }
    const from = (number: number) => {
      node.call('hang', 'w', { number }, { from: 0 });
      const last = node.outcomes().at(-1);
      return last?.ok === true ? 'kept' : last?.failure.code;
    };
    expect(from(1)).toBe('STREAM_BEHIND');
    expect(from(streams)).toBe('kept');
  });

  test('is answered in parts that the bus carries', () => {
    const node = placed();
    const work = streaming(node);
    const large = 'x'.repeat(100_000);
    yields(node, work, 0, large, large, large, large);
    take(node, 1);
    expect(answers(node).at(-1)?.values).toHaveLength(2);
  });
});
