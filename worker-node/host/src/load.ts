/** How busy this node is: a share of the machine's cpu, and resident memory, with its runners. */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

export interface ProcessLoad {
  readonly cpu: number;
  readonly memory: number;
}

/** Ticks a second in /proc/PID/stat: fixed at 100 on Linux for programs. */
const ticksPerSecond = 100;
const pageBytes = 4_096;
const mebibyte = 1024 * 1024;

export class LoadMeter {
  #load: ProcessLoad = { cpu: 0, memory: Math.round(process.memoryUsage.rss() / mebibyte) };
  #measuredAt = performance.now();
  #own = process.cpuUsage();
  #ticks = new Map<number, number>();
  #measuring = false;

  /** The last measurement. */
  get load(): ProcessLoad {
    return this.#load;
  }

  /** Measures anew; `load` has it soon. Where there is no /proc only the node itself counts. */
  async measure(runners: readonly number[]): Promise<void> {
    if (this.#measuring) return;
    this.#measuring = true;
    try {
      const now = performance.now();
      const own = process.cpuUsage();
      let seconds = (own.user + own.system - this.#own.user - this.#own.system) / 1e6;
      let bytes = process.memoryUsage.rss();
      const ticks = new Map<number, number>();
      for (const each of await Promise.all(runners.map(usage))) {
        if (each === undefined) continue;
        const before = this.#ticks.get(each.pid) ?? 0;
        seconds += (each.ticks - before) / ticksPerSecond;
        bytes += each.bytes;
        ticks.set(each.pid, each.ticks);
      }
      const elapsed = Math.max(0.001, (now - this.#measuredAt) / 1000);
      const share = seconds / elapsed / availableParallelism();
      this.#load = {
        cpu: Math.round(Math.min(1, Math.max(0, share)) * 1000) / 1000,
        memory: Math.round(bytes / mebibyte),
      };
      this.#measuredAt = now;
      this.#own = own;
      this.#ticks = ticks;
    } finally {
      this.#measuring = false;
    }
  }
}

async function usage(
  pid: number,
): Promise<{ pid: number; ticks: number; bytes: number } | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces; field 3 follows it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { pid, ticks, bytes: Number(fields[21]) * pageBytes };
  } catch {
    // It has just ended, or this system has no /proc: it counts as idle.
    return undefined;
  }
}
