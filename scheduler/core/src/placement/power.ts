/**
 * What a node draws: each GPU its idle watts while wholly free and its full watts otherwise; each
 * socket its full watts while one of its cores works. After PWR (CCGrid 2025, arXiv 2412.17484).
 */
import type { Ask } from './demand.ts';
import { cpu, type Site } from './site.ts';

export interface PowerModel {
  /** By GPU model; a model that is not named counts as `gpuOther`. */
  readonly gpus: { readonly [model: string]: Watts };
  readonly gpuOther: Watts;
  /** By cpu model; a model that is not named counts as `cpuOther`. */
  readonly cpus: { readonly [model: string]: SocketWatts };
  readonly cpuOther: SocketWatts;
}

export interface Watts {
  readonly idle: number;
  readonly full: number;
}

/** Of one socket, with so much (virtual) cpu in it. */
export interface SocketWatts extends Watts {
  readonly cores: number;
}

/** Watts that are added when the ask is put on the node, on so many GPUs that were wholly free. */
export function wattsAdded(power: PowerModel, site: Site, ask: Ask, gpusWoken: number): number {
  const gpu = gpuOf(power, site);
  const socket = socketOf(power, site);
  const milli = socket.cores * 1000;
  const used = (site.capacity[cpu] ?? 0) - (site.free[cpu] ?? 0);
  const asked = ask.amounts[0]?.resource === cpu ? ask.amounts[0].milli : 0;
  const before = Math.ceil(used / milli);
  const after = Math.ceil((used + asked) / milli);
  return (after - before) * (socket.full - socket.idle) + gpusWoken * (gpu.full - gpu.idle);
}

export function wattsOf(power: PowerModel, site: Site): number {
  const gpu = gpuOf(power, site);
  const socket = socketOf(power, site);
  const milli = socket.cores * 1000;
  const capacity = site.capacity[cpu] ?? 0;
  const sockets = Math.ceil(capacity / milli);
  const active = Math.ceil((capacity - (site.free[cpu] ?? 0)) / milli);
  let watts = active * socket.full + (sockets - active) * socket.idle;
  for (const free of site.gpus) watts += free === 1000 ? gpu.idle : gpu.full;
  return watts;
}

/** Models are named by labels of nodes: any text. */
function gpuOf({ gpus, gpuOther }: PowerModel, { model }: Site): Watts {
  return (Object.hasOwn(gpus, model) ? gpus[model] : undefined) ?? gpuOther;
}

function socketOf({ cpus, cpuOther }: PowerModel, { cpuModel }: Site): SocketWatts {
  return (Object.hasOwn(cpus, cpuModel) ? cpus[cpuModel] : undefined) ?? cpuOther;
}
