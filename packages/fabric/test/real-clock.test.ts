import { describe, expect, test } from 'vitest';
import { monotonicTime } from '../src/real-clock.ts';

/** The clocks of a machine that runs, sleeps, and has its wall clock set. */
function machine() {
  let [monotonic, wall, boot] = [500, 1_700_000_000_000, 90_000];
  const now = monotonicTime({
    monotonic: () => monotonic,
    wall: () => wall,
    sinceBoot: () => boot,
  });
  const runs = (ms: number) => {
    monotonic += ms;
    wall += ms;
    boot += ms;
  };
  const sleeps = (ms: number) => {
    wall += ms;
    boot += ms;
  };
  const setWall = (ms: number) => {
    wall += ms;
  };
  return { now, runs, sleeps, setWall };
}

describe('the time of a process', () => {
  test('counts the time in which its machine slept', () => {
    const { now, runs, sleeps } = machine();
    const before = now();
    runs(2_000);
    sleeps(3_600_000);
    runs(5);
    expect(now() - before).toBe(3_602_005);
    sleeps(60_000);
    expect(now() - before).toBe(3_662_005);
  });

  test.each([7_200_000, -7_200_000])('does not care that its wall clock was set by %i ms', (ms) => {
    const { now, runs, setWall } = machine();
    const before = now();
    runs(10);
    setWall(ms);
    runs(10);
    expect(now() - before).toBe(20);
  });

  test('goes on when the wall clock is set back during a sleep', () => {
    const { now, sleeps, setWall } = machine();
    const before = now();
    sleeps(600_000);
    setWall(-9_000_000);
    expect(now() - before).toBe(600_000);
    setWall(9_000_000);
    expect(now() - before).toBe(600_000);
  });
});
