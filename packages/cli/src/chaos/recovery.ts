/**
 * When a cluster is whole again: what was there before the faults is there after them.
 *
 *   a leader answers, every node that was alive is alive and was heard of since, as a new
 *   incarnation where its process was ended, and every process of `troupe up` runs again
 *
 * Q1  an old sight never counts: what was ended must be seen as somebody new, what was frozen must
 *     have been heard of after it was thawed.
 */
import type { ClusterView } from '@troupe/model';
import { isRunning } from '../local/identity.ts';
import { readRecord } from '../local/state-file.ts';
import { rested, type Scene, viewOf } from './scene.ts';
import type { Victim } from './victim.ts';

const lookMs = 50;

export interface Recovery {
  readonly whole: boolean;
  /** When it was seen whole, or given up; of `performance.now`. */
  readonly atMs: number;
  /** Of all looks since the first fault: the time in which no leader answered. */
  readonly leaderlessMs: number;
  /** What is not back. */
  readonly missing: readonly string[];
}

export class RecoveryWatch {
  readonly #scene: Scene;
  readonly #nodes: ReadonlyMap<string, string>;
  /** What each is, by its name. */
  readonly #processes: ReadonlyMap<string, string>;
  /** Ended on purpose: pid and incarnation that must not be seen any more (Q1). */
  readonly #ended: { readonly pid: number; readonly incarnation: string | undefined }[] = [];
  readonly #over = new AbortController();
  #calmAt = performance.now();
  #leaderlessMs = 0;
  #view: ClusterView | undefined;
  #viewAt = 0;
  readonly #looking: Promise<void>;

  constructor(scene: Scene, before: ClusterView) {
    this.#scene = scene;
    this.#nodes = new Map(
      before.nodes
        .filter((node) => node.state === 'alive')
        .map((node) => [node.name, node.incarnation]),
    );
    this.#processes = new Map(processesOf(scene).map(({ name, kind }) => [name, kind]));
    this.#looking = this.#look();
  }

  /** The process of the victim has been ended. */
  ended({ pid, name, incarnation, kind }: Victim): void {
    const known = kind === 'node' ? this.#nodes.get(name) : undefined;
    this.#ended.push({ pid, incarnation: incarnation ?? known });
  }

  /** A fault is over: only what is seen from now on counts (Q1). */
  calm(): void {
    this.#calmAt = performance.now();
  }

  async untilWhole(msMax: number, stop: AbortSignal): Promise<Recovery> {
    const { show } = this.#scene;
    const end = this.#calmAt + msMax;
    for (;;) {
      const missing = this.#missing();
      const atMs = performance.now();
      const goes = readRecord(this.#scene.dataDir)?.state === 'ready';
      if (!goes) missing.splice(0, missing.length, 'the cluster was stopped meanwhile');
      if (missing.length === 0 || !goes || atMs >= end || stop.aborted) {
        return { whole: missing.length === 0, atMs, leaderlessMs: this.#leaderlessMs, missing };
      }
      const seconds = ((atMs - this.#calmAt) / 1_000).toFixed(1);
      show(`recovering for ${seconds} s: ${missing.join(', ')}`);
      await rested(lookMs, stop);
    }
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#looking;
    this.#scene.show('');
  }

  async #look(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const askedAt = performance.now();
      this.#view = await viewOf(this.#scene);
      this.#viewAt = askedAt;
      if (this.#view === undefined) this.#leaderlessMs += performance.now() - askedAt;
      await rested(lookMs, signal);
    }
  }

  #missing(): string[] {
    const gone: string[] = [];
    const running = processesOf(this.#scene);
    for (const [name, kind] of this.#processes) {
      const now = running.find((one) => one.name === name);
      if (now === undefined || this.#ended.some(({ pid }) => pid === now.pid)) {
        gone.push(`${kind === name ? name : `${kind} ${name}`} does not run`);
      }
    }
    const view = this.#viewAt > this.#calmAt ? this.#view : undefined;
    if (view === undefined) return [...gone, 'no leader answers'];
    for (const name of this.#nodes.keys()) {
      if (!this.#isBack(view, name)) gone.push(`node ${name} is away`);
    }
    return gone;
  }

  #isBack({ nodes }: ClusterView, name: string): boolean {
    return nodes.some(
      (node) =>
        node.name === name &&
        node.state === 'alive' &&
        node.silentMs < this.#viewAt - this.#calmAt &&
        !this.#ended.some(({ incarnation }) => incarnation === node.incarnation),
    );
  }
}

function processesOf({ dataDir }: Scene) {
  return (readRecord(dataDir)?.processes ?? []).filter(isRunning);
}
