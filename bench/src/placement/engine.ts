/** The project's placement, as the experiment drives it. */
import type { StrategyName } from '@troupe/model';
import {
  type Ask,
  type Demand,
  type Mix,
  type NodeSpec,
  Placement,
  type PowerModel,
  wattsOf,
} from '@troupe/scheduler-core/placement';
import type { Placer } from './protocol.ts';
import type { TraceNode, TracePod } from './trace.ts';

/** Watts as published for these GPUs; 16 cores of two vCPUs to a socket. */
export const openbPower: PowerModel = {
  gpus: {
    T4: { idle: 10, full: 70 },
    A10: { idle: 30, full: 150 },
    G2: { idle: 30, full: 150 },
    P100: { idle: 25, full: 250 },
    V100M16: { idle: 30, full: 300 },
    V100M32: { idle: 30, full: 300 },
    G3: { idle: 50, full: 400 },
  },
  gpuOther: { idle: 50, full: 400 },
  cpus: {},
  cpuOther: { idle: 15, full: 120, cores: 32 },
};

export function specOf(node: TraceNode, name: string = node.name): NodeSpec {
  const resources = { cpu: node.cpu / 1000, memory: node.memory, gpu: node.gpus };
  return { name, resources, gpuModel: node.model };
}

function demandOf(pod: TracePod): Demand {
  const resources = { cpu: pod.cpu / 1000, memory: pod.memory };
  if (pod.gpus === 0) return { resources };
  return { resources, gpus: { count: pod.gpus, milli: pod.gpuMilli }, gpuModels: pod.models };
}

export class Asks {
  readonly #placement: Placement;
  readonly #asks = new Map<string, Ask>();

  constructor(placement: Placement) {
    this.#placement = placement;
  }

  of(pod: TracePod): Ask {
    const key = `${pod.cpu} ${pod.memory} ${pod.gpus} ${pod.gpuMilli} ${pod.models}`;
    const known = this.#asks.get(key);
    if (known !== undefined) return known;
    const ask = this.#placement.ask(demandOf(pod));
    this.#asks.set(key, ask);
    return ask;
  }
}

export function engine(strategy: StrategyName, nodes: readonly TraceNode[], mix: Mix): Placer {
  const placement = new Placement({ strategy, mix, power: openbPower });
  for (const node of nodes) placement.addNode(specOf(node));
  const asks = new Asks(placement);
  return {
    place: (pod, number) =>
      placement.place({ id: String(number), ask: asks.of(pod) }).kind === 'placed',
    watts: () => {
      let watts = 0;
      for (const site of placement.sites()) watts += wattsOf(openbPower, site);
      return watts;
    },
  };
}
