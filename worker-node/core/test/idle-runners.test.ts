import { bundleHash } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ledger, other, TestNode } from './harness.ts';

const later = bundleHash('2'.repeat(64));
const ended = (node: TestNode) =>
  node.work.flatMap((one) => (one.kind === 'end-runner' ? [one.runner] : []));
const started = (node: TestNode) => node.work.filter(({ kind }) => kind === 'start-runner').length;

/** Passes so many seconds, as a node's clock does. */
function pass(node: TestNode, seconds: number): void {
  for (let second = 0; second < seconds; second++) node.tick(1_000);
}

describe('runners of a bundle', () => {
  it('end when no actor in memory has used them for ten minutes, and another bundle was used since', () => {
    const node = new TestNode('a', undefined, { runners: 2, idleMs: 60_000 });
    node.place(ledger);
    node.call('add', 'x');
    node.place(other, 3, [], 1, { bundle: later });
    node.call('add', 'y', { number: 2 }, { actor: other });
    const runner = node.runnerAt(ledger);
    // While an actor is in memory they stay, and so they do for ten minutes after.
    pass(node, 650);
    expect(ended(node)).toEqual([]);
    pass(node, 30);
    expect(ended(node)).toHaveLength(2);
    expect(ended(node)).toContain(runner);
    // The next call starts them anew.
    const before = started(node);
    node.call('add', 'z', { number: 3 });
    expect(started(node)).toBe(before + 2);
    expect(node.values()).toEqual([1, 1, 2]);
  });

  it('stay while a turn of theirs runs, however long nobody else came', () => {
    const node = new TestNode('a', undefined, { runnersIdleMs: 1_000 });
    node.place(ledger);
    node.call('hang', 'x');
    node.place(other, 3, [], 1, { bundle: later });
    node.call('add', 'y', { number: 2 }, { actor: other });
    pass(node, 200);
    expect(ended(node)).toEqual([]);
  });

  it('end also when their last actor went out of memory after the others came, while those are still at work', () => {
    const node = new TestNode('a', undefined, { runnersIdleMs: 1_000, idleMs: 1_000 });
    node.place(ledger);
    node.call('add', 'x');
    node.place(other, 3, [], 1, { bundle: later });
    node.call('hang', 'y', { number: 2 }, { actor: other });
    const runner = node.runnerAt(ledger);
    pass(node, 200);
    expect(ended(node)).toContain(runner);
    expect(ended(node)).not.toContain(node.runnerAt(other));
  });

  it('that were used last stay, so that a node at rest answers as fast as before', () => {
    const node = new TestNode('a', undefined, { runnersIdleMs: 1_000, idleMs: 1_000 });
    node.place(ledger);
    node.call('add', 'x');
    pass(node, 200);
    expect(ended(node)).toEqual([]);
  });
});
