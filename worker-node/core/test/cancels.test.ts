/** Calls whose callers no longer wait, and say so until they are answered. */
import { encodeValue, limits, sessionId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ledger, other, seal, shared, TestNode } from './harness.ts';

const session = sessionId('s1');
const cancelled = { cancelled: true } as const;

/** The works that runners were told to give up. */
function told(node: TestNode): number[] {
  return node.work.flatMap((one) =>
    one.kind === 'to-runner' && one.frame.kind === 'cancel' ? [one.frame.work] : [],
  );
}

describe('a call that is sent again and says that it is cancelled', () => {
  it('does not run where nothing is known of it, nor does its twin', () => {
    const node = new TestNode('a');
    node.place(ledger);
    node.call('add', 'x', { number: 1 }, cancelled);
    node.call('add', 'x', { number: 1 });
    node.call('list', '', { number: 2 });
    expect(node.values()).toEqual(['CANCELLED', 'CANCELLED', []]);
  });

  it('does not run where it waits, and is told to the runner once where it runs', () => {
    const node = new TestNode('a');
    node.place(ledger);
    node.call('hang', 'x', { number: 1 });
    for (let n = 1; n <= limits.turnsAheadMax; n++) node.call('add', `y${n}`, { number: 1 + n });
    const last = limits.turnsAheadMax + 1;
    for (let n = 0; n < 3; n++) node.call('add', 'y', { number: last }, cancelled);
    expect(new Set(node.values())).toEqual(new Set(['CANCELLED']));
    const { work } = node.lastTurn();
    for (let n = 0; n < 3; n++) node.call('hang', 'x', { number: 1 }, cancelled);
    expect(told(node)).toEqual([work]);
    node.end(work, 'done');
    expect(node.results().filter(({ number }) => number === 1)).toHaveLength(1);
  });

  it('is answered what it had come to', () => {
    const node = new TestNode('a');
    node.place(ledger);
    node.call('add', 'x', { number: 1 });
    node.call('add', 'x', { number: 1 }, cancelled);
    expect(node.values()).toEqual([1, 1]);
  });

  it('is heard by a turn that had begun on a node that died, also while that is read back', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('hang', 'x', { number: 1 });
    a.frame({ kind: 'step-begin', work: a.lastTurn().work, ordinal: 0, name: 'one' });
    for (const whileReadBack of [true, false]) {
      const b = new TestNode('b', world);
      b.heldRestores = [];
      b.place(ledger, 9, seal('a'));
      if (whileReadBack) b.call('hang', 'x', { number: 1 }, cancelled);
      for (const order of b.heldRestores) b.readBack(order);
      if (!whileReadBack) b.call('hang', 'x', { number: 1 }, cancelled);
      expect(told(b)).toEqual([b.lastTurn().work]);
      b.end(b.lastTurn().work, 'done');
      expect(b.values()).toEqual(['done']);
    }
  });

  it('is heard by a turn whose runner crashed after it was told', () => {
    const node = new TestNode('a');
    node.place(ledger);
    node.call('hang', 'x', { number: 1 });
    const first = node.lastTurn().work;
    node.message({ kind: 'cancel-call', actor: ledger, session, number: 1 });
    node.crashRunner();
    const second = node.lastTurn().work;
    expect(second).not.toBe(first);
    expect(told(node)).toEqual([first, second]);
  });
});

describe('a call that a turn has left behind', () => {
  const located = (name: string, epoch: number) =>
    ({
      kind: 'located',
      actor: other,
      location: { node: `${name}.aaaaaaaa` as never, birth: 3, epoch },
    }) as const;
  const asked = { type: 'Ledger', key: 'other', method: 'add', args: encodeValue(['y']) };
  const callOut = { kind: 'call-out', ordinal: 0, name: 'Ledger/other.add', ...asked } as const;

  it('is said to be cancelled until it is answered, wherever its actor goes', () => {
    const a = new TestNode('a');
    a.message(located('z', 4));
    a.place(ledger);
    a.call('hang', 'x');
    const { work } = a.lastTurn();
    a.frame({ ...callOut, work, deadlineMs: 30_000 });
    // Its node has died, and the leader has not placed the actor anew when the turn ends.
    a.message({ kind: 'node-gone', incarnation: 'z.aaaaaaaa' as never } as never);
    a.sent.length = 0;
    a.end(work, 'done');
    expect(a.toNodes()).toEqual([]);
    a.message(located('y', 9));
    const sent = () =>
      a.sent.flatMap((one) => {
        if (one.kind !== 'to-node' || one.message.kind !== 'call') return [];
        return [[one.node, one.message.epoch, one.message.cancelled] as const];
      });
    expect(sent()).toEqual([['y.aaaaaaaa', 9, true]]);
    a.tick(1_000);
    expect(sent()).toHaveLength(2);
    const call = a.toNodes().find((one) => one.kind === 'call');
    if (call?.kind !== 'call') throw new Error('it was not said');
    const { session: of, number } = call.caller;
    const failure = { code: 'CANCELLED', message: 'as asked' } as const;
    const outcome = { ok: false, failure } as const;
    a.message({ kind: 'call-result', actor: other, session: of, number, outcome, epoch: 9 });
    for (let n = 0; n < 5; n++) a.tick(1_000);
    expect(sent()).toHaveLength(2);
    expect(a.values()).toEqual(['done']);
  });

  it('is not sent at all when it had found no place', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('hang', 'x');
    const { work } = a.lastTurn();
    a.frame({ ...callOut, work, deadlineMs: 30_000 });
    a.end(work, 'done');
    a.message(located('y', 9));
    for (let n = 0; n < 5; n++) a.tick(1_000);
    expect(a.toNodes()).toEqual([]);
  });
});
