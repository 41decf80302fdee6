/** What waits at a node for the leader to say where an actor is. */
import { incarnation } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ledger, other, TestNode } from './harness.ts';

const location = { node: incarnation('z.aaaaaaaa'), birth: 3, epoch: 4 };

/** The leader answers after ten minutes. */
function answeredLate(method: 'post' | 'ask', times: number): TestNode {
  const node = new TestNode('a');
  node.place(ledger);
  for (let number = 1; number <= times; number++) node.call(method, `x${number}`, { number });
  for (let n = 0; n < (method === 'post' ? 600 : 60); n++) node.tick(1_000);
  expect(node.toLeader()).toContain('resolve');
  node.message({ kind: 'located', actor: other, location });
  return node;
}

describe('what waits for the leader to say where its receiver is', () => {
  it('is sent once then, each letter in its order, however long that took', () => {
    const node = answeredLate('post', 3);
    const numbers = node.toNodes().flatMap((one) => (one.kind === 'letter' ? [one.number] : []));
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('is one call, however often its caller would have sent it again', () => {
    const node = answeredLate('ask', 1);
    expect(node.toNodes().filter(({ kind }) => kind === 'call')).toHaveLength(1);
  });
});
