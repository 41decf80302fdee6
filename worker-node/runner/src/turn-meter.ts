/**
 * The cpu time of turns and reads, as far as it can be told. What runs to its end at once is timed by the
 * clock, since nothing else runs in this process meanwhile. What goes on later is measured by the process's
 * own account, which is that of all that it does.
 *
 * V3  a turn beside which anything else began or was under way, after it had gone on, has no figure.
 */
export interface MeasuredTurn {
  /** It has not ended at once; `isAlone`: nothing else is under way. */
  goesOn(isAlone: boolean): void;
  /** Milliseconds; undefined when it cannot be told. */
  end(): number | undefined;
}

interface Later {
  readonly cpu: NodeJS.CpuUsage;
  readonly tookMs: number;
  readonly begun: number;
}

export class TurnMeter {
  #begun = 0;

  /** Something else begins. */
  disturb(): void {
    this.#begun += 1;
  }

  begin(): MeasuredTurn {
    this.#begun += 1;
    const at = performance.now();
    let later: Later | 'beside others' | undefined;
    return {
      goesOn: (isAlone) => {
        const tookMs = performance.now() - at;
        later = isAlone ? { cpu: process.cpuUsage(), tookMs, begun: this.#begun } : 'beside others';
      },
      end: () => {
        if (later === 'beside others') return undefined;
        if (later === undefined) return rounded(performance.now() - at);
        if (later.begun !== this.#begun) return undefined;
        const { user, system } = process.cpuUsage(later.cpu);
        return rounded(later.tookMs + (user + system) / 1_000);
      },
    };
  }
}

/** To a microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
