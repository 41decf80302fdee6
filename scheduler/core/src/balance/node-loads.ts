/**
 * What nodes say of their load, averaged since the last look, and whether it lies unevenly. The load L of a
 * node is the share of its cpu in use and that of its memory, summed: 0 to 2.
 *
 * L1  a load is known only by words of the time since the last look, and by enough of them: a peak of one beat
 *     says little.
 */
import type { Resources } from '@troupe/model';

export interface Used {
  /** In cores. */
  readonly cpu: number;
  /** In MiB. */
  readonly memory: number;
}

interface Heard {
  cpu: number;
  memory: number;
  words: number;
}

export class NodeLoads<Node> {
  readonly #heard = new Map<Node, Heard>();
  readonly #wordsMin: number;

  constructor(wordsMin: number) {
    this.#wordsMin = wordsMin;
  }

  /** Nodes that are listened to. */
  get size(): number {
    return this.#heard.size;
  }

  hear(node: Node, { cpu, memory }: Used): void {
    const heard = this.#heard.get(node);
    if (heard === undefined) this.#heard.set(node, { cpu, memory, words: 1 });
    else {
      heard.cpu += cpu;
      heard.memory += memory;
      heard.words++;
    }
  }

  forget(node: Node): void {
    this.#heard.delete(node);
  }

  /** Undefined as long as it is not known (L1). */
  used(node: Node): Used | undefined {
    const { cpu = 0, memory = 0, words = 0 } = this.#heard.get(node) ?? {};
    return words < this.#wordsMin ? undefined : { cpu: cpu / words, memory: memory / words };
  }

  startAnew(): void {
    this.#heard.clear();
  }
}

/** L; what a node does not supply carries no load. */
export function loadOf({ cpu, memory }: Used, supply: Resources): number {
  const share = (used: number, offered = 0) => (offered > 0 ? used / offered : 0);
  return share(cpu, supply['cpu']) + share(memory, supply['memory']);
}

export interface NamedLoad {
  readonly name: string;
  readonly load: number;
}

/** A hottest load below this is no reason to move anybody. */
const loadMin = 0.2;

/** Why the load lies unevenly, or that it does not; for people. */
export function imbalance(
  loads: readonly NamedLoad[],
  imbalanceShare: number,
): { readonly isUneven: boolean; readonly reason: string } {
  const [first] = loads;
  if (first === undefined || loads.length < 2)
    return level('there are no two nodes to choose from');
  const hottest = loads.reduce((most, one) => (one.load > most.load ? one : most), first);
  const mean = loads.reduce((sum, { load }) => sum + load, 0) / loads.length;
  const above = mean === 0 ? 0 : Math.round((hottest.load / mean - 1) * 100);
  const state =
    `the hottest node, "${hottest.name}", has load ${hottest.load.toFixed(2)}, ` +
    `${above} % above the mean ${mean.toFixed(2)}`;
  if (hottest.load < loadMin) return level(`${state}, which is little`);
  if (hottest.load <= mean * (1 + imbalanceShare)) return level(`${state}, which is level`);
  return { isUneven: true, reason: state };
}

function level(reason: string): { readonly isUneven: false; readonly reason: string } {
  return { isUneven: false, reason };
}
