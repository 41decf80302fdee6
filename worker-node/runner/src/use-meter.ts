/**
 * What an attempt of a task uses, measured from within its process: cpu time by the process's own
 * account, and the peak of its resident memory, which Linux resets for us. Both are those of the whole
 * process, so an attempt is measured only while nothing else is asked of this runner.
 *
 * V1  an attempt beside which another task, turn or activation began, or was under way, has no figures.
 * V2  measuring takes at most about 1 % of the time: attempts that begin too soon after a measured one
 *     are passed over.
 */
import { openSync, readSync, writeSync } from 'node:fs';
import type { Resources } from '@troupe/model';

/** Between the beginnings of two measured attempts; a measurement takes about 0.15 ms. */
const everyMs = 15;
/** Of a shorter attempt the cpu time is mostly our own. */
const cpuTookMsMin = 1;

export interface Measured {
  /** Undefined when it cannot be told (V1). */
  end(): Resources | undefined;
}

interface Begun {
  readonly at: number;
  readonly cpu: NodeJS.CpuUsage;
}

export class UseMeter {
  readonly #peak = peakMemory();
  #begun: Begun | undefined;
  #begunAt = Number.NEGATIVE_INFINITY;

  /** An attempt begins, and nothing else is under way; undefined when it is passed over (V2). */
  begin(): Measured | undefined {
    const at = performance.now();
    if (at - this.#begunAt < everyMs) return undefined;
    this.#begunAt = at;
    this.#peak?.reset();
    const begun: Begun = { at, cpu: process.cpuUsage() };
    this.#begun = begun;
    return { end: () => this.#end(begun) };
  }

  /** Something else begins. */
  disturb(): void {
    this.#begun = undefined;
  }

  #end(begun: Begun): Resources | undefined {
    if (this.#begun !== begun) return undefined;
    this.#begun = undefined;
    const tookMs = performance.now() - begun.at;
    const { user, system } = process.cpuUsage(begun.cpu);
    const used: { cpu?: number; memory?: number } = {};
    if (tookMs >= cpuTookMsMin) used.cpu = rounded((user + system) / 1_000 / tookMs, 3);
    const memory = this.#peak?.mebibytes();
    if (memory !== undefined) used.memory = rounded(memory, 1);
    return used.cpu === undefined && memory === undefined ? undefined : used;
  }
}

interface PeakMemory {
  reset(): void;
  mebibytes(): number | undefined;
}

/** Undefined where the system does not tell, or does not let us begin anew. */
function peakMemory(): PeakMemory | undefined {
  try {
    const references = openSync('/proc/self/clear_refs', 'w');
    const status = openSync('/proc/self/status', 'r');
    const resetPeak = Buffer.from('5');
    const text = Buffer.alloc(8_192);
    writeSync(references, resetPeak);
    return {
      reset: () => void writeSync(references, resetPeak),
      mebibytes() {
        const length = readSync(status, text, 0, text.length, 0);
        const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(text.toString('latin1', 0, length))?.[1];
        return kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
      },
    };
  } catch {
    return undefined;
  }
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
