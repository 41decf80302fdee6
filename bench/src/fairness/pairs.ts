/**
 * The lag of pairs: for any two tenants and any time in which both wait, how far apart what they were
 * served by weight may come. The range of the difference is kept for every pair, so that all intervals
 * are looked at and not only some.
 */
import { heavyTailed } from './chance.ts';
import { type ServerName, servers } from './servers.ts';

export const tenantCount = 60;
export const costMaxOfAll = 100;

export interface PairLag {
  /** Worst lag as a part of (c_i + c_max)/w_i + (c_j + c_max)/w_j. */
  readonly ofBound: number;
  /** As a part of c_i/w_i + c_j/w_j, which is the best that is known of any algorithm. */
  readonly ofTightest: number;
  /** Jain's index of service by weight over windows in which the lightest has about 100 tasks: the worst. */
  readonly jain: number;
}

export function pairLag(
  name: ServerName,
  given: { readonly decisions: number; readonly churn: boolean; readonly chance: () => number },
): PairLag {
  const { decisions, churn, chance } = given;
  const weights = Array.from({ length: tenantCount }, () => 1 + Math.floor(chance() * 12));
  const largest = weights.map((_, tenant) => 20 + (tenant % 5) * 20);
  const server = servers[name](weights);
  const pairs = new PairRanges(weights, largest);
  const costs = weights.map(() => 0);
  const left = weights.map(() => 0);
  const cost = (tenant: number) => heavyTailed(chance, largest[tenant] ?? costMaxOfAll);
  const arrive = (tenant: number) => {
    left[tenant] = churn ? 1 + Math.floor(chance() * 40) : Number.POSITIVE_INFINITY;
    costs[tenant] = cost(tenant);
    pairs.waits(tenant);
    server.join(tenant, costs[tenant] ?? 0);
  };
  for (let tenant = 0; tenant < tenantCount; tenant++) arrive(tenant);
  let window = weights.map(() => 0);
  const weightSum = weights.reduce((sum, weight) => sum + weight, 0);
  let jain = Number.NaN;
  for (let decision = 1; decision <= decisions; decision++) {
    const tenant = server.next();
    const paid = (costs[tenant] ?? 0) / (weights[tenant] ?? 1);
    pairs.served(tenant, paid);
    window[tenant] = (window[tenant] ?? 0) + paid;
    left[tenant] = (left[tenant] ?? 0) - 1;
    const more = (left[tenant] ?? 0) > 0;
    if (more) costs[tenant] = cost(tenant);
    server.served(tenant, more ? costs[tenant] : undefined);
    if (!more) pairs.idles(tenant);
    // Never all idle at once: a server without anybody to serve proves nothing.
    for (let back = 0; churn && (back === 0 || pairs.waiting === 0); back++) {
      const idle = Math.floor(chance() * tenantCount);
      if ((left[idle] ?? 0) === 0 && (chance() < 0.2 || pairs.waiting === 0)) arrive(idle);
    }
    if (decision % (100 * weightSum) > 0) continue;
    jain = Math.min(Number.isNaN(jain) ? 1 : jain, jainOf(window));
    window = weights.map(() => 0);
  }
  return { ...pairs.worst(), jain: churn ? Number.NaN : jain };
}

function jainOf(values: readonly number[]): number {
  const sum = values.reduce((all, value) => all + value, 0);
  const squares = values.reduce((all, value) => all + value * value, 0);
  return (sum * sum) / (values.length * squares);
}

export class PairRanges {
  readonly #weights: readonly number[];
  readonly #largest: readonly number[];
  readonly #served: Float64Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  readonly #widest: Float64Array;
  readonly #waits = new Set<number>();

  constructor(weights: readonly number[], largest: readonly number[]) {
    const count = weights.length;
    this.#weights = weights;
    this.#largest = largest;
    this.#served = new Float64Array(count);
    this.#low = new Float64Array(count * count).fill(Number.NaN);
    this.#high = new Float64Array(count * count).fill(Number.NaN);
    this.#widest = new Float64Array(count * count);
  }

  get waiting(): number {
    return this.#waits.size;
  }

  waits(tenant: number): void {
    this.#waits.add(tenant);
    for (let other = 0; other < this.#weights.length; other++) {
      const at = this.#at(tenant, other);
      this.#low[at] = Number.NaN;
      this.#high[at] = Number.NaN;
    }
  }

  idles(tenant: number): void {
    this.#waits.delete(tenant);
  }

  served(tenant: number, paid: number): void {
    const before = this.#served[tenant] ?? 0;
    this.#served[tenant] = before + paid;
    for (const other of this.#waits) {
      if (other === tenant) continue;
      const at = this.#at(tenant, other);
      const sign = tenant < other ? 1 : -1;
      const gap = sign * (before - (this.#served[other] ?? 0));
      const after = gap + sign * paid;
      const [low, high] = [this.#low[at] ?? 0, this.#high[at] ?? 0];
      this.#low[at] = Math.min(Number.isNaN(low) ? gap : low, after);
      this.#high[at] = Math.max(Number.isNaN(high) ? gap : high, after);
      const width = (this.#high[at] ?? 0) - (this.#low[at] ?? 0);
      if (width > (this.#widest[at] ?? 0)) this.#widest[at] = width;
    }
  }

  /** What the bound adds to the largest task of each: once the largest of all, or more. */
  worst(added = costMaxOfAll): { readonly ofBound: number; readonly ofTightest: number } {
    let ofBound = 0;
    let ofTightest = 0;
    for (let left = 0; left < this.#weights.length; left++) {
      for (let right = left + 1; right < this.#weights.length; right++) {
        const lag = this.#widest[this.#at(left, right)] ?? 0;
        ofBound = Math.max(ofBound, lag / this.#sum(left, right, added));
        ofTightest = Math.max(ofTightest, lag / this.#sum(left, right, 0));
      }
    }
    return { ofBound, ofTightest };
  }

  #sum(left: number, right: number, more: number): number {
    const of = (tenant: number) =>
      ((this.#largest[tenant] ?? 0) + more) / (this.#weights[tenant] ?? 1);
    return of(left) + of(right);
  }

  #at(left: number, right: number): number {
    return Math.min(left, right) * this.#weights.length + Math.max(left, right);
  }
}
