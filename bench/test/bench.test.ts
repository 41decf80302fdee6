/** The benchmarks as they are run: a cluster of processes, and one line for each figure. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { spread } from '../src/figures.ts';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const run = promisify(execFile);

test('a figure is measured and told as one line of JSON', async () => {
  const only = 'no-op task, 1 in flight';
  const { stdout } = await run(process.execPath, [main, '--quick', '--json', '--only', only]);
  const lines = stdout.trim().split('\n');
  expect(lines).toHaveLength(1);
  const result = JSON.parse(lines[0] ?? '');
  expect(result).toMatchObject({ bench: only, latencyMs: { n: expect.any(Number) } });
  expect(result.latencyMs.n).toBeGreaterThan(10);
  expect(result.latencyMs.p50).toBeGreaterThan(0);
  expect(result.latencyMs.p99).toBeGreaterThanOrEqual(result.latencyMs.p50);
});

test('a percentile is the least sample that so many do not exceed', () => {
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
  expect(spread(hundred)).toEqual({ n: 100, p50: 50, p99: 99, max: 100 });
  expect(spread([3])).toEqual({ n: 1, p50: 3, p99: 3, max: 3 });
});

test('what is measured of actors is measured at the size that is asked for', async () => {
  const asked = ['actors', '--json', '--only', 'recovery', '--sizes', '20,30'];
  const { stdout } = await run(process.execPath, [main, ...asked]);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toMatchObject([
    { bench: 'recovery', actors: 20 },
    { bench: 'recovery', actors: 30 },
  ]);
});
