/** What a node says of what goes on there, when it is asked. */
import {
  type ActivityFound,
  encodeValue,
  type ProgressView,
  taskId,
  tenantName,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { bundle, ledger, TestNode } from './harness.ts';

const term = { generation: 1, number: 0 };

function asked(node: TestNode, epoch = 2): ActivityFound {
  const before = node.sent.length;
  const attempts = [{ task: taskId('t1'), attempt: 1 }];
  const actors = [{ actor: ledger, epoch }];
  node.message({ kind: 'ask-activity', term, ask: 7, actors, attempts });
  for (const send of node.sent.slice(before)) {
    if (send.kind === 'to-leader' && send.message.kind === 'activity-found') return send.message;
  }
  throw new Error('the node did not answer');
}

const activity = (node: TestNode) => asked(node).actors[0]?.activity;
const at = (progress: ProgressView | undefined) => [progress?.share, progress?.text];

function hanging(): TestNode {
  const node = new TestNode('a');
  node.place(ledger);
  node.call('hang', 'x');
  return node;
}

describe('what an actor does', () => {
  it('is told with its turn, what waits behind it, and the last word of its progress', () => {
    const node = hanging();
    node.call('add', 'y', { number: 2 });
    const { work } = node.lastTurn();
    node.frame({ kind: 'progress', work, progress: { share: 0.2 } });
    node.frame({ kind: 'progress', work, progress: { share: 0.4, text: 'page 12' } });
    node.tick(3_000);
    expect(activity(node)).toEqual({
      inMemory: true,
      queued: 1,
      turn: {
        method: 'hang',
        forMs: 3_000,
        progress: { share: 0.4, text: 'page 12', agoMs: 3_000 },
      },
    });
  });

  it('costs no append, however often it says how far it is', () => {
    const node = hanging();
    const { length } = node.log;
    for (let n = 0; n < 100; n++) {
      const { work } = node.lastTurn();
      node.frame({ kind: 'progress', work, progress: { share: n / 100 } });
    }
    asked(node);
    expect(node.log).toHaveLength(length);
  });

  it('is forgotten with the turn that said it', () => {
    const node = hanging();
    const { work } = node.lastTurn();
    node.frame({ kind: 'progress', work, progress: { share: 0.9 } });
    node.call('hang', 'y', { number: 2 });
    node.end(work, 'done');
    const next = activity(node)?.turn;
    expect(next).toMatchObject({ method: 'hang' });
    expect(next?.progress).toBeUndefined();
    node.frame({ kind: 'progress', work, progress: { share: 1 } });
    expect(activity(node)?.turn?.progress).toBeUndefined();
    node.end(node.lastTurn().work, 'done');
    expect(activity(node)).toMatchObject({ inMemory: true, queued: 0, use: { turns: 2 } });
    expect(activity(node)?.turn).toBeUndefined();
  });

  it('is told while it waits for a signal, as it was when it began to', () => {
    const node = hanging();
    const { work } = node.lastTurn();
    node.frame({ kind: 'progress', work, progress: { share: 0.5, text: 'asked' } });
    node.frame({ kind: 'wait-begin', work, ordinal: 0, name: 'go' });
    node.giveUp(work, [0]);
    const turn = activity(node)?.turn;
    expect(turn?.forMs).toBeUndefined();
    expect(at(turn?.progress)).toEqual([0.5, 'asked']);
  });

  it('is not told of another placement of it', () => {
    expect(asked(hanging(), 9).actors).toEqual([]);
  });

  it('is bounded, whatever a runner says', () => {
    const node = hanging();
    const { work } = node.lastTurn();
    node.frame({ kind: 'progress', work, progress: { share: 1, text: 'x'.repeat(10_000) } });
    expect(activity(node)?.turn?.progress?.text).toHaveLength(200);
    node.frame({ kind: 'progress', work, progress: { share: Number.NaN } });
    expect(activity(node)?.turn?.progress?.share).toBe(1);
  });
});

describe('what an actor has used', () => {
  it('is counted turn by turn and read by read, with the last turn by itself', () => {
    const node = new TestNode('a');
    node.place(ledger);
    expect(activity(node)?.use).toBeUndefined();
    node.call('add', 'first');
    node.call('list', '', { number: 2 });
    node.call('hang', 'x', { number: 3 });
    node.tick(40);
    const { work } = node.lastTurn();
    const reply = encodeValue('a reply');
    const delta = encodeValue('y');
    const outcome = { ok: true, value: reply } as const;
    const args = encodeValue(['hello']);
    const sends = [{ type: 'Ledger', key: 'other', method: 'add', args }];
    node.frame({ kind: 'turn-done', work, outcome, delta, sends, cpuMs: 12.5 });
    const inBytes = encodeValue(['x']).length;
    const last = {
      method: 'hang',
      tookMs: 40,
      cpuMs: 12.5,
      inBytes,
      outBytes: reply.length + args.length,
      deltaBytes: delta.length,
    };
    expect(activity(node)?.use).toMatchObject({
      turns: 2,
      reads: 1,
      cpuMs: 12.5,
      unmeasured: 2,
      last,
    });
  });

  it('says how large its state is, once that was taken or given whole', () => {
    const node = new TestNode('a', undefined, { checkpointTurns: 2 });
    node.place(ledger);
    node.call('add', 'a');
    expect(activity(node)?.use?.stateBytes).toBeUndefined();
    node.call('add', 'b', { number: 2 });
    node.tick(1_000);
    expect(activity(node)?.use?.stateBytes).toBe(encodeValue(['a', 'b']).length);
  });
});

describe('how far an attempt is', () => {
  it('is told of the attempt that runs, and no other', () => {
    const node = new TestNode('a');
    const order = {
      task: taskId('t1'),
      attempt: 1,
      tenant: tenantName('default'),
      bundle,
    } as const;
    const input = new Uint8Array([0xc0]);
    const more = { name: 'work', input, started: 5, limitMs: 60_000 } as const;
    node.message({ kind: 'run-task', term, ...order, ...more });
    const frames = node.work.flatMap((one) => (one.kind === 'to-runner' ? [one.frame] : []));
    const work = frames.flatMap((frame) => (frame.kind === 'task' ? [frame.work] : []))[0] ?? 0;
    expect(asked(node).attempts).toEqual([{ task: 't1', attempt: 1 }]);
    node.frame({ kind: 'progress', work, progress: { share: 0.3 } });
    expect(at(asked(node).attempts[0]?.progress)).toEqual([0.3, undefined]);
    const outcome = { ok: true, value: input } as const;
    node.frame({ kind: 'task-done', work, outcome });
    expect(asked(node).attempts).toEqual([]);
  });
});
