/**
 * What the FGD paper's repository reports (analysis_allo_discrete.csv), and its winning policy written
 * down once more: every node scored for every pod, whole-number scores, the smallest name among
 * equals. It shares no code with the project's placement, so it also checks the protocol.
 */
import type { Mix } from '@troupe/scheduler-core/placement';
import type { List, Placer } from './protocol.ts';
import type { TraceNode, TracePod } from './trace.ts';

/** Percent of the GPUs left unallocated when 100 and 130 % of them were asked for; mean of 10 seeds. */
export const unallocated: {
  readonly [policy: string]: { readonly [L in List]: readonly [number, number] };
} = {
  Random: row([13.7, 12.53], [21.1, 20.56], [16.13, 13.54], [18.72, 9.73]),
  DotProd: row([9.38, 9.15], [18.02, 17.58], [20.18, 10.86], [5.27, 5.15]),
  Clustering: row([8.35, 8.12], [17.78, 17.35], [18.91, 7.88], [4.31, 4.19]),
  Packing: row([8.22, 8.0], [17.87, 17.43], [17.78, 6.78], [3.94, 3.82]),
  BestFit: row([7.14, 6.92], [15.38, 14.99], [19.61, 6.91], [4.38, 4.26]),
  FGD: row([4.77, 4.61], [13.36, 13.1], [12.16, 5.45], [2.91, 2.82]),
};

type Pair = readonly [number, number];

function row(usual: Pair, gpushare100: Pair, gpuspec33: Pair, multigpu50: Pair) {
  return { default: usual, gpushare100, gpuspec33, multigpu50 };
}

interface Node {
  readonly of: TraceNode;
  cpu: number;
  memory: number;
  readonly gpus: number[];
}

/** The published FGD on nodes in the order of their names. */
export function publishedFgd(nodes: readonly TraceNode[], mix: Mix, watts: Watts): Placer {
  const sorted = [...nodes].sort((left, right) => (left.name < right.name ? -1 : 1));
  const cluster = sorted.map((of): Node => {
    return { of, cpu: of.cpu, memory: of.memory, gpus: Array(of.gpus).fill(1000) };
  });
  const changes: number[] = [];
  const known = new Map<string, Scores>();
  return {
    place: (pod) => {
      const key = `${pod.cpu} ${pod.memory} ${pod.gpus} ${pod.gpuMilli} ${pod.models}`;
      const scores = known.get(key) ?? { of: [], seen: 0 };
      const stale = known.has(key) ? new Set(changes.slice(scores.seen)) : cluster.keys();
      for (const at of stale) {
        const node = cluster[at];
        scores.of[at] = node === undefined ? undefined : scored(node, pod, mix);
      }
      scores.seen = changes.length;
      known.set(key, scores);
      let best = -1;
      for (let at = 0; at < cluster.length; at++) {
        if ((scores.of[at]?.score ?? -1) > (scores.of[best]?.score ?? -1)) best = at;
      }
      const node = cluster[best];
      const choice = scores.of[best];
      if (node === undefined || choice === undefined) return false;
      take(node, pod, choice.gpu);
      changes.push(best);
      return true;
    },
    watts: () => cluster.reduce((sum, node) => sum + watts(node.of, node.cpu, node.gpus), 0),
  };
}

/** Scores of one kind of pod; how many changes of nodes they know of. */
interface Scores {
  readonly of: (Scored | undefined)[];
  seen: number;
}

type Watts = (node: TraceNode, cpuFree: number, gpus: readonly number[]) => number;

interface Scored {
  readonly score: number;
  readonly gpu: number;
}

function scored(node: Node, pod: TracePod, mix: Mix): Scored | undefined {
  if (node.cpu < pod.cpu || node.memory < pod.memory) return undefined;
  if (pod.gpus > 0 && pod.models.length > 0 && !pod.models.includes(node.of.model))
    return undefined;
  const before = lost(node, mix);
  let best: Scored | undefined;
  let bestGain = Number.NEGATIVE_INFINITY;
  const shared = pod.gpus === 1 && pod.gpuMilli < 1000;
  for (let gpu = 0; gpu < (shared ? node.gpus.length : 1); gpu++) {
    if (!canTake(node, pod, shared ? gpu : -1)) continue;
    const after = { ...node, gpus: [...node.gpus] };
    take(after, pod, gpu);
    const gain = (before - lost(after, mix)) / 1000;
    if (gain <= bestGain + 1e-12) continue;
    bestGain = gain;
    best = { score: Math.trunc(100 / (1 + Math.exp(-gain))), gpu };
  }
  return best;
}

function canTake(node: Node, pod: TracePod, gpu: number): boolean {
  if (gpu >= 0) return (node.gpus[gpu] ?? 0) >= pod.gpuMilli;
  return node.gpus.filter((free) => free >= pod.gpuMilli).length >= pod.gpus;
}

function take(node: Node, pod: TracePod, gpu: number): void {
  node.cpu -= pod.cpu;
  node.memory -= pod.memory;
  if (pod.gpus === 1 && pod.gpuMilli < 1000) {
    node.gpus[gpu] = (node.gpus[gpu] ?? 0) - pod.gpuMilli;
    return;
  }
  let left = pod.gpus;
  for (let at = 0; at < node.gpus.length && left > 0; at++) {
    if ((node.gpus[at] ?? 0) < pod.gpuMilli) continue;
    node.gpus[at] = (node.gpus[at] ?? 0) - pod.gpuMilli;
    left--;
  }
}

/** Expected GPU thousandths that a typical pod cannot use. */
function lost({ of, cpu, gpus }: Node, mix: Mix): number {
  let sum = 0;
  for (const kind of mix) {
    let free = 0;
    let rest = 0;
    let open = 0;
    for (let at = 0; at < gpus.length; at++) {
      const milli = gpus[at] ?? 0;
      free += milli;
      if (milli < kind.gpuMilli) rest += milli;
      else open++;
    }
    const here = kind.models.length === 0 || kind.models.includes(of.model);
    const able = kind.gpuCount > 0 && cpu >= kind.cpu && here && open >= kind.gpuCount;
    sum += kind.probability * (able ? rest : free);
  }
  return sum;
}
