/** What the meter tells of turns in this very process. */
import { describe, expect, test } from 'vitest';
import { TurnMeter } from '../src/turn-meter.ts';

/** So long by both: other threads of the process use cpu time too. */
function burn(ms: number): void {
  const from = process.cpuUsage();
  const at = performance.now();
  for (;;) {
    const { user, system } = process.cpuUsage(from);
    if (user + system >= ms * 1_000 && performance.now() - at >= ms) return;
  }
}

describe('the cpu time of a turn', () => {
  test('that ends at once is what it took', () => {
    const turn = new TurnMeter().begin();
    burn(20);
    expect(turn.end()).toBeGreaterThanOrEqual(20);
  });

  test('that goes on is what this process used from its beginning to its end', async () => {
    const turn = new TurnMeter().begin();
    burn(10);
    turn.goesOn(true);
    await new Promise((resolve) => setImmediate(resolve));
    burn(10);
    expect(turn.end()).toBeGreaterThanOrEqual(20);
  });

  test('is not told when something else was under way, or began, while it went on', () => {
    const meter = new TurnMeter();
    const beside = meter.begin();
    beside.goesOn(false);
    expect(beside.end()).toBeUndefined();
    const disturbed = meter.begin();
    disturbed.goesOn(true);
    const other = meter.begin();
    expect(disturbed.end()).toBeUndefined();
    expect(other.end()).toBeDefined();
    const quiet = meter.begin();
    quiet.goesOn(true);
    meter.disturb();
    expect(quiet.end()).toBeUndefined();
  });
});
