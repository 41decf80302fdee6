/**
 * Whether what was sampled stayed level: the median of the last quarter of a run against that of
 * its second quarter, when everything has warmed up.
 *
 * G1  grown is what is both a third and a fixed amount above; the amount keeps noise out.
 * G2  the stores of checkpoints hold every actor that ever was, so they are shown and not judged.
 */
import type { Sample } from '../history/history.ts';

export interface Growth {
  readonly of: string;
  readonly measure: Sample['measure'];
  /** Medians of the second and of the last quarter. */
  readonly before: number;
  readonly after: number;
  readonly most: number;
  readonly level: boolean;
}

const factorMax = 4 / 3;
const amounts: { readonly [M in Sample['measure']]: number } = {
  'memory MB': 40,
  handles: 30,
  kilobytes: 16 * 1_024,
  messages: 10_000,
};
const samplesMin = 8;
const notJudged = 'checkpoints and objects';

export const growthRule =
  'level: the median of the last quarter is at most 4/3 of that of the second, ' +
  'or at most 40 MB, 30 handles, 16 MiB or 10000 messages above it';

export function growthOf(samples: readonly Sample[]): readonly Growth[] {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const name = `${sample.of}/${sample.measure}`;
    const list = series.get(name) ?? [];
    series.set(name, list);
    list.push(sample);
  }
  const end = samples.reduce((latest, { at }) => Math.max(latest, at), 0);
  return [...series.values()].map((list) => growth(list, end));
}

function growth(list: readonly Sample[], end: number): Growth {
  const [first] = list;
  const of = first?.of ?? '';
  const measure = first?.measure ?? 'messages';
  const quarter = (number: number) =>
    median(
      list
        .filter(({ at }) => Math.min(3, Math.floor((at * 4) / Math.max(1, end))) === number)
        .map(({ value }) => value),
    );
  const [before, after] = [quarter(1), quarter(3)];
  const grown = after > before * factorMax && after > before + amounts[measure];
  return {
    of,
    measure,
    before,
    after,
    most: Math.max(...list.map(({ value }) => value)),
    level: !grown || of === notJudged || list.length < samplesMin,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor((values.length - 1) / 2)] ?? 0;
}
