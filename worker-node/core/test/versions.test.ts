/** Versions of actors: what each says of itself, which are kept, and what becomes of a damaged one. */
import { checkpointContents, encodeSeed, encodeValue, type Failure } from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Versions, withVersion } from '../src/index.ts';
import { ledger, other, seal, shared, TestNode } from './harness.ts';

const damaged: Failure = {
  code: 'LOG_CORRUPT',
  message: 'checkpoint 2 of "default/Ledger/one" holds other bytes than were stored',
};

describe('a checkpoint', () => {
  it('says why it was written, how long that took, at which turn, and what its actor knew', () => {
    const world = shared();
    const a = new TestNode('a', world, { checkpointTurns: 2, checkpointMs: 5_000 });
    a.place(ledger);
    a.heldCaptures = [];
    a.call('add', 'x', { number: 1 });
    a.call('add', 'y', { number: 2 });
    a.now += 300;
    for (const frame of a.heldCaptures.splice(0)) a.frame(frame);
    const contents = () => checkpointContents(world.checkpoints.get(ledger)?.body ?? fail());
    expect(contents()).toMatchObject({
      made: { cause: 'turns', tookMs: 300 },
      turn: 2,
      epoch: 2,
      at: a.wall,
      clock: { [ledger]: 2 },
    });
    a.heldCaptures = undefined;
    a.call('add', 'z', { number: 3 });
    a.tick(6_000);
    expect(contents()).toMatchObject({ made: { cause: 'time', tookMs: 0 }, turn: 3 });
  });

  it('that is too old is freed when another one is stored, and the last one never is', () => {
    const world = shared();
    const hour = 3_600_000;
    const versions = { count: 4, ms: hour };
    const a = new TestNode('a', world, { checkpointMs: 1_000, versions });
    a.place(ledger);
    const store = (id: string, number: number, ms: number) => {
      a.call('add', id, { number });
      a.tick(2_000);
      a.tick(ms);
    };
    const freed = () => a.work.filter(({ kind }) => kind === 'free-checkpoints');
    store('u', 1, 1_000);
    store('v', 2, 2 * hour);
    expect(freed()).toEqual([]);
    store('w', 3, 1_000);
    expect(freed()).toEqual([{ kind: 'free-checkpoints', actor: ledger, before: 3 }]);
    // Whoever has it next knows which ones are kept.
    const b = new TestNode('b', world, { checkpointMs: 1_000, versions });
    b.wall = a.wall + 2 * hour;
    b.place(ledger, 7, seal('a'));
    b.call('add', 'x', { number: 4 });
    b.tick(2_000);
    expect(b.work).toContainEqual({ kind: 'free-checkpoints', actor: ledger, before: 4 });
  });

  it('is kept as the last one, with what it lies on, whatever its age and number (V1)', () => {
    const stored = fc.record({
      after: fc.integer({ min: 1, max: 5 }),
      ms: fc.integer({ min: 0, max: 10_000 }),
      isRest: fc.boolean(),
    });
    const kept = fc.record({
      count: fc.integer({ min: 2, max: 5 }),
      ms: fc.integer({ min: 0, max: 5_000 }),
    });
    fc.assert(
      fc.property(fc.array(stored, { minLength: 1, maxLength: 20 }), kept, (puts, policy) => {
        let versions: Versions = [];
        let [revision, at] = [0, 0];
        for (const put of puts) {
          const before = revision;
          revision += put.after;
          at += put.ms;
          const isRest = put.isRest && before > 0;
          const next = withVersion(versions, { revision, at, turn: revision, isRest }, policy);
          versions = next.versions;
          const revisions = versions.map(([one]) => one);
          expect(revisions.at(-1)).toBe(revision);
          if (isRest) expect(revisions).toContain(before);
          expect(versions.length).toBeLessThanOrEqual(policy.count);
          const first = isRest ? -2 : -1;
          for (const [, madeAt] of versions.slice(0, first)) {
            expect(at - madeAt).toBeLessThanOrEqual(policy.ms);
          }
          if (next.before !== undefined) expect(next.before).toBe(revisions[0]);
        }
      }),
    );
  });
});

describe('an actor whose last checkpoint is damaged', () => {
  it('lives by an older one and all facts after that, and another one is stored at once', () => {
    const world = shared();
    const a = new TestNode('a', world, { checkpointMs: 1_000 });
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    a.tick(2_000);
    const older = world.checkpoints.get(ledger) ?? fail();
    a.call('add', 'y', { number: 2 });
    a.tick(2_000);
    a.call('add', 'z', { number: 3 });
    const facts = a.log.filter((fact) => fact.kind === 'turn' && fact.seq > 1);
    const b = new TestNode('b', world);
    b.heldRestores = [];
    b.place(ledger, 7, seal('a'));
    const of = { actor: ledger, epoch: 7 };
    b.post({ kind: 'restored', ...of, checkpoint: older, facts, damaged, last: 2 });
    b.call('list', '', { number: 4 });
    expect(b.values()).toEqual([['x', 'y', 'z']]);
    const puts = b.sent.filter((send) => send.kind === 'put-checkpoint');
    expect(puts).toMatchObject([{ expected: 2, seq: 3 }]);
    const [put] = puts;
    const { made } = checkpointContents(put?.kind === 'put-checkpoint' ? put.body : fail());
    expect(made?.cause).toBe('repair');
    const said = b.work.flatMap((one) => (one.kind === 'log' ? [one.text] : []));
    expect(said).toContainEqual(expect.stringContaining(damaged.message));
  });
});

describe('an actor that is being read back', () => {
  it('is tried again after its limit, and whoever can wait no longer is told where it was', () => {
    const world = shared();
    const a = new TestNode('a', world);
    a.place(ledger);
    a.call('add', 'x', { number: 1 });
    const b = new TestNode('b', world, { restoreMs: 5_000 });
    b.heldRestores = [];
    b.place(ledger, 7, seal('a'));
    b.call('list', '', { number: 2 }, { deadlineAt: b.now + 4_000 });
    b.call('add', 'y', { number: 3 });
    const of = { actor: ledger, epoch: 7 };
    b.post({ kind: 'restore-is-at', ...of, at: 'reading log turns-a from 1 to 9' });
    const ask = { kind: 'ask-activity', term: { generation: 1, number: 0 }, ask: 1 } as const;
    for (let second = 1; second <= 4; second++) b.tick(1_000);
    b.message({ ...ask, actors: [of], attempts: [] });
    for (let second = 5; second <= 7; second++) b.tick(1_000);
    b.heldRestores = undefined;
    const found = b.sent.flatMap((send) =>
      send.kind === 'to-leader' && send.message.kind === 'activity-found'
        ? send.message.actors
        : [],
    );
    const restoring = { forMs: 4_000, at: 'reading log turns-a from 1 to 9' };
    expect(found).toMatchObject([{ activity: { restoring } }]);
    // An earlier twin of it may have been done: nobody says that it was not.
    const [outcome] = b.outcomes();
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'OUTCOME_UNKNOWN' } });
    expect(b.outcomes()).toHaveLength(1);
    const text = outcome?.ok === false ? outcome.failure.message : '';
    expect(text).toContain('was not read back within 5000 ms: it was reading log turns-a');
    const again = b.restores.at(-1) ?? fail();
    expect(b.restores).toHaveLength(2);
    b.readBack(again);
    expect(b.values().at(-1)).toBe(2);
  });
});

describe('an actor that is made with a state', () => {
  const key = 'seed of it';
  const planted = () => {
    const world = shared();
    const of = { actor: other, turn: 2, at: 0 };
    world.segments.set(key, encodeSeed({ format: 1, of, state: encodeValue(['u', 'v']) }));
    return world;
  };

  it('begins with it, is checkpointed at once, and needs it no more after that', () => {
    const world = planted();
    const a = new TestNode('a', world);
    a.place(ledger, 2, [], 1, { seed: key });
    a.call('add', 'x', { number: 1 });
    a.call('list', '', { number: 2 });
    expect(a.values()).toEqual([3, ['u', 'v', 'x']]);
    const { made, turn } = checkpointContents(world.checkpoints.get(ledger)?.body ?? fail());
    expect([made?.cause, turn]).toEqual(['fork', 0]);
    expect(world.segments.has(key)).toBe(false);
    const b = new TestNode('b', world);
    b.place(ledger, 7, seal('a'), 1, { seed: key });
    b.call('list', '', { number: 3 });
    expect(b.values()).toEqual([['u', 'v', 'x']]);
  });

  it('has it with all turns since, wherever it goes before it has a checkpoint', () => {
    const world = planted();
    const a = new TestNode('a', world);
    a.heldCaptures = [];
    a.place(ledger, 2, [], 1, { seed: key });
    a.call('add', 'x', { number: 1 });
    expect(world.checkpoints.size).toBe(0);
    const b = new TestNode('b', world);
    b.place(ledger, 7, seal('a'), 1, { seed: key });
    b.call('list', '', { number: 2 });
    expect(b.values()).toEqual([['u', 'v', 'x']]);
  });

  it('is not made with another one when that is lost', () => {
    const a = new TestNode('a', shared());
    a.place(ledger, 2, [], 1, { seed: key });
    a.call('list', '', { number: 1 });
    expect(a.values()).toEqual(['LOG_CORRUPT']);
  });
});

function fail(): never {
  throw new Error('no checkpoint was stored');
}
