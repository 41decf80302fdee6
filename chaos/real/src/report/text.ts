/** The report on a terminal, and as Markdown. */
import { growthRule } from './growth.ts';
import type { FaultSummary, Summary } from './summary.ts';

export function reportText(summary: Summary): string {
  const { begin, operations, found, faults, verdicts } = summary;
  const injected = faults.reduce((count, one) => count + one.count, 0);
  const where = begin === undefined ? 'no beginning' : `seed ${begin.seed}, ${begin.where}`;
  return [
    `${where}, ${Math.round(summary.tookMs / 1_000)} s`,
    ...paceText(summary),
    '',
    `${injected} faults; time until every one of the callers was served again, from the fault's beginning:`,
    ...table([
      ['fault', 'times', 'median', 'max', 'max alone'],
      ...faults.map(({ medianMs, maxMs, aloneMsMax, ...one }) => [
        one.fault,
        timesOf(one),
        seconds(medianMs),
        seconds(maxMs),
        seconds(aloneMsMax),
      ]),
    ]),
    '',
    ...table([
      ['operations', 'ok', 'failed', 'unknown'],
      ...Object.entries({ ...summary.workloads, all: operations }).map(([name, counted]) => [
        name,
        String(counted.ok),
        String(counted.failed),
        String(counted.unknown),
      ]),
    ]),
    '',
    ...Object.entries(summary.codes).map(([code, count]) => `  ${code}: ${count}`),
    '',
    ...table([
      ['promise', 'checked', 'broken'],
      ...verdicts.map(({ promise, checked, findings }) => [
        promise,
        String(checked),
        String(findings.length),
      ]),
    ]),
    '',
    `memory, handles and logs, medians of the second and the last quarter (${growthRule}):`,
    ...table([
      ['', 'measure', 'before', 'after', 'most', ''],
      ...summary.growth.map(({ of, measure, before, after, most, found }) => [
        of,
        measure,
        String(before ?? '-'),
        String(after ?? '-'),
        String(most ?? '-'),
        found === 'grown' ? 'GROWN' : found,
      ]),
    ]),
    '',
    ...(summary.unused.length === 0 ? [] : [`never came: ${summary.unused.join(', ')}`]),
    ...(begin?.leftOut ?? []).map((what) => `left out: ${what}`),
    '',
    `lost ${found.lost}, doubled ${found.doubled}, out of order ${found['out-of-order']}, wrong ${found.wrong}, alarms ${summary.alarms.length}`,
    ...summary.reasons.map((reason) => `  ${reason}`),
    summary.conclusion.toUpperCase(),
    '',
  ].join('\n');
}

/** How often it came, and how often that was not enough. */
export function timesOf({
  count,
  skipped,
  unrecovered,
}: Pick<FaultSummary, 'count' | 'skipped' | 'unrecovered'>): string {
  return [
    count,
    ...(skipped === 0 ? [] : [`(${skipped} skipped)`]),
    ...(unrecovered === 0 ? [] : [`(${unrecovered} without recovery)`]),
  ].join(' ');
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${(ms / 1_000).toFixed(2)} s`;
}

/** Columns under each other: the first to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .replace(/^/, '  ')
      .trimEnd(),
  );
}

/** Said where the load gave way. */
export function paceText({ pace }: Summary): readonly string[] {
  if (pace === undefined || pace === 1) return [];
  return [`the load kept to ${Math.round(pace * 100)} % of its pace, since the machine was busy`];
}
