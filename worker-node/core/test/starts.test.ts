import { actorId, limits } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { type bundle, ledger, other, TestNode } from './harness.ts';

const framesOf = (node: TestNode) =>
  node.work.flatMap((one) => (one.kind === 'to-runner' ? [one.frame.kind] : []));
const turnsIn = (node: TestNode) => node.log.filter(({ kind }) => kind === 'turn');

/** Its runner takes its time with whoever comes into memory. */
function slow(): TestNode {
  const node = new TestNode('a');
  node.heldStarts = [];
  node.place(ledger);
  return node;
}

describe('what an actor is asked as it comes into memory', () => {
  it('goes to its runner right behind its state, in order, and is answered once', () => {
    const node = slow();
    node.call('add', 'x', { number: 1 });
    node.call('add', 'y', { number: 2 });
    node.call('list', '', { number: 3 });
    expect(framesOf(node)).toEqual(['activate', 'turn', 'turn', 'turn']);
    expect(node.values()).toEqual([]);
    const [start] = node.heldStarts ?? [];
    if (start === undefined) throw new Error('it does not come into memory');
    node.activate(start);
    expect(node.values()).toEqual([1, 2, ['x', 'y']]);
    expect(turnsIn(node)).toHaveLength(2);
  });

  it('also when it is read back, with what came meanwhile', () => {
    const node = new TestNode('a');
    node.place(ledger);
    node.call('add', 'x', { number: 1 });
    node.tick(301_000);
    expect(node.machine.actors.get(ledger)?.phase).toBe('cold');
    node.work.length = 0;
    node.heldStarts = [];
    node.call('add', 'y', { number: 2 });
    expect(framesOf(node)).toEqual(['activate', 'turn']);
    const [start] = node.heldStarts;
    if (start === undefined) throw new Error('it does not come into memory');
    node.activate(start);
    expect(node.values()).toEqual([1, 2]);
  });

  it('is told why when its runner can make nothing of the state, and none of it has run', () => {
    const node = slow();
    node.call('add', 'x', { number: 1 });
    node.call('list', '', { number: 2 });
    const starts = node.heldStarts ?? [];
    const [start] = starts;
    if (start === undefined) throw new Error('it does not come into memory');
    node.failStart(start, { code: 'CONSTRUCTOR_FAILED', message: 'no state' });
    expect(node.values()).toEqual(['CONSTRUCTOR_FAILED', 'CONSTRUCTOR_FAILED']);
    expect(turnsIn(node)).toEqual([]);
    // A copy of it that was on its way has the same answer; the next call tries again, and is let wait.
    node.call('add', 'x', { number: 1 });
    expect(node.values().at(-1)).toBe('CONSTRUCTOR_FAILED');
    node.call('add', 'y', { number: 3 });
    expect(node.turns().filter(({ callId }) => callId.endsWith(':3'))).toEqual([]);
    const second = starts.at(-1);
    if (second === undefined || second === start) throw new Error('it is not tried again');
    node.activate(second);
    expect(node.values().at(-1)).toBe(1);
    expect(turnsIn(node)).toHaveLength(1);
  });

  it('is not blamed for a runner that dies of the state', () => {
    const node = new TestNode('a');
    node.hangsAtStart.add(ledger);
    node.place(ledger);
    node.call('add', 'x', { number: 1 });
    let crashes = 0;
    for (let runner = node.runnerAt(ledger); runner !== undefined; runner = node.runnerAt(ledger)) {
      node.crashRunner(runner);
      crashes += 1;
    }
    expect(crashes).toBe(limits.turnCrashesMax);
    // After the first one it was waited for what its runner makes of the state.
    const [outcome] = node.outcomes();
    expect(outcome?.ok === false && outcome.failure.message).toContain('brought into memory');
    expect(node.turns()).toHaveLength(1);
    expect(turnsIn(node)).toEqual([]);
  });

  it('runs once when the runner dies after it was given state and turn, and another one has both', () => {
    const node = slow();
    node.place(other);
    node.call('add', 'x', { number: 1 });
    node.call('add', 'y', { number: 2 }, { actor: other });
    node.heldStarts = undefined;
    node.crashRunner();
    node.tick(1_000);
    node.tick(60_000);
    expect(node.values()).toEqual([1, 1]);
    expect(turnsIn(node)).toHaveLength(2);
  });

  it('waits for what becomes of its state where that is migrated', () => {
    const node = new TestNode('a');
    node.place(ledger);
    node.call('add', 'x', { number: 1 });
    node.heldStarts = [];
    const to = { at: 9, bundle: 'c'.repeat(64) as typeof bundle, version: 2 };
    node.place(ledger, 2, [], 1, { upgrade: to as never });
    node.call('list', '', { number: 2 });
    expect(framesOf(node).at(-1)).toBe('activate');
    const [start] = node.heldStarts;
    if (start === undefined) throw new Error('it is not upgraded');
    node.activate(start);
    expect(node.values()).toEqual([1, ['x', 'from 1']]);
  });
});

describe('a state that is not there in time', () => {
  const ill = (node: TestNode) =>
    node.sent.flatMap((send) =>
      send.kind === 'to-leader' && send.message.kind === 'ailing' ? [send.message.actors] : [],
    );

  it('is told as the fault of its constructor and listed, and who was beside it goes on', () => {
    const node = new TestNode('a');
    node.place(other);
    node.call('hang', 'y', { number: 1 }, { actor: other });
    node.hangsAtStart.add(ledger);
    node.place(ledger);
    node.call('add', 'x', { number: 2 });
    const kills = () => node.work.filter(({ kind }) => kind === 'kill-runner').length;
    while (kills() === 0) node.tick(1_000);
    // Nobody knows yet who of the two it was.
    expect(node.values()).toEqual([]);
    while (node.values().length === 0) node.tick(1_000);
    expect(kills()).toBe(2);
    const [outcome] = node.outcomes();
    const failed = outcome?.ok === false ? outcome.failure : undefined;
    expect(failed).toMatchObject({ code: 'CONSTRUCTOR_FAILED' });
    expect(failed?.message).toContain(`did not return within ${limits.startMsMax} ms`);
    node.tick(1_000);
    expect(ill(node).at(-1)).toMatchObject([
      { actor: ledger, failure: { code: 'CONSTRUCTOR_FAILED', message: failed?.message } },
    ]);
    for (const { work } of node.running) node.end(work, 'done', 'y');
    expect(node.values()).toEqual(['CONSTRUCTOR_FAILED', 'done']);
    // The next call tries again.
    node.hangsAtStart.clear();
    node.call('add', 'z', { number: 3 });
    expect(node.values().at(-1)).toBe(1);
    expect(kills()).toBe(2);
  });

  it('is waited for by those behind it, however many wait in a row', () => {
    const node = new TestNode('a');
    node.heldStarts = [];
    const many = Array.from({ length: 50 }, (_, n) => actorId('default', 'Ledger', `n${n}`));
    for (const actor of many) {
      node.place(actor);
      node.call('add', 'x', {}, { actor });
    }
    for (const start of node.heldStarts.splice(0)) {
      node.tick(limits.startMsMax / 10);
      node.activate(start);
    }
    expect(node.values()).toEqual(many.map(() => 1));
    expect(node.work.map(({ kind }) => kind)).not.toContain('kill-runner');
  });
});
