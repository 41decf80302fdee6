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
  readonly socket: Watts;
  /** Thousandths of a (virtual) cpu in one socket. */
  readonly socketCpu: number;
}

export interface Watts {
  readonly idle: number;
  readonly full: number;
}

/** Watts that are added when the ask is put on the node, on so many GPUs that were wholly free. */
export function wattsAdded(power: PowerModel, site: Site, ask: Ask, gpusWoken: number): number {
  const { idle, full } = power.gpus[site.model] ?? power.gpuOther;
  const used = (site.capacity[cpu] ?? 0) - (site.free[cpu] ?? 0);
  const asked = ask.amounts[0]?.resource === cpu ? ask.amounts[0].milli : 0;
  const before = Math.ceil(used / power.socketCpu);
  const after = Math.ceil((used + asked) / power.socketCpu);
  return (after - before) * (power.socket.full - power.socket.idle) + gpusWoken * (full - idle);
}

export function wattsOf(power: PowerModel, site: Site): number {
  const { idle, full } = power.gpus[site.model] ?? power.gpuOther;
  const capacity = site.capacity[cpu] ?? 0;
  const sockets = Math.ceil(capacity / power.socketCpu);
  const active = Math.ceil((capacity - (site.free[cpu] ?? 0)) / power.socketCpu);
  let watts = active * power.socket.full + (sockets - active) * power.socket.idle;
  for (const free of site.gpus) watts += free === 1000 ? idle : full;
  return watts;
}
