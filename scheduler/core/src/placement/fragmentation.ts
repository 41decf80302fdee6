/**
 * Fragmentation of a node's GPUs against the typical demand, after FGD (USENIX ATC 2023): for each
 * typical class the free GPU thousandths that it cannot use, weighted by how often it comes. A class
 * that the node cannot host at all cannot use any.
 *
 * What the sum over all classes comes to depends only on the model, on how many classes the free cpu
 * rules out, on each GPU by itself and on the number of whole GPUs. So it is tabulated when the mix
 * is set, and one look at each GPU is enough whatever the mix.
 */
import type { Mix } from './mix.ts';
import { cpu, type Site } from './site.ts';

/** What holds for one model with enough cpu for the first so many classes. */
interface Table {
  /** Probability of the classes that cannot run here at all. */
  readonly barred: number;
  /** By the step of a GPU's free part: probability of the classes that cannot use that part. */
  readonly unusable: Float64Array;
  /** By the number of whole GPUs: probability of the classes that need more of them. */
  readonly tooFew: Float64Array;
}

export class Fragmentation {
  readonly #mix: Mix;
  readonly #cpus: readonly number[];
  readonly #parts: readonly number[];
  /** Free thousandths of a GPU to the number of typical parts that fit into it. */
  readonly #steps = new Uint8Array(1001);
  readonly #tables = new Map<string, readonly Table[]>();

  constructor(mix: Mix) {
    const onGpus = mix.filter((kind) => kind.gpuCount > 0);
    this.#mix = onGpus;
    this.#cpus = ascending(onGpus.map((kind) => kind.cpu));
    this.#parts = ascending(onGpus.map((kind) => kind.gpuMilli).filter((milli) => milli < 1000));
    for (let free = 0; free <= 1000; free++) {
      const fitting = this.#parts.filter((milli) => milli <= free).length;
      this.#steps[free] = free === 1000 ? this.#parts.length + 1 : fitting;
    }
  }

  /** Thousandths of GPUs that typical demand cannot use, were `cpuTaken` more of the cpu gone. */
  of(site: Site, cpuTaken: number): number {
    const table = this.#tableOf(site, cpuTaken);
    let lost = table.barred * site.gpuFree;
    let whole = 0;
    for (let at = 0; at < site.gpus.length; at++) {
      const free = site.gpus[at] ?? 0;
      if (free === 1000) whole++;
      else lost += this.#part(table, free);
    }
    return lost + this.#whole(table, whole);
  }

  /**
   * The same after a part of one GPU is taken, for each kind of GPU there is: calls with the GPU and
   * what is lost then. GPUs with the same free part are alike, so only the first is tried.
   */
  eachPart(site: Site, cpuTaken: number, milli: number, visit: PartVisitor): void {
    const table = this.#tableOf(site, cpuTaken);
    const { gpus } = site;
    let parts = 0;
    let whole = 0;
    for (let at = 0; at < gpus.length; at++) {
      const free = gpus[at] ?? 0;
      if (free === 1000) whole++;
      else parts += this.#part(table, free);
    }
    const barred = table.barred * (site.gpuFree - milli);
    let tried = -1;
    for (let at = 0; at < gpus.length; at++) {
      const free = gpus[at] ?? 0;
      if (free < milli || free === tried) continue;
      tried = free;
      const rest = this.#part(table, free - milli);
      if (free === 1000) visit(at, free, barred + parts + rest + this.#whole(table, whole - 1));
      else
        visit(
          at,
          free,
          barred + parts - this.#part(table, free) + rest + this.#whole(table, whole),
        );
    }
  }

  /** The same after `count` whole GPUs are taken. */
  afterWhole(site: Site, cpuTaken: number, count: number): number {
    const table = this.#tableOf(site, cpuTaken);
    let lost = table.barred * (site.gpuFree - 1000 * count);
    let whole = -count;
    for (let at = 0; at < site.gpus.length; at++) {
      const free = site.gpus[at] ?? 0;
      if (free === 1000) whole++;
      else lost += this.#part(table, free);
    }
    return lost + this.#whole(table, whole);
  }

  #part(table: Table, free: number): number {
    return (table.unusable[this.#steps[free] ?? 0] ?? 0) * free;
  }

  #whole(table: Table, count: number): number {
    const last = table.tooFew.length - 1;
    return (table.tooFew[count > last ? last : count] ?? 0) * count * 1000;
  }

  #tableOf(site: Site, cpuTaken: number): Table {
    const known = this.#tables.get(site.model);
    const tables = known ?? this.#tabulate(site.model);
    const free = (site.free[cpu] ?? 0) - cpuTaken;
    let low = 0;
    let high = this.#cpus.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#cpus[middle] ?? 0) <= free) low = middle + 1;
      else high = middle;
    }
    return tables[low] ?? emptyTable;
  }

  #tabulate(model: string): readonly Table[] {
    const able = this.#mix.filter(({ models }) => models.length === 0 || models.includes(model));
    const most = Math.max(0, ...this.#mix.map((kind) => kind.gpuCount));
    const tables: Table[] = [];
    for (let enough = 0; enough <= this.#cpus.length; enough++) {
      const cpuMax = this.#cpus[enough - 1] ?? -1;
      const open = able.filter((kind) => kind.cpu <= cpuMax);
      const share = (holds: (kind: Mix[number]) => boolean) =>
        open.reduce((sum, kind) => sum + (holds(kind) ? kind.probability : 0), 0);
      const unusable = new Float64Array(this.#parts.length + 2);
      unusable.forEach((_, step) => {
        const free = step > this.#parts.length ? 1000 : (this.#parts[step - 1] ?? 0);
        unusable[step] = share((kind) => kind.gpuMilli > free);
      });
      const tooFew = new Float64Array(most + 1);
      tooFew.forEach((_, count) => {
        tooFew[count] = share((kind) => kind.gpuMilli === 1000 && kind.gpuCount > count);
      });
      tables.push({ barred: 1 - share(() => true), unusable, tooFew });
    }
    this.#tables.set(model, tables);
    return tables;
  }
}

type PartVisitor = (gpu: number, free: number, lost: number) => void;

const emptyTable: Table = {
  barred: 1,
  unusable: new Float64Array(1),
  tooFew: new Float64Array(1),
};

function ascending(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((left, right) => left - right);
}
