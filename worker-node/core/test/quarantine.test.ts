/** Two records that claim the same turn of an actor: a fence has failed, or data was put together. */
import { logName, sessionId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
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
