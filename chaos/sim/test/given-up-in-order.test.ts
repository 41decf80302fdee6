import { actorId, failure, type PriorityName, taskId, tenantName } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { givenUpInOrder } from '../src/checkers/given-up-in-order.ts';
import { Journal, node } from './journal.ts';

const pressure = { tasksMax: 2, factsMax: 1_000, downMs: 500, upMs: 1_000 };

describe('what is given up under pressure', () => {
  let journal: Journal;
  const givenUp = (count: number, ledMs: number): SchedulerFact => {
    return { kind: 'measures-given-up', count, reason: 'so much', ledMs };
  };
  const gives = (count: number, ledMs: number) => journal.tell(givenUp(count, ledMs));
  /** One after the other, as fast as may be. */
  const givesAll = (count: number) => {
    for (let each = 1; each <= count; each++) gives(each, each * 500);
  };

  beforeEach(() => {
    journal = new Journal(givenUpInOrder, { pressure });
    for (const id of ['a', 'b']) journal.tell(journal.submitted(id, { ledMs: 0 }));
  });

  it('is one thing after the other, and all comes back', () => {
    givesAll(2);
    for (const id of ['a', 'b']) journal.tell(journal.started(id));
    gives(1, 2_000);
    gives(0, 3_000);
    expect(journal.said).toEqual([]);
  });

  it('is not two things at once, nor something sooner than it is configured', () => {
    gives(2, 500);
    expect(journal.said[0]).toBe('2 measures are given up after 0 (so much)');
    gives(3, 900);
    expect(journal.said[1]).toContain('ms later');
  });

  it('is not given up without pressure, nor taken back under it', () => {
    journal.tell(journal.started('a'));
    gives(1, 500);
    expect(journal.said[0]).toContain('at a share of 0.5');
    journal.tell(journal.submitted('c', { ledMs: 600 }));
    gives(0, 1_600);
    expect(journal.said[1]).toContain('at a share of 1');
  });

  it('is something where pressure lasts', () => {
    for (let ledMs = 400; ledMs <= 6_000; ledMs += 400) journal.tell({ kind: 'time-led', ledMs });
    expect(journal.said).toEqual([
      'there is too much to bear, and nothing is given up beyond 0 measures',
    ]);
  });

  it('is known to the next leader, for which pressure begins anew', () => {
    gives(1, 500);
    journal.opens();
    gives(1, 1_000);
    expect(journal.said[0]).toBe('1 measures are given up after 1 (so much)');
  });

  it('is not done meanwhile: no work of low priority is taken in, nor an actor moved', () => {
    givesAll(5);
    journal.tell(journal.submitted('n', { ledMs: 2_600 }));
    expect(journal.said).toEqual([]);
    journal.tell(journal.submitted('l', { priority: 'low', ledMs: 2_600 }));
    expect(journal.said).toEqual(['l of priority low is taken in at 5 measures']);
    const actor = actorId('lab', 'Agent', 'k');
    journal.hears({ kind: 'actor-migrating', actor, epoch: 1, to: node, why: 'hot' } as never);
    expect(journal.said[1]).toContain('is moved for the load');
  });

  it.each<[PriorityName, number, number]>([
    ['low', 4, 1],
    ['low', 5, 0],
    ['normal', 5, 1],
    ['normal', 6, 0],
    ['high', 6, 1],
  ])('turns work of priority %s away at %i measures: %i breaches', (priority, count, breaches) => {
    givesAll(count);
    const id = taskId('t');
    const operation = { kind: 'task', at: 0, id, name: 'work', parts: [], priority } as const;
    const reason = failure('RESOURCE_EXHAUSTED', 'not taken in', { retryAfterMs: 1 });
    journal.answered({ operation, outcome: { ok: false, failure: reason }, refused: true });
    expect(journal.said).toHaveLength(breaches);
    const tenant = tenantName('lab');
    const full = failure('RESOURCE_EXHAUSTED', 'its queue is full', { tenant });
    journal.answered({ operation, outcome: { ok: false, failure: full }, refused: true });
    expect(journal.said).toHaveLength(breaches);
  });

  it('is nothing where the cell is not configured so', () => {
    journal = new Journal(givenUpInOrder);
    gives(1, 500);
    expect(journal.said).toEqual(['something is given up, and nothing may be']);
  });
});
