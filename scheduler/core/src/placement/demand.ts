/**
 * What a task or an actor asks of its node, and its compiled form. An **ask** is compiled once for
 * each kind of task and used for every one of its tasks; asks with the same key are alike to filters
 * and scores and share one ranking of the nodes.
 *
 * A1  amounts are whole thousandths; a part of a GPU is at most one GPU, more are whole ones.
 */
import { assert, type Labels, limits, type PlacementWishes, type Resources } from '@troupe/model';
import { shapeOf } from '../resources.ts';
import { weightMax } from './labels.ts';

export interface GpuDemand {
  readonly count: number;
  /** Of each of them: 1 to 1000. */
  readonly milli: number;
  /** Any of these; empty for all. */
  readonly models: readonly string[];
}

export interface Demand extends Omit<PlacementWishes, 'preempts'> {
  /** `cpu` in cores, `memory` in MiB, `gpu` in GPUs, `storage`, `io`, and names of your own. */
  readonly resources: Resources;
  /** A bundle that the node must have. */
  readonly bundle?: string;
}

export interface Ask {
  readonly demand: Demand;
  /** Canonical: what filters and scores of a node by itself depend on. */
  readonly key: string;
  /** Thousandths by the number of the resource; GPUs stand apart. */
  readonly amounts: readonly { readonly resource: number; readonly milli: number }[];
  readonly gpu: GpuDemand | undefined;
  readonly labels: Labels;
  /** Whether other tasks have a say in where this one goes. */
  readonly social: boolean;
}

/** The first thing wrong with a demand, for people. */
export function demandFault(demand: Demand): string | undefined {
  for (const [name, value] of Object.entries(demand.resources)) {
    if (!Number.isFinite(value) || value < 0) return `resource "${name}" = ${value}`;
  }
  const gpu = demand.resources['gpu'] ?? 0;
  if (gpu > 1 && !Number.isInteger(gpu) && demand.gpus === undefined)
    return `gpu = ${gpu}: a part of one GPU, or whole GPUs`;
  const { gpus } = demand;
  if (gpus !== undefined) {
    const counted = isWholeUpTo(limits.nodeGpusMax, gpus.count);
    if (!counted || !isWholeUpTo(1000, gpus.milli)) {
      const allowed = `1 to ${limits.nodeGpusMax} of 1 to 1000, all whole`;
      return `gpus = ${gpus.count} of ${gpus.milli} thousandths each: ${allowed}`;
    }
  }
  const preferred = [
    ...(demand.nodesPreferred ?? []),
    ...(demand.nearPreferred ?? []),
    ...(demand.apartPreferred ?? []),
  ];
  const weight = preferred.find((each) => !(each.weight > 0 && each.weight <= weightMax));
  if (weight !== undefined) return `weight = ${weight.weight}: more than 0, at most ${weightMax}`;
  const rule = demand.spread?.find((each) => !(each.skewMax >= 1));
  if (rule !== undefined) return `skewMax = ${rule.skewMax}: at least 1`;
  return undefined;
}

/** Compiles a demand; `numberOf` gives a resource its number. */
export function askOf(demand: Demand, numberOf: (resource: string) => number): Ask {
  const fault = demandFault(demand);
  assert(fault === undefined, `A1: ${fault}`);
  const shape = shapeOf(demand.resources);
  const amounts = shape.amounts
    .filter(({ name }) => name !== 'gpu')
    .map(({ name, milli }) => ({ resource: numberOf(name), milli }))
    .sort((left, right) => left.resource - right.resource);
  const gpu = gpuOf(demand, shape.amounts.find(({ name }) => name === 'gpu')?.milli ?? 0);
  const { nodes, nodesPreferred, isolation, bundle } = demand;
  const key = JSON.stringify([
    amounts.map(({ resource, milli }) => [resource, milli]),
    gpu === undefined ? 0 : [gpu.count, gpu.milli, gpu.models],
    [nodes ?? 0, nodesPreferred ?? 0, isolation ?? 0, bundle ?? 0],
  ]);
  const social = [
    demand.near,
    demand.apart,
    demand.nearPreferred,
    demand.apartPreferred,
    demand.spread,
  ].some((terms) => (terms?.length ?? 0) > 0);
  return { demand, key, amounts, gpu, labels: demand.labels ?? {}, social };
}

function isWholeUpTo(most: number, value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most;
}

/** For an order in which what is hard to place comes first. */
export function sizeOf({ amounts, gpu }: Ask): number {
  const gpus = gpu === undefined ? 0 : gpu.count * gpu.milli;
  return 1e6 * gpus + (amounts[0]?.milli ?? 0);
}

function gpuOf(demand: Demand, milli: number): GpuDemand | undefined {
  const models = [...(demand.gpuModels ?? [])].sort();
  if (demand.gpus !== undefined) return { ...demand.gpus, models };
  if (milli === 0) return undefined;
  if (milli < 1000) return { count: 1, milli, models };
  return { count: milli / 1000, milli: 1000, models };
}
