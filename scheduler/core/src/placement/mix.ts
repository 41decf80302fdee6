/**
 * The demand that is typical: the classes of tasks that make up most of what arrives, and how often
 * each comes. Fragmentation is judged against it.
 */
import type { Ask } from './demand.ts';

export interface DemandClass {
  readonly cpu: number;
  /** 0: asks for no GPU. */
  readonly gpuCount: number;
  readonly gpuMilli: number;
  /** Empty: any. */
  readonly models: readonly string[];
  /** Of all demand; those of a mix add up to 1. */
  readonly probability: number;
}

export type Mix = readonly DemandClass[];

/** The rarest classes beyond this part of the tasks are left out. */
const coverage = 0.95;
/** When so many were counted, all counts are halved: what is typical may change. */
const countedMax = 1 << 16;

/** Counts what is asked for; the same asks in the same order give the same mix. */
export class MixCounter {
  readonly #counts = new Map<string, { readonly kind: DemandClass; count: number }>();
  #counted = 0;

  count(ask: Ask): void {
    const kind = classOf(ask);
    const key = `${kind.cpu},${kind.gpuCount},${kind.gpuMilli},${kind.models.join('|')}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { kind, count: 1 });
    else known.count++;
    if (++this.#counted >= countedMax) this.#halve();
  }

  /** The most frequent classes, until they make up 95 % of what was counted. */
  mix(): Mix {
    const all = [...this.#counts.values()].sort((left, right) => right.count - left.count);
    const chosen: (typeof all)[number][] = [];
    let sum = 0;
    for (const each of all) {
      if (sum >= coverage * this.#counted) break;
      chosen.push(each);
      sum += each.count;
    }
    return chosen.map(({ kind, count }) => ({ ...kind, probability: count / sum }));
  }

  #halve(): void {
    this.#counted = 0;
    for (const [key, each] of this.#counts) {
      each.count = Math.floor(each.count / 2);
      this.#counted += each.count;
      if (each.count === 0) this.#counts.delete(key);
    }
  }
}

function classOf({ amounts, gpu }: Ask): DemandClass {
  const cpu = amounts.find(({ resource }) => resource === 0)?.milli ?? 0;
  const { count: gpuCount, milli: gpuMilli, models } = gpu ?? { count: 0, milli: 0, models: [] };
  return { cpu, gpuCount, gpuMilli, models, probability: 0 };
}
