/**
 * Decisions a second: a cluster of trace nodes, many times over, filled to 85 % of its GPUs with pods
 * of the default list; then each decision places the next pod and the oldest one ends. A decision is
 * timed with the ending of the task that makes room for it.
 */
import type { StrategyName } from '@troupe/model';
import { type Mix, Placement } from '@troupe/scheduler-core/placement';
import { Asks, openbPower, specOf } from './engine.ts';
import { random, shuffled } from './protocol.ts';
import type { TraceNode, TracePod } from './trace.ts';

export interface Speed {
  readonly nodes: number;
  readonly decisionsPerSecond: number;
  /** On a machine shared with others, what a core of its own would give. */
  readonly decisionsPerCpuSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly decisions: number;
  readonly refused: number;
}

const fullness = 0.85;

export function measureSpeed(
  from: {
    readonly nodes: readonly TraceNode[];
    readonly pods: readonly TracePod[];
    readonly mix: Mix;
  },
  strategy: StrategyName,
  { nodeCount, decisions }: { readonly nodeCount: number; readonly decisions: number },
): Speed {
  const next = random(7);
  const placement = new Placement({ strategy, mix: from.mix, power: openbPower });
  const order = shuffled(from.nodes, next);
  let capacity = 0;
  for (let number = 0; number < nodeCount; number++) {
    const node = order[number % order.length];
    if (node === undefined) break;
    placement.addNode(specOf(node, `${node.name}.${number}`));
    capacity += node.gpus * 1000;
  }
  const asks = new Asks(placement);
  const running: string[] = [];
  let oldest = 0;
  let made = 0;
  let used = 0;
  let refused = 0;
  const place = (): void => {
    const pod = from.pods[Math.floor(next() * from.pods.length)];
    if (pod === undefined) return;
    const id = String(made++);
    if (placement.place({ id, ask: asks.of(pod) }).kind === 'refused') {
      refused++;
      return;
    }
    running.push(id);
    used += pod.gpus * pod.gpuMilli;
  };
  while (used < fullness * capacity && refused < 1_000) place();
  refused = 0;
  const times = new Float64Array(decisions);
  const cpuBefore = process.cpuUsage();
  const begin = performance.now();
  for (let decision = 0; decision < decisions; decision++) {
    const at = performance.now();
    const id = running[oldest++];
    if (id !== undefined) placement.end(id);
    place();
    times[decision] = (performance.now() - at) * 1000;
  }
  const elapsed = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpuBefore);
  times.sort();
  const at = (part: number) =>
    Math.round((times[Math.floor(part * (decisions - 1))] ?? 0) * 10) / 10;
  return {
    nodes: nodeCount,
    decisionsPerSecond: Math.round((1000 * decisions) / elapsed),
    decisionsPerCpuSecond: Math.round((1e6 * decisions) / (user + system)),
    p50Us: at(0.5),
    p99Us: at(0.99),
    maxUs: at(1),
    decisions,
    refused,
  };
}
