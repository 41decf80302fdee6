/**
 * Strategies: how good a node is for an ask, the greater the better, by that node alone. Equal scores
 * go to the node that joined first. Preferences of the ask stand above the score.
 *
 * Scores of the classic strategies are those of `../shared/lb/strategies.json`, in cores, GiB and GPUs
 * as they are before the task is placed.
 */
import type { StrategyName } from '@troupe/model';
import type { Ask } from './demand.ts';
import { Fragmentation } from './fragmentation.ts';
import type { Mix } from './mix.ts';
import { type PowerModel, wattsAdded } from './power.ts';
import { attempts, cpu, fullestGpus, memory, type Site } from './site.ts';

export interface Scorer {
  score(site: Site, ask: Ask): number;
  /** Which of its GPUs the ask gets; the node has room. */
  gpus(site: Site, ask: Ask): readonly number[];
}

export interface Context {
  readonly mix: Mix;
  readonly power: PowerModel | undefined;
  /** Whether the cluster has so much room that power goes before fragmentation. */
  readonly sparse: boolean;
}

export function scorerOf(name: StrategyName, context: Context): Scorer {
  switch (name) {
    case 'first-fit':
    case 'round-robin':
    case 'locality':
      return byNumber(() => 0);
    case 'best-fit':
      return byNumber((site) => -room(site));
    case 'worst-fit':
      return byNumber(room);
    case 'priority':
      return byNumber((site) => -(distance(site, cpu) + distance(site, memory) / 2));
    case 'load-balanced':
      // What reserves neither cpu nor memory spreads by the attempts.
      return byNumber((site) => -meanUse(site) - use(site, attempts));
    case 'energy-aware':
      return context.power === undefined
        ? byNumber(meanUse)
        : new GpuScorer(new Fragmentation(context.mix), context.power, context.sparse);
    case 'gpu-fragmentation-aware':
      return new GpuScorer(new Fragmentation(context.mix), undefined, false);
  }
}

function byNumber(score: (site: Site) => number): Scorer {
  return { score, gpus: fullestOf };
}

function fullestOf(site: Site, { gpu }: Ask): readonly number[] {
  return gpu === undefined ? [] : fullestGpus(site.gpus, gpu);
}

const milliGiB = 1000 * 1024;

function room(site: Site): number {
  const cores = (site.free[cpu] ?? 0) / 1000;
  const gib = (site.free[memory] ?? 0) / milliGiB;
  return cores + gib / 2 + (4 * site.gpuFree) / 1000;
}

function use(site: Site, resource: number): number {
  const capacity = site.capacity[resource] ?? 0;
  return capacity === 0 ? 0 : 1 - (site.free[resource] ?? 0) / capacity;
}

function meanUse(site: Site): number {
  return (use(site, cpu) + use(site, memory)) / 2;
}

const useWanted = 0.7;

function distance(site: Site, resource: number): number {
  return Math.abs(use(site, resource) - useWanted);
}

/** Sums of the same parts in another order differ by less. */
const gainNoise = 1e-9;

/**
 * The least added fragmentation, in a hundred steps: finer differences are noise of the typical mix,
 * and following them spoils more nodes than it saves. Among equals a node that is in use already, so
 * that whole nodes stay whole; then the one with fewer GPUs, so that large ones stay for large tasks.
 * With a power model: while the cluster is sparse the least added watts go first.
 */
class GpuScorer implements Scorer {
  readonly #fragmentation: Fragmentation;
  readonly #power: PowerModel | undefined;
  readonly #sparse: boolean;
  #bestGpu = 0;

  constructor(fragmentation: Fragmentation, power: PowerModel | undefined, sparse: boolean) {
    this.#fragmentation = fragmentation;
    this.#power = power;
    this.#sparse = sparse;
  }

  score(site: Site, ask: Ask): number {
    const { gpu } = ask;
    const taken = ask.amounts[0]?.resource === cpu ? ask.amounts[0].milli : 0;
    const before = this.#fragmentation.of(site, 0);
    if (gpu === undefined) {
      return this.#key(site, ask, before - this.#fragmentation.of(site, taken), 0);
    }
    if (gpu.count > 1 || gpu.milli === 1000) {
      const whole = gpu.milli === 1000 ? gpu.count : 0;
      const after = this.#fragmentation.afterWhole(site, taken, whole);
      return this.#key(site, ask, before - after, gpu.count);
    }
    let best = Number.NEGATIVE_INFINITY;
    let bestGain = best;
    this.#fragmentation.eachPart(site, taken, gpu.milli, (at, free, after) => {
      const gain = before - after;
      const key = this.#key(site, ask, gain, free === 1000 ? 1 : 0);
      if (key < best || (key === best && gain <= bestGain + gainNoise)) return;
      best = key;
      bestGain = gain;
      this.#bestGpu = at;
    });
    return best;
  }

  gpus(site: Site, ask: Ask): readonly number[] {
    if (ask.gpu === undefined || ask.gpu.count > 1 || ask.gpu.milli === 1000)
      return fullestOf(site, ask);
    this.score(site, ask);
    return [this.#bestGpu];
  }

  #key(site: Site, ask: Ask, gain: number, gpusWoken: number): number {
    const step = Math.trunc(100 / (1 + Math.exp(-gain / 1000)));
    const inUse = site.tasks.size > 0 ? 0.5 : 0;
    const equal = step + inUse + 0.25 / (1 + site.gpus.length);
    if (this.#power === undefined || !this.#sparse) return equal;
    return equal - 100 * wattsAdded(this.#power, site, ask, gpusWoken);
  }
}
