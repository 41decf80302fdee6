/** Gathers what is seen of a job into its progress. */
import path from 'node:path';
import type { Cluster } from '@troupe/cli';
import type { IndexSize } from '../contract.ts';
import {
  type BlockStanding,
  type Count,
  countOf,
  type KillReport,
  type NodeStanding,
  type Phase,
  type Progress,
  phaseOf,
} from './progress.ts';

export class Standing {
  readonly #folder: string;
  readonly #startedAt = performance.now();
  readonly #actors = new Map<string, number>();
  #cluster: Cluster | undefined;
  #phase: Phase = 'starting the cluster';
  #documents: Count = { done: 0, all: 0 };
  #answers: Count = { done: 0, all: 0 };
  #index: IndexSize | undefined;
  #kill: KillReport | undefined;
  #librarianNode: string | undefined;

  constructor(folder: string) {
    this.#folder = path.basename(folder);
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  get phase(): Phase {
    return this.#phase;
  }

  get documents(): Count {
    return this.#documents;
  }

  get index(): IndexSize | undefined {
    return this.#index;
  }

  clusterStarted(cluster: Cluster): void {
    this.#cluster = cluster;
    this.#phase = 'planning';
  }

  runSeen(blocks: readonly BlockStanding[]): void {
    this.#phase = phaseOf(blocks);
    this.#documents = countOf(blocks, 'read');
    this.#answers = countOf(blocks, 'answer');
  }

  indexSeen(size: IndexSize): void {
    this.#index = size;
  }

  nodesSeen(nodes: readonly { readonly name: string; readonly actors: number }[]): void {
    for (const { name, actors } of nodes) this.#actors.set(name, actors);
  }

  librarianSeen(node: string | undefined): void {
    this.#librarianNode = node;
  }

  killSeen(report: KillReport): void {
    this.#kill = report;
    this.#librarianNode = report.recovery?.node;
  }

  progress(): Progress {
    return {
      folder: this.#folder,
      phase: this.#phase,
      elapsedMs: this.elapsedMs,
      nodes: this.#nodes(),
      documents: this.#documents,
      answers: this.#answers,
      ...(this.#index === undefined ? {} : { index: this.#index }),
      ...(this.#kill === undefined ? {} : { kill: this.#kill }),
    };
  }

  #nodes(): NodeStanding[] {
    return (this.#cluster?.nodes ?? []).map(({ name, running }) => {
      const actors = this.#actors.get(name);
      const lost = name === this.#kill?.node ? 'killed' : 'gone';
      return {
        name,
        state: running ? 'alive' : lost,
        librarian: running && name === this.#librarianNode,
        ...(actors === undefined ? {} : { actors }),
      };
    });
  }
}
