import { limits } from '@troupe/model';
import { expect, test } from 'vitest';
import type { Clock } from '../src/ports.ts';
import { ReconnectPace } from '../src/reconnect-pace.ts';

function paced(): { pace: ReconnectPace; pass(ms: number): void } {
  let now = 1_000;
  const pace = new ReconnectPace({ now: () => now } as Clock);
  return { pace, pass: (ms) => (now += ms) };
}

test('a link that is lost again and again is tried again within a fraction of a probe', () => {
  const { pace, pass } = paced();
  for (let loss = 0; loss < 100; loss++) {
    for (let attempt = 0; attempt < 3; attempt++) {
      const waitMs = pace.waitMs();
      expect(waitMs).toBeLessThan(limits.probeMs / 4);
      pass(waitMs);
    }
    pace.connected();
    pass(30);
  }
});

test('an outage that lasts is waited for more slowly, and by each for another time', () => {
  const { pace, pass } = paced();
  pace.waitMs();
  pass(500);
  const waits = Array.from({ length: 50 }, () => pace.waitMs());
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(250);
  expect(new Set(waits).size).toBeGreaterThan(10);
});
