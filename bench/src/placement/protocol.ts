/**
 * The FGD experiment (USENIX ATC 2023) as coded by its authors: pods of a list, shuffled, then more of
 * them sampled until what was requested is 1.3 times the GPUs; they arrive one by one and never leave;
 * one that finds no place is dropped. Allocated is the mean used part of the GPUs while what has
 * arrived rounds to the given percent of them.
 */
import type { DemandClass, Mix } from '@troupe/scheduler-core/placement';
import type { TraceNode, TracePod } from './trace.ts';

export const lists = ['default', 'gpushare100', 'gpuspec33', 'multigpu50'] as const;
export type List = (typeof lists)[number];

const arrivedMax = 1.3;
const typicalPart = 0.95;

/** A place for each pod that comes, or none. */
export interface Placer {
  place(pod: TracePod, number: number): boolean;
  watts(): number;
}

export interface Outcome {
  /** Percent of the GPUs, when 90, 100 and 130 % of them were asked for. */
  readonly allocated: { readonly [arrived: number]: number };
  /** Kilowatts, when so many percent of the GPUs were asked for. */
  readonly kilowatts: { readonly [arrived: number]: number };
  readonly decisions: number;
}

export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function shuffled<T>(items: readonly T[], next: () => number): T[] {
  const order = items.map((item) => ({ item, at: next() }));
  return order.sort((left, right) => left.at - right.at).map(({ item }) => item);
}

export function arrivals(pods: readonly TracePod[], nodes: readonly TraceNode[], seed: number) {
  const next = random(seed);
  const sorted = [...pods].sort((left, right) => (left.name < right.name ? -1 : 1));
  const list = shuffled(sorted, next);
  let asked = list.reduce((sum, pod) => sum + gpuMilliOf(pod), 0);
  const wanted = arrivedMax * capacityOf(nodes);
  while (asked < wanted) {
    const pod = sorted[Math.floor(next() * sorted.length)];
    if (pod === undefined) break;
    list.push(pod);
    asked += gpuMilliOf(pod);
  }
  return list;
}

/** The most frequent classes of the list until they make up 95 % of its pods. */
export function typicalOf(pods: readonly TracePod[]): Mix {
  const counts = new Map<string, { readonly kind: DemandClass; count: number }>();
  for (const { cpu, gpus: gpuCount, gpuMilli, models } of pods) {
    const key = [cpu, gpuCount, gpuMilli, models].join();
    const kind = { cpu, gpuCount, gpuMilli, models, probability: 0 };
    const known = counts.get(key) ?? { kind, count: 0 };
    known.count++;
    counts.set(key, known);
  }
  const sorted = [...counts.values()].sort((left, right) => right.count - left.count);
  const chosen: typeof sorted = [];
  let sum = 0;
  for (const each of sorted) {
    if (sum >= typicalPart * pods.length) break;
    chosen.push(each);
    sum += each.count;
  }
  return chosen.map(({ kind, count }) => ({ ...kind, probability: count / sum }));
}

export function replay(list: readonly TracePod[], capacity: number, placer: Placer): Outcome {
  const sums = new Map<number, { sum: number; count: number }>();
  const kilowatts: Record<number, number> = {};
  let arrived = 0;
  let used = 0;
  for (const [number, pod] of list.entries()) {
    arrived += gpuMilliOf(pod);
    if (placer.place(pod, number)) used += gpuMilliOf(pod);
    const percent = Math.round((100 * arrived) / capacity);
    const bin = sums.get(percent) ?? { sum: 0, count: 0 };
    bin.sum += used / capacity;
    bin.count++;
    sums.set(percent, bin);
    const level = Math.floor((100 * arrived) / capacity / 20) * 20;
    if (level >= 20 && level <= 80) kilowatts[level] ??= placer.watts() / 1000;
  }
  const allocated: Record<number, number> = {};
  for (const percent of [90, 100, 130]) {
    const bin = sums.get(percent);
    if (bin !== undefined) allocated[percent] = (100 * bin.sum) / bin.count;
  }
  return { allocated, kilowatts, decisions: list.length };
}

export function capacityOf(nodes: readonly TraceNode[]): number {
  return nodes.reduce((sum, node) => sum + node.gpus * 1000, 0);
}

function gpuMilliOf(pod: TracePod): number {
  return pod.gpus * pod.gpuMilli;
}
