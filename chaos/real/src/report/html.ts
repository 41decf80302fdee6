/** The report as one page that needs nothing else: faults over time against throughput and latency,
 *  drawn as SVG, and what came of it in tables. */
import { drawing } from './drawing.ts';
import { escaped } from './escaped.ts';
import { growthRule } from './growth.ts';
import type { Summary } from './summary.ts';
import { paceText, timesOf } from './text.ts';

export function reportHtml(summary: Summary): string {
  const { begin, found, alarms, operations } = summary;
  const title = `Chaos ${begin?.seed ?? ''}: ${summary.conclusion}`;
  const all = operations.ok + operations.failed + operations.unknown;
  const seconds = Math.round(summary.tookMs / 1_000);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<style>${style}</style></head>
<body>
<h1>Chaos suite: <span class="${summary.conclusion}">${summary.conclusion}</span></h1>
<p>${escaped(begin === undefined ? 'no beginning' : `seed ${begin.seed}, ${begin.where}`)}, ${seconds} s.</p>
${tiles([
  ['operations', all],
  ['lost', found.lost],
  ['doubled', found.doubled],
  ['out of order', found['out-of-order']],
  ['wrong', found.wrong],
  ['alarms', alarms.length],
])}
${list('Why', summary.reasons)}
${list('Load', paceText(summary))}
<h2>Faults against throughput and latency</h2>
${drawing(summary)}
<p class="key"><i class="ok"></i> answered, <i class="unknown"></i> unknown: operations a second.
<i class="median"></i> median, <i class="slowest"></i> slowest of each moment.
<i class="fault"></i> the fault lasted, <i class="served"></i> until each of 24 callers was served again.</p>
<h2>Recovery</h2>
<p>From the beginning of a fault until each of 24 callers, each with an actor of its own, had an
answer to a call begun after it. Alone: where no other fault was at work.</p>
${table(
  ['fault', 'times', 'median', 'max', 'max alone'],
  summary.faults.map(({ medianMs, maxMs, aloneMsMax, ...one }) => [
    one.fault,
    timesOf(one),
    ...[medianMs, maxMs, aloneMsMax].map((ms) =>
      ms === undefined ? '–' : `${(ms / 1_000).toFixed(2)} s`,
    ),
  ]),
)}
<h2>Promises</h2>
${table(
  ['promise', 'checked', 'broken'],
  summary.verdicts.map(({ promise, checked, findings }) => [
    promise,
    `${checked}`,
    `${findings.length}`,
  ]),
)}
<h2>Operations</h2>
${table(
  ['workload', 'ok', 'failed', 'unknown'],
  Object.entries({ ...summary.workloads, all: operations }).map(([name, counted]) => [
    name,
    `${counted.ok}`,
    `${counted.failed}`,
    `${counted.unknown}`,
  ]),
)}
${table(
  ['code', 'times'],
  Object.entries(summary.codes).map(([code, count]) => [code, `${count}`]),
)}
<h2>Memory, handles and logs</h2>
<p>Medians of the second and the last quarter of the run. ${escaped(growthRule)}.</p>
${table(
  ['', 'measure', 'before', 'after', 'most', ''],
  summary.growth.map(({ of, measure, before, after, most, found }) => [
    of,
    measure,
    `${before ?? '-'}`,
    `${after ?? '-'}`,
    `${most ?? '-'}`,
    found,
  ]),
)}
${list('Never came', summary.unused)}
${list('Left out', begin?.leftOut ?? [])}
</body></html>
`;
}

const style = `
  body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem; color: #1c2330; background: #fff }
  h1 { font-size: 1.4rem; margin-bottom: 0 } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem }
  svg { width: 100%; height: auto; display: block }
  svg text { font-size: 11px; fill: #4a5568 }
  table { border-collapse: collapse; margin: .4rem 0 1rem; font-variant-numeric: tabular-nums }
  th, td { padding: .15rem .9rem .15rem 0; text-align: right; border-bottom: 1px solid #e6eaf0 }
  th { color: #4a5568; font-weight: 600 } th:first-child, td:first-child { text-align: left }
  .passed { color: #19734a } .failed { color: #b3261e } .inconclusive { color: #8a6100 }
  .tiles { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0 }
  .tiles div { background: #f4f6f9; border-radius: 6px; padding: .4rem .9rem; color: #4a5568 }
  .tiles b { display: block; font-size: 1.25rem; color: #1c2330 }
  .key i { display: inline-block; width: 1.4em; height: .45em; margin: 0 .15em 0 .5em; vertical-align: middle }
  .key .ok { background: #19734a } .key .unknown { background: #b3261e }
  .key .median { background: #1f5fa8 } .key .slowest { background: #9db2cc }
  .key .fault { background: #c9564f } .key .served { background: #e0a83a }
`;

function tiles(all: readonly (readonly [string, number])[]): string {
  const each = all.map(([name, value]) => `<div><b>${value}</b>${escaped(name)}</div>`);
  return `<div class="tiles">${each.join('')}</div>`;
}

function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  const each = lines.map((line) => `<li>${escaped(line)}</li>`);
  return `<h2>${escaped(title)}</h2><ul>${each.join('')}</ul>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const row = (cell: 'th' | 'td', cells: readonly string[]) =>
    `<tr>${cells.map((text) => `<${cell}>${escaped(text)}</${cell}>`).join('')}</tr>`;
  return `<table>${row('th', head)}${rows.map((cells) => row('td', cells)).join('')}</table>`;
}
