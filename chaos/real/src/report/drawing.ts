/** Throughput and latency over time, and below them a lane for each kind of fault, as SVG. */
import { escaped } from './escaped.ts';
import type { Summary } from './summary.ts';

const width = 1_200;
const left = 120;
const right = 8;
const chartHeight = 110;
const laneHeight = 15;
const gap = 24;
const top = 14;

interface Frame {
  /** Where a moment is drawn. */
  x(ms: number): number;
  readonly top: number;
}

interface Line {
  /** Undefined where there was nothing: the line is interrupted. */
  readonly values: readonly (number | undefined)[];
  readonly colour: string;
}

export function drawing(summary: Summary): string {
  const { timeline, faultLines, tookMs } = summary;
  const faults = faultLines.filter(({ skipped }) => skipped === undefined);
  const kinds = [...new Set(faults.map(({ fault }) => fault))].toSorted();
  const x = (ms: number) => left + (ms / Math.max(1, tookMs)) * (width - left - right);
  const latencyTop = top + chartHeight + gap;
  const lanesTop = latencyTop + chartHeight + gap;
  const height = lanesTop + kinds.length * laneHeight + 24;
  const perSecond = timeline.map(({ ok, lengthMs }) => (ok * 1_000) / lengthMs);
  const missed = timeline.map(({ unknown, lengthMs }) => (unknown * 1_000) / lengthMs);
  const at = timeline.map((bucket) => x(bucket.at));
  const shades = faults.map(({ from, until }) =>
    box(x(from), top, Math.max(1, x(until) - x(from)), lanesTop - top, '#b3261e', 0.05),
  );
  const counts = [
    { values: perSecond, colour: '#19734a' },
    { values: missed, colour: '#b3261e' },
  ];
  const seen = timeline.map(({ ok, failed, unknown }) => ok + failed + unknown > 0);
  const whereSeen = (values: readonly number[]) =>
    values.map((value, index) => (seen[index] === true ? value : undefined));
  const times = [
    { values: whereSeen(timeline.map(({ maxMs }) => maxMs)), colour: '#9db2cc' },
    { values: whereSeen(timeline.map(({ medianMs }) => medianMs)), colour: '#1f5fa8' },
  ];
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Faults against throughput and latency">`,
    ...ticks(tookMs).flatMap((ms) => [
      `<line x1="${round(x(ms))}" y1="${top}" x2="${round(x(ms))}" y2="${height - 20}" stroke="#e6eaf0"/>`,
      `<text x="${round(x(ms))}" y="${height - 6}" text-anchor="middle">${clock(ms)}</text>`,
    ]),
    ...shades,
    ...chart('operations / s', { x, top }, at, counts, linear(Math.max(1, ...perSecond))),
    ...chart('latency, ms', { x, top: latencyTop }, at, times, logarithmic),
    ...kinds.flatMap((kind, index) =>
      lane(kind, faults, { x, top: lanesTop + index * laneHeight }),
    ),
    '</svg>',
  ].join('\n');
}

/** A bar while the fault lasted, and behind it a thin one until everybody was served again. */
function lane(kind: string, faults: Summary['faultLines'], { x, top }: Frame): string[] {
  const bars = faults
    .filter(({ fault }) => fault === kind)
    .map(({ from, until, target, recoveredMs }) => {
      const lasted = `${round((until - from) / 1_000)} s`;
      const again =
        recoveredMs === undefined
          ? 'not everybody was served again in time'
          : `served again after ${recoveredMs / 1_000} s`;
      const label = `${kind} ${target}: ${lasted}, ${again}`;
      const served = Math.max(1, x(from + (recoveredMs ?? 0)) - x(from));
      return [
        `<g><title>${escaped(label)}</title>`,
        box(x(from), top + 3, Math.max(3, x(until) - x(from)), 9, '#c9564f', 0.9),
        box(x(from), top + 6, served, 3, '#e0a83a', 1),
        '</g>',
      ].join('');
    });
  const base = `<line x1="${left}" y1="${top + 14}" x2="${width - right}" y2="${top + 14}" stroke="#f0f2f6"/>`;
  return [`<text x="0" y="${top + 11}">${escaped(kind)}</text>`, base, ...bars];
}

interface Scale {
  /** From 0 at the bottom to 1 at the top. */
  at(value: number): number;
  readonly marks: readonly number[];
}

function linear(most: number): Scale {
  const step = 10 ** Math.floor(Math.log10(most));
  const whole = Math.ceil(most / step) * step;
  return { at: (value) => value / whole, marks: [0, whole / 2, whole] };
}

/** From one millisecond to a hundred seconds. */
const logarithmic: Scale = {
  at: (value) => Math.log10(Math.min(100_000, Math.max(1, value))) / 5,
  marks: [1, 10, 100, 1_000, 10_000, 100_000],
};

function chart(
  name: string,
  { top }: Frame,
  at: readonly number[],
  lines: readonly Line[],
  scale: Scale,
): string[] {
  const y = (value: number) => round(top + chartHeight * (1 - scale.at(value)));
  return [
    `<text x="0" y="${top + 4}">${name}</text>`,
    ...scale.marks.flatMap((mark) => [
      `<line x1="${left}" y1="${y(mark)}" x2="${width - right}" y2="${y(mark)}" stroke="#e6eaf0"/>`,
      `<text x="${left - 6}" y="${y(mark) + 4}" text-anchor="end">${round(mark)}</text>`,
    ]),
    ...lines.map(({ values, colour }) => {
      const path = values.map((value, index) => {
        if (value === undefined) return '';
        const begins = values[index - 1] === undefined;
        return `${begins ? 'M' : 'L'}${round(at[index] ?? 0)} ${y(value)}`;
      });
      return `<path d="${path.join('')}" fill="none" stroke="${colour}"/>`;
    }),
  ];
}

function box(
  x: number,
  y: number,
  width: number,
  height: number,
  colour: string,
  opacity: number,
): string {
  const place = `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${height}"`;
  return `<rect ${place} fill="${colour}" opacity="${opacity}"/>`;
}

/** At most a dozen, at whole steps. */
function ticks(tookMs: number): number[] {
  const steps = [10, 30, 60, 120, 300, 600].map((seconds) => seconds * 1_000);
  const step = steps.find((one) => tookMs / one <= 12) ?? 600_000;
  return Array.from({ length: Math.floor(tookMs / step) + 1 }, (_, index) => index * step);
}

function clock(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

const round = (value: number) => Math.round(value * 10) / 10;
