/**
 * `npm run bench -- autoscale`: the replays of the Azure traces under every policy and every setting
 * swept, and the frontier of each policy: no other setting of it is better in one of violations and
 * cost and not worse in the other.
 */
import { measuredHere } from '../measured.ts';
import { writeSection } from '../results.ts';
import { sharedRoom } from '../shared-data.ts';
import { table } from '../table.ts';
import type { BenchOptions } from '../words.ts';
import { type Variant, variants } from './policies.ts';
import { type Outcome, replay } from './replay.ts';
import { readTrace, stretched, type Trace } from './trace.ts';

interface Point extends Outcome {
  readonly policy: string;
  readonly setting: string;
}

const champion = 'forecast';
const strictShare = 0.03;

export async function autoscaleBench(options: BenchOptions): Promise<void> {
  const room = sharedRoom('traces', 'azure-llm');
  if (room.kind === 'absent') {
    process.stderr.write(`bench: ${room.why}\n`);
    return;
  }
  const own = ['code', 'conv'].map((name) => readTrace(room.path, name));
  const traces = options.quick
    ? own
    : [...own, ...own.slice(0, 1).map((code) => stretched(code, 8))];
  const texts: string[] = [];
  for (const trace of traces.filter(({ name }) => name.includes(options.only))) {
    const points = variants().map((variant) => pointOf(trace, variant));
    if (options.json) {
      for (const point of points) {
        const line = { bench: 'autoscale', trace: trace.name, ...point };
        process.stdout.write(`${JSON.stringify(line)}\n`);
      }
    }
    texts.push(report(trace, points));
  }
  const text = [heading, `${measuredHere()}\n${source}`, explanation, ...texts].join('\n\n');
  if (!options.json) process.stdout.write(`${text}\n`);
  if (options.results !== undefined) writeSection(options.results, heading, text);
}

const heading = '## autoscale';
const source = 'Data: Azure LLM inference traces 2023, CC-BY-4.0.';
const explanation = `One request a worker; cold start 60 s; a request that waits more than 30 s violates; billed from
launch, over the seconds of execution ("cost / ideal"); everybody begins with the same workers, ready, and the
first 5 minutes are not counted. Duration =
50 ms + context tokens / 5,000 a second + 40 ms for each token generated. \`x8\`: the hour stretched to eight,
each request coming eight times, so that the load is the same and bursts last longer. The policies are models of
ours, described in \`bench/src/autoscale/policies.ts\`, under one replay. Each of them is swept with the bounds
(min and max) that an operator could set, too; every setting, like a static size, is chosen in hindsight. The
oracle sees 75 s ahead. A point is beaten when a forecast setting has no more violations at no more cost.
The traces are an hour long: the forecast has level and trend, and no season. \`per task 1\`: beside the forecast, a
worker for each request that ran or waited at once within the time held. \`every 30 s\`: asked so often, as HPA (15 s) and
KEDA (30 s) are; else each second. More settings are tried of the forecast than of any other policy, eighteen of them because
they are near to what had not been beaten; where bursts come unannounced its best ones hardly forecast (\`z -2\`) and go by what was
at work lately.`;

function pointOf(trace: Trace, { policy, setting, make }: Variant): Point {
  return { policy, setting, ...replay(trace, make(trace)) };
}

function report(trace: Trace, points: readonly Point[]): string {
  const names = [...new Set(points.map(({ policy }) => policy))];
  const best = frontier(points.filter(({ policy }) => policy === champion));
  const isBeaten = (point: Point) =>
    best.some((one) => one.violations <= point.violations && one.cost <= point.cost);
  const swept = points.filter(({ policy }) => policy === champion).length;
  const rows = names.flatMap((name) =>
    frontier(points.filter(({ policy }) => policy === name)).map((point) => [
      ...[name, point.setting, `${(100 * point.violations).toFixed(2)} %`, point.cost.toFixed(3)],
      ...[`${point.p99WaitS.toFixed(0)} s`, `${point.actions}`],
      name === champion ? '' : isBeaten(point) ? 'yes' : 'no',
    ]),
  );
  const verdicts = names
    .filter((name) => name !== champion)
    .map((name) => {
      const all = points.filter(({ policy }) => policy === name);
      const strict = all.filter(({ violations }) => violations <= strictShare);
      return [name, ratio(all, isBeaten), ratio(strict, isBeaten)];
    });
  const unbeaten = points.filter((point) => point.policy !== champion && !isBeaten(point));
  const heads = [
    'policy',
    'setting',
    'violations',
    'cost / ideal',
    'p99 wait',
    'actions',
    'beaten',
  ];
  const strictHead = `beaten among those with at most ${100 * strictShare} % violations`;
  return `### ${trace.name}: ${trace.arrivals.length.toLocaleString('en')} requests in ${(trace.endS / 3_600).toFixed(2)} h

${table(['policy', 'settings beaten', strictHead], verdicts)}

${unbeatenText(unbeaten, best)}

The frontier of each policy (of the forecast ${swept} settings were tried):

${table(heads, rows)}`;
}

/** All of them, whether they are on the frontier of their policy or not. */
function unbeatenText(unbeaten: readonly Point[], best: readonly Point[]): string {
  if (unbeaten.length === 0)
    return 'No setting of another policy is left that no setting of the forecast beats.';
  const rows = unbeaten.map(({ policy, setting, violations, cost }) => {
    const nearest = best.find((one) => one.violations <= violations);
    const dearer =
      nearest === undefined ? '-' : `${(100 * (nearest.cost / cost - 1)).toFixed(2)} %`;
    return [policy, setting, `${(100 * violations).toFixed(2)} %`, cost.toFixed(3), dearer];
  });
  const heads = ['policy', 'setting', 'violations', 'cost / ideal', 'the forecast is dearer by'];
  return `Not beaten, all of them (${unbeaten.length}); the forecast with no more violations costs that much more:

${table(heads, rows)}`;
}

function ratio(points: readonly Point[], isBeaten: (point: Point) => boolean): string {
  return points.length === 0 ? '-' : `${points.filter(isBeaten).length} of ${points.length}`;
}

function frontier(points: readonly Point[]): readonly Point[] {
  const byCost = [...points].sort(
    (left, right) => left.cost - right.cost || left.violations - right.violations,
  );
  let least = Number.POSITIVE_INFINITY;
  return byCost.filter(({ violations }) => {
    if (violations >= least) return false;
    least = violations;
    return true;
  });
}
