/** What a history comes to: counted, checked, and judged. */
import { checkHistory, strangeWorkloads } from '../checkers/check.ts';
import type { Finding, FindingKind, Verdict } from '../checkers/verdict.ts';
import { befellSomebody, owedKinds, soakMs, timesDue } from '../faults/due.ts';
import type { FaultLine, History, Outcome } from '../history/history.ts';
import { type Growth, growthOf, toMeasure } from './growth.ts';
import { type Bucket, timeline } from './timeline.ts';

export type Conclusion = 'passed' | 'failed' | 'inconclusive';

export interface FaultSummary {
  readonly fault: string;
  readonly count: number;
  readonly skipped: number;
  /** After which it was not seen in time that everybody is served again. */
  readonly unrecovered: number;
  readonly medianMs: number | undefined;
  readonly maxMs: number | undefined;
  /** The longest where it was the only fault of its round. */
  readonly aloneMsMax: number | undefined;
}

export interface Counted {
  readonly ok: number;
  readonly failed: number;
  readonly unknown: number;
}

export interface Summary {
  readonly conclusion: Conclusion;
  /** Why it is not passed. */
  readonly reasons: readonly string[];
  readonly begin: History['begin'];
  readonly tookMs: number;
  readonly faults: readonly FaultSummary[];
  readonly operations: Counted;
  readonly workloads: { readonly [workload: string]: Counted };
  readonly codes: { readonly [code: string]: number };
  readonly found: { readonly [K in FindingKind]: number };
  readonly verdicts: readonly Verdict[];
  readonly alarms: readonly string[];
  readonly growth: readonly Growth[];
  /** The share of the load that was kept in the median; undefined in older histories. */
  readonly pace: number | undefined;
  /** Kinds of faults that could come and never did. */
  readonly unused: readonly string[];
  readonly timeline: readonly Bucket[];
  readonly faultLines: readonly FaultLine[];
}

const reasonsMax = 20;

export function summarize(history: History): Summary {
  const verdicts = checkHistory(history);
  const findings = verdicts.flatMap((verdict) => verdict.findings);
  const { begin, samples, endedAt } = history;
  const due = begin === undefined ? undefined : toMeasure(begin);
  const growth = growthOf(samples, due, workedUntil(history));
  const operations = counted(history.operations);
  const workloads: { [workload: string]: Counted } = {};
  for (const [workload, own] of grouped(history.operations, (one) => one.workload)) {
    workloads[workload] = counted(own);
  }
  const codes: { [code: string]: number } = {};
  for (const { code } of history.operations) {
    if (code !== undefined) codes[code] = (codes[code] ?? 0) + 1;
  }
  return {
    ...judge(history, { operations, findings, verdicts, growth }),
    begin,
    tookMs: endedAt ?? history.operations.at(-1)?.until ?? 0,
    faults: faultSummaries(history.faults),
    operations,
    workloads,
    codes,
    found: {
      lost: countOf(findings, 'lost'),
      doubled: countOf(findings, 'doubled'),
      'out-of-order': countOf(findings, 'out-of-order'),
      wrong: countOf(findings, 'wrong'),
    },
    verdicts,
    alarms: history.alarms.map(({ what }) => what),
    growth,
    pace: median(history.paces.map(({ share }) => share)),
    unused: kindsBelow(1, history).map(({ kind }) => kind),
    timeline: timeline(history.operations),
    faultLines: history.faults,
  };
}

/** Nothing is sampled while the final states are read, which brings every actor into memory. */
function workedUntil({ operations, endedAt }: History): number | undefined {
  const last = operations.reduce((latest, { until }) => Math.max(latest, until), 0);
  return last === 0 ? endedAt : last;
}

/** Something wrong is a failure; too little that is right proves nothing. */
function judge(
  history: History,
  seen: Pick<Summary, 'operations' | 'verdicts' | 'growth'> & {
    readonly findings: readonly Finding[];
  },
): Pick<Summary, 'conclusion' | 'reasons'> {
  const { operations, findings, verdicts, growth } = seen;
  const more = findings.length - reasonsMax;
  const wrong = [
    ...findings
      .slice(0, reasonsMax)
      .map(({ kind, promise, key, what }) => `${kind}: ${promise}: ${key}: ${what}`),
    ...(more > 0 ? [`and ${more} more, in the report as JSON`] : []),
    ...history.alarms.map(({ what }) => `alarm: ${what}`),
    ...grown(history, growth),
  ];
  if (wrong.length > 0) return { conclusion: 'failed', reasons: wrong };
  const weak = [
    ...history.flaws,
    ...strangeWorkloads(history).map((name) => `nothing is promised of the workload ${name}`),
    ...endedEarly(history),
    ...tooFewOk('operations', operations),
    ...[...grouped(history.operations, ({ workload }) => workload)].flatMap(([workload, own]) =>
      tooFewOk(`operations of ${workload}`, counted(own)),
    ),
    ...weakFaults(history),
    ...unmeasured(history, growth),
    ...unevenPace(history),
  ];
  for (const { promise, undecided, checked, unreadable } of verdicts) {
    if (unreadable !== undefined) weak.push(`not checked: ${promise}: ${unreadable}`);
    if (undecided > 0)
      weak.push(`${undecided === 1 ? '1 key' : `${undecided} keys`} undecided: ${promise}`);
    if (checked === 0 && unreadable === undefined)
      weak.push(`nothing was there to check: ${promise}`);
  }
  return { conclusion: weak.length > 0 ? 'inconclusive' : 'passed', reasons: weak };
}

/** A promise of which most operations came to nothing was not put to the test, either. */
function tooFewOk(what: string, { ok, failed, unknown }: Counted): readonly string[] {
  const all = ok + failed + unknown;
  if (all > 0 && ok * 2 >= all) return [];
  return [`${ok} of ${all} ${what} are ok, which is under half`];
}

function weakFaults(history: History): readonly string[] {
  const befell = history.faults.filter(befellSomebody);
  const lost = befell.filter(({ recoveredMs }) => recoveredMs === undefined);
  return [
    ...(befell.length === 0 ? ['no fault befell anybody'] : []),
    ...seldomKinds(history).map(({ kind, times, due }) =>
      times === 0 ? `${kind} never came` : `${kind} came ${times} times, not ${due}`,
    ),
    ...lost.map(({ fault, round }) => `after ${fault} of round ${round} not everybody was served`),
  ];
}

/** Every kind must come in a long run, and come again in a soak. */
function seldomKinds(history: History) {
  return kindsBelow(timesDue(history.begin?.forMs ?? 0), history);
}

function kindsBelow(due: number, { begin, faults }: History) {
  return owedKinds(begin?.kinds ?? [], faults, due).map((owed) => ({ ...owed, due }));
}

/** Less time than was asked for is less proof than was asked for. */
function endedEarly({ begin, endedAt }: History): readonly string[] {
  if (begin === undefined || endedAt === undefined || endedAt >= begin.forMs) return [];
  const [took, due] = [endedAt, begin.forMs].map((ms) => `${Math.round(ms / 1_000)} s`);
  return [`it ended after ${took}, and was to have faults for ${due}`];
}

/** What a soak is to say nothing grew of must have been measured to its end (G3). */
function unmeasured({ begin }: History, growth: readonly Growth[]): readonly string[] {
  if (begin === undefined || begin.forMs < soakMs) return [];
  const due = toMeasure(begin);
  if (due === undefined) return ['it is not told which servers were to be measured'];
  const missing = growth.filter(
    ({ of, measure, found }) =>
      found === 'unmeasured' && due.some((one) => one.of === of && one.measure === measure),
  );
  return [...grouped(missing, ({ of }) => of)].map(([of, own]) => {
    const what = own.map(({ measure }) => measure).join(', ');
    return `${of} was not measured well enough to tell whether it grew: ${what}`;
  });
}

/** Under a load that gave way nothing grows, whatever would have. */
function unevenPace({ begin, paces, endedAt }: History): readonly string[] {
  if (begin === undefined || begin.forMs < soakMs || endedAt === undefined) return [];
  const quarter = (number: number): number | undefined =>
    median(
      paces.flatMap(({ at, share }) => (Math.floor((4 * at) / endedAt) === number ? [share] : [])),
    );
  const [before, after] = [quarter(1), quarter(3)];
  if (before === undefined || after === undefined || after * 2 >= before) return [];
  return ['the load of the last quarter was under half of that of the second'];
}

/** A whole run that is long enough to tell fails by what grew. */
function grown({ begin, flaws }: History, growth: readonly Growth[]): readonly string[] {
  if ((begin?.forMs ?? 0) < soakMs || flaws.length > 0) return [];
  return growth
    .filter(({ found }) => found === 'grown')
    .map(({ of, measure, before, after }) => `grew: ${of}: ${before} to ${after} ${measure}`);
}

function faultSummaries(faults: readonly FaultLine[]): FaultSummary[] {
  const rounds = grouped(faults, ({ round }) => String(round));
  return [...grouped(faults, (one) => one.fault)]
    .map(([fault, own]): FaultSummary => {
      const done = own.filter(befellSomebody);
      const alone = done.filter(({ round }) => rounds.get(String(round))?.length === 1);
      const times = recoveries(done);
      return {
        fault,
        count: done.length,
        skipped: own.length - done.length,
        unrecovered: done.filter(({ recoveredMs }) => recoveredMs === undefined).length,
        medianMs: median(times),
        maxMs: most(times),
        aloneMsMax: most(recoveries(alone)),
      };
    })
    .toSorted((left, right) => left.fault.localeCompare(right.fault));
}

function recoveries(faults: readonly FaultLine[]): number[] {
  return faults.flatMap(({ recoveredMs }) => (recoveredMs === undefined ? [] : [recoveredMs]));
}

function most(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values);
}

function counted(operations: readonly { readonly outcome: Outcome }[]): Counted {
  const count = { ok: 0, failed: 0, unknown: 0 };
  for (const { outcome } of operations) count[outcome] += 1;
  return count;
}

function countOf(findings: readonly Finding[], kind: FindingKind): number {
  return findings.filter((finding) => finding.kind === kind).length;
}

function grouped<T>(list: readonly T[], nameOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of list) {
    const group = groups.get(nameOf(one));
    if (group === undefined) groups.set(nameOf(one), [one]);
    else group.push(one);
  }
  return groups;
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((left, right) => left - right)[Math.floor((values.length - 1) / 2)];
}
