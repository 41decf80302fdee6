/** Calls that turns await, and letters: what becomes of them when answers or places are slow. */
import { encodeValue, limits, sessionId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ledger, other, shared, TestNode } from './harness.ts';

const located = {
  kind: 'located',
  actor: other,
  location: { node: 'z.aaaaaaaa' as never, birth: 3, epoch: 4 },
} as const;
const outcome = { ok: true, value: encodeValue(5) } as const;

function asking(method = 'ask'): TestNode {
  const a = new TestNode('a');
  a.message(located);
  a.place(ledger);
  a.call(method, 'x');
  return a;
}

/** Time passes, the leader answers; says how often it was asked. */
function waitingFor(a: TestNode, seconds: number): number {
  let asked = 0;
  for (let passed = 0; passed < seconds; passed++) {
    a.tick(1_000);
    if (!a.toLeader().includes('resolve')) continue;
    asked += 1;
    a.sent.length = 0;
    a.message(located);
  }
  return asked;
}

describe('to an actor whose node went away unheard of', () => {
  it.each(['ask', 'post'])('what was sent goes where the leader says when asked (%s)', (method) => {
    const a = asking(method);
    for (let seconds = 0; seconds < 10; seconds++) a.tick(1_000);
    expect(a.toLeader()).toContain('resolve');
    a.sent.length = 0;
    const location = { node: 'y.aaaaaaaa' as never, birth: 3, epoch: 9 };
    a.message({ ...located, location });
    expect(a.sent).toContainEqual(
      expect.objectContaining({ kind: 'to-node', node: location.node }),
    );
  });

  it('the leader is asked seldom while an answer only takes its time', () => {
    const asked = waitingFor(asking(), 60);
    expect(asked).toBeGreaterThanOrEqual(5);
    expect(asked).toBeLessThanOrEqual(12);
  });
});

describe('letters to an actor that cannot be placed', () => {
  it('wait, and the leader is asked once in a while, however long that takes', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.call('post', 'x');
    const failure = { code: 'UNKNOWN_TYPE', message: 'nobody deployed it' } as const;
    for (let seconds = 0; seconds < 60; seconds++) {
      a.message({ kind: 'located', actor: other, location: failure });
      a.tick(1_000);
    }
    expect(a.toLeader().filter((kind) => kind === 'resolve').length).toBeLessThan(70);
    a.message(located);
    expect(a.toNodes().filter(({ kind }) => kind === 'letter')).toHaveLength(2);
  });
});

describe('an awaited call', () => {
  it('waits as long as the called turn may run', () => {
    const a = asking();
    waitingFor(a, 200);
    expect(a.log.filter((fact) => fact.kind === 'turn')).toEqual([]);
    const call = a.toNodes().at(-1);
    if (call?.kind !== 'call') throw new Error('no call was sent');
    const { session, number } = call.caller;
    a.message({ kind: 'call-result', actor: other, session, number, outcome });
    expect(a.values()).toEqual([5]);
  });

  it('that comes back while its turn is run again is not made a second time', () => {
    const a = asking();
    const [call] = a.toNodes();
    if (call?.kind !== 'call') throw new Error('no call was sent');
    const { session, number } = call.caller;
    a.autoCommit = false;
    a.crashRunner();
    a.message({ kind: 'call-result', actor: other, session, number, outcome });
    a.sent.length = 0;
    a.autoCommit = true;
    a.commit();
    expect(a.toNodes()).toEqual([]);
    expect(a.values()).toEqual([5]);
  });

  it('carries the number of the turn that makes it, which the turn itself has only when it ended', () => {
    const a = asking();
    const [call] = a.toNodes();
    if (call?.kind !== 'call') throw new Error('no call was sent');
    expect(call.clock).toEqual({ [ledger]: 1 });
    const { session, number } = call.caller;
    const clock = { [ledger]: 1, [other]: 7 };
    a.message({
      kind: 'call-result',
      actor: other,
      session,
      number,
      outcome,
      scope: ledger,
      clock,
    });
    const clocks = a.log.flatMap((fact) => ('clock' in fact ? [[fact.kind, fact.clock]] : []));
    expect(clocks).toEqual([
      ['turn-begun', {}],
      ['turn-recorded', { [other]: 7 }],
      ['turn', { [ledger]: 1 }],
    ]);
  });

  it('that surely did nothing does not make the turn that awaited it such a one', () => {
    const a = asking();
    const [call] = a.toNodes();
    if (call?.kind !== 'call') throw new Error('no call was sent');
    const { session, number } = call.caller;
    const failure = { code: 'DEADLINE_EXCEEDED', message: 'it came too late' } as const;
    const refused = { ok: false, failure } as const;
    a.message({ kind: 'call-result', actor: other, session, number, outcome: refused });
    expect(a.outcomes()).toMatchObject([
      { failure: { code: 'USER_ERROR', details: { code: 'DEADLINE_EXCEEDED' } } },
    ]);
  });

  it('of a turn that ends without it is cancelled where it runs, once that is durable', () => {
    const a = asking('hang');
    const { work } = a.lastTurn();
    const args = encodeValue(['y']);
    const asked = { type: 'Ledger', key: 'other', method: 'add', args, deadlineMs: 30_000 };
    a.frame({ kind: 'call-out', work, ordinal: 0, name: 'Ledger/other.add', ...asked });
    const [call] = a.toNodes();
    if (call?.kind !== 'call') throw new Error('no call was sent');
    a.sent.length = 0;
    a.autoCommit = false;
    const failure = { code: 'CANCELLED', message: 'nobody waits any more' } as const;
    a.frame({ kind: 'turn-done', work, outcome: { ok: false, failure }, sends: [] });
    expect(a.toNodes()).toEqual([]);
    a.commit();
    const { session, number } = call.caller;
    expect(a.toNodes()).toEqual([{ kind: 'cancel-call', actor: other, session, number }]);
  });

  it('under which the other actor crashes its runner leaves its caller well', () => {
    const a = asking();
    const [call] = a.toNodes();
    if (call?.kind !== 'call') throw new Error('no call was sent');
    const { session, number } = call.caller;
    const details = { actor: other };
    const failure = { code: 'RUNNER_CRASHED', message: 'three times', details } as const;
    a.message({
      kind: 'call-result',
      actor: other,
      session,
      number,
      outcome: { ok: false, failure },
    });
    expect(a.outcomes()).toMatchObject([{ failure: { code: 'RUNNER_CRASHED' } }]);
    a.tick(1_000);
    expect(a.toLeader()).not.toContain('ailing');
  });

  it('that an actor makes again after a long outage is answered from the record', () => {
    const a = new TestNode('a', shared(), { checkpointMs: 1_500 });
    a.place(ledger);
    const session = sessionId('actor:default/Ledger/other#3');
    a.call('add', 'x', { session, number: 65_536, low: 65_536 });
    a.now += limits.sessionMsMax * 100;
    a.tick(2_000);
    a.tick(2_000);
    a.call('add', 'x', { session, number: 65_536, low: 65_536 });
    expect(a.values()).toEqual([1, 1]);
  });
});
