/**
 * How fast the clients go on.
 *
 * P1  the load gives way while the machine has no time left, since a cluster that starves shows
 *     nothing of its faults; never below `leastShare` of what was asked for.
 */
import { cpus } from 'node:os';

const lookEveryMs = 1_000;
/** Shares of the machine's time that are left over: less is too little, more is room. */
const idleLeast = 0.15;
const idleMost = 0.3;
const leastShare = 1 / 16;
const down = 0.75;
const up = 1.1;

/** P1: the share of the pace asked for that is kept, after a look at what the machine has left over. */
export function shareAfter(share: number, idle: number): number {
  if (idle < idleLeast) return Math.max(leastShare, share * down);
  return idle > idleMost ? Math.min(1, share * up) : share;
}

export class Pace {
  readonly #asked: number;
  readonly #shares: number[] = [];
  readonly #looks: NodeJS.Timeout;
  #share = 1;

  /** `asked`: 2 is about twice the load. */
  constructor(asked: number) {
    this.#asked = asked;
    let before = times();
    this.#looks = setInterval(() => {
      const now = times();
      this.#share = shareAfter(
        this.#share,
        (now.idle - before.idle) / Math.max(1, now.all - before.all),
      );
      this.#shares.push(this.#share);
      before = now;
    }, lookEveryMs);
  }

  /** Divides the clients' pauses. */
  get now(): number {
    return this.#asked * this.#share;
  }

  /** Answers the share that was kept in the median. */
  end(): number {
    clearInterval(this.#looks);
    const shares = this.#shares.toSorted((a, b) => a - b);
    return shares[shares.length >> 1] ?? 1;
  }
}

/** Milliseconds of all processors since they started. */
function times(): { readonly idle: number; readonly all: number } {
  const every = cpus().map(({ times: { user, nice, sys, idle, irq } }) => ({
    idle,
    all: user + nice + sys + idle + irq,
  }));
  return every.reduce((sum, one) => ({ idle: sum.idle + one.idle, all: sum.all + one.all }), {
    idle: 0,
    all: 0,
  });
}
