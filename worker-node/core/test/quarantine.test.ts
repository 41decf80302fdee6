/** Two records that claim the same turn of an actor: a fence has failed, or data was put together. */
import { logName, sessionId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { checkpointHead } from '../src/index.ts';
import { ledger, seal, shared, TestNode } from './harness.ts';

/** Two nodes have written turn 3 of the actor, one of which should have been fenced. */
function twoPasts() {
  const world = shared();
  const a = new TestNode('a', world);
  a.place(ledger);
  for (let number = 1; number <= 3; number++) a.call('add', `a${number}`, { number });
  const b = new TestNode('b', world);
  b.place(ledger, 9, seal('a'));
  b.call('add', 'b4', { number: 4 }, { epoch: 9 });
  const forged = new TestNode('c', world);
  forged.log.push(...a.log.filter((fact) => 'seq' in fact && fact.seq === 3));
  const chain = ['a', 'c', 'b'].map((name) => ({ log: logName(`turns-${name}`), from: 0, to: 99 }));
  return { world, chain };
}

/** Node a has checkpointed turn 3; node b had the actor from turn 2 on, and has written a turn 3 too. */
function checkpointAndRecord() {
  const world = shared();
  const a = new TestNode('a', world, { checkpointTurns: 3 });
  a.place(ledger);
  for (let number = 1; number <= 2; number++) a.call('add', `a${number}`, { number });
  const b = new TestNode('b', { ...world, checkpoints: new Map() });
  b.place(ledger, 9, seal('a'));
  b.call('add', 'b3', { number: 3 }, { epoch: 9 });
  a.call('add', 'a3', { number: 3 });
  // What is in the checkpoint is not read again.
  return { world, chain: [{ log: logName('turns-b'), from: 0, to: 99, epoch: 9 }] };
}

describe('an actor of which two records claim the same turn', () => {
  it('does not live, and whoever asks it is told why', () => {
    const { world, chain } = twoPasts();
    const node = new TestNode('d', world);
    node.place(ledger, 20, chain);
    node.call('add', 'late', { number: 9 }, { epoch: 20 });
    node.call('list', '', { number: 10, session: sessionId('s2') }, { epoch: 20 });
    expect(node.values()).toEqual(['PAST_CONFLICT', 'PAST_CONFLICT']);
    expect(node.outcomes()[0]).toMatchObject({ failure: { details: { turn: 3 } } });
    expect(node.log.filter(({ kind }) => kind === 'turn')).toEqual([]);
  });

  it('is told of to the leader as long as it is so, and no longer', () => {
    const { world, chain } = twoPasts();
    const node = new TestNode('d', world);
    node.place(ledger, 20, chain);
    const told = () => node.toLeader().filter((kind) => kind === 'quarantined').length;
    expect(told()).toBe(1);
    node.tick(1_000);
    node.tick(1_000);
    expect(told()).toBe(3);
    // Somebody has found out which is right, and taken the other away.
    world.logs.set('turns-c', []);
    node.call('list', '', { number: 9 }, { epoch: 20 });
    expect(node.values()).toEqual([['a1', 'a2', 'a3', 'b4']]);
    node.tick(1_000);
    expect(told()).toBe(3);
  });
});

describe('an actor of which a checkpoint and a later record claim the same turn', () => {
  it('does not live either, and is told how its last checkpoint can be had', () => {
    const { world, chain } = checkpointAndRecord();
    const node = new TestNode('d', world);
    node.place(ledger, 20, chain);
    node.call('list', '', { number: 10, session: sessionId('s2') }, { epoch: 20 });
    expect(node.values()).toEqual(['PAST_CONFLICT']);
    const [outcome] = node.outcomes();
    expect(outcome).toMatchObject({ failure: { details: { turn: 3, checkpoint: 1 } } });
    expect(JSON.stringify(outcome)).toContain('troupe checkpoints fork Ledger/one 1 NEW-KEY');
  });
});

/** Node b has the actor from turn 2 on and has taken turn 3; node a, which should have been fenced, has stored turn 5. */
function twoCheckpoints() {
  const world = shared();
  const a = new TestNode('a', world, { checkpointTurns: 2 });
  a.place(ledger);
  for (let number = 1; number <= 2; number++) a.call('add', `a${number}`, { number });
  const late = { ...world, checkpoints: new Map(world.checkpoints) };
  const b = new TestNode('b', world);
  b.place(ledger, 9, [{ log: logName('turns-a'), from: 0, to: a.log.length, epoch: 2 }]);
  b.call('add', 'b3', { number: 3 }, { epoch: 9 });
  a.checkpoints = late.checkpoints;
  for (let number = 3; number <= 6; number++) a.call('add', `a${number}`, { number });
  const stored = late.checkpoints.get(ledger);
  if (stored === undefined) throw new Error('node a has stored nothing');
  world.checkpoints.set(ledger, stored);
  return { world, b, stored };
}

describe('an actor of which two checkpoints claim the same turn', () => {
  it('does not live from then on: none of the two is stored over the other, and whoever asks is told', () => {
    const { world, b, stored } = twoCheckpoints();
    expect(b.values()).toEqual([3]);
    b.tick(2_000);
    expect(world.checkpoints.get(ledger)).toBe(stored);
    expect(b.toLeader().filter((kind) => kind === 'quarantined').length).toBeGreaterThan(0);
    expect(b.runnerAt(ledger)).toBeUndefined();
    b.call('add', 'late', { number: 9 }, { epoch: 9 });
    expect(b.values()).toEqual([3, 'PAST_CONFLICT']);
    expect(b.outcomes()[1]).toMatchObject({ failure: { details: { turn: 3 } } });
  });

  it('does not live on another node either', () => {
    const { world, b } = twoCheckpoints();
    b.tick(2_000);
    const d = new TestNode('d', world);
    d.place(ledger, 20, [{ log: logName('turns-b'), from: 0, to: 99, epoch: 9 }]);
    d.call('list', '', { number: 10, session: sessionId('s2') }, { epoch: 20 });
    expect(d.values()).toEqual(['PAST_CONFLICT']);
  });

  it('ends when it is destroyed', () => {
    const { world, b } = twoCheckpoints();
    b.tick(2_000);
    b.place(ledger, 9, [], 1, { wish: { kind: 'ending', at: 10 } });
    b.tick(1_000);
    expect(checkpointHead(world.checkpoints.get(ledger)?.body ?? new Uint8Array(0))).toMatchObject({
      epoch: 9,
      backAt: 9,
    });
    expect(b.toLeader()).toContain('settled');
  });
});
