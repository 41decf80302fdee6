/** Calls that are refused: whoever says so must have the right to, and it stays so. */
import { limits, sessionId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ledger, seal, shared, TestNode } from './harness.ts';

const session = sessionId('s1');

describe('a call that is refused', () => {
  it('hears so only after an append, so never from a node that was fenced', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.autoCommit = false;
    a.call('add', 'x', {}, { deadlineAt: a.now - 1 });
    expect(a.uncommittedReplies).toBe(1);
    expect(a.replies).toEqual([]);
    a.commit();
    expect(a.log.map((fact) => fact.kind)).toEqual(['barrier']);
    expect(a.values()).toEqual(['DEADLINE_EXCEEDED']);
  });

  it('for want of room is refused again while copies of it may be on their way', () => {
    const a = new TestNode('a');
    a.place(ledger);
    const number = limits.mailboxCallsMax + 1;
    for (let n = 1; n < number; n++) a.call('hang', 'x', { number: n });
    a.call('add', 'late', { number });
    a.message({ kind: 'cancel-call', actor: ledger, session, number: number - 1 });
    a.call('add', 'late', { number });
    expect(a.values()).toEqual(['RESOURCE_EXHAUSTED', 'CANCELLED', 'RESOURCE_EXHAUSTED']);
    a.tick(limits.turnedAwayMs);
    a.call('add', 'late', { number });
    expect(a.values()).toHaveLength(3);
    expect(a.machine.actors.get(ledger)?.mailbox.at(-1)?.cause).toMatchObject({ number });
  });

  it('is not run by a copy that was sent to an earlier placement, when its actor has come back to the node (B9)', () => {
    const a = new TestNode('a');
    a.place(ledger, 7);
    a.call('add', 'late', {}, { epoch: 2 });
    expect(a.replies.map(({ message }) => message)).toMatchObject([{ kind: 'not-here', epoch: 2 }]);
    expect(a.log).toEqual([]);
    a.call('add', 'late');
    expect(a.outcomes()).toMatchObject([{ ok: true }]);
  });

  it('for want of room stays refused for as long after the last refusal as after the first', () => {
    const a = new TestNode('a');
    a.place(ledger);
    const number = limits.mailboxCallsMax + 1;
    for (let n = 1; n < number; n++) a.call('hang', 'x', { number: n });
    a.call('add', 'late', { number });
    a.message({ kind: 'cancel-call', actor: ledger, session, number: number - 1 });
    for (let copy = 0; copy < 3; copy++) {
      a.tick(limits.turnedAwayMs - 1);
      a.call('add', 'late', { number });
    }
    const refused = a.values().filter((value) => value === 'RESOURCE_EXHAUSTED');
    expect(refused).toHaveLength(4);
    expect(a.machine.actors.get(ledger)?.mailbox.at(-1)?.cause).not.toMatchObject({ number });
  });
});

describe('an actor that is being read back', () => {
  it('turns nobody away: the call may be one that was answered before its node died', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    const b = new TestNode('b', world);
    b.autoCommit = false;
    b.place(ledger, 7, seal('a'));
    for (let n = 2; n <= limits.mailboxCallsMax + 1; n++) b.call('list', '', { number: n });
    b.call('add', 'x', { number: 1 });
    b.autoCommit = true;
    b.commit();
    expect(b.outcomes().every((outcome) => outcome.ok)).toBe(true);
    b.call('add', 'x', { number: 1 });
    expect(b.outcomes().at(-1)).toEqual(a.outcomes()[0]);
  });
});

describe('a turn that has begun', () => {
  it('is not refused while it waits to be run again, and hears then that it was cancelled', () => {
    const a = new TestNode('a');
    a.place(ledger);
    a.autoCommit = false;
    a.call('steps', 'x', { number: 1 });
    a.commit();
    a.commit();
    a.crashRunner();
    a.message({ kind: 'cancel-call', actor: ledger, session, number: 1 });
    const failure = { code: 'UNAVAILABLE', message: 'the store is away' } as const;
    a.post({ kind: 'restore-failed', actor: ledger, epoch: 2, failure });
    expect(a.uncommittedReplies + a.replies.length).toBe(0);
    a.autoCommit = true;
    a.commit();
    a.call('list', '', { number: 2 });
    a.call('list', '', { number: 3 });
    expect(a.values()).toEqual([[], 'stepped', ['x']]);
    expect(a.effects).toHaveLength(3);
    const frames = a.work.flatMap((one) => (one.kind === 'to-runner' ? [one.frame] : []));
    const again = a.turns().findLast(({ method }) => method === 'steps')?.work;
    expect(frames).toContainEqual({ kind: 'cancel', work: again });
  });
});
