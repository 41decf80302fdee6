/** What many runs come to, and what a batch must not leave out. */
import { expect, it } from 'vitest';
import { type Report, Summary } from '../src/index.ts';
import { faultKinds } from '../src/plan/faults.ts';
import { interestingStates } from '../src/world/coverage.ts';

const all: Report = {
  seed: 1,
  failed: undefined,
  events: 2_000,
  virtualMs: 60_000,
  nodes: 100,
  faults: faultKinds.map((kind) => [kind, 1]),
  coverage: interestingStates.map((state) => [state, 1]),
};

function summaryOf(seeds: number, ...first: Report[]): Summary {
  const summary = new Summary();
  const rest = Array.from({ length: seeds - first.length }, () => {
    return { ...all, faults: [], coverage: [] };
  });
  for (const report of [...first, ...rest]) summary.add(report);
  return summary;
}

it('a large batch must reach every interesting state and have every kind of fault, once', () => {
  expect(summaryOf(10_000, all).missed).toEqual([]);
  const less = { ...all, faults: all.faults.slice(1), coverage: all.coverage.slice(1) };
  expect(summaryOf(10_000, less).missed).toEqual(['takeover', 'the fault crash']);
});

it('a small batch misses nothing, but says what it did not reach', () => {
  expect(summaryOf(9_999).missed).toEqual([]);
  expect(summaryOf(2, all).absent).toEqual([]);
  expect(summaryOf(2).absent).toEqual(expect.arrayContaining(['takeover', 'the fault crash']));
});

it('says how much cluster time and how many faults of each kind it was', () => {
  const text = summaryOf(3, all).lines().join('\n');
  expect(text).toContain('3 seeds; by nodes: 500 nodes and more 0, 100 to 499 3,');
  expect(text).toContain('6,000 events, median 2,000 a seed');
  expect(text).toContain('3.0 minutes of cluster time');
  expect(text).toContain(`${faultKinds.length} faults, median 0 a seed: crash 1, stand-still 1, `);
});
