import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Alarm, Alarms } from '../src/alarms.ts';

test('those that are not cancelled ring in the order of their times', () => {
  const times = fc.array(fc.tuple(fc.nat(50), fc.boolean(), fc.boolean()), { maxLength: 60 });
  fc.assert(
    fc.property(times, (given) => {
      const alarms = new Alarms();
      const rung: number[] = [];
      const kept: number[] = [];
      const set: Alarm[] = [];
      for (const [at, cancelled, twice] of given) {
        const alarm = alarms.set(at, () => rung.push(at));
        if (!cancelled) kept.push(at);
        else if (twice) alarms.cancel(alarm);
        if (cancelled) set.push(alarm);
      }
      for (const alarm of set) alarms.cancel(alarm);
      expect(alarms.size).toBe(kept.length);
      for (let due = alarms.due(50); due !== undefined; due = alarms.due(50)) due.ring();
      expect(rung).toEqual(kept.sort((left, right) => left - right));
    }),
  );
});
