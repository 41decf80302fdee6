/** How often actors are checkpointed, and when only what has changed is written. */
import { checkpointContents, stateOf } from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkpointAfterMs } from '../src/pace.ts';
import { ledger, other, seal, shared, TestNode } from './harness.ts';

describe('the time until a changed actor is checkpointed', () => {
  it('grows with its state and falls with what it writes, within its bounds (V3), and is the least while nodes fail (V4)', () => {
    const bytes = fc.integer({ min: 0, max: 50_000_000 });
    fc.assert(
      fc.property(bytes, bytes, bytes, fc.boolean(), (stateBytes, changedBytes, more, failing) => {
        const pace = { leastMs: 60_000, mostMs: 240_000 };
        const ms = checkpointAfterMs(pace, { stateBytes, changedBytes }, failing);
        expect(ms).toBeGreaterThanOrEqual(pace.leastMs);
        expect(ms).toBeLessThanOrEqual(pace.mostMs);
        if (failing) expect(ms).toBe(pace.leastMs);
        const busier = { stateBytes, changedBytes: changedBytes + more };
        expect(checkpointAfterMs(pace, busier, failing)).toBeLessThanOrEqual(ms);
        if (stateBytes === 0) return;
        const larger = { stateBytes: stateBytes + more, changedBytes };
        expect(checkpointAfterMs(pace, larger, failing)).toBeGreaterThanOrEqual(ms);
      }),
    );
    const quiet = { stateBytes: 1_000_000, changedBytes: 10_000 };
    expect(checkpointAfterMs({ leastMs: 1, mostMs: 100 }, quiet, false)).toBe(10);
  });

  it('is the least again for as long as actors of nodes that died come here', () => {
    const world = shared();
    const options = { checkpointMs: 1_000, checkpointMsMax: 60_000, idleMs: 5_000_000 };
    const a = new TestNode('a', world, options);
    a.place(ledger);
    a.call('add', 'x'.repeat(500_000), { number: 1 });
    a.tick(2_000);
    const stored = () => world.checkpoints.get(ledger)?.revision ?? 0;
    expect(stored()).toBe(1);
    a.call('add', 'y', { number: 2 });
    a.tick(2_000);
    a.tick(2_000);
    expect(stored()).toBe(1);
    const dead = new TestNode('dead', world);
    dead.place(other);
    dead.call('add', 'z', { number: 1 }, { actor: other });
    a.place(other, 7, seal('dead'));
    a.tick(2_000);
    expect(stored()).toBe(2);
  });
});

describe('of a large state', () => {
  it('what has changed is written between two whole checkpoints, and read back with the one before it', () => {
    const world = shared();
    const options = { checkpointMs: 1_000, checkpointTurns: 3, incrementBytesMin: 100 };
    const a = new TestNode('a', world, options);
    a.place(ledger);
    const add = (id: string, number: number) => a.call('add', id, { number });
    add('x'.repeat(1_000), 1);
    a.tick(2_000);
    const standing = () => world.checkpoints.get(ledger) ?? fail();
    expect(standing().base).toBeUndefined();
    for (let number = 2; number <= 4; number++) add(`y${number}`, number);
    a.tick(1_000);
    const { body, base } = standing();
    expect(base).toBeDefined();
    expect(body.length).toBeLessThan(1_000);
    const contents = checkpointContents(body, base);
    expect(contents).toMatchObject({ turn: 4, made: { cause: 'turns' } });
    expect(contents.deltas).toHaveLength(3);
    // Another node goes on from it, by the very same turns.
    const b = new TestNode('b', world);
    b.place(ledger, 7, seal('a'));
    b.call('list', '', { number: 5 });
    expect(b.values()).toEqual([['x'.repeat(1_000), 'y2', 'y3', 'y4']]);
    // The next one is whole.
    for (let number = 5; number <= 7; number++) add(`z${number}`, number);
    a.tick(1_000);
    expect(standing().base).toBeUndefined();
    expect(stateOf(checkpointContents(standing().body)).length).toBeGreaterThan(1_000);
  });
});

function fail(): never {
  throw new Error('no checkpoint was stored');
}
