import { tenantName } from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { lastGivesWay } from '../src/checkers/last-gives-way.ts';
import { Journal, node } from './journal.ts';

describe('of two tenants whose empty places keep each other waiting', () => {
  let journal: Journal;
  const held = (name: string): number => {
    const reserved = { tenant: tenantName(name), reservation: 'desks' };
    const shape = { resources: { cpu: 1 } };
    journal.tell({ kind: 'reservation-put', ...reserved, shape, count: 1 });
    journal.tell({ kind: 'place-held', ...reserved, node });
    return journal.position;
  };
  const letGo = (place: number, why?: string): SchedulerFact => {
    return why === undefined
      ? { kind: 'place-let-go', place }
      : { kind: 'place-let-go', place, why };
  };
  let east: number;
  let west: number;

  beforeEach(() => {
    journal = new Journal(lastGivesWay);
    [east, west] = [held('east'), held('west')];
    journal.tell(journal.submitted('e', { tenant: 'east', ledMs: 10 }));
    journal.tell(journal.submitted('w', { tenant: 'west', ledMs: 20 }));
  });

  it('the one that came last gives way, and the other starts at once', () => {
    journal.tell(letGo(west, 'a circle'), journal.started('e'));
    journal.opens();
    expect(journal.said).toEqual([]);
  });

  it('the one that came first does not', () => {
    journal.tell(letGo(east, 'a circle'), journal.started('w'));
    journal.opens();
    expect(journal.said).toEqual(['east gives way, and nobody starts who came before']);
  });

  it('none gives way in vain', () => {
    journal.tell(letGo(west, 'a circle'));
    journal.tell(journal.started('e'));
    expect(journal.said).toEqual(['west gives way, and nobody starts who came before']);
  });

  it('none lets go of a place in which something runs', () => {
    journal.tell(journal.submitted('w2', { tenant: 'west', ledMs: 30 }));
    journal.tell(journal.started('w2', west));
    journal.tell(letGo(west, 'a circle'), journal.started('e'));
    expect(journal.said[0]).toContain('is not empty: a circle');
  });

  it('none gives way that waits for nothing', () => {
    journal.tell(journal.started('w'));
    journal.tell(letGo(west, 'a circle'), journal.started('e'));
    expect(journal.said[0]).toBe('west, for which nothing waits, gives way: a circle');
  });

  it('and nobody lets go of a place for nothing, but on a node that takes nothing new', () => {
    journal.tell(letGo(east));
    journal.opens();
    const said = [`place ${east} on ${node} is let go, and the node takes new work`];
    expect(journal.said).toEqual(said);
    journal.tell({ kind: 'node-cordoned', incarnation: node, cordoned: true });
    journal.tell(letGo(west));
    journal.opens();
    expect(journal.said).toEqual(said);
  });

  it('or when less is reserved than before', () => {
    const less = {
      kind: 'reservation-put',
      tenant: tenantName('east'),
      reservation: 'desks',
      shape: { resources: { cpu: 1 } },
      count: 0,
    } as const;
    journal.tell(letGo(east), less);
    journal.opens();
    expect(journal.said).toEqual([]);
    journal.tell(letGo(west), less);
    journal.opens();
    expect(journal.said).toEqual([
      `place ${west} on ${node} is let go, and the node takes new work`,
    ]);
  });
});
