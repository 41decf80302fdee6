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

/** Milliseconds of all processors since they started. */
export interface Times {
  readonly idle: number;
  readonly all: number;
}

export class Pace {
  readonly #asked: number;
  #before: Times;
  /** Of what was asked for. */
  share = 1;

  /** `asked`: 2 is about twice the load. */
  constructor(asked: number, times: Times) {
    this.#asked = asked;
    this.#before = times;
  }

  /** Divides the clients' pauses. */
  get now(): number {
    return this.#asked * this.share;
  }

  /** P1 */
  look(times: Times): void {
    const idle = (times.idle - this.#before.idle) / Math.max(1, times.all - this.#before.all);
    this.#before = times;
    if (idle < idleLeast) this.share = Math.max(leastShare, this.share * down);
    else if (idle > idleMost) this.share = Math.min(1, this.share * up);
  }
}

/** Looks each second and says what share is kept, until the answer is called. */
export function startPacing(pace: Pace, say: (share: number) => void): () => void {
  const looks = setInterval(() => {
    pace.look(timesNow());
    say(pace.share);
  }, lookEveryMs);
  return () => clearInterval(looks);
}

export function timesNow(): Times {
  const every = cpus().map(({ times: { user, nice, sys, idle, irq } }) => ({
    idle,
    all: user + nice + sys + idle + irq,
  }));
  return every.reduce((sum, one) => ({ idle: sum.idle + one.idle, all: sum.all + one.all }), {
    idle: 0,
    all: 0,
  });
}
