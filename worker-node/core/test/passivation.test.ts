import { actorId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { ledger, other, shared, TestNode } from './harness.ts';

const many = Array.from({ length: 200 }, (_, n) => actorId('default', 'Ledger', `l${n}`));

function phasesOf(node: TestNode): ReadonlySet<string> {
  return new Set([...node.machine.actors.values()].map(({ phase }) => phase));
}

describe('idle actors', () => {
  it('leave as fast as their checkpoints are stored, however many there are', () => {
    const a = new TestNode('a', shared(), { idleMs: 5_000 });
    for (const actor of many) {
      a.place(actor);
      a.call('add', 'x', { number: 1 }, { actor });
    }
    a.tick(4_000);
    expect(phasesOf(a)).toEqual(new Set(['live']));
    // One look, at which no more than 64 are begun; the others follow as these are stored.
    a.tick(2_000);
    expect(phasesOf(a)).toEqual(new Set(['cold']));
    expect(a.checkpoints.size).toBe(many.length);
  });

  it('are not counted as in memory any more, which keeps no node for them', () => {
    const a = new TestNode('a', shared(), { idleMs: 5_000 });
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    expect(a.machine.counts()).toMatchObject({ actors: 1, inMemory: 1 });
    a.tick(6_000);
    expect(a.machine.counts()).toMatchObject({ actors: 1, inMemory: 0 });
    a.call('hang', 'y', { number: 2 });
    a.tick(60_000);
    expect(a.machine.counts()).toMatchObject({ actors: 1, inMemory: 1 });
  });

  it('leave by when each was used last, not by when it came', () => {
    const a = new TestNode('a', shared(), { idleMs: 5_000 });
    const [first = ledger, second = ledger] = many;
    for (const actor of [first, second]) {
      a.place(actor);
      a.call('add', 'x', { number: 1 }, { actor });
    }
    a.tick(3_000);
    a.call('add', 'y', { number: 2 }, { actor: first });
    a.tick(3_000);
    const phase = (actor: typeof first) => a.machine.actors.get(actor)?.phase;
    expect([phase(first), phase(second)]).toEqual(['live', 'cold']);
  });

  it('that were called while their checkpoint was on its way stay', () => {
    const a = new TestNode('a', shared(), { idleMs: 5_000 });
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.heldCaptures = [];
    a.tick(6_000);
    a.call('list', '', { number: 2 });
    const [captured] = a.heldCaptures;
    if (captured === undefined) throw new Error('no capture');
    a.frame(captured);
    expect(a.checkpoints.size).toBe(1);
    expect(a.machine.actors.get(ledger)?.phase).toBe('live');
  });
});

describe('an actor that has left memory', () => {
  it('is read back by its checkpoint alone: nothing is looked for in the log of its node', () => {
    const a = new TestNode('a', shared(), { idleMs: 5_000 });
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.tick(6_000);
    a.call('add', 'y', { number: 2 });
    expect(a.restores).toHaveLength(1);
    expect(a.restores[0]?.uncoveredFrom).toBeUndefined();
    expect(a.values()).toEqual([1, 2]);
  });

  it('is read back at once, while what others did is still being appended', () => {
    const a = new TestNode('a', shared(), { idleMs: 5_000 });
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.tick(6_000);
    a.place(other);
    a.autoCommit = false;
    a.call('add', 'y', { number: 1 }, { actor: other });
    a.call('add', 'z', { number: 2 });
    expect(a.restores).toMatchObject([{ actor: ledger }]);
    expect(a.machine.actors.get(ledger)?.phase).toBe('live');
    expect(a.values()).toEqual([1]);
    a.commit();
    expect(a.values()).toEqual([1, 1, 2]);
  });

  it('is read back by the log from where its checkpoint ends, when its runner dies', () => {
    const a = new TestNode('a', shared(), { checkpointMs: 1_000 });
    a.place(ledger);
    for (let number = 1; number <= 3; number++) a.call('add', `x${number}`, { number });
    a.tick(2_000);
    expect(a.checkpoints.size).toBe(1);
    const { durableAt } = a.machine;
    expect(durableAt).toBeGreaterThan(0);
    a.call('add', 'x4', { number: 4 });
    a.crashRunner();
    expect(a.restores.at(-1)?.uncoveredFrom).toBe(durableAt);
    a.call('list', '', { number: 5 });
    expect(a.values().at(-1)).toEqual(['x1', 'x2', 'x3', 'x4']);
  });

  it('is read back by the log from before a checkpoint that is on its way, or found nothing to lie on', () => {
    for (const baseGone of [false, true]) {
      const a = new TestNode('a', shared(), { checkpointMs: 1_000, incrementBytesMin: 100 });
      a.place(ledger);
      a.call('add', 'x'.repeat(1_000), { number: 1 });
      a.tick(2_000);
      const { durableAt } = a.machine;
      a.call('add', 'y', { number: 2 });
      a.autoCommit = false;
      a.tick(2_000);
      a.call('add', 'z', { number: 3 });
      const stored = { kind: 'checkpoint-stored', actor: ledger, epoch: 2, seq: 2 } as const;
      if (baseGone) a.post({ ...stored, baseGone });
      a.crashRunner();
      a.commit();
      expect(a.sent).toContainEqual(
        expect.objectContaining({ kind: 'put-checkpoint', onTop: true }),
      );
      expect(a.restores).toMatchObject([{ uncoveredFrom: durableAt }]);
    }
  });
});
