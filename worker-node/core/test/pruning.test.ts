/** Actors that have ended go out of the clocks of those that knew them. */
import {
  type ActorId,
  type AskEnded,
  actorId,
  type ChainLink,
  encode,
  type Letter,
  type Line,
  sessionId,
  type TurnsFound,
  type VectorClock,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { checkpointHead, decodeCheckpoint } from '../src/checkpoint.ts';
import { ledger, node, other, shared, TestNode } from './harness.ts';

const scope = 'crew';
const term = { generation: 1, number: 0 };
const member = (n: number): ActorId => actorId('default', 'Ledger', `c${n}`);
const crew: VectorClock = Object.fromEntries(
  Array.from({ length: 20 }, (_, n) => [member(n), n + 1]),
);
/** Nobody of the crew is left but two. */
const ended: VectorClock = Object.fromEntries(
  Array.from({ length: 18 }, (_, n) => [member(n), n + 2]),
);
const left = { [member(18)]: 19, [member(19)]: 20 };

/** Where the actor lives that is written to. */
function locate(a: TestNode): void {
  const location = { node: 'z.aaaaaaaa' as never, birth: 30, epoch: 31 };
  a.message({ kind: 'located', actor: other, location });
}

/** Hosts an actor that has heard of all the crew, by its first turn. */
function hosting(world = shared(), config = {}): TestNode {
  const a = new TestNode('a', world, config);
  locate(a);
  a.place(ledger, 2, [], 1, { scope });
  hear(a, crew);
  return a;
}

function hear(a: TestNode, clock: VectorClock, number = 1, method = 'add'): void {
  const caller = { session: sessionId('actor:default/Ledger/c0#9'), number };
  a.call(method, `heard-${number}`, caller, { scope, clock, replyTo: node('y') });
}

function questions(a: TestNode): AskEnded[] {
  return a.sent.flatMap((send) =>
    send.kind === 'to-leader' && send.message.kind === 'ask-ended' ? [send.message] : [],
  );
}

/** The leader answers what it was asked last. */
function answer(a: TestNode, of: VectorClock = ended): void {
  const ask = questions(a).at(-1)?.ask ?? 0;
  a.message({ kind: 'ended-found', term, ask, ended: of });
}

/** Asks, when it is time to, and is answered. */
function prune(a: TestNode, of: VectorClock = ended): void {
  const before = questions(a).length;
  for (let look = 0; look < 12 && questions(a).length === before; look++) a.tick(1_000);
  expect(questions(a)).toHaveLength(before + 1);
  answer(a, of);
}

function letters(a: TestNode): Letter[] {
  return a.toNodes().filter((one): one is Letter => one.kind === 'letter');
}

/** What a letter that goes to somebody else says of others. */
function clockOf(a: TestNode, id: string, number: number, epoch = 2): VectorClock {
  locate(a);
  a.call('post', id, { number }, { epoch });
  const { [ledger]: _, ...others } = letters(a).at(-1)?.clock ?? {};
  return others;
}

function asked(a: TestNode, line: Line, epoch = 2): unknown {
  a.message({ kind: 'ask-turns', term, ask: 7, actors: [{ actor: ledger, epoch }], line });
  const told = a.sent.flatMap((send) =>
    send.kind === 'to-leader' && send.message.kind === 'turns-found' ? [send.message] : [],
  );
  return (told.at(-1) as TurnsFound).found[0]?.turn;
}

const logOf = (name: string, epoch: number): ChainLink => {
  return { log: `turns-${name}` as never, from: 0, to: 1_000, epoch };
};

describe('an actor that has heard of many', () => {
  it('forgets those that have ended, up to the numbers of their ends', () => {
    const a = hosting();
    a.tick(1_000);
    expect(questions(a)).toHaveLength(1);
    expect(new Set(questions(a)[0]?.actors)).toEqual(new Set(Object.keys(crew)));
    // Of the next one of this name more is known.
    answer(a, { ...ended, [member(3)]: 3 });
    expect(clockOf(a, 'x', 2)).toEqual({ ...left, [member(3)]: 4 });
    expect(a.log.filter(({ kind }) => kind === 'clock-pruned')).toHaveLength(1);
  });

  it('says what it knows whole while nobody has ended, and records nothing', () => {
    const a = hosting();
    prune(a, {});
    expect(a.log.some(({ kind }) => kind === 'clock-pruned')).toBe(false);
    expect(clockOf(a, 'x', 2)).toEqual(crew);
  });

  it('is not asked about while its clock is small', () => {
    const a = new TestNode('a');
    a.place(ledger, 2, [], 1, { scope });
    hear(a, left);
    for (let look = 0; look < 20; look++) a.tick(1_000);
    expect(questions(a)).toEqual([]);
  });

  it('is asked about again when no leader answers, and an answer to an earlier question is none', () => {
    const a = hosting();
    a.tick(1_000);
    for (let look = 0; look < 12; look++) a.tick(1_000);
    expect(questions(a).length).toBe(2);
    a.message({ kind: 'ended-found', term, ask: questions(a)[0]?.ask ?? 0, ended });
    expect(a.log.some(({ kind }) => kind === 'clock-pruned')).toBe(false);
    answer(a);
    expect(clockOf(a, 'x', 2)).toEqual(left);
  });

  it('is asked about again though it has heard of nobody since', () => {
    const a = hosting(shared(), { idleMs: 1e9 });
    prune(a, {});
    for (let look = 0; look < 310 && questions(a).length === 1; look++) a.tick(1_000);
    expect(questions(a)).toHaveLength(2);
    answer(a);
    expect(clockOf(a, 'x', 2)).toEqual(left);
  });

  it('forgets again what comes back by somebody who has not forgotten it yet', () => {
    const a = hosting();
    prune(a);
    hear(a, crew, 2);
    expect(clockOf(a, 'x', 3)).toEqual(crew);
    prune(a);
    expect(clockOf(a, 'y', 4)).toEqual(left);
  });

  it('forgets them in the midst of a turn, and the letters that wait say nothing of them either', () => {
    const a = hosting();
    a.call('post', 'early', { number: 2 });
    a.call('hang', 'x', { number: 3 });
    prune(a);
    const sent = letters(a).length;
    locate(a);
    a.tick(1_000);
    expect(letters(a).length).toBeGreaterThan(sent);
    expect(letters(a).at(-1)?.clock).toEqual({ ...left, [ledger]: 2 });
    a.end(a.lastTurn().work, 'done');
    expect(clockOf(a, 'y', 4)).toEqual(left);
  });

  it('comes to the same clock when its node dies, from its log alone and from a checkpoint', () => {
    for (const config of [{}, { checkpointTurns: 1 }]) {
      const world = shared();
      const a = hosting(world, config);
      prune(a);
      a.call('add', 'x', { number: 2 });
      const b = new TestNode('b', world);
      b.place(ledger, 9, [logOf('a', 2)], 1, { scope });
      expect(clockOf(b, 'y', 3, 9)).toEqual(left);
    }
  });

  it('remembers all when its node dies before that is durable', () => {
    const world = shared();
    const a = hosting(world);
    a.tick(1_000);
    a.autoCommit = false;
    answer(a);
    const b = new TestNode('b', world);
    b.place(ledger, 9, [logOf('a', 2)], 1, { scope });
    expect(clockOf(b, 'y', 3, 9)).toEqual(crew);
  });

  it('forgets nothing anew by a record that its checkpoint holds', () => {
    const world = shared();
    const a = hosting(world, { checkpointTurns: 2 });
    prune(a);
    // Long after that one of the same name has begun again at 0.
    hear(a, { [member(3)]: 2 }, 2);
    expect(a.checkpoints.size).toBe(1);
    const b = new TestNode('b', world);
    b.place(ledger, 9, [logOf('a', 2)], 1, { scope });
    expect(clockOf(b, 'y', 3, 9)).toEqual({ ...left, [member(3)]: 2 });
    expect(asked(b, { [ledger]: 100, [member(3)]: 1 }, 9)).toBe(1);
  });

  it('is before a line whatever that says of those it has forgotten, as if it had not', () => {
    const a = hosting();
    a.call('add', 'x', { number: 2 });
    // Who is no more is on no line.
    const line = { [ledger]: 100, [member(18)]: 19, [member(19)]: 20 };
    const before = [line, { ...line, [member(19)]: 19 }].map((one) => asked(a, one));
    prune(a);
    const after = [line, { ...line, [member(19)]: 19 }].map((one) => asked(a, one));
    expect(before).toEqual([2, 0]);
    expect(after).toEqual(before);
  });

  it('has smaller checkpoints then', () => {
    const [before = 0, after = 0] = [{}, ended].map((gone) => {
      const a = hosting(shared(), { checkpointTurns: 2 });
      prune(a, gone);
      a.call('add', 'x', { number: 2 });
      const body = a.checkpoints.get(ledger)?.body ?? new Uint8Array();
      expect(checkpointHead(body).seq).toBe(2);
      return encode(decodeCheckpoint(body, a.now).memory.clock).length;
    });
    expect(after).toBeLessThan(before / 5);
  });
});
