import { describe, expect, test } from 'vitest';
import { cronFault, cronNext, dueAgain, limits, whenFault } from '../src/index.ts';

const iso = (text: string): number => Date.parse(text);
const next = (cron: string, zone: string, after: string): string | undefined => {
  const at = cronNext({ cron, zone }, iso(after));
  return at === undefined ? undefined : new Date(at).toISOString();
};

describe('a cron schedule', () => {
  test('comes by the wall clock of its time zone, in summer as in winter', () => {
    const nine = '0 9 * * MON-FRI';
    expect(next(nine, 'Europe/Berlin', '2026-01-09T09:00:00Z')).toBe('2026-01-12T08:00:00.000Z');
    expect(next(nine, 'Europe/Berlin', '2026-07-10T09:00:00Z')).toBe('2026-07-13T07:00:00.000Z');
    expect(next(nine, 'UTC', '2026-07-10T09:00:00Z')).toBe('2026-07-13T09:00:00.000Z');
  });

  test('whose time falls into the hour that is left out comes right after it (C2)', () => {
    const early = '30 2 * * *';
    const day = '2026-03-28T12:00:00Z';
    expect(next(early, 'Europe/Berlin', day)).toBe('2026-03-29T01:00:00.000Z');
    expect(next(early, 'Europe/Berlin', '2026-03-29T01:00:00Z')).toBe('2026-03-30T00:30:00.000Z');
  });

  test('whose time comes twice comes at the first of them only (C2)', () => {
    const early = '30 2 * * *';
    const day = '2026-10-24T12:00:00Z';
    expect(next(early, 'Europe/Berlin', day)).toBe('2026-10-25T00:30:00.000Z');
    expect(next(early, 'Europe/Berlin', '2026-10-25T00:30:00Z')).toBe('2026-10-26T01:30:00.000Z');
  });

  test('comes next after the time given, never at it (C1)', () => {
    expect(next('*/15 * * * *', 'UTC', '2026-10-24T12:15:00Z')).toBe('2026-10-24T12:30:00.000Z');
    expect(next('*/10 * * * * *', 'UTC', '2026-10-24T12:15:00.001Z')).toBe(
      '2026-10-24T12:15:10.000Z',
    );
  });

  test.each([
    ['* * * *', 'UTC', 'has not five fields'],
    ['2026-12-01T00:00:00', 'UTC', 'has not five fields'],
    ['? * * * *', 'UTC', 'has not five fields'],
    ['61 * * * *', 'UTC', 'cannot be read'],
    ['0 0 31 2 *', 'UTC', 'never comes'],
    ['0 9 * * *', 'Mars/Olympus', 'cannot be read'],
    [`0 9 * * ${'1,'.repeat(200)}1`, 'UTC', 'has not five fields'],
  ])('that says nothing is refused with the reason: %s in %s', (cron, zone, why) => {
    expect(cronFault(cron, zone, iso('2026-01-01T00:00:00Z'))).toContain(why);
  });
});

describe('a timer that comes again', () => {
  const every = { kind: 'every', firstMs: 5, ms: 1_000 } as const;

  test('keeps its grid, and comes once for all the times that were missed', () => {
    expect(dueAgain(every, 10_000, 10_003)).toBe(11_000);
    expect(dueAgain(every, 10_000, 9_990)).toBe(11_000);
    expect(dueAgain(every, 10_000, 13_500)).toBe(14_000);
  });

  test('by a schedule comes after both its last time and now', () => {
    const hourly = { kind: 'cron', cron: '0 * * * *', zone: 'UTC' } as const;
    const fell = iso('2026-01-01T10:00:00Z');
    const set = (now: string) => dueAgain(hourly, fell, iso(now));
    expect(set('2026-01-01T10:00:01Z')).toBe(iso('2026-01-01T11:00:00Z'));
    expect(set('2026-01-01T07:00:00Z')).toBe(iso('2026-01-01T11:00:00Z'));
    expect(set('2026-01-01T15:30:00Z')).toBe(iso('2026-01-01T16:00:00Z'));
  });

  test('that does not is over', () => {
    expect(dueAgain({ kind: 'after', ms: 5 }, 1, 2)).toBeUndefined();
    expect(dueAgain({ kind: 'at', wall: 5 }, 1, 2)).toBeUndefined();
  });
});

test('times that no timer can have are refused with what is allowed', () => {
  expect(whenFault({ kind: 'after', ms: 0 }, 0)).toBeUndefined();
  expect(whenFault({ kind: 'after', ms: -1 }, 0)).toContain('afterMs is -1');
  expect(whenFault({ kind: 'after', ms: limits.timerMsMax + 1 }, 0)).toContain('afterMs');
  expect(whenFault({ kind: 'every', firstMs: 0, ms: 50 }, 0)).toContain('everyMs is 50');
  expect(whenFault({ kind: 'at', wall: Number.NaN }, 0)).toContain('no time');
});
