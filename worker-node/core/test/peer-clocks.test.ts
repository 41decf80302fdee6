/** What of their clocks actors of one scope send to each other, and what they leave out. */
import {
  type ActorId,
  type AnswerMark,
  actorId,
  type Call,
  type CallResult,
  encodeValue,
  type Letter,
  limits,
  sessionId,
  type VectorClock,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ledger, node, other, shared, TestNode } from './harness.ts';

const crew: VectorClock = Object.fromEntries(
  Array.from({ length: 20 }, (_, n) => [actorId('default', 'Ledger', `c${n}`), n + 1]),
);
const located = (birth: number, epoch = birth + 1) =>
  ({
    kind: 'located',
    actor: other,
    location: { node: 'z.aaaaaaaa' as never, birth, epoch },
  }) as const;

/** Hosts an actor of a crew that has heard from all of it, `other` last. */
function hosting(world = shared(), name = 'a'): TestNode {
  const a = new TestNode(name, world);
  a.message(located(30));
  a.place(ledger, 2, [], 1, { scope: 'crew' });
  return a;
}

function heard(a: TestNode, clock: VectorClock, number = 1): void {
  const caller = { session: sessionId('actor:default/Ledger/c0#9'), number };
  a.call('add', `heard-${number}`, caller, { scope: 'crew', clock, replyTo: node('y') });
}

function letters(a: TestNode): Letter[] {
  return a.toNodes().filter((message): message is Letter => message.kind === 'letter');
}

function calls(a: TestNode): Call[] {
  return a.toNodes().filter((message): message is Call => message.kind === 'call');
}

function acknowledge(a: TestNode, birth: number, upTo: number): void {
  const ack = { kind: 'letter-ack', to: other, from: ledger, fromBirth: 1, upTo, birth } as const;
  a.message({ ...ack, scope: 'crew' });
}

function letterTo(a: TestNode, more: Partial<Letter>): void {
  a.message({
    kind: 'letter',
    to: ledger,
    epoch: 2,
    from: other,
    fromBirth: 30,
    number: 1,
    method: 'add',
    args: encodeValue(['l']),
    replyTo: node('z'),
    scope: 'crew',
    clock: { [other]: 1 },
    ...more,
  });
}

describe('a letter', () => {
  it('leaves out of its clock what its receiver has acknowledged', () => {
    const a = hosting();
    heard(a, crew);
    a.call('post', 'x');
    expect(letters(a)[0]).toMatchObject({ clock: { ...crew, [ledger]: 2 } });
    expect(letters(a)[0]?.birth).toBeUndefined();
    acknowledge(a, 30, 2);
    a.call('post', 'y', { number: 2 });
    expect(letters(a).at(-1)).toMatchObject({ number: 4, clock: { [ledger]: 3 }, birth: 30 });
  });

  it('leaves out what its receiver has said itself', () => {
    const a = hosting();
    heard(a, crew);
    letterTo(a, { clock: { ...crew, [other]: 7 } });
    a.call('post', 'x');
    expect(letters(a)[0]).toMatchObject({ clock: { [ledger]: 3 }, birth: 30 });
  });

  it('says all to the next actor of its name', () => {
    const a = hosting();
    heard(a, crew);
    a.call('post', 'x');
    acknowledge(a, 30, 2);
    a.message(located(90));
    a.call('post', 'y', { number: 2 });
    expect(letters(a).at(-1)).toMatchObject({ number: 4, clock: { ...crew, [ledger]: 3 } });
  });

  it('says all again when its sender has come back from its checkpoint and log', () => {
    const world = shared();
    const a = hosting(world);
    heard(a, crew);
    a.call('post', 'x');
    acknowledge(a, 30, 1);
    const b = new TestNode('b', world);
    b.message(located(30));
    b.place(ledger, 9, [{ log: 'turns-a' as never, from: 0, to: 1_000 }], 1, { scope: 'crew' });
    expect(letters(b)[0]).toMatchObject({ clock: { ...crew, [ledger]: 2 } });
  });

  it('is taken by nobody but the actor that its clock was cut for', () => {
    const a = hosting();
    letterTo(a, { birth: 77 });
    expect(a.log.some(({ kind }) => kind === 'turn')).toBe(false);
    expect(a.replies.at(-1)).toMatchObject({ message: { kind: 'letter-not-here', to: ledger } });
    letterTo(a, { birth: 1 });
    expect(a.log.some(({ kind }) => kind === 'turn')).toBe(true);
  });

  it('says nothing of its scope to an actor of another one, once that is known', () => {
    const a = hosting();
    heard(a, crew);
    a.call('post', 'x');
    const ack = { kind: 'letter-ack', to: other, from: ledger, fromBirth: 1, upTo: 2 } as const;
    a.message({ ...ack, birth: 30, scope: 'elsewhere' });
    a.call('post', 'y', { number: 2 });
    expect(letters(a).at(-1)).toMatchObject({ number: 4, clock: {} });
  });
});

describe('an answer to an actor', () => {
  const asked = (a: TestNode, number: number, clock: VectorClock, mark?: AnswerMark) => {
    const session = sessionId(`actor:${other}#30`);
    const more = { scope: 'crew', clock, replyTo: node('z') };
    const low = { session, number, low: number };
    a.call('add', `asked-${number}`, low, mark === undefined ? more : { ...more, heard: mark });
    return a.results().at(-1) as CallResult;
  };

  it('leaves out what its caller knows, and says that it knows all that the caller does', () => {
    const a = hosting();
    heard(a, crew);
    const clock = { ...crew, [other]: 5 };
    expect(asked(a, 1, clock)).toMatchObject({ birth: 1, abreast: true, clock: { [ledger]: 2 } });
    expect(Object.keys(asked(a, 2, { [other]: 6 }).clock ?? {})).toEqual([ledger]);
  });

  it('leaves out what earlier answers said, as soon as their caller has recorded one', () => {
    const a = hosting();
    heard(a, crew);
    const first = asked(a, 1, { [other]: 5 });
    expect(first.clock).toMatchObject(crew);
    // Nobody knows whether that one has arrived.
    expect(asked(a, 2, { [other]: 6 }).clock).toMatchObject(crew);
    const third = asked(a, 3, { [other]: 7 }, first.mark);
    expect(third.clock).toEqual({ [ledger]: 4 });
  });

  it('says all when the caller names an answer of another placement', () => {
    const a = hosting();
    heard(a, crew);
    const [, count] = asked(a, 1, { [other]: 5 }).mark ?? [];
    expect(asked(a, 2, { [other]: 6 }, [1, count ?? 0]).clock).toMatchObject(crew);
  });

  it('of a read is no word that the actor knows what its caller does', () => {
    const a = hosting();
    heard(a, crew);
    const session = sessionId(`actor:${other}#30`);
    const clock = { ...crew, [other]: 5 };
    a.call('list', 'x', { session }, { scope: 'crew', clock, replyTo: node('z') });
    expect(a.results().at(-1)?.abreast).toBeUndefined();
  });
});

describe('a call of an actor', () => {
  const answer = (a: TestNode, more: Partial<CallResult>) => {
    const [call] = calls(a).slice(-1);
    const { session = sessionId(''), number = 0 } = call?.caller ?? {};
    const outcome = { ok: true, value: encodeValue(1) } as const;
    const result = { kind: 'call-result', actor: other, session, number, outcome } as const;
    a.message({ ...result, scope: 'crew', birth: 30, ...more });
  };

  it('leaves out what its receiver has taken, and names the answer that is recorded', () => {
    const a = hosting();
    heard(a, crew);
    a.call('ask', 'x');
    expect(calls(a).at(-1)?.clock).toEqual({ ...crew, [ledger]: 2 });
    answer(a, { clock: { [other]: 9 }, abreast: true, mark: [31, 4] });
    a.call('ask', 'y', { number: 2 });
    expect(calls(a).at(-1)).toMatchObject({ clock: { [ledger]: 3 }, heard: [31, 4] });
  });

  it('says all again when its receiver has not said that it knows it', () => {
    const a = hosting();
    heard(a, crew);
    a.call('ask', 'x');
    answer(a, { clock: { [other]: 9 } });
    a.call('ask', 'y', { number: 2 });
    expect(calls(a).at(-1)?.clock).toEqual({ ...crew, [ledger]: 3 });
  });
});

it('what is known of others is bounded: the one longest out of use is told all again', () => {
  const a = hosting();
  heard(a, crew);
  a.call('post', 'x');
  acknowledge(a, 30, 2);
  for (let n = 0; n < limits.knownPeersMax; n++) {
    const from = actorId('default', 'Ledger', `peer-${n}`) as ActorId;
    letterTo(a, { from, clock: { ...crew, [from]: 1 } });
  }
  a.call('post', 'y', { number: 2 });
  expect(Object.keys(letters(a).at(-1)?.clock ?? {}).length).toBeGreaterThan(20);
});

it('what is known of others is believed for a while only: by then they may have forgotten who has ended', () => {
  const a = hosting();
  heard(a, crew);
  a.call('post', 'x');
  acknowledge(a, 30, 2);
  a.now += limits.knownPeersMs + 1;
  a.message(located(30));
  a.call('post', 'y', { number: 2 });
  expect(letters(a).at(-1)).toMatchObject({ number: 4, clock: { ...crew, [ledger]: 3 } });
});

it('small clocks are sent whole', () => {
  const a = hosting();
  heard(a, { [other]: 1 });
  a.call('post', 'x');
  acknowledge(a, 30, 2);
  a.call('post', 'y', { number: 2 });
  expect(letters(a).at(-1)?.birth).toBeUndefined();
});
