/** Letters with an idempotency key: of all with one key, one takes effect. */
import {
  type ActorId,
  actorId,
  encodeValue,
  type Failure,
  incarnation,
  limits,
  type Outcome,
  type PlaceRewind,
  redeliverMethod,
  sessionId,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { LetterKeys } from '../src/letter-keys.ts';
import { ledger, node as nodeOf, other, seal, shared, TestNode } from './harness.ts';

const third = actorId('default', 'Ledger', 'third');

interface Sent {
  readonly from?: ActorId;
  readonly number?: number;
  readonly method?: string;
  readonly epoch?: number;
  readonly scope?: string;
}

/** A letter that adds `id`. */
function send(node: TestNode, id: string, idempotencyKey: string | undefined, sent: Sent = {}) {
  const { from = other, number = 1, method = 'add', epoch = 2, scope = ledger } = sent;
  node.message({
    kind: 'letter',
    to: ledger,
    epoch,
    from,
    fromBirth: 7,
    number,
    method,
    args: encodeValue([id]),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    replyTo: nodeOf('z'),
    scope,
    clock: {},
  });
}

/** Up to where the letters of the sender are acknowledged. */
function acknowledged(node: TestNode, from: ActorId): number {
  const acks = node.replies.flatMap(({ message }) =>
    message.kind === 'letter-ack' && message.from === from ? [message.upTo] : [],
  );
  return acks.at(-1) ?? 0;
}

let reads = 0;
function applied(node: TestNode): unknown {
  reads += 1;
  const session = sessionId(`reader-${reads}`);
  node.call('list', '', { session });
  const result = node.results().find((one) => one.session === session);
  return result?.outcome.ok ? node.values().at(-1) : result;
}

const failure: Failure = { code: 'USER_ERROR', message: 'no' };
const failed: Outcome = { ok: false, failure };

function placed(world = shared()): TestNode {
  const node = new TestNode('a', world);
  node.place(ledger);
  return node;
}

describe('of letters with one idempotency key', () => {
  it('one takes effect, whoever sends them, and all are acknowledged', () => {
    const a = placed();
    send(a, 'x', 'k');
    send(a, 'y', 'k', { from: third });
    send(a, 'z', 'k', { number: 2 });
    expect(applied(a)).toEqual(['x']);
    expect([acknowledged(a, other), acknowledged(a, third)]).toEqual([2, 1]);
  });

  it('those that come while one runs wait for what it comes to, with all that came after them', () => {
    const a = placed();
    send(a, 'x', 'k', { method: 'hang' });
    send(a, 'y', 'k', { from: third });
    send(a, 'z', undefined, { from: third, number: 2 });
    expect(acknowledged(a, third)).toBe(0);
    a.end(a.lastTurn().work, null, 'x');
    expect(applied(a)).toEqual(['x', 'z']);
    expect(acknowledged(a, third)).toBe(2);
  });

  it('one that runs nothing has its turn behind those that came before it', () => {
    const a = placed();
    send(a, 'x', 'k');
    send(a, 'h', undefined, { number: 2, method: 'hang' });
    send(a, 'y', 'k', { from: third });
    expect(acknowledged(a, third)).toBe(0);
    a.end(a.lastTurn().work, null, 'h');
    expect(acknowledged(a, third)).toBe(1);
    expect(applied(a)).toEqual(['x', 'h']);
    const seqs = a.log.flatMap((fact) => (fact.kind === 'turn' ? [fact.seq] : []));
    expect(seqs).toEqual(seqs.map((_, at) => at + 1));
  });

  it('none is acknowledged before it is durable that it is taken', () => {
    const a = placed();
    send(a, 'x', 'k');
    a.autoCommit = false;
    send(a, 'y', 'k', { from: third });
    expect(acknowledged(a, third)).toBe(0);
    a.commit();
    expect(acknowledged(a, third)).toBe(1);
  });

  it('the next one runs when the one before it has failed', () => {
    const a = placed();
    send(a, 'h', undefined, { method: 'hang' });
    send(a, 'x', 'k', { method: 'fail', number: 2 });
    send(a, 'y', 'k', { from: third });
    send(a, 'z', 'k', { number: 3 });
    a.end(a.lastTurn().work, null);
    expect(applied(a)).toEqual(['y']);
  });

  it('one takes effect although its node died before the others came', () => {
    const world = shared();
    const a = placed(world);
    send(a, 'x', 'k');
    const b = new TestNode('b', world);
    b.place(ledger, 9, seal('a'));
    send(b, 'y', 'k', { from: third, epoch: 9 });
    // Those that follow are read back as well: what ran nothing is a turn like others.
    const c = new TestNode('c', world);
    c.place(ledger, 12, [...seal('a'), ...seal('b')]);
    send(c, 'z', 'k', { number: 2, epoch: 12 });
    expect(applied(c)).toEqual(['x']);
    expect([acknowledged(b, third), acknowledged(c, other)]).toEqual([1, 2]);
  });

  it('one takes effect when its actor is read back from a checkpoint and the log after it', () => {
    const world = shared();
    const a = new TestNode('a', world, { checkpointTurns: 2 });
    a.place(ledger);
    for (const number of [1, 2, 3]) send(a, `x${number}`, `k${number}`, { number });
    expect(a.checkpoints.has(ledger)).toBe(true);
    const b = new TestNode('b', world);
    b.place(ledger, 9, seal('a'));
    for (const number of [1, 2, 3]) {
      send(b, `y${number}`, `k${number}`, { from: third, number, epoch: 9 });
    }
    expect(applied(b)).toEqual(['x1', 'x2', 'x3']);
    expect(acknowledged(b, third)).toBe(3);
  });

  it('one takes effect when its turn had begun before its node died', () => {
    const world = shared();
    const a = placed(world);
    send(a, 'x', 'k', { method: 'hang' });
    a.frame({ kind: 'step-begin', work: a.lastTurn().work, ordinal: 0, name: 's' });
    const b = new TestNode('b', world);
    b.place(ledger, 9, seal('a'));
    send(b, 'y', 'k', { from: third, epoch: 9 });
    b.end(b.lastTurn().work, null, 'x');
    send(b, 'z', 'k', { number: 2, epoch: 9 });
    expect(applied(b)).toEqual(['x']);
    expect([acknowledged(b, other), acknowledged(b, third)]).toEqual([2, 1]);
  });

  it('one takes effect again when its scope went back to before it, and none that was there by then', () => {
    const world = shared();
    const scope = 'game/one';
    const a = new TestNode('a', world);
    a.place(ledger, 2, [], 1, { scope });
    send(a, 'x1', 'k1', { scope });
    send(a, 'x2', 'k2', { scope, number: 2 });
    const b = new TestNode('b', world);
    const rewind: PlaceRewind = { at: 9, incarnation: 9, back: true };
    b.place(ledger, 3, seal('a'), 1, { scope, rewind });
    b.message({
      kind: 'take-back',
      term: { generation: 1, number: 0 },
      incarnation: 9,
      line: { [ledger]: 1 },
      actors: [{ actor: ledger, epoch: 3, owed: [] }],
    });
    const elsewhere = { from: third, epoch: 3, scope: 'game/two' };
    send(b, 'y1', 'k1', { ...elsewhere, number: 1 });
    send(b, 'y2', 'k2', { ...elsewhere, number: 2 });
    send(b, 'z2', 'k2', { ...elsewhere, number: 3 });
    expect(applied(b)).toEqual(['x1', 'y2']);
    expect(acknowledged(b, third)).toBe(3);
  });

  it('a dead one that is delivered anew runs nothing when another has taken effect', () => {
    const a = placed();
    send(a, 'x', 'k', { method: 'fail' });
    send(a, 'y', 'k', { from: third });
    const caller = { session: sessionId('operator'), number: 1, low: 1 };
    a.call(redeliverMethod, '', caller, { args: encodeValue([1]), caller });
    expect(a.values()).toEqual([null]);
    expect(a.turns().filter(({ method }) => method === 'fail')).toHaveLength(1);
    expect(a.machine.actors.get(ledger)?.memory?.letters.count).toBe(0);
  });

  it('a dead one that was delivered anew, and went well, is the one', () => {
    const a = placed();
    send(a, 'x', 'k', { method: 'hang' });
    a.frame({ kind: 'turn-done', work: a.lastTurn().work, outcome: failed, sends: [] });
    const caller = { session: sessionId('operator'), number: 1, low: 1 };
    a.call(redeliverMethod, '', caller, { args: encodeValue([1]), caller });
    send(a, 'y', 'k', { from: third });
    a.end(a.lastTurn().work, 'mended', 'x');
    expect(applied(a)).toEqual(['x']);
    expect(acknowledged(a, third)).toBe(1);
  });
});

describe('the idempotency key of a letter', () => {
  it('goes with what its sender says again, and with a delayed send', () => {
    const world = shared();
    const a = placed(world);
    const timer = {
      kind: 'set',
      when: { kind: 'after', ms: 5 },
      method: 'add',
      args: new Uint8Array(encodeValue(['x'])),
      to: { type: 'Ledger', key: 'other' },
      idempotencyKey: 'k',
    };
    a.call('time', 'x', {}, { args: encodeValue(['x', timer]) });
    const b = new TestNode('b', world);
    b.place(ledger, 9, seal('a'));
    const due = { actor: ledger, birth: 1, number: 1, firing: 1 };
    b.message({ kind: 'timers-due', term: { generation: 1, number: 0 }, timers: [due] });
    const c = new TestNode('c', world);
    c.place(ledger, 12, [...seal('a'), ...seal('b')]);
    c.call('list', '', { session: sessionId('reader') });
    for (const node of [b, c]) {
      const location = { node: incarnation('z.aaaaaaaa'), birth: 3, epoch: 4 };
      node.message({ kind: 'located', actor: other, location });
      const letters = node.toNodes().filter(({ kind }) => kind === 'letter');
      expect(letters).toMatchObject([{ to: other, method: 'add', idempotencyKey: 'k' }]);
    }
  });

  it('is known for 15 minutes of time in memory after one with it was last taken', () => {
    const { sessionMsMax } = limits;
    const keys = new LetterKeys();
    keys.hear('k', 0);
    keys.hear('l', 1);
    keys.hear('k', 2);
    keys.forget(sessionMsMax + 1);
    expect([keys.has('k'), keys.has('l')]).toEqual([true, true]);
    keys.forget(sessionMsMax + 2);
    expect([keys.has('k'), keys.has('l')]).toEqual([true, false]);
    // Out of memory it grows no older.
    const back = LetterKeys.from(keys.store(sessionMsMax + 2), 9_000_000);
    back.forget(9_000_000);
    expect(back.has('k')).toBe(true);
    back.forget(9_000_001);
    expect(back.has('k')).toBe(false);
  });

  it('is not taken beyond their number: its letter waits with its sender until there is room', () => {
    const a = placed();
    send(a, 'x', 'k');
    const keys = a.machine.actors.get(ledger)?.memory?.letterKeys;
    for (let one = 1; one < limits.letterKeysMax; one++) keys?.hear(`${one}`, a.now);
    send(a, 'y', 'other', { from: third });
    const ack = { kind: 'letter-ack', from: third, upTo: 0, heldMs: limits.letterKeyRoomMs };
    expect(a.replies.at(-1)?.message).toMatchObject(ack);
    send(a, 'z', 'k', { number: 2 });
    expect(acknowledged(a, other)).toBe(2);
    a.now += limits.sessionMsMax + 1;
    send(a, 'y', 'other', { from: third });
    expect(applied(a)).toEqual(['x', 'y']);
  });
});
