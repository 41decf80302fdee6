import { type Call, gatewayAddress, limits } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { SenderClocks } from '../src/sender-clocks.ts';
import { ledger, seal, shared, TestNode } from './harness.ts';

const minute = 60_000;

/** A call by a gateway whose monotonic clock is `ahead` of the node's. */
function sent(sentAt: number, over: Partial<Call> = {}): Call {
  return {
    replyTo: gatewayAddress('g'),
    sentAt,
    deadlineAt: sentAt + 30_000,
    standstills: 0,
    ...over,
  } as Call;
}

function lateMs(clocks: SenderClocks, call: Call, now: number): number {
  clocks.hear(call, now);
  return clocks.lateMs(call, now);
}

describe('the deadline of a call', () => {
  it.each([0, 9e9, -9e9])(
    'holds although its sender has started %i ms before the node',
    (ahead) => {
      const clocks = new SenderClocks();
      expect(lateMs(clocks, sent(1_000 + ahead), 1_005)).toBeLessThan(0);
      const call = sent(2_000 + ahead);
      expect(lateMs(clocks, call, 2_005)).toBeLessThan(0);
      expect(clocks.lateMs(call, 31_900)).toBeLessThan(0);
      expect(lateMs(clocks, { ...call, sentAt: 32_100 + ahead }, 32_105)).toBeGreaterThan(0);
    },
  );

  it('is known to be over for a call that was held up for 15 minutes on its way', () => {
    const clocks = new SenderClocks();
    const held = sent(1_000);
    clocks.hear(sent(1_100), 1_105);
    expect(lateMs(clocks, held, 1_000 + 15 * minute)).toBeGreaterThan(13 * minute);
  });

  it.each([1.03, 0.97])('holds for hours although its sender runs %f times as fast', (rate) => {
    const clocks = new SenderClocks();
    for (let now = 0; now < 600 * minute; now += minute) {
      const call = sent(now * rate);
      expect(lateMs(clocks, call, now + 3)).toBeLessThan(-29_000);
      // Its deadline is over by its own clock, and half a minute more.
      expect(clocks.lateMs(call, now + (30_000 / rate) * 2)).toBeGreaterThan(20_000);
    }
  });

  it('is over for whatever was sent before its gateway stood still', () => {
    const clocks = new SenderClocks();
    const before = sent(1_000);
    clocks.hear(before, 1_000);
    // Its clock stood still too: to the node it is late, until it says that it has noticed.
    const back = { ...sent(2_000), standstills: 1 };
    expect(lateMs(clocks, sent(2_000), 20 * minute)).toBeGreaterThan(15 * minute);
    expect(lateMs(clocks, back, 20 * minute)).toBeLessThan(0);
    expect(lateMs(clocks, before, 20 * minute)).toBeGreaterThan(limits.sessionMsMax);
  });

  it('is kept for a bounded number of senders: the one longest silent is forgotten', () => {
    const clocks = new SenderClocks();
    for (let n = 0; n <= limits.callSendersMax; n++) {
      clocks.hear(sent(n, { replyTo: gatewayAddress(`g${n}`) }), n);
    }
    expect(clocks.size).toBe(limits.callSendersMax);
    const held = (n: number) => sent(n, { replyTo: gatewayAddress(`g${n}`) });
    expect(lateMs(clocks, held(1), 20 * minute)).toBeGreaterThan(0);
    expect(lateMs(clocks, held(0), 20 * minute)).toBeLessThan(0);
  });
});

describe('a node whose wall clock is wrong', () => {
  it.each([2 * 60 * minute, -2 * 60 * minute])('or jumps by %i ms works like any other', (ms) => {
    const world = shared();
    const a = new TestNode('a', world, { checkpointMs: 1_000 });
    a.wall += ms;
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.wall -= 2 * ms;
    a.call('add', 'y', { number: 2 });
    // A checkpoint, by which sessions are forgotten.
    a.tick(2_000);
    a.call('add', 'x', { number: 1 });
    expect(a.values()).toEqual([1, 2, 1]);
    const b = new TestNode('b', world);
    b.wall += 100 * ms;
    b.now += 5 * limits.sessionMsMax;
    b.place(ledger, 7, seal('a'));
    b.call('add', 'x', { number: 1 }, { epoch: 7 });
    expect(b.values()).toEqual([1]);
  });
});

describe('a session', () => {
  it('grows older only while its actor lives somewhere, over all its nodes', () => {
    const world = shared();
    const keep = { checkpointMs: 1_000, rebaseMs: 0, idleMs: 100 * limits.sessionMsMax };
    const a = new TestNode('a', world, keep);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.now += limits.sessionMsMax - 10_000;
    a.tick(2_000);
    // Whatever lies between the two, nobody counts it.
    const b = new TestNode('b', world, keep);
    b.now += 10 * limits.sessionMsMax;
    b.place(ledger, 7, seal('a'));
    b.tick(2_000);
    b.call('add', 'x', { number: 1 }, { epoch: 7 });
    expect(b.values()).toEqual([1]);
    b.message({ ...callOfAnother(b.now), epoch: 7 });
    b.now += 20_000;
    b.tick(2_000);
    b.call('add', 'x', { number: 1 }, { epoch: 7, deadlineAt: b.now + 30_000 });
    expect(b.values()).toEqual([1, 2, 3]);
  });
});

function callOfAnother(now: number): Call {
  const a = new TestNode('unused');
  a.now = now;
  let call: Call | undefined;
  a.message = (message) => {
    if (message.kind === 'call') call = message;
  };
  a.call('add', 'z', { session: 's2' as never, number: 1 });
  if (call === undefined) throw new Error('no call was made');
  return call;
}
