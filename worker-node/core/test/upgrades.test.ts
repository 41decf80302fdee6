import { bundleHash, failure, logName, type ToRunner, type Upgraded } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import type { NodeFact } from '../src/index.ts';
import { bundle, ledger, TestNode } from './harness.ts';

type Activate = Extract<ToRunner, { kind: 'activate' }>;

const next = bundleHash('c'.repeat(64));
const order = { bundle: next, version: 2, at: 50 } as const;
const back = { bundle, version: 1, at: 60 } as const;

function started(name = 'n1', shared?: ConstructorParameters<typeof TestNode>[1]): TestNode {
  const node = new TestNode(name, shared);
  node.place(ledger);
  node.call('add', 'a');
  return node;
}

function told(node: TestNode): Upgraded['actors'][number] | undefined {
  const messages = node.sent.flatMap((send) =>
    send.kind === 'to-leader' && send.message.kind === 'upgraded' ? [send.message] : [],
  );
  return messages.at(-1)?.actors.at(-1);
}

/** With which bundle each runner was started. */
function bundlesOf(node: TestNode): string[] {
  return node.work.flatMap((one) => (one.kind === 'start-runner' ? [one.bundle] : []));
}

function upgradesIn(facts: readonly NodeFact[]): number {
  return facts.filter((fact) => fact.kind === 'turn' && fact.upgrade !== undefined).length;
}

describe('an upgrade', () => {
  it('is a turn of its own, with the migrated state, and is told when it is durable', () => {
    const node = started();
    node.autoCommit = false;
    node.place(ledger, 2, [], 1, { upgrade: order });
    node.commit();
    expect(told(node)).toBeUndefined();
    node.commit();
    node.commit();
    node.autoCommit = true;
    expect(told(node)).toMatchObject({ actor: ledger, epoch: 2, bundle: next, at: 50 });
    expect(bundlesOf(node)).toEqual([bundle, next]);
    node.call('list', '', { number: 2 });
    expect(node.values().at(-1)).toEqual(['a', 'from 1']);
    expect(upgradesIn(node.log)).toBe(1);
  });

  it('happens once, however often it is ordered', () => {
    const node = started();
    for (let times = 0; times < 3; times++) node.place(ledger, 2, [], 1, { upgrade: order });
    expect(upgradesIn(node.log)).toBe(1);
    expect(told(node)).toMatchObject({ bundle: next, at: 50 });
  });

  it('that is ordered again while it is carried out is answered for under both orders (UP5)', () => {
    const node = started();
    node.heldStarts = [];
    node.place(ledger, 2, [], 1, { upgrade: order });
    const starts = node.heldStarts;
    node.heldStarts = undefined;
    node.place(ledger, 2, [], 1, { upgrade: { ...order, at: 51 } });
    for (const start of starts) node.activate(start);
    expect(starts).toHaveLength(1);
    node.tick(1_000);
    expect(told(node)).toMatchObject({ bundle: next, at: 51 });
    expect(upgradesIn(node.log)).toBe(1);
  });

  it('is not made again by the node that takes its actor over, which the leader told of the old bundle', () => {
    const logs = new Map<string, NodeFact[]>();
    const checkpoints = new Map();
    const node = started('n1', { logs, checkpoints });
    node.place(ledger, 2, [], 1, { upgrade: order });
    const other = new TestNode('n2', { logs, checkpoints });
    const chain = [{ log: logName('turns-n1'), from: 0, to: 1_000, epoch: 2 }];
    other.place(ledger, 9, chain, 1, { upgrade: order });
    expect(bundlesOf(other)).toEqual([next]);
    expect(upgradesIn(other.log)).toBe(0);
    other.call('list', '', { number: 2 }, { epoch: 9 });
    expect(other.values()).toEqual([['a', 'from 1']]);
    expect(told(other)).toMatchObject({ epoch: 9, bundle: next, at: 50 });
  });

  it('is known by the checkpoint of its actor alone, and unheard of it is told', () => {
    const logs = new Map<string, NodeFact[]>();
    const checkpoints = new Map();
    const node = started('n1', { logs, checkpoints });
    node.place(ledger, 2, [], 1, { upgrade: order });
    node.message({ kind: 'drain', term: { generation: 1, number: 0 } });
    node.tick(1_000);
    const other = new TestNode('n2', { logs: new Map(), checkpoints });
    other.place(ledger, 9);
    expect(bundlesOf(other)).toEqual([next]);
    expect(told(other)).toMatchObject({ epoch: 9, bundle: next, at: 50 });
  });

  it('that fails leaves the actor with its old bundle and state, and says why', () => {
    const node = started();
    node.failsToMigrate.add(ledger);
    node.place(ledger, 2, [], 1, { upgrade: order });
    expect(told(node)).toMatchObject({ bundle, at: 50, failure: { code: 'USER_ERROR' } });
    node.call('add', 'b', { number: 2 });
    node.call('list', '', { number: 3 });
    expect(node.values().at(-1)).toEqual(['a', 'b']);
    expect(upgradesIn(node.log)).toBe(0);
    // The same is not tried again; a later one is.
    node.failsToMigrate.clear();
    node.place(ledger, 2, [], 1, { upgrade: order });
    expect(upgradesIn(node.log)).toBe(0);
    node.place(ledger, 2, [], 1, { upgrade: { ...order, at: 51 } });
    expect(upgradesIn(node.log)).toBe(1);
  });

  it('waits for the turn that runs, lets no other begin, and what waited runs by the new code', () => {
    const node = started();
    node.call('hang', 'h', { number: 2 });
    node.place(ledger, 2, [], 1, { upgrade: order });
    node.call('add', 'b', { number: 3 });
    expect(upgradesIn(node.log)).toBe(0);
    expect(node.running).toHaveLength(1);
    node.end(node.lastTurn().work, null, 'h');
    expect(upgradesIn(node.log)).toBe(1);
    node.call('list', '', { number: 4 });
    expect(node.values().at(-1)).toEqual(['a', 'h', 'from 1', 'b']);
  });

  it('waits until a turn that waits has ended, and keeps no actor in memory meanwhile', () => {
    const node = new TestNode('n1', undefined, { idleMs: 10_000 });
    node.place(ledger);
    node.call('hang', 'h');
    const { work } = node.lastTurn();
    node.frame({ kind: 'wait-begin', work, ordinal: 1, name: 'go' });
    node.giveUp(work, [1]);
    node.place(ledger, 2, [], 1, { upgrade: order });
    for (let at = 0; at < 60; at++) node.tick(1_000);
    const reads = node.restores.length;
    for (let at = 0; at < 60; at++) node.tick(1_000);
    expect(node.restores).toHaveLength(reads);
    expect(upgradesIn(node.log)).toBe(0);
    node.signal('go', 1);
    node.tick(1_000);
    node.end(node.lastTurn().work, null, 'h');
    expect(upgradesIn(node.log)).toBe(1);
  });

  it('that never comes to an end is killed, and has failed', () => {
    const node = started();
    node.hangsAtStart.add(ledger);
    node.place(ledger, 2, [], 1, { upgrade: order });
    for (let at = 0; at < 9; at++) node.tick(1_000);
    expect(told(node)).toBeUndefined();
    node.hangsAtStart.clear();
    for (let at = 0; at < 3; at++) node.tick(1_000);
    expect(told(node)).toMatchObject({ bundle, failure: { code: 'TIME_LIMIT' } });
    node.call('list', '', { number: 2 });
    expect(node.values().at(-1)).toEqual(['a']);
  });

  it.each([
    ['counts', 1],
    ['fails', 0],
    ['loses its runner', 0],
  ] as const)(
    'that is under way when its actor is paused %s before that is said to be paused',
    (end, upgrades) => {
      const wish = { kind: 'paused', at: 60 } as const;
      const node = started();
      const starts: Activate[] = [];
      node.heldStarts = starts;
      node.place(ledger, 2, [], 1, { upgrade: order });
      node.heldStarts = undefined;
      const [start] = starts;
      if (start === undefined) throw new Error('it was not begun');
      node.place(ledger, 2, [], 1, { upgrade: order, wish });
      expect(node.toLeader()).not.toContain('settled');
      if (end === 'fails') node.failStart(start, failure('USER_ERROR', 'it does not fit'));
      else if (end === 'loses its runner') node.crashRunner(node.runnerAt(ledger));
      else node.activate(start);
      const said = node.sent.flatMap((send) =>
        send.kind === 'to-leader' && send.message.kind === 'settled' ? send.message.actors : [],
      );
      expect(said).toMatchObject([{ actor: ledger, wish }]);
      expect(upgradesIn(node.log)).toBe(upgrades);
      const turns = node.log.length;
      node.tick(60_000);
      expect(node.log).toHaveLength(turns);
    },
  );

  it('does not touch a paused actor before it is resumed', () => {
    const node = started();
    node.place(ledger, 2, [], 1, { wish: { kind: 'paused', at: 40 } });
    node.place(ledger, 2, [], 1, { wish: { kind: 'paused', at: 40 }, upgrade: order });
    node.tick(1_000);
    expect(upgradesIn(node.log)).toBe(0);
    node.place(ledger, 2, [], 1, { wish: { kind: 'live', at: 41 } });
    node.tick(1_000);
    expect(upgradesIn(node.log)).toBe(1);
  });
});

describe('an actor that is rolled back', () => {
  function upgraded(): TestNode {
    const node = started();
    node.place(ledger, 2, [], 1, { upgrade: order });
    return node;
  }

  it('has the state of before, and the bundle that it was made by', () => {
    const node = upgraded();
    node.place(ledger, 2, [], 1, { upgrade: back });
    expect(told(node)).toMatchObject({ bundle, at: 60 });
    expect(told(node)?.failure).toBeUndefined();
    node.call('list', '', { number: 2 });
    expect(node.values().at(-1)).toEqual(['a']);
    node.crashRunner(node.runnerAt(ledger));
    node.call('list', '', { number: 3 });
    expect(node.values().at(-1)).toEqual(['a']);
  });

  it('is made anew when no turn wrote of its state, though a checkpoint has one of the other version', () => {
    const checkpoints = new Map();
    const node = new TestNode('n1', { logs: new Map(), checkpoints });
    node.place(ledger, 2, [], 1, { upgrade: order });
    node.message({ kind: 'drain', term: { generation: 1, number: 0 } });
    node.tick(1_000);
    const other = new TestNode('n2', { logs: new Map(), checkpoints });
    other.place(ledger, 9, [], 1, { upgrade: back });
    const activates = other.work.flatMap((one) =>
      one.kind === 'to-runner' && one.frame.kind === 'activate' ? [one.frame] : [],
    );
    expect(activates.at(-1)).toMatchObject({ migrate: { stored: true }, deltas: [] });
    expect(activates.at(-1)?.state).toBeUndefined();
    expect(told(other)).toMatchObject({ bundle, at: 60 });
  });

  it('and an upgrade record what the constructor makes, so that no checkpoint that comes late is taken for it', () => {
    const node = new TestNode('n1');
    node.place(ledger, 2, [], 1, { upgrade: order });
    node.place(ledger, 2, [], 1, { upgrade: back });
    const activates = node.work.flatMap((one) =>
      one.kind === 'to-runner' && one.frame.kind === 'activate' ? [one.frame] : [],
    );
    expect(activates).toMatchObject([
      { migrate: { stored: true }, deltas: [] },
      { migrate: { stored: true }, deltas: [] },
    ]);
    const upgrades = node.log.filter((fact) => fact.kind === 'turn' && fact.upgrade !== undefined);
    expect(upgrades).toMatchObject([{ seq: 1 }, { seq: 2 }]);
    for (const fact of upgrades) expect(fact).toHaveProperty('delta');
    expect(told(node)).toMatchObject({ bundle, at: 60 });
  });

  it('gives up no turn unless that was said', () => {
    const node = upgraded();
    node.call('add', 'b', { number: 2 });
    node.place(ledger, 2, [], 1, { upgrade: back });
    expect(told(node)).toMatchObject({ bundle: next, failure: { code: 'WRONG_STATE' } });
    node.call('list', '', { number: 3 });
    expect(node.values().at(-1)).toEqual(['a', 'from 1', 'b']);
    node.place(ledger, 2, [], 1, { upgrade: { ...back, at: 61, discard: true } });
    node.call('list', '', { number: 4 });
    expect(node.values().at(-1)).toEqual(['a']);
  });

  it('stays when its state of before is not kept', () => {
    const node = upgraded();
    node.place(ledger, 2, [], 1, {
      upgrade: { ...back, bundle: bundleHash('d'.repeat(64)), version: 0 },
    });
    expect(told(node)).toMatchObject({ bundle: next, failure: { code: 'TOO_FAR_BACK' } });
  });

  it('still answers a call with what it had answered before it went over', () => {
    const node = upgraded();
    node.place(ledger, 2, [], 1, { upgrade: back });
    const before = node.values()[0];
    node.call('add', 'a');
    expect(node.values().at(-1)).toEqual(before);
    node.call('list', '', { number: 2 });
    expect(node.values().at(-1)).toEqual(['a']);
  });
});
