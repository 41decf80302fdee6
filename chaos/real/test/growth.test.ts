/** What is said to grow, and what is not. */
import { expect, it } from 'vitest';
import type { Line, Sample } from '../src/history/history.ts';
import { historyOf } from '../src/history/history.ts';
import { growthOf } from '../src/report/growth.ts';
import { summarize } from '../src/report/summary.ts';

const measured = (of: string, measure: Sample['measure'], values: readonly number[]): Sample[] =>
  values.map((value, index) => ({ kind: 'sample', at: (index + 1) * 1_000, of, measure, value }));
const rising = Array.from({ length: 40 }, (_, index) => index * 10);
const level = Array.from({ length: 40 }, (_, index) => 100 + (index % 3) * 20);
const warming = Array.from({ length: 40 }, (_, index) => (index < 10 ? index * 10 : 100));

it.each([
  ['what rises all the time has grown', rising, false],
  ['what goes up and down is level', level, true],
  ['what rises at the beginning only is level', warming, true],
])('%s', (_, values, is) => {
  expect(growthOf(measured('n1', 'memory MB', values))[0]).toMatchObject({ of: 'n1', level: is });
});

it('what rises by less than noise is level (G1)', () => {
  const few = rising.map((value) => value / 100);
  expect(growthOf(measured('n1', 'handles', few))[0]?.level).toBe(true);
});

it('a soak in which something grew fails, and names it', () => {
  const begin = (forMs: number): Line => ({
    kind: 'begin',
    seed: '1',
    at: '',
    forMs,
    nodes: 1,
    schedulers: 1,
    where: 'nowhere',
    kinds: ['kill-node', 'split'],
    leftOut: [],
  });
  const lines = measured(
    'journal',
    'kilobytes',
    rising.map((value) => value * 1_000),
  );
  expect(summarize(historyOf([begin(3_600_000), ...lines]))).toMatchObject({
    conclusion: 'failed',
    reasons: ['grew: journal: 130000 to 340000 kilobytes'],
  });
  expect(summarize(historyOf([begin(60_000), ...lines])).conclusion).toBe('inconclusive');
});

it('a run of ten minutes that left a kind of fault out proves nothing, and names it', () => {
  const begin: Line = {
    kind: 'begin',
    seed: '1',
    at: '',
    forMs: 600_000,
    nodes: 1,
    schedulers: 1,
    where: 'nowhere',
    kinds: ['kill-node', 'split'],
    leftOut: [],
  };
  const came = { kind: 'fault', round: 1, target: '', from: 0, until: 1 } as const;
  const faults: Line[] = [
    { ...came, fault: 'kill-node' },
    { ...came, fault: 'split', befallen: 0, skipped: 'it befell nothing' },
  ];
  const summary = summarize(historyOf([begin, ...faults, { kind: 'end', at: 1 }]));
  expect(summary).toMatchObject({ conclusion: 'inconclusive', unused: ['split'] });
  expect(summary.reasons).toContain('split never came');
});

it('a soak passes only when every kind came three times, and all was measured to the end', () => {
  const begin: Line = {
    kind: 'begin',
    seed: '1',
    at: '',
    forMs: 3_600_000,
    nodes: 1,
    schedulers: 1,
    where: 'nowhere',
    kinds: ['kill-node'],
    leftOut: [],
  };
  const came: Line = {
    kind: 'fault',
    fault: 'kill-node',
    round: 1,
    target: 'n1',
    from: 0,
    until: 1,
    recoveredMs: 1,
  };
  const of = (count: number) => [
    ...measured('n1', 'memory MB', level.slice(0, count)),
    ...measured('n1', 'handles', level.slice(0, count)),
    ...measured('journal', 'kilobytes', level.slice(0, count)),
    ...measured('turn logs', 'kilobytes', level.slice(0, count)),
  ];
  const reasons = (faults: Line[], samples: Line[]) =>
    summarize(historyOf([begin, ...faults, ...samples, { kind: 'end', at: 41_000 }])).reasons;
  expect(reasons([came, came], of(40))).toContain('kill-node came 2 times, not 3');
  const whole = reasons([came, came, came], of(40)).join();
  expect(whole).not.toMatch(/kill-node|measured/);
  const stopped = reasons([came, came, came], of(20));
  expect(stopped).toContain('journal was not measured well enough to tell whether it grew');
});
