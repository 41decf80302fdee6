/**
 * A replay of one trace under one policy: requests wait in one queue for a free worker, workers cost
 * from their launch on and serve after a cold start. Alike for every policy: a policy says each
 * second how many workers there should be; those too many leave in the order starting (the youngest),
 * idle (the longest), busy (after their request); those too few are launched at once.
 *
 * Everybody begins with the same workers, ready; the first minutes are played and not counted.
 */
import type { Trace } from './trace.ts';

const coldStartS = 60;
export const waitMaxS = 30;
export const sizeMax = 300;
const warmUpS = 300;

export interface Seen {
  readonly nowS: number;
  readonly ready: number;
  readonly starting: number;
  readonly busy: number;
  readonly queued: number;
  /** How long the worker that idles longest has been idle. */
  readonly idleS: readonly number[];
}

export interface Policy {
  arrived?(atS: number): void;
  ended?(atS: number, tookS: number): void;
  size(seen: Seen): number;
}

export interface Outcome {
  readonly violations: number;
  readonly cost: number;
  readonly p99WaitS: number;
  readonly actions: number;
}

interface Running {
  readonly endS: number;
  readonly tookS: number;
}

/** What everybody begins with: a quarter more than the mean number of requests at once. */
export function startSize({ durations, endS }: Trace): number {
  return Math.ceil((1.25 * durations.reduce((sum, took) => sum + took, 0)) / endS);
}

export function replay(trace: Trace, policy: Policy): Outcome {
  return new Replay(trace, policy).run();
}

class Replay {
  readonly #trace: Trace;
  readonly #policy: Policy;
  /** When each worker that starts will be ready, the youngest last. */
  readonly #starting: number[] = [];
  /** Since when each free worker is free, the one that was freed last at the end. */
  readonly #idle: number[] = [];
  readonly #running = new Endings();
  readonly #waits: number[] = [];
  #leaving = 0;
  #served = 0;
  #arrived = 0;
  #billedS = 0;
  #idealS = 0;
  #actions = 0;

  constructor(trace: Trace, policy: Policy) {
    this.#trace = trace;
    this.#policy = policy;
    for (let worker = 0; worker < startSize(trace); worker++) this.#idle.push(0);
  }

  run(): Outcome {
    const { arrivals, endS } = this.#trace;
    for (let nowS = 0; nowS < endS || this.#served < arrivals.length; nowS++) {
      this.#resize(nowS);
      const workers = this.#starting.length + this.#idle.length + this.#running.size;
      if (nowS >= warmUpS) this.#billedS += workers;
      this.#second(nowS);
      if (nowS > endS + stuckS) break;
    }
    const lost = arrivals.length - this.#served;
    this.#waits.sort((left, right) => left - right);
    const counted = this.#waits.length + lost;
    const late = this.#waits.filter((wait) => wait > waitMaxS).length + lost;
    return {
      violations: late / counted,
      cost: this.#billedS / this.#idealS,
      p99WaitS: this.#waits[Math.floor(0.99 * this.#waits.length)] ?? 0,
      actions: this.#actions,
    };
  }

  /** Everything that happens within one second, in the order of its times. */
  #second(nowS: number): void {
    const { arrivals } = this.#trace;
    for (;;) {
      const freeS = this.#running.first?.endS ?? Number.POSITIVE_INFINITY;
      const readyS = this.#starting[0] ?? Number.POSITIVE_INFINITY;
      const comesS = arrivals[this.#arrived] ?? Number.POSITIVE_INFINITY;
      const atS = Math.min(freeS, readyS, comesS);
      if (atS >= nowS + 1) return;
      if (atS === freeS) this.#end();
      else if (atS === readyS) {
        this.#starting.shift();
        this.#idle.push(atS);
      } else {
        this.#arrived++;
        this.#policy.arrived?.(atS);
      }
      this.#serve(Math.max(atS, nowS));
    }
  }

  #end(): void {
    const ended = this.#running.pop();
    if (ended === undefined) return;
    this.#policy.ended?.(ended.endS, ended.tookS);
    if (this.#leaving > 0) this.#leaving--;
    else this.#idle.push(ended.endS);
  }

  #serve(nowS: number): void {
    const { arrivals, durations } = this.#trace;
    while (this.#served < this.#arrived && this.#idle.length > 0) {
      this.#idle.pop();
      const arrivedS = arrivals[this.#served] ?? 0;
      const tookS = durations[this.#served] ?? 0;
      if (arrivedS >= warmUpS) {
        this.#waits.push(nowS - arrivedS);
        this.#idealS += tookS;
      }
      this.#running.push({ endS: nowS + tookS, tookS });
      this.#served++;
    }
  }

  #resize(nowS: number): void {
    const asked = this.#policy.size({
      nowS,
      ready: this.#idle.length + this.#running.size - this.#leaving,
      starting: this.#starting.length,
      busy: this.#running.size - this.#leaving,
      queued: this.#arrived - this.#served,
      idleS: this.#idle.map((since) => nowS - since),
    });
    const wanted = Math.min(sizeMax, Math.max(0, asked));
    const present = this.#starting.length + this.#idle.length + this.#running.size - this.#leaving;
    if (wanted === present) return;
    this.#actions++;
    for (let missing = wanted - present; missing > 0; missing--) {
      if (this.#leaving > 0) this.#leaving--;
      else this.#starting.push(nowS + coldStartS);
    }
    for (let excess = present - wanted; excess > 0; excess--) {
      if (this.#starting.length > 0) this.#starting.pop();
      else if (this.#idle.length > 0) this.#idle.shift();
      else this.#leaving++;
    }
    this.#serve(nowS);
  }
}

/** A binary heap by the time of the end. */
class Endings {
  readonly #items: Running[] = [];

  get size(): number {
    return this.#items.length;
  }

  get first(): Running | undefined {
    return this.#items[0];
  }

  push(item: Running): void {
    let at = this.#items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#items[parent];
      if (above === undefined || above.endS <= item.endS) break;
      this.#items[at] = above;
      at = parent;
    }
    this.#items[at] = item;
  }

  pop(): Running | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = this.#items[2 * at + 1];
      const right = this.#items[2 * at + 2];
      const least = right !== undefined && left !== undefined && right.endS < left.endS;
      const below = least ? right : left;
      if (below === undefined || below.endS >= last.endS) break;
      this.#items[at] = below;
      at = 2 * at + (least ? 2 : 1);
    }
    this.#items[at] = last;
    return first;
  }
}

/** A policy that serves nothing for so long after the end has lost what waits. */
const stuckS = 3_600;
