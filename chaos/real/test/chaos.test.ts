/** A short run of the suite itself: real processes, a fixed seed, faults of a few kinds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runChaos } from '../src/chaos.ts';
import { readHistory } from '../src/history/history.ts';
import { summarize } from '../src/report/summary.ts';
import { reportText } from '../src/report/text.ts';

const dir = mkdtempSync(join(tmpdir(), 'troupe-chaos-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('a cluster keeps every promise while nodes, leaders, servers and runners die', async () => {
  const said: string[] = [];
  const history = await runChaos({
    seed: 'vitest',
    forMs: 12_000,
    nodes: 3,
    schedulers: 2,
    kinds: ['kill-node', 'kill-leader', 'kill-nats', 'crash-runner', 'kill-machine', 'split'],
    dir,
    pace: 0.5,
    say: (line) => said.push(line),
  });
  const summary = summarize(history);
  const report = `${said.join('\n')}\n${reportText(summary)}`;
  expect(summary.conclusion, report).toBe('passed');
  expect(summary.faultLines.length).toBeGreaterThan(1);
  expect(summary.operations.ok).toBeGreaterThan(500);
  // What is on disk proves the same as what was in memory.
  const again = summarize(readHistory(join(dir, 'history.jsonl')));
  expect(again).toEqual(summary);
}, 240_000);
