/** The report as one page that needs nothing else: faults over time against throughput and latency,
 *  drawn as SVG. */
import type { Summary } from './summary.ts';
import { reportText } from './text.ts';

const width = 1_200;
const left = 130;
const chartHeight = 120;
const laneHeight = 16;
const gap = 26;

export function reportHtml(summary: Summary): string {
  const title = `Chaos ${summary.begin?.seed ?? ''}: ${summary.conclusion}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<style>
  body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: ${width}px; color: #1c2330; background: #fff }
  h1 { font-size: 1.3rem } pre { background: #f4f6f9; padding: 1rem; overflow-x: auto }
  svg { width: 100%; height: auto } text { font-size: 11px; fill: #4a5568 }
  .passed { color: #19734a } .failed { color: #b3261e } .inconclusive { color: #8a6100 }
</style></head>
<body><h1>Chaos suite, <span class="${summary.conclusion}">${summary.conclusion}</span></h1>
${drawing(summary)}
<pre>${escaped(reportText(summary))}</pre></body></html>
`;
}

function drawing(summary: Summary): string {
  const { timeline, faultLines, tookMs } = summary;
  const faults = faultLines.filter(({ skipped }) => skipped === undefined);
  const kinds = [...new Set(faults.map(({ fault }) => fault))].toSorted();
  const x = (ms: number) => left + (ms / Math.max(1, tookMs)) * (width - left - 10);
  const lanesTop = 2 * (chartHeight + gap) + 10;
  const height = lanesTop + kinds.length * laneHeight + 30;
  const perSecond = timeline.map(({ ok, lengthMs }) => (ok * 1_000) / lengthMs);
  const missed = timeline.map(({ unknown, lengthMs }) => (unknown * 1_000) / lengthMs);
  const at = timeline.map((bucket) => x(bucket.at));
  const shades = faults.map(
    ({ from, until }) =>
      `<rect x="${round(x(from))}" y="0" width="${round(Math.max(1, x(until) - x(from)))}" height="${lanesTop}" fill="#b3261e" opacity="0.06"/>`,
  );
  const lanes = kinds.flatMap((kind, index) => {
    const y = lanesTop + index * laneHeight;
    const bars = faults
      .filter(({ fault }) => fault === kind)
      .map(({ from, until, target, recoveredMs = 0 }) => {
        const served = round(x(from + recoveredMs) - x(from));
        const label = `${kind} ${target}: ${round(until - from)} ms, served again after ${recoveredMs} ms`;
        return (
          `<g><title>${escaped(label)}</title>` +
          `<rect x="${round(x(from))}" y="${y + 5}" width="${Math.max(1, served)}" height="3" fill="#d99a00"/>` +
          `<rect x="${round(x(from))}" y="${y + 2}" width="${round(Math.max(2, x(until) - x(from)))}" height="9" fill="#b3261e" opacity="0.75"/></g>`
        );
      });
    return [`<text x="0" y="${y + 11}">${kind}</text>`, ...bars];
  });
  const latency = timeline.map(({ medianMs }) => Math.log10(Math.max(1, medianMs)));
  const slowest = timeline.map(({ maxMs }) => Math.log10(Math.max(1, maxMs)));
  const latencyTop = chartHeight + gap;
  const mostLog = Math.max(1, ...slowest);
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Faults against throughput and latency">`,
    ...shades,
    chart('ok / s', perSecond, at, 10, Math.max(1, ...perSecond), '#19734a'),
    chart('', missed, at, 10, Math.max(1, ...perSecond), '#b3261e'),
    chart('slowest, log', slowest, at, latencyTop + 10, mostLog, '#8aa0bd'),
    chart('', latency, at, latencyTop + 10, mostLog, '#1f5fa8'),
    `<text x="0" y="26">most ${Math.round(Math.max(0, ...perSecond))}</text>`,
    `<text x="0" y="${latencyTop + 26}">most ${Math.round(10 ** mostLog)} ms</text>`,
    ...lanes,
    ...ticks(tookMs).map(
      (ms) => `<text x="${round(x(ms))}" y="${height - 8}">${Math.round(ms / 1_000)} s</text>`,
    ),
    '</svg>',
  ].join('\n');
}

function chart(
  name: string,
  values: readonly number[],
  at: readonly number[],
  top: number,
  most: number,
  colour: string,
): string {
  const points = values.map(
    (value, index) => `${round(at[index] ?? 0)},${round(top + chartHeight * (1 - value / most))}`,
  );
  const label = name === '' ? '' : `<text x="0" y="${top + 2}">${name}</text>`;
  return `${label}<polyline points="${points.join(' ')}" fill="none" stroke="${colour}"/>`;
}

function ticks(tookMs: number): number[] {
  const step = Math.max(10_000, Math.ceil(tookMs / 10_000) * 1_000);
  return Array.from({ length: Math.floor(tookMs / step) + 1 }, (_, index) => index * step);
}

const round = (value: number) => Math.round(value * 10) / 10;

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
