/** What a history comes to, and that it is the same when it is read again from its file. */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { HistoryWriter, historyOf, type Line, readHistory } from '../src/history/history.ts';
import { reportHtml } from '../src/report/html.ts';
import { summarize } from '../src/report/summary.ts';
import { reportText } from '../src/report/text.ts';
import { begin } from './histories.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-chaos-'));
afterAll(() => rmSync(folder, { recursive: true }));

const call = (id: string, outcome: 'ok' | 'failed' | 'unknown', code?: string): Line => ({
  kind: 'operation',
  workload: 'counters',
  client: 'counters0',
  key: 'k',
  id,
  action: 'add',
  from: 0,
  until: 5,
  outcome,
  ...(outcome === 'ok' ? { output: 1 } : {}),
  ...(code === undefined ? {} : { code }),
});
const ledger = (ids: string[]): Line => ({
  kind: 'final',
  workload: 'counters',
  key: 'k',
  value: ids,
});
const came = {
  kind: 'fault',
  fault: 'kill-node',
  round: 1,
  target: 'n1',
  from: 0,
  until: 10,
} as const;
const measured = { kind: 'sample', at: 5, of: 'n1', measure: 'handles', value: 7 } as const;
const end: Line = { kind: 'end', at: 1_000 };
const conclude = (...lines: Line[]) => summarize(historyOf([begin(), ...lines]));

it('a broken promise is a failure, with the promise named', () => {
  const summary = conclude(call('a', 'ok'), ledger([]), end);
  expect(summary).toMatchObject({ conclusion: 'failed', found: { lost: 1, doubled: 0 } });
  expect(reportText(summary)).toContain(
    'lost: a call takes effect once: k: add a (ok) has no effect',
  );
  expect(reportHtml(summary)).toContain(
    '<li>lost: a call takes effect once: k: add a (ok) has no effect</li>',
  );
});

it('a promise that could not be decided is not passed over', () => {
  const spent: Line = { ...call('t', 'ok'), workload: 'shares' } as Line;
  const { reasons } = conclude(call('a', 'ok'), ledger(['a']), spent, end);
  expect(reasons).toContain('1 key undecided: tenants are served by their weights');
});

it('what was answered counts at the moment at which it was', () => {
  const late: Line = { ...call('b', 'unknown', 'OUTCOME_UNKNOWN'), from: 100, until: 900 } as Line;
  const { timeline } = conclude(call('a', 'ok'), late, ledger(['a']), end);
  const empty = { ok: 0, failed: 0, unknown: 0 };
  expect(timeline).toEqual([
    { ...empty, ok: 1, at: 0, lengthMs: 500, medianMs: 5, maxMs: 5 },
    { ...empty, unknown: 1, at: 500, lengthMs: 500, medianMs: 800, maxMs: 800 },
  ]);
});

it('calls whose numbers are all there, in any order, are whole', () => {
  const ids = [3, 1, 2].map((number) => `counters-counters0-${number}`);
  const calls = [...ids, 'counters-counters0-2-again'].map((id) =>
    call(id, 'unknown', 'TIME_LIMIT'),
  );
  expect(historyOf([begin(), ...calls, ledger([]), end]).flaws).toEqual([]);
});

it('an axis tells halves as halves', () => {
  const html = reportHtml(conclude(end));
  for (const mark of ['0', '0.5', '1']) expect(html).toContain(`text-anchor="end">${mark}</text>`);
});

it('an alarm is a failure', () => {
  const alarm: Line = { kind: 'alarm', at: 7, what: 'n1 ended with code 1' };
  expect(conclude(call('a', 'ok'), ledger(['a']), alarm, end).conclusion).toBe('failed');
});

it('under half of the operations ok proves nothing', () => {
  const refused = [call('b', 'failed', 'UNAVAILABLE'), call('c', 'failed', 'UNAVAILABLE')];
  const summary = conclude(call('a', 'ok'), ...refused, ledger(['a']), end);
  expect(summary.conclusion).toBe('inconclusive');
  expect(summary.reasons[0]).toBe('1 of 3 operations are ok, which is under half');
});

it('a history that was cut short proves nothing', () => {
  const summary = conclude(call('a', 'ok'), ledger(['a']));
  expect(summary).toMatchObject({ conclusion: 'inconclusive' });
  expect(summary.reasons).toContain('the history was cut short');
});

it('a history that was cut short does not fail for what was to come later in it', () => {
  expect(conclude(call('a', 'ok')).conclusion).toBe('inconclusive');
  const alarm: Line = { kind: 'alarm', at: 7, what: 'n1 ended with code 1' };
  expect(conclude(call('a', 'ok'), alarm).conclusion).toBe('failed');
});

it.each<[string, Line[], string]>([
  ['has no beginning', [call('a', 'ok'), ledger(['a']), end], 'has not one beginning'],
  ['begins twice', [begin(), begin(), ledger(['a']), end], 'has not one beginning'],
  ['begins with its end', [end, begin(), call('a', 'ok')], 'goes on after its end'],
  ['goes on after its end', [begin(), end, call('a', 'ok')], 'goes on after its end'],
  ['ends twice', [begin(), end, end], 'goes on after its end'],
  [
    'tells a call twice',
    [begin(), call('a', 'ok'), call('a', 'ok'), end],
    'operation a is told twice',
  ],
  [
    'leaves out a call before its last one',
    [
      begin(),
      call('counters-counters0-1', 'ok'),
      call('counters-counters0-4', 'ok'),
      call('counters-counters0-4-again', 'ok'),
      end,
    ],
    '2 operations of counters are missing, such as number 2',
  ],
  [
    'tells a final state twice',
    [begin(), ledger([]), ledger(['a']), end],
    'counters k is told twice',
  ],
  [
    'tells a fault twice',
    [begin(), { ...came, order: 0 }, { ...came, order: 0, target: 'n2' }, end],
    'fault 0 of round 1 is told twice',
  ],
  [
    'is old and tells a fault twice',
    [begin(), came, { ...came, fault: 'split' }, came, end],
    'the fault kill-node of round 1 to "n1" at 0 is told twice, as are 0 others',
  ],
  [
    'tells a measure twice',
    [begin(), measured, { ...measured, value: 8 }, end],
    'the handles of n1 at 5 is told twice',
  ],
])('a history that %s proves nothing', (_, lines, said) => {
  const { conclusion, reasons } = summarize(historyOf(lines));
  expect(conclusion).toBe('inconclusive');
  expect(reasons.join()).toContain(said);
});

it('a history with calls after the time of its end, or backwards, proves nothing', () => {
  const late = conclude(call('a', 'ok'), ledger(['a']), { kind: 'end', at: 2 });
  expect(late.reasons).toContain('1 lines are of a time after the end');
  const back: Line = { ...call('a', 'ok'), from: 9 } as Line;
  expect(conclude(back, ledger(['a']), end).reasons).toContain('1 lines end before they begin');
});

it('calls of a workload that nothing is promised of prove nothing', () => {
  const other: Line = { ...call('z', 'ok'), workload: 'counter' } as Line;
  const { reasons } = conclude(call('a', 'ok'), ledger(['a']), other, end);
  expect(reasons).toContain('nothing is promised of the workload counter');
});

it('a final state where nobody put anything is found out', () => {
  const ghost: Line = { ...ledger(['x', 'x']), key: 'ghost' } as Line;
  const { conclusion, reasons } = conclude(call('a', 'ok'), ledger(['a']), ghost, end);
  expect(conclusion).toBe('failed');
  expect(reasons.join()).toContain('ghost: it has a final state, and no operation went to it');
});

it('an operation that was not written down whole leaves its promise unchecked', () => {
  const pay: Line = { ...call('p', 'ok'), workload: 'bank', action: 'pay', output: true } as Line;
  const account: Line = {
    ...ledger([]),
    workload: 'bank',
    key: 'k/a0',
    value: { balance: 100, entries: [] },
  } as Line;
  const { conclusion, reasons } = conclude(call('a', 'ok'), ledger(['a']), pay, account, end);
  expect(conclusion).toBe('inconclusive');
  expect(reasons.join()).toContain('not checked: a transfer keeps the total: what pay p (ok) was');
});

it.each(['bank', 'lists', 'registers', 'tasks', 'runs', 'voyages', 'placings'])(
  'an operation of %s without what it was asked with hides no other broken promise',
  (workload) => {
    const actions = { lists: 'append', registers: 'write', runs: 'run', placings: 'gang' };
    const action = Object.entries(actions).find(([name]) => name === workload)?.[1] ?? 'any';
    const one: Line = { ...call('x', 'ok'), workload, action, output: true } as Line;
    const final: Line = {
      ...ledger([]),
      workload,
      value: workload === 'registers' ? 0 : [],
    } as Line;
    const account: Line = { ...final, key: 'k/a0', value: { balance: 100, entries: [] } } as Line;
    const { conclusion, reasons, verdicts } = conclude(
      call('a', 'ok'),
      ledger([]),
      one,
      workload === 'bank' ? account : final,
      end,
    );
    expect(verdicts.map(({ unreadable }) => unreadable).join()).toContain('x (ok) was asked with');
    expect(conclusion).toBe('failed');
    expect(reasons.join()).toContain('a (ok) has no effect');
  },
);

it('recovery is told for each kind of fault, by median and maximum', () => {
  const fault = (recoveredMs: number, round: number): Line => ({
    kind: 'fault',
    fault: 'kill-node',
    round,
    target: '<n1>',
    from: 0,
    until: 10,
    recoveredMs,
  });
  const summary = conclude(fault(100, 1), fault(900, 1), fault(300, 2), end);
  const times = { medianMs: 300, maxMs: 900, aloneMsMax: 300 };
  const counted = { count: 3, skipped: 0, unrecovered: 0 };
  expect(summary.faults).toEqual([{ fault: 'kill-node', ...counted, ...times }]);
  const page = reportHtml(summary);
  expect(page).toContain('kill-node &lt;n1>');
  expect(page).not.toContain('<n1>');
});

it('a run whose faults befell nobody proves nothing', () => {
  const said = 'no fault befell anybody';
  const skipped: Line = { ...came, skipped: 'there was nobody to do it to' };
  expect(conclude(call('a', 'ok'), ledger(['a']), skipped, end).reasons).toContain(said);
  const nothing: Line = { ...came, recoveredMs: 5, befallen: 0 };
  expect(conclude(call('a', 'ok'), ledger(['a']), nothing, end).reasons).toContain(said);
  const befell: Line = { ...came, recoveredMs: 5 };
  expect(conclude(call('a', 'ok'), ledger(['a']), befell, end).reasons).not.toContain(said);
});

it('a fault after which not everybody was served is told, and proves nothing', () => {
  const summary = conclude(call('a', 'ok'), ledger(['a']), came, end);
  expect(summary.reasons).toContain('after kill-node of round 1 not everybody was served');
  expect(reportText(summary)).toContain('1 (1 without recovery)');
  const page = reportHtml(summary);
  expect(page).toContain('<td>1 (1 without recovery)</td>');
  expect(page).toContain('kill-node n1: 0 s, not everybody was served again in time');
});

it('a workload of which under half is ok proves nothing of its promise', () => {
  const many = Array.from({ length: 9 }, (_, index): Line => {
    return { ...call(`a${index}`, 'ok'), output: index + 1 } as Line;
  });
  const spent: Line = { ...call('t', 'unknown', 'OUTCOME_UNKNOWN'), workload: 'shares' } as Line;
  const ids = many.map((_, index) => `a${index}`);
  const { reasons } = conclude(...many, spent, ledger(ids), end);
  expect(reasons).toContain('0 of 1 operations of shares are ok, which is under half');
  expect(reasons.join()).not.toContain('of counters are ok');
});

it('says how many broken promises it does not name', () => {
  const lost = Array.from({ length: 23 }, (_, index) => call(`a${index}`, 'ok'));
  expect(conclude(...lost, ledger([]), end).reasons).toContain('and 3 more, in the report as JSON');
});

it('a history is the same when it is read from its file', () => {
  const file = join(folder, 'history.jsonl');
  const writer = new HistoryWriter(file);
  for (const line of [
    begin(),
    call('a', 'ok'),
    call('b', 'unknown', 'OUTCOME_UNKNOWN'),
    ledger(['a']),
  ]) {
    writer.write(line);
  }
  const history = writer.close();
  expect(readHistory(file)).toEqual(history);
});

it('a history of hours is read, although it is larger than a string can be', () => {
  const file = join(folder, 'hours.jsonl');
  const handle = openSync(file, 'w');
  const [first, ...rest] = JSON.stringify(call('a', 'ok', 'ä€'));
  const padding = Buffer.alloc(60_000_001, ' ');
  writeSync(handle, `${JSON.stringify(begin())}\n`);
  for (let count = 0; count < 9; count += 1) {
    writeSync(handle, `${first}`);
    writeSync(handle, padding);
    writeSync(handle, `${rest.join('')}\n`);
  }
  writeSync(handle, JSON.stringify(end));
  closeSync(handle);
  const { operations, flaws } = readHistory(file);
  rmSync(file);
  expect(operations).toEqual(Array.from({ length: 9 }, () => call('a', 'ok', 'ä€')));
  expect(flaws).toEqual(['operation a is told twice, as are 0 others']);
}, 60_000);

it('a line that is none is named by its number', () => {
  const file = join(folder, 'broken.jsonl');
  writeFileSync(file, `${JSON.stringify(end)}\n{"kind":"operation"}\n`);
  expect(() => readHistory(file)).toThrow('line 2 is no line of a history');
});

it('a history whose last line was cut in its middle is one that was cut short', () => {
  const file = join(folder, 'cut.jsonl');
  const lines = [begin(), call('a', 'ok'), ledger(['a'])].map((line) => JSON.stringify(line));
  writeFileSync(file, lines.join('\n').slice(0, -5));
  const { operations, finals, flaws } = readHistory(file);
  expect([operations.length, finals.length]).toEqual([1, 0]);
  expect(flaws).toEqual(['the history was cut short']);
});

it('a load that gave way is told, and a soak under which it did so more and more proves nothing', () => {
  const hour = 3_600_000;
  const pace = (at: number, share: number): Line => ({ kind: 'pace', at: at * hour, share });
  const last: Line = { kind: 'end', at: hour };
  const uneven = 'the load of the last quarter was under half of that of the second';
  const soak = (...shares: number[]) =>
    summarize(
      historyOf([
        { ...begin(), forMs: hour } as Line,
        call('a', 'ok'),
        ...shares.map((share, quarter) => pace((quarter + 0.5) / 4, share)),
        ledger(['a']),
        last,
      ]),
    );
  const falling = soak(1, 0.8, 0.4, 0.3);
  expect(falling.reasons).toContain(uneven);
  expect(reportText(falling)).toContain('the load kept to 40 % of its pace');
  expect(reportHtml(falling)).toContain('the load kept to 40 % of its pace');
  expect(soak(1, 0.8, 0.4, 0.4).reasons).not.toContain(uneven);
  expect(reportText(soak(1, 1, 1, 1))).not.toContain('of its pace');
});
