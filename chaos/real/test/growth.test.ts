/** What is said to grow, and what is not. */
import { describe, expect, it } from 'vitest';
import type { Line, Sample } from '../src/history/history.ts';
import { historyOf } from '../src/history/history.ts';
import { growthOf } from '../src/report/growth.ts';
import { summarize } from '../src/report/summary.ts';
import { begin } from './histories.ts';

const measured = (of: string, measure: Sample['measure'], values: readonly number[]): Sample[] =>
  values.map((value, index) => ({ kind: 'sample', at: (index + 1) * 1_000, of, measure, value }));
const rising = Array.from({ length: 40 }, (_, index) => index * 10);
const level = Array.from({ length: 40 }, (_, index) => 100 + (index % 3) * 20);
const warming = Array.from({ length: 40 }, (_, index) => (index < 10 ? index * 10 : 100));

it.each([
  ['what rises all the time has grown', rising, 'grown'],
  ['what goes up and down is level', level, 'level'],
  ['what rises at the beginning only is level', warming, 'level'],
  ['what rises and is measured no more is not level (G3)', [...rising.slice(0, 28)], 'unmeasured'],
  ['what is measured too seldom is not level (G3)', [1, 1, 1, 1, 1, 1, 1, 1, 1], 'unmeasured'],
])('%s', (_, values, found) => {
  const samples = measured('nats1', 'memory MB', values);
  expect(growthOf(samples, [], 40_000)[0]).toMatchObject({ of: 'nats1', found });
});

it('what rises by less than noise is level (G1)', () => {
  const few = rising.map((value) => value / 100);
  expect(growthOf(measured('n1', 'handles', few))[0]?.found).toBe('level');
});

it('what rises by less than a third is level (G1)', () => {
  const large = rising.map((value) => value + 1_000);
  expect(growthOf(measured('nats1', 'memory MB', large))[0]?.found).toBe('level');
});

it('what moves from one scheduler to another is level, what all of them hold more of has grown (G4)', () => {
  const falling = rising.toReversed();
  const found = (one: readonly number[], other: readonly number[]) => {
    const samples = [...measured('s1', 'memory MB', one), ...measured('s2', 'memory MB', other)];
    return growthOf(samples, [], 40_000).map(({ of, found }) => [of, found]);
  };
  const each = [
    ['s1', 'not judged'],
    ['s2', 'not judged'],
  ];
  expect(found(rising, falling)).toEqual([...each, ['schedulers', 'level']]);
  expect(found(rising, rising)).toEqual([...each, ['schedulers', 'grown']]);
});

const kinds = ['kill-node', 'split'];
const end: Line = { kind: 'end', at: 40_000 };

it('a soak in which something grew fails, and names it', () => {
  const lines = measured(
    'journal',
    'kilobytes',
    rising.map((value) => value * 1_000),
  );
  const soak = begin({ forMs: 3_600_000, kinds });
  expect(summarize(historyOf([soak, ...lines, end]))).toMatchObject({
    conclusion: 'failed',
    reasons: ['grew: journal: 130000 to 340000 kilobytes'],
  });
  const short = begin({ forMs: 30_000, kinds });
  expect(summarize(historyOf([short, ...lines, end])).conclusion).toBe('inconclusive');
});

it('a run of ten minutes that left a kind of fault out proves nothing, and names it', () => {
  const came = { kind: 'fault', round: 1, target: '', from: 0, until: 1 } as const;
  const faults: Line[] = [
    { ...came, fault: 'kill-node' },
    { ...came, fault: 'split', befallen: 0, skipped: 'it befell nothing' },
  ];
  const summary = summarize(historyOf([begin({ forMs: 600_000, kinds }), ...faults, end]));
  expect(summary).toMatchObject({ conclusion: 'inconclusive', unused: ['split'] });
  expect(summary.reasons).toContain('split never came');
  expect(summary.reasons).toContain('it ended after 40 s, and was to have faults for 600 s');
});

describe('a soak', () => {
  const all = [0, 1, 2].map((order): Line => {
    const came = { kind: 'fault', fault: 'kill-node', round: 1, order, target: 'n1' } as const;
    return { ...came, from: 0, until: 1, recoveredMs: 1 };
  });
  const due = [
    ...['n1', 's1', 'etcd1', 'nats1'].flatMap((of) => [
      [of, 'memory MB'] as const,
      [of, 'handles'] as const,
    ]),
    ...['journal', 'turn logs'].flatMap((of) => [
      [of, 'kilobytes'] as const,
      [of, 'messages'] as const,
    ]),
    ['etcd1', 'kilobytes'] as const,
  ];
  const whole = due.flatMap(([of, measure]) => measured(of, measure, level));
  const reasons = (faults: Line[], samples: readonly Sample[], given = {}) =>
    summarize(
      historyOf([begin({ forMs: 3_600_000, ...given }), ...faults, ...samples, end]),
    ).reasons.join('\n');

  it('is judged until its last operation, however long the final states take to be read', () => {
    const call = { kind: 'operation', workload: 'w', client: 'c', key: 'k', action: 'a' } as const;
    const last: Line = { ...call, id: 'w-c-1', from: 0, until: 40_000, outcome: 'ok' };
    const late: Line = { kind: 'end', at: 90_000 };
    const lines = [begin({ forMs: 3_600_000 }), ...all, ...whole];
    const told = (...more: Line[]) => summarize(historyOf([...lines, ...more])).reasons.join('\n');
    expect(told(late)).toContain('measured');
    expect(told(last, late)).not.toContain('measured');
  });

  it('passes only when every kind came three times', () => {
    expect(reasons(all.slice(1), whole)).toContain('kill-node came 2 times, not 3');
    expect(reasons(all, whole)).not.toMatch(/kill-node|measured/);
  });

  it.each(due)('passes only when %s has its %s measured to the end', (of, measure) => {
    const said = new RegExp(`^${of} was not measured well enough to tell .*: ${measure}$`, 'm');
    const isIt = (one: Sample) => one.of === of && one.measure === measure;
    const others = whole.filter((one) => !isIt(one));
    expect(reasons(all, others)).toMatch(said);
    // Until seven tenths of it, and rising.
    expect(reasons(all, [...others, ...measured(of, measure, rising.slice(0, 28))])).toMatch(said);
    // Often enough, but for a while in between.
    const gap = whole.filter((one) => !isIt(one) || one.at < 21_000 || one.at > 27_000);
    expect(reasons(all, gap)).toMatch(said);
  });

  it('proves nothing when it does not tell which servers there were', () => {
    const said = 'it is not told which servers were to be measured';
    expect(reasons(all, whole, { natsServers: undefined })).toContain(said);
    expect(reasons(all, whole, { nodes: 2 })).toContain('n2 was not measured well enough');
  });

  it('that is cut short is not called grown by its beginning', () => {
    const lines = measured('n1', 'memory MB', rising);
    const cut = summarize(historyOf([begin({ forMs: 3_600_000 }), ...lines]));
    expect(cut.conclusion).toBe('inconclusive');
  });
});
