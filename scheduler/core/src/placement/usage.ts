/**
 * How full the cluster is, by the resource that strategies turn on: GPUs where there are any, cpu
 * otherwise. It is **sparse** up to 62 % and again from 57 % down, so that it does not flutter.
 *
 * U1  totals are those of the nodes.
 */
import { assert } from '@troupe/model';
import type { Ask } from './demand.ts';
import { cpu, type Site } from './site.ts';

const sparseUntil = 0.62;
const sparseAgain = 0.57;

export class Usage {
  #gpuMilli = 0;
  #gpuUsed = 0;
  #cpuMilli = 0;
  #cpuUsed = 0;
  #sparse = true;

  get sparse(): boolean {
    return this.#sparse;
  }

  joined(site: Site): void {
    this.#gpuMilli += site.gpus.length * 1000;
    this.#cpuMilli += site.capacity[cpu] ?? 0;
  }

  left(site: Site): void {
    this.#gpuMilli -= site.gpus.length * 1000;
    this.#cpuMilli -= site.capacity[cpu] ?? 0;
  }

  taken(ask: Ask): void {
    this.#add(ask, 1);
  }

  given(ask: Ask): void {
    this.#add(ask, -1);
  }

  /** Looks again; true when the cluster has become sparse or is so no longer. */
  turned(): boolean {
    const part =
      this.#gpuMilli > 0 ? this.#gpuUsed / this.#gpuMilli : this.#cpuUsed / (this.#cpuMilli || 1);
    const sparse = part < (this.#sparse ? sparseUntil : sparseAgain);
    if (sparse === this.#sparse) return false;
    this.#sparse = sparse;
    return true;
  }

  check(sites: Iterable<Site>): void {
    let gpu = 0;
    let used = 0;
    for (const site of sites) {
      gpu += site.gpus.length * 1000;
      used += site.gpus.length * 1000 - site.gpuFree;
    }
    assert(gpu === this.#gpuMilli && used === this.#gpuUsed, 'U1: totals are those of the nodes');
  }

  #add({ amounts, gpu }: Ask, by: 1 | -1): void {
    if (gpu !== undefined) this.#gpuUsed += by * gpu.count * gpu.milli;
    const first = amounts[0];
    if (first?.resource === cpu) this.#cpuUsed += by * first.milli;
  }
}
