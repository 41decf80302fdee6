/** What many runs come to. */
import { type FaultKind, faultKinds } from '../plan/faults.ts';
import type { Result } from '../run/run.ts';
import { type InterestingState, interestingStates } from '../world/coverage.ts';

export interface Failed {
  readonly seed: number;
  readonly checker: string;
  readonly text: string;
}

/** A run as it travels between threads. */
export interface Report {
  readonly seed: number;
  readonly failed: Failed | undefined;
  readonly events: number;
  readonly virtualMs: number;
  readonly nodes: number;
  readonly faults: readonly (readonly [FaultKind, number])[];
  readonly coverage: readonly (readonly [InterestingState, number])[];
}

/** Batches of so many seeds must reach every interesting state, and have every kind of fault. */
export const seedsForCoverage = 10_000;

/** Nodes from which on a cluster counts as one of its size. */
const sizes: readonly (readonly [nodesMin: number, name: string])[] = [
  [500, '500 nodes and more'],
  [100, '100 to 499'],
  [20, '20 to 99'],
  [7, '7 to 19'],
  [0, '3 to 6'],
];

export function reportOf(result: Result): Report {
  const { seed, violation, events, virtualMs, nodes } = result;
  return {
    seed,
    failed:
      violation === undefined
        ? undefined
        : { seed, checker: violation.checker, text: violation.text },
    events,
    virtualMs,
    nodes,
    faults: [...result.faults],
    coverage: [...result.coverage],
  };
}

export class Summary {
  readonly failures: Failed[] = [];
  readonly #events: number[] = [];
  readonly #faultsPerSeed: number[] = [];
  readonly #faults = new Map<FaultKind, number>();
  readonly #coverage = new Map<InterestingState, number>();
  #virtualMs = 0;
  /** Seeds by size of their cluster. */
  readonly #sizes = new Map<string, number>();
  #nodesMax = 0;

  add(report: Report): void {
    if (report.failed !== undefined) this.failures.push(report.failed);
    this.#events.push(report.events);
    this.#virtualMs += report.virtualMs;
    const size = sizes.find(([nodesMin]) => report.nodes >= nodesMin)?.[1] ?? 'none';
    this.#sizes.set(size, (this.#sizes.get(size) ?? 0) + 1);
    this.#nodesMax = Math.max(this.#nodesMax, report.nodes);
    let faults = 0;
    for (const [kind, count] of report.faults) {
      this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + count);
      faults += count;
    }
    this.#faultsPerSeed.push(faults);
    for (const [state, count] of report.coverage) {
      this.#coverage.set(state, (this.#coverage.get(state) ?? 0) + count);
    }
  }

  get seeds(): number {
    return this.#events.length;
  }

  /** Interesting states that no seed has reached, and kinds of faults that befell nobody. */
  get absent(): readonly string[] {
    return [
      ...interestingStates.filter((state) => !this.#coverage.has(state)),
      ...faultKinds.filter((kind) => !this.#faults.has(kind)).map((kind) => `the fault ${kind}`),
    ];
  }

  /** Of these what so large a batch must have; none is missed in a smaller one. */
  get missed(): readonly string[] {
    return this.seeds < seedsForCoverage ? [] : this.absent;
  }

  #bySize(): string {
    const counts = sizes.map(([, name]) => [name, this.#sizes.get(name) ?? 0] as const);
    return counts.map(([name, count]) => `${name} ${count.toLocaleString('en')}`).join(', ');
  }

  lines(): readonly string[] {
    const sum = (list: readonly number[]): number => list.reduce((one, two) => one + two, 0);
    const counted = (counts: ReadonlyMap<string, number>): string =>
      [...counts]
        .sort((left, right) => right[1] - left[1])
        .map(([name, count]) => `${name} ${count.toLocaleString('en')}`)
        .join(', ');
    return [
      `${this.seeds.toLocaleString('en')} seeds; by nodes: ${this.#bySize()}, at most ${this.#nodesMax}`,
      `${sum(this.#events).toLocaleString('en')} events, median ${median(this.#events).toLocaleString('en')} a seed`,
      `${duration(this.#virtualMs)} of cluster time`,
      `${sum(this.#faultsPerSeed).toLocaleString('en')} faults, median ${median(this.#faultsPerSeed)} a seed: ${counted(this.#faults)}`,
      `interesting states: ${counted(this.#coverage)}`,
    ];
  }
}

function median(list: readonly number[]): number {
  return [...list].sort((left, right) => left - right)[list.length >> 1] ?? 0;
}

function duration(ms: number): string {
  const minutes = ms / 60_000;
  return minutes < 120 ? `${minutes.toFixed(1)} minutes` : `${(minutes / 60).toFixed(1)} hours`;
}
