/**
 * The latest values of a stream, and their quantiles. Exact and bounded; old values are forgotten, so
 * that a task that was mended is judged by what it does now. Rejected: a quantile estimated from a
 * few markers, which one wild value carries far off.
 */
export class Latest {
  readonly #values: number[] = [];
  readonly #countMax: number;
  #next = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  add(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.#countMax;
  }

  get count(): number {
    return this.#values.length;
  }

  /** For each share the least value that so large a share does not exceed. */
  quantiles(...shares: readonly number[]): number[] {
    const sorted = Float64Array.from(this.#values).sort();
    return shares.map((share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0);
  }
}
