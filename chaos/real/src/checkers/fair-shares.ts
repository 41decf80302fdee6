/**
 * While nothing is wrong, tenants that always want more are served by their weights. Faults free
 * and fill nodes unevenly, so only calm spans count: from when everybody was served again after one
 * fault until the beginning of the next.
 */
import type { FaultLine, History } from '../history/history.ts';
import { weights } from '../workloads/shares.ts';
import type { Finding, Verdict } from './verdict.ts';

/** A share may be off by so much: of few tasks a few are chance. */
const offMax = 0.12;
const servedMin = 40;
/** After a fault the tasks that were under way then are still being made up for. */
const settleMs = 500;

interface Span {
  readonly from: number;
  readonly until: number;
}

export function fairShares(promise: string, history: History): Verdict {
  const calm = calmSpans(history);
  const served = history.operations.filter(
    ({ workload, outcome, until }) =>
      workload === 'shares' &&
      outcome === 'ok' &&
      calm.some((span) => until >= span.from && until <= span.until),
  );
  const findings: Finding[] = [];
  const all = served.length;
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  for (const [tenant, weight] of Object.entries(weights)) {
    const own = served.filter(({ key }) => key === tenant).length;
    const [share, due] = [own / Math.max(1, all), weight / total];
    if (all < servedMin || Math.abs(share - due) <= offMax) continue;
    const what = `${tenant} had ${percent(share)} of ${all} tasks served in calm, not ${percent(due)}`;
    findings.push({ kind: 'wrong', promise, key: tenant, what, operations: [] });
  }
  // Too few say nothing: a short run may have no calm.
  return { promise, checked: all, undecided: all < servedMin ? 1 : 0, findings };
}

function calmSpans({ faults, endedAt, operations }: History): readonly Span[] {
  const begun = operations.reduce((first, { until }) => Math.min(first, until), Infinity);
  const end = operations.reduce((last, { from }) => Math.max(last, from), endedAt ?? 0);
  const spans: Span[] = [];
  let from = begun + settleMs;
  for (const fault of faults.toSorted((left, right) => left.from - right.from)) {
    if (fault.from > from) spans.push({ from, until: fault.from });
    from = Math.max(from, overAt(fault) + settleMs);
  }
  if (end > from) spans.push({ from, until: end });
  return spans;
}

function overAt({ from, until, recoveredMs = 0 }: FaultLine): number {
  return Math.max(until, from + recoveredMs);
}

const percent = (share: number) => `${Math.round(share * 100)} %`;
