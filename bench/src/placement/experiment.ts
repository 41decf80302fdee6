/** Every strategy on every list, seed by seed, and the published policy beside them. */
import { type StrategyName, strategyNames } from '@troupe/model';
import { wattsOf } from '@troupe/scheduler-core/placement';
import { engine, openbPower, specOf } from './engine.ts';
import {
  arrivals,
  capacityOf,
  type List,
  type Outcome,
  type Placer,
  random,
  replay,
  shuffled,
  typicalOf,
} from './protocol.ts';
import { publishedFgd } from './published.ts';
import type { Trace, TraceNode } from './trace.ts';

export interface Measured {
  readonly policy: string;
  readonly list: List;
  readonly seeds: number;
  /** Percent of the GPUs, mean and standard deviation over the seeds, by percent arrived. */
  readonly allocated: { readonly [arrived: number]: Spread };
  readonly kilowatts: { readonly [arrived: number]: Spread };
}

export interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

type OpenTrace = Extract<Trace, { kind: 'open' }>;

/** The project's strategies see nodes in an order that the seed shuffles: names say nothing. */
export const contenders: readonly string[] = [
  ...strategyNames.filter((name) => name !== 'locality'),
  'first-fit by name',
  'FGD written anew',
];

export function measure(
  trace: OpenTrace,
  policy: string,
  list: List,
  seeds: readonly number[],
): Measured {
  const pods = trace.pods(list);
  const mix = typicalOf(pods);
  const capacity = capacityOf(trace.nodes);
  const outcomes = seeds.map((seed) => {
    const nodes = shuffled(trace.nodes, random(seed + 1_000));
    const placer = placerOf(policy, nodes, mix);
    return replay(arrivals(pods, trace.nodes, seed), capacity, placer);
  });
  return {
    policy,
    list,
    seeds: seeds.length,
    allocated: spreads(outcomes.map((outcome) => outcome.allocated)),
    kilowatts: spreads(outcomes.map((outcome) => outcome.kilowatts)),
  };
}

function placerOf(
  policy: string,
  nodes: readonly TraceNode[],
  mix: ReturnType<typeof typicalOf>,
): Placer {
  if (policy === 'FGD written anew') return publishedFgd(nodes, mix, wattsDrawn);
  if (policy === 'first-fit by name') {
    const named = [...nodes].sort((left, right) => (left.name < right.name ? -1 : 1));
    return engine('first-fit', named, mix);
  }
  const strategy: StrategyName = strategyNames.find((name) => name === policy) ?? 'first-fit';
  return engine(strategy, nodes, mix);
}

function wattsDrawn(node: TraceNode, cpuFree: number, gpus: readonly number[]): number {
  const spec = specOf(node);
  const capacity = [node.cpu, 0];
  return wattsOf(openbPower, {
    spec,
    slot: 0,
    cordoned: false,
    kept: false,
    labels: {},
    capacity,
    free: [cpuFree, 0],
    gpus: Int32Array.from(gpus),
    gpuFree: 0,
    model: node.model,
    cpuModel: '',
    tasks: new Set(),
  });
}

type Series = Outcome['allocated'];

function spreads(series: readonly Series[]): { readonly [arrived: number]: Spread } {
  const all: Record<number, Spread> = {};
  for (const key of Object.keys(series[0] ?? {})) {
    const values = series.map((each) => each[Number(key)] ?? 0);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const deviation = Math.sqrt(square / Math.max(1, values.length - 1));
    all[Number(key)] = { mean: round(mean), deviation: round(deviation) };
  }
  return all;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
