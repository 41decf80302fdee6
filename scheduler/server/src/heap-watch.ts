/**
 * Whether the heap of this process is near its limit, at which the process would die. Reckoned by what is left when
 * all garbage was collected: what lies there between two collections says nothing.
 */
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

export interface HeapLevel {
  readonly usedMiB: number;
  readonly limitMiB: number;
}

/** Shares of the limit. */
const shortShare = 0.85;
const easeShare = 0.75;

export class HeapWatch {
  readonly #observer: PerformanceObserver;
  readonly #changed: (isShort: boolean, level: HeapLevel) => void;
  readonly #limit: number;
  #isShort = false;

  constructor(changed: (isShort: boolean, level: HeapLevel) => void, limit: number = heapLimit()) {
    this.#changed = changed;
    this.#limit = limit;
    this.#observer = new PerformanceObserver((list) => {
      if (list.getEntries().some(isOfAll)) this.#look();
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  get isShort(): boolean {
    return this.#isShort;
  }

  stop(): void {
    this.#observer.disconnect();
  }

  #look(): void {
    const used = process.memoryUsage().heapUsed;
    const isShort = used > this.#limit * (this.#isShort ? easeShare : shortShare);
    if (isShort === this.#isShort) return;
    this.#isShort = isShort;
    this.#changed(isShort, { usedMiB: mebibytes(used), limitMiB: mebibytes(this.#limit) });
  }
}

function isOfAll(entry: PerformanceEntry): boolean {
  const detail: unknown = 'detail' in entry ? entry.detail : undefined;
  const isTold = typeof detail === 'object' && detail !== null && 'kind' in detail;
  return isTold && detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

/** Bytes beyond which this process dies. */
export function heapLimit(): number {
  return getHeapStatistics().heap_size_limit;
}

export function mebibytes(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}
