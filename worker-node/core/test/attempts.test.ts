import { encodeHandle, encodeValue, failure, limits, type Outcome } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { bundle, other, TestNode } from './harness.ts';

const term = { generation: 1, number: 0 };

describe('a task attempt', () => {
  const order = {
    kind: 'run-task' as const,
    term: { generation: 1, number: 0 },
    task: 't1' as never,
    attempt: 1,
    started: 40,
    tenant: 'default' as never,
    bundle,
    name: 'work',
    input: encodeValue(1),
    limitMs: 1_000,
  };

  it('tells with its result what it used, where its runner could tell', () => {
    const a = new TestNode('a');
    a.message(order);
    const used = { cpu: 0.5, memory: 80 };
    a.frame({ kind: 'task-done', work: 1, outcome: { ok: true, value: encodeValue(2) }, used });
    const results = a.sent.flatMap((send) => {
      return send.kind === 'to-leader' && send.message.kind === 'task-result' ? [send.message] : [];
    });
    expect(results).toMatchObject([{ used }]);
  });

  it('runs once however often it is ordered, and its result is sent until it was taken', () => {
    const a = new TestNode('a');
    a.message(order);
    a.message(order);
    a.frame({ kind: 'task-done', work: 1, outcome: { ok: true, value: encodeValue(2) } });
    a.tick(2_000);
    expect(a.toLeader()).toEqual(['task-seen', 'task-result', 'task-result']);
    const seen = {
      kind: 'task-result-seen',
      term,
      results: [{ task: order.task, attempt: 1 }],
    } as const;
    a.message(seen);
    a.tick(2_000);
    expect(a.toLeader()).toHaveLength(3);
    // A twin of the order that comes late runs nothing; the next attempt does.
    a.message(order);
    expect(a.machine.tasks.idle).toBe(true);
    a.message({ ...order, attempt: 2 });
    expect(a.machine.tasks.idle).toBe(false);
  });

  it('asks again under the number of the first attempt, and what it asks anew under its own', () => {
    const a = new TestNode('a');
    const location = { node: 'z.aaaaaaaa' as never, birth: 3, epoch: 4 };
    a.message({ kind: 'located', actor: other, location });
    const ask = (work: number, ordinal: number, id: string) =>
      a.frame({
        kind: 'call-out',
        work,
        ordinal,
        name: 'Ledger/other.add',
        type: 'Ledger',
        key: 'other',
        method: 'add',
        args: encodeValue([id]),
        deadlineMs: 30_000,
      });
    a.message(order);
    for (const [ordinal, id] of ['x', 'y', 'x'].entries()) ask(1, ordinal, id);
    a.message({ ...order, attempt: 2 });
    for (const [ordinal, id] of ['z', 'x', 'x'].entries()) ask(2, ordinal, id);
    const callers = a
      .toNodes()
      .flatMap((message) => (message.kind === 'call' ? [JSON.stringify(message.caller)] : []));
    const [x1, y, x2, z, again1, again2] = callers;
    expect([again1, again2]).toEqual([x1, x2]);
    expect(new Set([x1, y, x2, z]).size).toBe(4);
  });

  it.each([
    ['when no other attempt follows, and only then', true],
    ['by none when another attempt follows, which asks for it again', false],
  ])('what it asked of an actor and did not await is cancelled %s', (_, isLast) => {
    const a = new TestNode('a');
    const location = { node: 'z.aaaaaaaa' as never, birth: 3, epoch: 4 };
    a.message({ kind: 'located', actor: other, location });
    a.message(order);
    const name = 'Ledger/other.add';
    const asked = { type: 'Ledger', key: 'other', method: 'add', deadlineMs: 30_000 };
    for (const [ordinal, id] of ['x', 'y'].entries()) {
      const args = encodeValue([id]);
      a.frame({ kind: 'call-out', work: 1, ordinal, name, ...asked, args });
    }
    const [done, open] = a.toNodes();
    if (done?.kind !== 'call' || open?.kind !== 'call') throw new Error('no call was sent');
    const { session, number } = done.caller;
    const value = { ok: true, value: encodeValue(1) } as const;
    a.message({ kind: 'call-result', actor: other, session, number, outcome: value });
    const late = { code: 'TIME_LIMIT', message: 'it took too long' } as const;
    a.frame({ kind: 'task-done', work: 1, outcome: { ok: false, failure: late } });
    const cancels = () => a.toNodes().filter(({ kind }) => kind === 'cancel-call');
    expect(cancels()).toEqual([]);
    const seen = { task: order.task, attempt: 1, ...(isLast ? { ended: true as const } : {}) };
    a.message({ kind: 'task-result-seen', term, results: [seen] });
    const { session: of, number: at } = open.caller;
    const cancel = { kind: 'cancel-call', actor: other, session: of, number: at };
    expect(cancels()).toEqual(isLast ? [cancel] : []);
  });

  const large = { ok: true, value: new Uint8Array(limits.payloadBytesMax + 1) } as const;
  const stored = { object: 40, hash: 'ab'.repeat(32), bytes: large.value.length };
  const outcomesOf = (a: TestNode) =>
    a.sent.flatMap((send) =>
      send.kind === 'to-leader' && send.message.kind === 'task-result'
        ? [send.message.outcome]
        : [],
    );
  const of = { task: order.task, attempt: 1 };

  it('says a large output only once it is in the object store, and then only its handle', () => {
    const a = new TestNode('a');
    a.message(order);
    a.frame({ kind: 'task-done', work: 1, outcome: large });
    expect(outcomesOf(a)).toEqual([]);
    expect(a.sent.filter(({ kind }) => kind === 'put-object')).toMatchObject([
      { ...of, object: 40, body: large.value },
    ]);
    a.tick(2_000);
    a.message(order);
    expect(outcomesOf(a)).toEqual([]);
    // A runner that crashes meanwhile takes nothing with it.
    a.crashRunner();
    a.post({ kind: 'object-stored', ...of, stored });
    expect(outcomesOf(a)).toEqual([{ ok: true, value: encodeHandle(stored), objects: [stored] }]);
    a.post({ kind: 'object-stored', ...of, stored });
    expect(outcomesOf(a)).toHaveLength(1);
  });

  it('whose output cannot be stored fails with why, so that it is tried again', () => {
    const a = new TestNode('a');
    a.message(order);
    a.frame({ kind: 'task-done', work: 1, outcome: large });
    const why = failure('UNAVAILABLE', 'storing object 40 took longer than 20000 ms');
    a.post({ kind: 'objects-failed', ...of, failure: why });
    expect(outcomesOf(a)).toEqual([{ ok: false, failure: why }]);
  });

  it('begins when what its input refers to is there, and fails with why when it cannot be had', () => {
    for (const there of [true, false]) {
      const a = new TestNode('a');
      a.message({ ...order, input: encodeHandle(stored), objects: [stored] });
      expect(a.work.filter(({ kind }) => kind === 'read-objects')).toMatchObject([
        { ...of, objects: [stored] },
      ]);
      const frames = () =>
        a.work.flatMap((one) =>
          one.kind === 'to-runner' && one.frame.kind === 'task' ? [one.frame] : [],
        );
      expect(frames()).toEqual([]);
      const objects = [{ object: 40, body: large.value }];
      const why = failure('OBJECT_CORRUPT', 'object 40 holds other bytes');
      if (there) a.post({ kind: 'objects-read', ...of, objects });
      else a.post({ kind: 'objects-failed', ...of, failure: why });
      expect(frames()).toMatchObject(there ? [{ objects }] : []);
      expect(outcomesOf(a)).toEqual(there ? [] : [{ ok: false, failure: why }]);
    }
  });

  it('fails when its runner says nonsense or names objects; the node lives', () => {
    const value = encodeValue(1);
    for (const outcome of [
      null,
      { ok: true },
      { ok: false },
      { ok: true, value, objects: [stored] },
    ]) {
      const a = new TestNode('a');
      a.message(order);
      a.frame({ kind: 'task-done', work: 1, outcome: outcome as Outcome });
      expect(outcomesOf(a)).toMatchObject([{ ok: false, failure: { code: 'INTERNAL' } }]);
    }
  });

  it('whose runner crashes ends as failed; the node lives', () => {
    const a = new TestNode('a');
    a.message(order);
    a.crashRunner();
    const result = a.sent.find(
      (send) => send.kind === 'to-leader' && send.message.kind === 'task-result',
    );
    expect(JSON.stringify(result)).toContain('RUNNER_CRASHED');
  });
});
