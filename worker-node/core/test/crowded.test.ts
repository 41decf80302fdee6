/** Callers from outside that one actor remembers: no more than it may, and none is forgotten to make room. */
import {
  actorId,
  encodeValue,
  limits,
  type Outcome,
  type SessionId,
  sessionId,
} from '@troupe/model';
import { describe, expect, test } from 'vitest';
import { Sessions } from '../src/sessions.ts';
import { ledger, seal, shared, TestNode } from './harness.ts';

const one = (session: SessionId) => ({ session, number: 1, low: 1 });
const reply = (bytes: number): Outcome => ({ ok: true, value: new Uint8Array(bytes) });

/** An actor that remembers as many as it may, one a millisecond; `first` was heard of first. */
function crowded(world = shared()): TestNode {
  const node = new TestNode('a', world, { idleMs: 10 * limits.sessionMsMax });
  node.place(ledger);
  node.call('add', 'first', one(sessionId('first')));
  const { sessions } = node.machine.actors.get(ledger)?.memory ?? {};
  for (let at = 1; at < limits.actorSessionsMax; at++) {
    node.now += 1;
    sessions?.record(one(sessionId(`key:default:${at}`)), reply(1), node.now);
  }
  expect(sessions?.count).toBe(limits.actorSessionsMax);
  return node;
}

function failed(node: TestNode) {
  const outcome = node.outcomes().at(-1);
  return outcome?.ok === false ? outcome.failure : undefined;
}

function applied(node: TestNode): unknown {
  node.call('list', '', one(sessionId('reader')));
  return node.values().at(-1);
}

describe('an actor that remembers as many callers as it may', () => {
  test('refuses a new one with the time after which to retry, and takes it then', () => {
    const a = crowded();
    a.call('add', 'new', one(sessionId('key:default:new')));
    const restMs = limits.sessionMsMax - (limits.actorSessionsMax - 1) + 1;
    expect(failed(a)).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      details: { actor: ledger, retryAfterMs: restMs },
    });
    a.now += restMs - 1;
    a.call('add', 'new', one(sessionId('key:default:new')));
    expect(failed(a)).toMatchObject({ details: { retryAfterMs: 1 } });
    a.now += limits.turnedAwayMs + 1;
    a.call('add', 'new', one(sessionId('key:default:new')));
    expect(applied(a)).toEqual(['first', 'new']);
  });

  test('forgets none whose answer may still be asked for', () => {
    const a = crowded();
    a.call('add', 'new', one(sessionId('key:default:new')));
    a.call('add', 'first', one(sessionId('first')));
    expect(a.values().slice(-2)).toEqual(['RESOURCE_EXHAUSTED', 1]);
    expect(applied(a)).toEqual(['first']);
  });

  test('goes on with those it knows, with actors and gateways, and answers the reads of all', () => {
    const a = crowded();
    a.call('add', 'known', { session: sessionId('first'), number: 2, low: 2 });
    const other = actorId('default', 'Ledger', 'third');
    a.call('add', 'by actor', one(sessionId(`actor:${other}#3`)));
    a.call('add', 'by gateway', one(sessionId('gateway:s1')));
    expect(applied(a)).toEqual(['first', 'known', 'by actor', 'by gateway']);
    const { sessions } = a.machine.actors.get(ledger)?.memory ?? {};
    expect(sessions?.count).toBe(limits.actorSessionsMax + 1);
    expect(sessions?.window(sessionId('reader'))).toBeUndefined();
  });

  test('refuses a signal and a letter to be discarded by a new one as well', () => {
    const a = crowded();
    a.signal('approval', 1, one(sessionId('s9')));
    expect(failed(a)?.code).toBe('RESOURCE_EXHAUSTED');
    const args = encodeValue([1]);
    a.call('$discard', '', one(sessionId('s10')), { args });
    expect(failed(a)?.code).toBe('RESOURCE_EXHAUSTED');
  });

  test('is as full after it was read back', () => {
    const world = shared();
    const a = new TestNode('a', world, { checkpointTurns: 1 });
    a.place(ledger);
    const { sessions } = a.machine.actors.get(ledger)?.memory ?? {};
    for (let at = 0; at < limits.actorSessionsMax - 1; at++) {
      sessions?.record(one(sessionId(`key:default:${at}`)), reply(1), a.now);
    }
    a.call('add', 'last', one(sessionId('last')));
    const b = new TestNode('b', world);
    b.place(ledger, 9, seal('a'));
    b.call('add', 'new', one(sessionId('new')), { epoch: 9 });
    expect(failed(b)?.code).toBe('RESOURCE_EXHAUSTED');
    b.call('add', 'last', one(sessionId('last')), { epoch: 9 });
    expect(b.values().at(-1)).toBe(1);
  });
});

describe('the replies that an actor remembers', () => {
  const half = limits.actorReplyBytesMax / 2;
  const [first, second, third] = ['a', 'b', 'c'].map((id) => sessionId(id)) as [
    SessionId,
    SessionId,
    SessionId,
  ];

  test('are bounded by their bytes: what is answered, or forgotten, makes room', () => {
    const sessions = new Sessions();
    sessions.record(one(first), reply(half), 0);
    expect(sessions.heldMs(third, 1)).toBeUndefined();
    sessions.record(one(second), reply(half), 1);
    expect(sessions.heldMs(third, 2)).toBe(limits.sessionMsMax - 1);
    expect(sessions.heldMs(second, 2)).toBeUndefined();
    sessions.hear(second, 2, 3);
    expect(sessions.heldMs(third, 3)).toBeUndefined();
    sessions.record({ session: second, number: 2, low: 2 }, reply(half), 4);
    expect(sessions.heldMs(third, 4)).toBeDefined();
    expect(sessions.heldMs(third, limits.sessionMsMax + 1)).toBeUndefined();
    expect([sessions.window(first), sessions.count]).toEqual([undefined, 1]);
  });

  test('are counted once, also when a reply is another one later, and as they are read back', () => {
    const sessions = new Sessions();
    for (let at = 0; at < 9; at++) sessions.record(one(first), reply(half), 0);
    expect(sessions.heldMs(third, 0)).toBeUndefined();
    sessions.record(one(second), reply(half), 0);
    expect(Sessions.from(sessions.store(0), 0).heldMs(third, 0)).toBeDefined();
    sessions.record(one(second), reply(0), 0);
    expect(Sessions.from(sessions.store(0), 0).heldMs(third, 0)).toBeUndefined();
  });
});
