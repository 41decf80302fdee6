/** Reads of which only so many run at once. */
import { encodeValue, limits } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ledger, node as nodeOf, other, TestNode } from './harness.ts';

function asked(count: number): TestNode {
  const node = new TestNode('a');
  node.place(ledger);
  for (let n = 1; n <= count; n++) node.call('few', `r${n}`, { number: n });
  return node;
}

const running = (node: TestNode) => node.running.map(({ method }) => method);

function endFirst(node: TestNode): void {
  const [turn] = node.running;
  if (turn === undefined) throw new Error('nothing runs');
  node.end(turn.work, 'read');
}

describe('reads of a group', () => {
  it('run only so many at once, and the others in the order in which they were asked', () => {
    const node = asked(5);
    expect(running(node)).toEqual(['few', 'few']);
    while (node.running.length > 0) endFirst(node);
    expect(node.results().map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
  });

  it('that wait keep no turn waiting, and no read of another group', () => {
    const node = asked(5);
    node.call('add', 'x', { number: 6 });
    node.call('list', '', { number: 7 });
    expect(node.results().map(({ number }) => number)).toEqual([6, 7]);
    expect(running(node)).toEqual(['few', 'few']);
  });

  it('that wait see the state of the last turn before they begin', () => {
    const node = asked(3);
    node.call('add', 'x', { number: 4 });
    endFirst(node);
    expect(running(node)).toEqual(['few', 'few']);
    expect(node.turns().at(-1)?.method).toBe('few');
  });

  it('go on while their actor is paused', () => {
    const node = asked(4);
    const wish = { kind: 'paused', at: 5 } as const;
    node.place(ledger, 2, [], 1, { wish });
    endFirst(node);
    endFirst(node);
    expect(running(node)).toEqual(['few', 'few']);
  });

  it('are cancelled where they wait, and run again after a crash of their runner, each answered once', () => {
    const node = asked(4);
    const session = node.results().at(0)?.session ?? ('s1' as never);
    node.message({ kind: 'cancel-call', actor: ledger, session, number: 4 });
    expect(node.values()).toEqual(['CANCELLED']);
    node.crashRunner();
    for (let n = 0; n < 20 && node.results().length < 4; n++) {
      node.tick(1_000);
      if (node.running.length > 0) endFirst(node);
    }
    const numbers = node.results().map(({ number }) => number);
    expect([...numbers].sort()).toEqual([1, 2, 3, 4]);
  });

  it('that wait begin when others have ended, whatever turns wait for, before whoever asks later', () => {
    const crowded = (node: TestNode) => {
      for (let n = 1; n <= limits.turnsAheadMax + 6; n++)
        node.call('hang', '', { number: 100 + n });
    };
    const behindALetter = (node: TestNode) => {
      node.message({
        kind: 'letter',
        to: ledger,
        epoch: 2,
        from: other,
        fromBirth: 7,
        number: 1,
        method: 'fail',
        args: encodeValue(['x']),
        tries: { retries: 1, backoffMs: [3_600_000] },
        replyTo: nodeOf('z'),
        scope: ledger,
        clock: {},
      });
    };
    const heldBack = (node: TestNode) => {
      for (let n = 0; n < 2; n++) {
        node.machine.ailing.fellIll(
          node.machine.actors.get(ledger) as never,
          { code: 'UNHEALTHY', message: 'in the test' },
          true,
          true,
        );
      }
    };
    for (const keepWaiting of [crowded, behindALetter, heldBack]) {
      const node = new TestNode('a');
      node.place(ledger);
      node.call('add', 'x', { number: 99 });
      keepWaiting(node);
      const reads = () => node.running.filter(({ method }) => method === 'few');
      const endAll = () => {
        for (const { work } of reads()) node.end(work, 'read');
      };
      for (let n = 1; n <= 4; n++) node.call('few', `r${n}`, { number: n });
      expect(reads()).toHaveLength(2);
      endAll();
      expect(reads()).toHaveLength(2);
      for (let n = 5; n <= 6; n++) node.call('few', `r${n}`, { number: n });
      while (reads().length > 0) endAll();
      const answered = node.results().map(({ number }) => number);
      expect(answered.filter((number) => number <= 6)).toEqual([1, 2, 3, 4, 5, 6]);
    }
  });
});
