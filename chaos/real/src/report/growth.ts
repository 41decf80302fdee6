/**
 * Whether what was sampled stayed level: the median of the last quarter of a run against that of
 * its second quarter, when everything has warmed up. By process and by measure.
 *
 * G1  grown is what is both a third and a fixed amount above; the amount keeps noise out.
 * G2  the stores of checkpoints hold every actor that ever was, so they are shown and not judged.
 * G4  memory is judged over all processes of a kind whose work moves between them: who leads holds more than
 *     who stands by, and whoever was killed last holds the least. Each is shown by itself too.
 * G3  nothing is said of what was not sampled from its second quarter to its end: often enough in
 *     both quarters, and never left out for long.
 */
import { namesOf } from '../cluster/ground.ts';
import type { Begin, Sample } from '../history/history.ts';

export type Measured = Pick<Sample, 'of' | 'measure'>;

export interface Growth extends Measured {
  /** Medians of the second and of the last quarter; absent without a sample there. */
  readonly before: number | undefined;
  readonly after: number | undefined;
  readonly most: number | undefined;
  readonly found: 'level' | 'grown' | 'unmeasured' | 'not judged';
}

const factorMax = 4 / 3;
const amounts: { readonly [M in Sample['measure']]: number } = {
  'memory MB': 40,
  handles: 30,
  kilobytes: 16 * 1_024,
  messages: 10_000,
};
/** In each of the two quarters. */
const samplesMin = 8;
/** Of the run, without a sample. */
const gapMax = 1 / 8;
const notJudged = 'checkpoints and objects';
/** G4, by the first letter of the names of its processes. */
const kinds: readonly (readonly [of: string, name: RegExp])[] = [
  ['schedulers', /^s\d+$/],
  ['nodes', /^n\d+$/],
];

export const growthRule =
  'level: the median of the last quarter is at most 4/3 of that of the second, ' +
  'or at most 40 MB, 30 handles, 16 MiB or 10000 messages above it';

/** All that is to be measured, whether it was or not; undefined when the history does not say. */
export function toMeasure(begin: Begin): readonly Measured[] | undefined {
  const { nodes, schedulers, etcds, natsServers } = begin;
  if (etcds === undefined || natsServers === undefined) return undefined;
  const names = namesOf({ nodes, schedulers, etcds, natsServers });
  const processes = Object.values(names).flat();
  const each = (list: readonly string[], measures: readonly Sample['measure'][]): Measured[] =>
    list.flatMap((of) => measures.map((measure) => ({ of, measure })));
  return [
    ...each(processes, ['memory MB', 'handles']),
    ...each(['journal', 'turn logs'], ['kilobytes', 'messages']),
    ...each(names.etcds, ['kilobytes']),
  ];
}

/** What was sampled, and what was to be. */
export function growthOf(
  samples: readonly Sample[],
  due: readonly Measured[] = [],
  endedAt?: number,
): readonly Growth[] {
  const series = new Map(due.map((one) => [nameOf(one), { ...one, samples: [] as Sample[] }]));
  for (const sample of samples) {
    const { of, measure } = sample;
    const one = series.get(nameOf(sample)) ?? { of, measure, samples: [] };
    series.set(nameOf(sample), one);
    one.samples.push(sample);
  }
  for (const [of, name] of kinds) {
    const all = samples.filter((one) => one.measure === 'memory MB' && name.test(one.of));
    if (all.length > 0) series.set(of, { of, measure: 'memory MB', samples: all });
  }
  const end = endedAt ?? samples.reduce((latest, { at }) => Math.max(latest, at), 0);
  return [...series.values()].map((one) => growth(one, one.samples, end));
}

const nameOf = ({ of, measure }: Measured) => `${of}/${measure}`;

function growth({ of, measure }: Measured, samples: readonly Sample[], end: number): Growth {
  const quarter = (number: number) =>
    samples
      .filter(({ at }) => Math.min(3, Math.floor((at * 4) / Math.max(1, end))) === number)
      .map(({ value }) => value);
  const quarters = [quarter(1), quarter(3)] as const;
  const [before, after] = [median(quarters[0]), median(quarters[1])];
  const most = samples.reduce((top, { value }) => Math.max(top, value), Number.NEGATIVE_INFINITY);
  const whole = quarters.every(({ length }) => length >= samplesMin) && isDense(samples, end);
  const grown =
    before !== undefined &&
    after !== undefined &&
    after > before * factorMax &&
    after > before + amounts[measure];
  const isOfKind = measure === 'memory MB' && kinds.some(([, name]) => name.test(of));
  const judged = of !== notJudged && !isOfKind;
  const verdict = grown ? 'grown' : 'level';
  return {
    of,
    measure,
    before,
    after,
    most: samples.length === 0 ? undefined : most,
    found: !whole && of !== notJudged ? 'unmeasured' : judged ? verdict : 'not judged',
  };
}

/** G3 */
function isDense(samples: readonly Sample[], end: number): boolean {
  const times = samples.map(({ at }) => at).filter((at) => at >= end / 4);
  const stops = [end / 4, ...times.toSorted((left, right) => left - right), end];
  return stops.every((at, index) => at - (stops[index - 1] ?? at) <= end * gapMax);
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((left, right) => left - right)[Math.floor((values.length - 1) / 2)];
}
