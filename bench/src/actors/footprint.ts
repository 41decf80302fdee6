/** What the processes of a cluster hold, after they have collected their garbage, and what is stored. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster, ClusterOptions, Process } from '@troupe/cli';
import { until } from './part.ts';

const told = fileURLToPath(new URL('../../src/actors/heap-told.cjs', import.meta.url));

const blockBytes = 512;

export interface Held {
  /** Heaps and buffers of all nodes. */
  readonly nodes: number;
  readonly schedulers: number;
  /** Resident memory of all runners, garbage and code included. */
  readonly runners: number;
  /** Files of NATS: logs, checkpoints, objects. */
  readonly stored: number;
}

export class Footprint {
  readonly #folder = mkdtempSync(join(tmpdir(), 'troupe-heap-'));

  /** Of a cluster that can be looked at. */
  options(nodes: number): ClusterOptions {
    const node = { NODE_OPTIONS: `--expose-gc --require ${told}`, TROUPE_BENCH_HEAP: this.#file };
    const names = ['s1', ...Array.from({ length: nodes }, (_, n) => `n${n + 1}`)];
    return { nodes, env: Object.fromEntries(names.map((name) => [name, node])) };
  }

  async of({ nodes, schedulers, dataDir }: Cluster): Promise<Held> {
    return {
      nodes: await this.#heaps(nodes),
      schedulers: await this.#heaps(schedulers),
      runners: nodes.flatMap(runnersOf).reduce((sum, pid) => sum + residentBytes(pid), 0),
      stored: bytesIn(join(dataDir, 'nats')),
    };
  }

  end(): void {
    rmSync(this.#folder, { recursive: true });
  }

  get #file(): string {
    return join(this.#folder, 'heap');
  }

  async #heaps(processes: readonly Process[]): Promise<number> {
    let bytes = 0;
    for (const { pid, kill } of processes) {
      const file = `${this.#file}.${pid}`;
      rmSync(file, { force: true });
      kill('SIGUSR2');
      await until(`the heap of process ${pid}`, async () => existsSync(file));
      const { heapUsed, external } = JSON.parse(readFileSync(file, 'utf8'));
      bytes += Number(heapUsed) + Number(external);
    }
    return bytes;
  }
}

function runnersOf({ pid }: Process): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function residentBytes(pid: number): number {
  const [, kib = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1_024;
}

function bytesIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += bytesIn(path);
    // Files come and go while this looks.
    else bytes += (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * blockBytes;
  }
  return bytes;
}
